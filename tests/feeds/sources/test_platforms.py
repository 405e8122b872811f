"""Each platform by recorded answers in the shape of its documentation: found, polled, refused."""

from __future__ import annotations

import msgspec
import pytest

from pwrbot.feeds.errors import FeedError, FeedNotFound, FeedUnreadable, HostBusy
from pwrbot.feeds.feeds import Feeds
from pwrbot.feeds.model import FoundFeed, FoundItem, Polled
from tests.feeds.hosts import Host

UUID = "a1c7c817-4e59-43b7-9365-09675a149a6f"
CHANNEL = "UCBR8-60-B28hp2BmDPdntcQ"
ANIME = "https://anilist.co/anime/21170/slug"
MANGA = f"https://mangadex.org/title/{UUID}"
COMIC = "https://comick.dev/comic/tonikaku-kawaii"


async def fails(feeds: Feeds, link: str) -> FeedError:
    with pytest.raises(FeedError) as caught:
        await feeds.find(link)
    assert "secret" not in str(caught.value)
    return caught.value


def known(platform_id: str, source_id: str, source_url: str, items_id: str = "") -> FoundFeed:
    return FoundFeed(
        platform_id=platform_id,
        source_id=source_id,
        items_id=items_id or source_id,
        name="",
        description="",
        source_url=source_url,
    )


def dates(polled: Polled) -> list[str]:
    return [item.published_at.isoformat() if item.published_at else "" for item in polled.items]


# AniList


async def test_anilist_find(host: Host, feeds: Feeds) -> None:
    host.recorded("/anilist/", "anilist_media.json")

    assert await feeds.find(ANIME) == FoundFeed(
        platform_id="anilist",
        source_id="21170",
        items_id="21170",
        name="Ansatsu Kyoushitsu 2",
        description="The second season. (Source: Anime News)",
        source_url="https://anilist.co/anime/21170",
        cover_url="https://img.example/cover/21170.jpg",
        tags=("series",),
    )
    asked = msgspec.json.decode(host.bodies[0])
    assert asked["variables"] == {"id": 21170}
    assert "type: ANIME" in asked["query"]


async def test_anilist_poll(host: Host, feeds: Feeds) -> None:
    host.recorded("/anilist/", "anilist_airing.json")
    feed = known("anilist", "21170", "https://anilist.co/anime/21170")

    polled = await feeds.poll(feed)
    again = await feeds.poll(feed, polled.validators)

    assert [(item.item_id, item.title) for item in polled.items] == [
        ("400001", "Episode 10"),
        ("400002", "Episode 11"),
        ("400003", "Episode 12"),
    ]
    assert dates(polled)[-1] == "2025-12-21T14:30:00+00:00"
    assert (again.not_modified, again.items) == (True, ())


async def test_anilist_says_little(host: Host, feeds: Feeds) -> None:
    host.recorded("/anilist/", "anilist_bare_media.json")
    found = await feeds.find(ANIME)
    assert (found.name, found.description, found.cover_url) == ("暗殺教室", "", None)

    host.recorded("/anilist/", "anilist_not_aired.json")
    assert (await feeds.poll(found)).items == ()


@pytest.mark.parametrize(
    ("recorded", "status", "kind"),
    [
        ("anilist_not_found.json", 404, FeedNotFound),
        ("anilist_not_found.json", 200, FeedNotFound),
        ("anilist_invalid.json", 200, FeedUnreadable),
        ("anilist_too_many.json", 429, HostBusy),
        ("comick_comic.json", 200, FeedUnreadable),
        ("youtube_consent.html", 200, FeedUnreadable),
    ],
)
async def test_anilist_errors(
    host: Host, feeds: Feeds, recorded: str, status: int, kind: type[FeedError]
) -> None:
    host.recorded("/anilist/", recorded, status=status, Retry_After="30")

    assert type(await fails(feeds, ANIME)) is kind


# MangaDex


async def test_mangadex_find(host: Host, feeds: Feeds) -> None:
    host.recorded(f"/mangadex/manga/{UUID}", "mangadex_manga.json")

    assert await feeds.find(f"{MANGA}/kuma") == FoundFeed(
        platform_id="mangadex",
        source_id=UUID,
        items_id=UUID,
        name="Bear Bear Bear Kuma",
        description="A girl in a **bear** suit. --- More",
        source_url=MANGA,
        cover_url=f"https://uploads.mangadex.org/covers/{UUID}/26dd2770-d383-42e9-a42b-32765a4d99c8.png",
        tags=("series",),
    )
    assert host.requests[0].query_string == "includes[]=cover_art"


