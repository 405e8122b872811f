"""GitHub: releases, tags or commits of a repository, by the Atom feed each page has."""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import quote

from yarl import URL

from pwrbot.feeds.errors import LinkNotSupported
from pwrbot.feeds.fetch import Fetcher
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.reading import find_document, poll_document
from pwrbot.feeds.urls import path_of


class GitHub:
    """A plain link of a repository means its releases."""

    platform_id: ClassVar = "github"
    name: ClassVar = "GitHub"
    example: ClassVar = "https://github.com/python/cpython/releases"
    endpoint: ClassVar = "https://github.com"
    limit: ClassVar[HostLimit | None] = None
    last_resort: ClassVar = False

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return URL(url).host in ("github.com", "www.github.com")

    def normalise(self, url: str) -> str:
        path = path_of(url)
        if path and path[-1].endswith(".atom"):
            path[-1] = path[-1].removesuffix(".atom")
        if len(path) >= 2 and path[0].lower() not in _NOT_OWNERS and all(map(_fits, path[:2])):
            owner, repository = path[0].lower(), path[1].lower().removesuffix(".git")
            place = f"{self.endpoint}/{owner}/{repository}"
            match path[2:]:
                case ["tags", *_]:
                    return f"{place}/tags"
                case ["commits" | "tree", branch, *rest]:
                    return f"{place}/commits/{quote('/'.join([branch, *rest]))}"
                case ["commits"]:
                    return f"{place}/commits"
                case [] | ["releases", *_]:
                    return f"{place}/releases"
        raise LinkNotSupported(
            "Of GitHub, releases, tags and commits of a repository can be followed: give the link"
            f" of one of these pages, such as {self.example}"
        )

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        source_id = "/".join(path_of(url))
        document, first_poll = await find_document(fetch, self._feed(source_id))
        owner, repository, what, *branch = source_id.split("/")
        return FoundFeed(
            platform_id=self.platform_id,
            source_id=source_id,
            items_id=source_id,
            name=" ".join([f"{owner}/{repository}", what, "/".join(branch)]).strip(),
            description=document.description,
            source_url=url,
            cover_url=document.image_url,
            tags=("software",),
            first_poll=first_poll,
        )

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        return await poll_document(fetch, self._feed(feed.items_id), validators)

    def _feed(self, source_id: str) -> str:
        return f"{self.base}/{quote(source_id)}.atom"


def _fits(name: str) -> bool:
    return re.fullmatch(r"[\w.-]{1,100}", name, re.ASCII) is not None


_NOT_OWNERS: Final = frozenset(
    {"about", "apps", "collections", "explore", "features", "marketplace", "orgs", "search",
     "settings", "sponsors", "topics", "trending", "users"}
)  # fmt: skip

SOURCE = GitHub
