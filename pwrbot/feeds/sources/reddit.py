"""Reddit: new posts of a subreddit or of a user, by the Atom feed each has (its newest 25)."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from pwrbot.feeds.errors import LinkNotSupported
from pwrbot.feeds.fetch import Fetcher
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.reading import find_document, poll_document
from pwrbot.feeds.urls import host_of, path_of


class Reddit:
    platform_id: ClassVar = "reddit"
    name: ClassVar = "Reddit"
    example: ClassVar = "https://www.reddit.com/r/announcements"
    endpoint: ClassVar = "https://www.reddit.com"
    limit: ClassVar[HostLimit | None] = HostLimit(requests=10, seconds=60, at_once=1)
    """What Reddit gives clients that do not sign in."""
    last_resort: ClassVar = False

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return host_of(url) in ("reddit.com", "redd.it")

    def normalise(self, url: str) -> str:
        match [part.lower() for part in path_of(url)]:
            case ["r", names, *_] if _NAMES.fullmatch(names.removesuffix(".rss")):
                joined = "+".join(sorted(set(names.removesuffix(".rss").split("+"))))
                return f"{self.endpoint}/r/{joined}"
            case ["u" | "user", name, *_] if _NAME.fullmatch(name.removesuffix(".rss")):
                return f"{self.endpoint}/user/{name.removesuffix('.rss')}"
        raise LinkNotSupported(
            "Of Reddit, subreddits and users can be followed: give the link of one, such as"
            f" {self.example}"
        )

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        source_id = "/".join(path_of(url))
        document, first_poll = await find_document(fetch, self._feed(source_id))
        return FoundFeed(
            platform_id=self.platform_id,
            source_id=source_id,
            items_id=source_id,
            name=source_id.replace("user/", "u/"),
            description=document.description or document.name,
            source_url=url,
            cover_url=document.image_url,
            first_poll=first_poll,
        )

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        return await poll_document(fetch, self._feed(feed.items_id), validators)

    def _feed(self, source_id: str) -> str:
        listing = "new" if source_id.startswith("r/") else "submitted"
        return f"{self.base}/{source_id}/{listing}/.rss"


_NAME: Final = re.compile(r"[\w-]{2,30}")
_NAMES: Final = re.compile(r"\w{2,30}(?:\+\w{2,30}){0,20}")

SOURCE = Reddit