async def test_mangadex_poll_brings_every_chapter(host: Host, feeds: Feeds) -> None:
    host.recorded(f"/mangadex/manga/{UUID}/feed", "mangadex_chapters.json", ETag='"1"')
    feed = known("mangadex", UUID, MANGA)

    polled = await feeds.poll(feed)
    again = await feeds.poll(feed, polled.validators)

    assert [item.title for item in polled.items] == [
        "Oneshot",
        "Vol. 11 Chapter 104.5 (id)",
        "Chapter 105: Bear & friends",
    ]
    assert polled.items[-1].item_id == "c0000000-0000-4000-8000-000000000003"
    assert polled.items[-1].url == f"https://mangadex.org/chapter/{polled.items[-1].item_id}"
    assert dates(polled)[-1] == "2025-12-23T03:19:29+00:00"
    assert dict(host.requests[0].query)["order[createdAt]"] == "desc"
    assert host.requests[0].query.getall("translatedLanguage[]") == ["en", "id"]
    assert host.requests[1].headers["If-None-Match"] == '"1"'
    assert again.not_modified


async def test_mangadex_says_little(host: Host, feeds: Feeds) -> None:
    host.recorded(f"/mangadex/manga/{UUID}", "mangadex_bare_manga.json")

    found = await feeds.find(MANGA)

    assert (found.name, found.description, found.cover_url) == ("나 혼자만", "", None)


@pytest.mark.parametrize(
    ("recorded", "status", "kind"),
    [
        ("mangadex_not_found.json", 404, FeedNotFound),
        ("mangadex_not_found.json", 200, FeedUnreadable),
        ("mangadex_not_found.json", 429, HostBusy),
        ("youtube_consent.html", 200, FeedUnreadable),
    ],
)
async def test_mangadex_errors(
    host: Host, feeds: Feeds, recorded: str, status: int, kind: type[FeedError]
) -> None:
    host.recorded(f"/mangadex/manga/{UUID}", recorded, status=status)

    assert type(await fails(feeds, MANGA)) is kind


# Comick


async def test_comick_find(host: Host, feeds: Feeds) -> None:
    host.recorded("/comick/comic/tonikaku-kawaii", "comick_comic.json")

    assert await feeds.find(COMIC) == FoundFeed(
        platform_id="comick",
        source_id="tonikaku-kawaii",
        items_id="DqrXZDbr",
        name="Tonikaku Kawaii",
        description="A *cute* story",
        source_url=COMIC,
        cover_url="https://meo.comick.pictures/O8kwQg.jpg",
        tags=("series",),
    )


async def test_comick_poll(host: Host, feeds: Feeds) -> None:
    host.recorded("/comick/comic/DqrXZDbr/chapters", "comick_chapters.json")

    polled = await feeds.poll(known("comick", "tonikaku-kawaii", COMIC, "DqrXZDbr"))

    assert [(item.item_id, item.title, item.author) for item in polled.items] == [
        ("h0", "Oneshot: Extra", None),
        ("h324a", "Chapter 324", None),
        ("h324b", "Vol. 30 Chapter 324", None),
        ("h333", "Chapter 333: Moon", "Team A, Team B"),
    ]
    assert polled.items[-1].url == f"{COMIC}/h333"
    assert host.requests[0].query["lang"] == "en"


async def test_comick_says_little(host: Host, feeds: Feeds) -> None:
    host.recorded("/comick/comic/tonikaku-kawaii", "comick_bare_comic.json")

    found = await feeds.find(COMIC)

    assert (found.name, found.description, found.cover_url) == ("tonikaku-kawaii", "", None)


@pytest.mark.parametrize(
    ("recorded", "status", "kind"),
    [
        ("comick_not_found.json", 404, FeedNotFound),
        ("comick_not_found.json", 200, FeedNotFound),
        ("comick_error.json", 200, FeedUnreadable),
        ("comick_error.json", 429, HostBusy),
    ],
)
async def test_comick_errors(
    host: Host, feeds: Feeds, recorded: str, status: int, kind: type[FeedError]
) -> None:
    host.recorded("/comick/comic/tonikaku-kawaii", recorded, status=status)

    assert type(await fails(feeds, COMIC)) is kind


# YouTube


@pytest.mark.parametrize(
    ("link", "page"),
    [
        (f"https://www.youtube.com/channel/{CHANNEL}", None),
        ("https://www.youtube.com/@YouTube", ("/youtube/@youtube", "youtube_handle.html")),
        ("https://youtu.be/AAAAAAAAAA2", ("/youtube/watch?v=AAAAAAAAAA2", "youtube_watch.html")),
    ],
)
async def test_youtube_channel(
    host: Host, feeds: Feeds, link: str, page: tuple[str, str] | None
) -> None:
    host.recorded(f"/youtube/feeds/videos.xml?channel_id={CHANNEL}", "youtube_channel.xml")
    if page is not None:
        host.recorded(*page)

    found = await feeds.find(link)

    assert (found.source_id, found.name) == (CHANNEL, "YouTube")
    assert found.source_url == f"https://www.youtube.com/channel/{CHANNEL}"
    assert found.first_poll is not None
    assert (await feeds.poll(found)).items == found.first_poll.items
    assert found.first_poll.items[1] == FoundItem(
        item_id="yt:video:AAAAAAAAAA2",
        title="Second & newer",
        url="https://www.youtube.com/watch?v=AAAAAAAAAA2",
        summary="What it is <about> https://example.org",
        image_url="https://i2.ytimg.com/vi/AAAAAAAAAA2/hqdefault.jpg",
        author="YouTube",
        published_at=found.first_poll.items[1].published_at,
    )
    assert dates(found.first_poll)[1] == "2025-09-02T16:00:30+00:00"


