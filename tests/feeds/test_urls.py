"""One spelling for one address."""

from __future__ import annotations

import re

import pytest

from pwrbot.feeds.errors import LinkNotSupported
from pwrbot.feeds.source import Sources
from pwrbot.feeds.urls import absolute, tidy_link, untracked


@pytest.mark.parametrize(
    ("link", "tidy"),
    [
        ("https://Example.ORG:443/Feed.xml#top", "https://example.org/Feed.xml"),
        ("  <http://example.org:80>  ", "http://example.org/"),
        ("example.org/feed", "https://example.org/feed"),
        ("feed://example.org/a", "https://example.org/a"),
        ("feed:http://example.org/a", "http://example.org/a"),
        ("https://example.org/a/?b=2&a=1", "https://example.org/a/?b=2&a=1"),
        ("https://example.org/a?utm_source=x&b=2&fbclid=3", "https://example.org/a?b=2"),
        ("https://example.org/a?utm_source=x", "https://example.org/a"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://münchen.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("http://example.org:8080/a", "http://example.org:8080/a"),
    ],
)
def test_tidy(link: str, tidy: str) -> None:
    assert tidy_link(link) == tidy
    assert tidy_link(tidy) == tidy


@pytest.mark.parametrize(
    "link",
    [
        "", "   ", "<>", "https://", "ftp://example.org/", "mailto:a@example.org",
        "javascript:alert(1)", "https://exa mple.org/", "a b", "https://h:99999/", "http://[::1",
        "https://example.org/" + "x" * 2000, "://", "https:///path",
        # Each of these once was a crash of the URL parser, or of the database's index.
        "https://example.org/" + "漢" * 700, "https://a%.", "[::1]é@ ", "xn--.=", "<[::1<]",
    ],
)  # fmt: skip
def test_no_link(link: str) -> None:
    with pytest.raises(LinkNotSupported):
        tidy_link(link)


def test_links_in_documents() -> None:
    base = "https://example.org/blog/feed.xml"

    assert absolute("post", base) == "https://example.org/blog/post"
    assert absolute("//cdn.example/a b.png\n", base) == "https://cdn.example/ab.png"
    for nothing in (None, "", " ", "javascript:x", "mailto:a@b.c", "https://a:b@c/", "x" * 9000,
        "http://xn--.=/", "http://[::1]é@"):  # fmt: skip
        assert absolute(nothing, base) is None


def test_who_shared_an_article_does_not_change_it() -> None:
    assert untracked("https://e.org/1?utm_medium=rss&p=2") == "https://e.org/1?p=2"
    assert untracked("https://e.org/1?p=%20#a") == "https://e.org/1?p=%20#a"


YOUTUBE = "https://www.youtube.com"
UUID = "a1c7c817-4e59-43b7-9365-09675a149a6f"


WHOSE = """\
https://youtube.com/channel/UCBR8-60-B28hp2BmDPdntcQ/videos
    youtube https://www.youtube.com/channel/UCBR8-60-B28hp2BmDPdntcQ
m.youtube.com/channel/UCBR8-60-B28hp2BmDPdntcQ?view=0
    youtube https://www.youtube.com/channel/UCBR8-60-B28hp2BmDPdntcQ
https://www.youtube.com/feeds/videos.xml?channel_id=UCBR8-60-B28hp2BmDPdntcQ
    youtube https://www.youtube.com/channel/UCBR8-60-B28hp2BmDPdntcQ
https://www.youtube.com/@YouTube/shorts
    youtube https://www.youtube.com/@youtube
https://www.youtube.com/c/YouTube
    youtube https://www.youtube.com/c/YouTube
https://www.youtube.com/user/YouTube/
    youtube https://www.youtube.com/user/YouTube
https://www.youtube.com/playlist?list=PLabcdefghijkl&si=x
    youtube https://www.youtube.com/playlist?list=PLabcdefghijkl
https://youtu.be/dQw4w9WgXcQ?t=3
    youtube https://www.youtube.com/watch?v=dQw4w9WgXcQ
https://www.youtube.com/shorts/dQw4w9WgXcQ
    youtube https://www.youtube.com/watch?v=dQw4w9WgXcQ
https://old.reddit.com/r/Python/
    reddit https://www.reddit.com/r/python
https://www.reddit.com/r/bb+Aa/new/.rss
    reddit https://www.reddit.com/r/aa+bb
reddit.com/r/python.rss
    reddit https://www.reddit.com/r/python
https://www.reddit.com/u/Some-One
    reddit https://www.reddit.com/user/some-one
https://github.com/Python/CPython
    github https://github.com/python/cpython/releases
https://github.com/a/b.git
    github https://github.com/a/b/releases
https://github.com/a/b/releases/tag/v1
    github https://github.com/a/b/releases
https://github.com/a/b/releases.atom
    github https://github.com/a/b/releases
https://github.com/a/b/tags
    github https://github.com/a/b/tags
https://github.com/a/b/tree/Feature/X
    github https://github.com/a/b/commits/Feature/X
https://github.com/a/b/commits/main.atom
    github https://github.com/a/b/commits/main
https://github.com/a/b/commits
    github https://github.com/a/b/commits
https://anilist.co/anime/0021/One-Piece/
    anilist https://anilist.co/anime/21
https://mangadex.org/title/A1C7C817-4E59-43B7-9365-09675A149A6F/kuma?tab=art
    mangadex https://mangadex.org/title/a1c7c817-4e59-43b7-9365-09675a149a6f
https://api.mangadex.org/manga/a1c7c8174e5943b7936509675a149a6f
    mangadex https://mangadex.org/title/a1c7c817-4e59-43b7-9365-09675a149a6f
https://comick.io/comic/one-piece?lang=en
    comick https://comick.dev/comic/one-piece
https://store.steampowered.com/app/570/Dota_2/
    steam https://store.steampowered.com/app/570
https://store.steampowered.com/news/app/570
    steam https://store.steampowered.com/app/570
https://steamcommunity.com/games/570/announcements
    steam https://store.steampowered.com/app/570
https://gist.github.com/x.atom
    feed https://gist.github.com/x.atom
https://notyoutube.com/@x
    feed https://notyoutube.com/@x
https://example.org/feed
    feed https://example.org/feed
"""


@pytest.mark.parametrize(
    ("link", "platform", "url"), re.findall(r"(\S+)\n    (\S+) (\S+)\n", WHOSE)
)
def test_whose_link_it_is(link: str, platform: str, url: str) -> None:
    source, normalised = Sources().of_link(link)

    assert (source.platform_id, normalised) == (platform, url)
    assert Sources().of_link(normalised)[1] == normalised


@pytest.mark.parametrize(
    "link",
    [
        f"{YOUTUBE}/", f"{YOUTUBE}/feed/trending", f"{YOUTUBE}/watch?v=short", f"{YOUTUBE}/@",
        f"{YOUTUBE}/channel/UCshort", "https://www.reddit.com/", "https://www.reddit.com/r/a/../..",
        "https://github.com/", "https://github.com/python", "https://github.com/orgs/python/x",
        "https://github.com/a/b/issues", "https://anilist.co/manga/30002",
        "https://anilist.co/anime/x", "https://anilist.co/anime/99999999999",
        f"https://mangadex.org/chapter/{UUID}", "https://mangadex.org/title/1",
        "https://comick.dev/home", "https://store.steampowered.com/", "https://steamcommunity.com/id/x",
    ],
)  # fmt: skip
def test_links_of_a_platform_that_lead_to_nothing_to_follow(link: str) -> None:
    with pytest.raises(LinkNotSupported, match="give the link of"):
        Sources().of_link(link)
