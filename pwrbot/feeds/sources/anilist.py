"""AniList: episodes of an anime as they air (https://docs.anilist.co/, GraphQL).

30 requests a minute; what is left of them, and how long to wait, stands in the headers.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import msgspec

from pwrbot.feeds.api import decoded, polled, unchanged
from pwrbot.feeds.dates import from_seconds
from pwrbot.feeds.errors import FeedNotFound, FeedUnreadable, LinkNotSupported
from pwrbot.feeds.fetch import Fetcher, Response
from pwrbot.feeds.model import (
    SUMMARY_LIMIT,
    TITLE_LIMIT,
    Followed,
    FoundFeed,
    FoundItem,
    Polled,
    Validators,
)
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.text import one_line, plain_text
from pwrbot.feeds.urls import absolute, host_of, path_of


class AniList:
    """``source_id`` is the anime's number, as in pwr-bot; an item is one episode's airing."""

    platform_id: ClassVar = "anilist"
    name: ClassVar = "AniList"
    example: ClassVar = "https://anilist.co/anime/21"
    endpoint: ClassVar = "https://graphql.anilist.co"
    limit: ClassVar[HostLimit | None] = HostLimit(requests=30, seconds=60, at_once=2)
    last_resort: ClassVar = False

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return host_of(url) == "anilist.co"

    def normalise(self, url: str) -> str:
        match path_of(url):
            case ["anime", number, *_] if re.fullmatch(r"[0-9]{1,9}", number):
                return f"https://anilist.co/anime/{int(number)}"
        raise LinkNotSupported(
            "Of AniList, anime can be followed (a manga has no dates there): give the link of one,"
            f" such as {self.example}"
        )

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        number = path_of(url)[1]
        response = await fetch.post_json(f"{self.base}/", _asked(_MEDIA, number))
        media = _data(response, _MediaData).Media
        if media is None:
            raise FeedNotFound
        names = (media.title.romaji, media.title.english, media.title.native)
        return FoundFeed(
            platform_id=self.platform_id,
            source_id=number,
            items_id=number,
            name=one_line(next(filter(None, names), f"Anime {number}"), TITLE_LIMIT),
            description=plain_text(media.description or "", SUMMARY_LIMIT),
            source_url=url,
            cover_url=absolute(media.coverImage.extraLarge if media.coverImage else None, url),
            tags=("series",),
        )

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        """The latest 25 episodes that have aired."""
        response = await fetch.post_json(
            f"{self.base}/", _asked(_AIRED, feed.items_id), validators=validators
        )
        if response.not_modified:
            return unchanged(response)
        page = _data(response, _PageData).Page
        if page is None:
            raise FeedNotFound
        return polled(response, [_item(aired, feed) for aired in page.airingSchedules])


def _item(aired: _Airing, feed: Followed) -> FoundItem:
    return FoundItem(
        item_id=str(aired.id),
        title=f"Episode {aired.episode}",
        url=feed.source_url,
        published_at=from_seconds(aired.airingAt),
    )


def _asked(query: str, number: str) -> dict[str, Any]:
    return {"query": query, "variables": {"id": int(number)}}


class _Title(msgspec.Struct):
    romaji: str | None = None
    english: str | None = None
    native: str | None = None


class _Cover(msgspec.Struct):
    extraLarge: str | None = None


class _Media(msgspec.Struct):
    title: _Title
    description: str | None = None
    coverImage: _Cover | None = None


class _MediaData(msgspec.Struct):
    Media: _Media | None


class _Airing(msgspec.Struct):
    id: int
    episode: int
    airingAt: int


class _Page(msgspec.Struct):
    airingSchedules: list[_Airing]


class _PageData(msgspec.Struct):
    Page: _Page | None


class _Error(msgspec.Struct):
    status: int | None = None


class _Answer(msgspec.Struct):
    """GraphQL says what went wrong in its answer, mostly but not always with a status to match."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Error] = []


def _data(response: Response, kind: type[Any]) -> Any:
    answer = decoded(response, _Answer)
    if any(error.status == 404 for error in answer.errors):
        raise FeedNotFound
    if answer.errors:
        raise FeedUnreadable("api")
    try:
        return msgspec.json.decode(answer.data, type=kind)
    except msgspec.DecodeError:
        raise FeedUnreadable("api") from None


_MEDIA: Final = """\
query ($id: Int) {
  Media(id: $id, type: ANIME) {
    title { romaji english native }
    description(asHtml: false)
    coverImage { extraLarge }
  }
}"""
_AIRED: Final = """\
query ($id: Int) {
  Page(perPage: 25) {
    airingSchedules(mediaId: $id, notYetAired: false, sort: EPISODE_DESC) { id episode airingAt }
  }
}"""

SOURCE = AniList
