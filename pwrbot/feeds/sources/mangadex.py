"""MangaDex: chapters of a manga, in English and Indonesian (https://api.mangadex.org/docs/).

5 requests a second; who exceeds them is told when to return by X-RateLimit-Retry-After.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self
from uuid import UUID

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


class MangaDex:
    """``source_id`` is the manga's UUID, as in pwr-bot; an item is a chapter."""

    platform_id: ClassVar = "mangadex"
    name: ClassVar = "MangaDex"
    example: ClassVar = "https://mangadex.org/title/a1c7c817-4e59-43b7-9365-09675a149a6f"
    endpoint: ClassVar = "https://api.mangadex.org"
    limit: ClassVar[HostLimit | None] = HostLimit(requests=5, seconds=1, at_once=2)
    last_resort: ClassVar = False

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return host_of(url) in ("mangadex.org", "api.mangadex.org")

    def normalise(self, url: str) -> str:
        match path_of(url):
            case ["title" | "manga", text, *_]:
                try:
                    return f"https://mangadex.org/title/{UUID(text)}"
                except ValueError:
                    pass
        raise LinkNotSupported(
            "Of MangaDex, titles can be followed, not single chapters: give the link of one, such"
            f" as {self.example}"
        )

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        uuid = path_of(url)[1]
        response = await fetch.get(f"{self.base}/manga/{uuid}?includes[]=cover_art", accept=JSON)
        data = decoded(response, _Manga).checked().data
        if data is None:
            raise FeedNotFound
        cover = next((r.fileName for r in data.relationships if r.type == "cover_art"), None)
        description = data.attributes.description
        text = (description.get("en") or "") if isinstance(description, dict) else ""
        return FoundFeed(
            platform_id=self.platform_id,
            source_id=uuid,
            items_id=uuid,
            name=one_line(_name(data.attributes) or f"Manga {uuid}", TITLE_LIMIT),
            description=plain_text(text, SUMMARY_LIMIT),
            source_url=url,
            cover_url=f"https://uploads.mangadex.org/covers/{uuid}/{cover}" if cover else None,
            tags=("series",),
        )

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        """The 100 chapters added last."""
        languages = "".join(f"&translatedLanguage[]={language}" for language in LANGUAGES)
        response = await fetch.get(
            f"{self.base}/manga/{feed.items_id}/feed?order[createdAt]=desc&limit=100{languages}",
            validators=validators,
            accept=JSON,
        )
        if response.not_modified:
            return unchanged(response)
        return polled(response, list(map(_item, decoded(response, _Chapters).checked().data)))


LANGUAGES: Final = ("en", "id")


def _item(chapter: _Chapter) -> FoundItem:
    about = chapter.attributes
    number = f"Chapter {about.chapter}" if about.chapter else "Oneshot"
    volume = f"Vol. {about.volume} " if about.volume else ""
    language = f" ({about.translatedLanguage})" if about.translatedLanguage != "en" else ""
    title = f": {about.title}" if about.title else ""
    return FoundItem(
        item_id=chapter.id,
        title=one_line(f"{volume}{number}{title}{language}", TITLE_LIMIT),
        url=f"https://mangadex.org/chapter/{chapter.id}",
        published_at=parse_date(about.readableAt or about.publishAt or about.createdAt),
    )


def _name(about: _About) -> str | None:
    """The English title, else the best there is, in the order pwr-bot has."""
    titles = [about.title, *about.altTitles]
    for language in ("en", "ja-ro", "ko-ro", "zh-ro", "ja"):
        for title in titles:
            if isinstance(title, dict) and title.get(language):
                return title[language]
    return next((t for title in titles if isinstance(title, dict) for t in title.values()), None)


# An empty map comes as an empty list: hence the unions.
_Localized = dict[str, str] | list[str]


class _About(msgspec.Struct):
    title: _Localized
    altTitles: list[_Localized] = []
    description: _Localized | None = None


class _RelationAbout(msgspec.Struct):
    fileName: str | None = None


class _Relation(msgspec.Struct):
    type: str
    attributes: _RelationAbout | None = None

    @property
    def fileName(self) -> str | None:
        return self.attributes.fileName if self.attributes else None


class _MangaData(msgspec.Struct):
    attributes: _About
    relationships: list[_Relation] = []


class _Result(msgspec.Struct):
    """``result`` is ok or error, mostly but not always with a status to match."""

    result: str

    def checked(self) -> Self:
        if self.result != "ok":
            raise FeedUnreadable("api")
        return self


class _Manga(_Result):
    data: _MangaData | None = None


class _ChapterAbout(msgspec.Struct):
    volume: str | None = None
    chapter: str | None = None
    title: str | None = None
    translatedLanguage: str = "en"
    publishAt: str | None = None
    readableAt: str | None = None
    createdAt: str | None = None


class _Chapter(msgspec.Struct):
    id: str
    attributes: _ChapterAbout


class _Chapters(_Result):
    data: list[_Chapter] = []


SOURCE = MangaDex
