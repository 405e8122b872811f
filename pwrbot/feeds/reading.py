"""From an address to a feed that is read: what the sources that are plain feeds share."""

from __future__ import annotations

import re

from pwrbot.feeds.charset import decode
from pwrbot.feeds.document import Document, WebPage, looks_like_json
from pwrbot.feeds.errors import FeedUnreadable
from pwrbot.feeds.fetch import Fetcher, Response
from pwrbot.feeds.json_feed import parse_json_feed
from pwrbot.feeds.model import Polled, Validators
from pwrbot.feeds.web_page import parse_web_page
from pwrbot.feeds.xml_feed import parse_xml_feed


def parse_document(body: bytes, charset: str | None, url: str) -> Document | WebPage:
    """A body as what it is, whatever its type is called; raises FeedUnreadable."""
    text = decode(body, charset).lstrip("\ufeff \t\r\n\0")
    if not text:
        raise FeedUnreadable("truncated")
    if looks_like_json(text):
        return parse_json_feed(text, url)
    if re.match(r"<(?:!doctype\s+html|html|head)\b", _after_comments(text), re.IGNORECASE):
        return parse_web_page(text, url)
    return parse_xml_feed(text, url)


def _after_comments(text: str) -> str:
    start = 0
    while text.startswith("<!--", start) and (end := text.find("-->", start)) >= 0:
        start = end + 3
        while start < len(text) and text[start].isspace():
            start += 1
    return text[start : start + 100]


async def read(fetch: Fetcher, response: Response) -> Document | WebPage:
    """What an answer holds, parsed off the event loop; raises FeedUnreadable."""
    return await fetch.in_thread(parse_document, response.body, response.charset, response.url)


async def find_document(fetch: Fetcher, url: str) -> tuple[Document, Polled]:
    """The feed at a URL, and its first poll; raises FeedError."""
    response = await fetch.get(url)
    document = await read(fetch, response)
    if isinstance(document, WebPage):
        raise FeedUnreadable("not_a_feed")
    return document, polled(response, document)


async def poll_document(fetch: Fetcher, url: str, validators: Validators) -> Polled:
    """One poll of the feed at a URL; raises FeedError.

    Where that has moved to is for who knows feeds by their URL: ``items_id`` of others is an id.
    """
    _, poll = await poll_moving(fetch, url, validators)
    return poll


async def poll_moving(
    fetch: Fetcher, url: str, validators: Validators
) -> tuple[str | None, Polled]:
    """Where the feed has moved for good, and one poll of it; raises FeedError."""
    response = await fetch.get(url, validators=validators)
    if not response.not_modified:
        return response.moved_to, polled(response, await read(fetch, response))
    unchanged = Polled(
        not_modified=True, validators=response.validators, next_hint=response.max_age
    )
    return response.moved_to, unchanged


def polled(response: Response, document: Document | WebPage) -> Polled:
    """What an answer brought; raises FeedUnreadable where it is a page, as when a host shows its
    front page, or one that asks for a sign-in, in place of its feed."""
    if isinstance(document, WebPage):
        raise FeedUnreadable("not_a_feed")
    hints = [hint for hint in (response.max_age, document.ttl) if hint is not None]
    return Polled(
        items=document.items,
        # Of a feed that broke off the rest is wanted: "not modified" must not be the answer.
        validators=response.validators if document.complete else Validators(),
        next_hint=max(hints, default=None),
        complete=document.complete,
        name=document.name or None,
    )
