"""Comick: English chapters of a comic (https://api.comick.dev). 200 requests a minute."""

from __future__ import annotations

import re
from typing import ClassVar, Self

import msgspec

from pwrbot.feeds.api import decoded, polled, unchanged
from pwrbot.feeds.dates import parse_date
from pwrbot.feeds.errors import FeedNotFound, FeedUnreadable, LinkNotSupported
from pwrbot.feeds.fetch import JSON, Fetcher
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
from pwrbot.feeds.urls import host_of, path_of


class Comick:
    """``source_id`` is the slug and ``items_id`` the hid, as in pwr-bot; an item is a chapter."""

    platform_id: ClassVar = "comick"
    name: ClassVar = "Comick"
    example: ClassVar = "https://comick.dev/comic/one-piece"
    endpoint: ClassVar = "https://api.comick.dev"
    limit: ClassVar[HostLimit | None] = HostLimit(requests=200, seconds=60, at_once=2)
    last_resort: ClassVar = False

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return host_of(url) in ("comick.dev", "comick.io", "comick.app", "comick.fun")

    def normalise(self, url: str) -> str:
        match path_of(url):
            case ["comic", slug, *_] if re.fullmatch(r"[\w.~-]{1,200}", slug, re.ASCII):
                return f"https://comick.dev/comic/{slug}"
        raise LinkNotSupported(
            f"Of Comick, comics can be followed: give the link of one, such as {self.example}"
        )

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        slug = path_of(url)[1]
        response = await fetch.get(f"{self.base}/comic/{slug}", accept=JSON)
        comic = decoded(response, _Source).checked().comic
        if comic is None:
            raise FeedNotFound
        cover = next((cover.b2key for cover in comic.md_covers if cover.b2key), None)
        return FoundFeed(
            platform_id=self.platform_id,
            source_id=slug,
            items_id=comic.hid,
            name=one_line(comic.title or slug, TITLE_LIMIT),
            description=plain_text(comic.desc or comic.parsed or "", SUMMARY_LIMIT),
            source_url=url,
            cover_url=f"https://meo.comick.pictures/{cover}" if cover else None,
            tags=("series",),
        )

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        """The 60 chapters of the highest numbers: the API sorts by these, not by time."""
        response = await fetch.get(
            f"{self.base}/comic/{feed.items_id}/chapters?lang=en&limit=60",
            validators=validators,
            accept=JSON,
        )
        if response.not_modified:
            return unchanged(response)
        chapters = decoded(response, _Chapters).checked().chapters
        return polled(response, [_item(chapter, feed) for chapter in chapters])


def _item(chapter: _Chapter, feed: Followed) -> FoundItem:
    number = f"Chapter {chapter.chap}" if chapter.chap else "Oneshot"
    volume = f"Vol. {chapter.vol} " if chapter.vol else ""
    title = f": {chapter.title}" if chapter.title else ""
    groups = ", ".join(chapter.group_name or [])
    return FoundItem(
        item_id=chapter.hid,
        title=one_line(f"{volume}{number}{title}", TITLE_LIMIT),
        url=f"{feed.source_url}/{chapter.hid}",
        author=one_line(groups, 100) or None,
        published_at=parse_date(chapter.publish_at or chapter.created_at),
    )


class _Answer(msgspec.Struct):
    """An error has a ``statusCode``, whatever the status of the answer is."""

    statusCode: int | None = None

    def checked(self) -> Self:
        if self.statusCode == 404:
            raise FeedNotFound
        if self.statusCode is not None:
            raise FeedUnreadable("api")
        return self


class _Cover(msgspec.Struct):
    b2key: str | None = None


class _Comic(msgspec.Struct):
    hid: str
    title: str | None = None
    desc: str | None = None
    parsed: str | None = None
    md_covers: list[_Cover] = []


class _Source(_Answer):
    comic: _Comic | None = None


class _Chapter(msgspec.Struct):
    hid: str
    chap: str | None = None
    vol: str | None = None
    title: str | None = None
    group_name: list[str] | None = None
    publish_at: str | None = None
    created_at: str | None = None


class _Chapters(_Answer):
    chapters: list[_Chapter] = []


SOURCE = Comick