async def test_youtube_playlist(host: Host, feeds: Feeds) -> None:
    playlist = "PLabcdefghijklmnop"
    host.recorded(f"/youtube/feeds/videos.xml?playlist_id={playlist}", "youtube_channel.xml")

    found = await feeds.find(f"https://youtube.com/playlist?list={playlist}")

    assert found.source_id == playlist
    assert found.source_url == f"https://www.youtube.com/playlist?list={playlist}"


async def test_youtube_does_not_tell_the_channel(host: Host, feeds: Feeds) -> None:
    host.recorded("/youtube/@youtube", "youtube_consent.html")

    error = await fails(feeds, "https://www.youtube.com/@YouTube")

    assert "Copy channel ID" in str(error)


async def test_youtube_channel_is_gone(feeds: Feeds) -> None:
    assert isinstance(await fails(feeds, f"youtube.com/channel/{CHANNEL}"), FeedNotFound)


# Reddit, GitHub, Steam


async def test_reddit(host: Host, feeds: Feeds) -> None:
    host.recorded("/reddit/r/python/new/.rss", "reddit_new.xml")

    found = await feeds.find("https://old.reddit.com/r/Python")

    assert (found.source_id, found.name) == ("r/python", "r/python")
    assert found.description == "News about Python."
    assert found.first_poll is not None
    (item,) = found.first_poll.items
    assert (item.item_id, item.title, item.author) == ("t3_1abc", "A <title>", "/u/someone")
    assert item.image_url == "https://b.thumbs.redditmedia.com/x.jpg"
    assert item.summary == "submitted by /u/someone"


async def test_reddit_user(host: Host, feeds: Feeds) -> None:
    host.recorded("/reddit/user/spez/submitted/.rss", "reddit_new.xml")

    assert (await feeds.find("reddit.com/u/spez")).source_id == "user/spez"


async def test_reddit_wants_to_be_left_alone(host: Host, feeds: Feeds) -> None:
    host.says("/reddit/r/python/new/.rss", status=429, X_RateLimit_Reset="42")

    error = await fails(feeds, "reddit.com/r/python")

    assert isinstance(error, HostBusy)
    assert error.retry_after is not None
    assert error.retry_after.total_seconds() == 42


async def test_github(host: Host, feeds: Feeds) -> None:
    host.recorded("/github/python/cpython/releases.atom", "github_releases.xml")

    found = await feeds.find("https://github.com/Python/cpython")

    assert (found.source_id, found.name) == ("python/cpython/releases", "python/cpython releases")
    assert found.first_poll is not None
    (item,) = found.first_poll.items
    assert item.title == "v3.14.0rc2"
    assert item.summary == "Python 3.14.0rc2"
    assert item.url == "https://github.com/python/cpython/releases/tag/v3.14.0rc2"


async def test_github_branch(host: Host, feeds: Feeds) -> None:
    host.recorded("/github/a/b/commits/Feature/X.atom", "github_releases.xml")

    found = await feeds.find("https://github.com/a/b/tree/Feature/X")

    assert (found.source_id, found.name) == ("a/b/commits/Feature/X", "a/b commits Feature/X")
    assert (await feeds.poll(found)).items


async def test_a_repository_that_was_renamed_is_asked_for_by_its_id(
    host: Host, feeds: Feeds
) -> None:
    """Where its page has moved is no id to ask with."""
    host.says("/github/old/name/releases.atom", status=301, Location="/github/new/name/r.atom")
    host.recorded("/github/new/name/r.atom", "github_releases.xml")
    found = await feeds.find("https://github.com/old/name")

    for validators in (None, found.first_poll and found.first_poll.validators):
        polled = await feeds.poll(found, validators)
        assert polled.moved_to is None
    host.says(f"/mangadex/manga/{UUID}/feed", status=301, Location="/api2")
    host.recorded("/api2", "mangadex_chapters.json")
    chapters = await feeds.poll(known("mangadex", UUID, MANGA))
    assert chapters.items
    assert chapters.moved_to is None


async def test_steam(host: Host, feeds: Feeds) -> None:
    host.recorded("/steam/feeds/news/app/570/", "steam_news.xml")

    found = await feeds.find("https://store.steampowered.com/app/570/Dota_2/")

    assert (found.source_id, found.name) == ("570", "Dota 2")
    assert found.cover_url == "https://cdn.example/steam/apps/570/capsule_184x69.jpg"
    assert found.first_poll is not None
    (item,) = found.first_poll.items
    assert item.item_id == "https://store.steampowered.com/news/app/570/view/1234567890"
    assert item.image_url == "https://clan.example/x.png"


async def test_steam_has_no_such_game(host: Host, feeds: Feeds) -> None:
    host.recorded("/steam/feeds/news/app/1/", "steam_no_game.xml")

    assert isinstance(await fails(feeds, "https://store.steampowered.com/app/1"), FeedNotFound)
