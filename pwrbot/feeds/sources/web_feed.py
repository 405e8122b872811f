"""Any RSS, Atom or JSON Feed, and any web page that names one."""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from pwrbot.feeds.document import Document, WebPage
from pwrbot.feeds.errors import FeedError, FeedUnreadable
from pwrbot.feeds.fetch import Fetcher, Response
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.reading import poll_moving, polled, read
from pwrbot.feeds.urls import host_of


class WebFeed:
    """Known by its address; where that moves for good, the feed's ``items_id`` moves with it."""

    platform_id: ClassVar = "feed"
    name: ClassVar = "RSS, Atom or JSON Feed"
    example: ClassVar = "https://example.org/feed.xml"
    endpoint: ClassVar = ""
    limit: ClassVar[HostLimit | None] = None
    last_resort: ClassVar = True

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return True

    def normalise(self, url: str) -> str:
        return url

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        """The feed at a URL, or the best of those that the page there names."""
        response = await fetch.get(url)
        document = await read(fetch, response)
        if isinstance(document, Document):
            return _found(url, response, document)
        last: FeedError = FeedUnreadable("not_a_feed")
        for address in document.feeds[:_TRIED]:
            try:
                response = await fetch.get(address)
                feed = await read(fetch, response)
            except FeedError as error:
                last = error
                continue
            if not isinstance(feed, WebPage):
                return _found(address, response, feed, document)
        raise last

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        moved_to, poll = await poll_moving(fetch, feed.items_id, validators)
        return msgspec.structs.replace(poll, moved_to=moved_to)


def _found(
    url: str, response: Response, document: Document, page: WebPage | None = None
) -> FoundFeed:
    address = response.moved_to or url
    return FoundFeed(
        platform_id=WebFeed.platform_id,
        source_id=address,
        items_id=address,
        name=document.name or (page.title if page else "") or host_of(address),
        description=document.description,
        source_url=address,
        cover_url=document.image_url,
        first_poll=polled(response, document),
    )


_TRIED: Final = 3

SOURCE = WebFeed
