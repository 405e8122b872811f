"""Feeds, items and subscribers as pwr-bot kept them, as rows of ours."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, NamedTuple

from pwrbot.entities import Feed, FeedItem, SubscriberKind
from pwrbot.importing.values import moment, snowflake, text

PLATFORMS: Final = {"AniList Anime": "anilist", "MangaDex": "mangadex", "Comick": "comick"}
"""What pwr-bot called a site, and its id here."""

_URLS: Final = (
    (re.compile(r"https://mangadex\.org/title/([^/?#]+)"), "MangaDex"),
    (re.compile(r"https://anilist\.co/anime/([^/?#]+)"), "AniList Anime"),
    (re.compile(r"https://comick\.\w+/comic/([^/?#]+)"), "Comick"),
)
"""The addresses a feed was known by before migration 3; the id is what follows, up to a slash."""


class SourceFeed(NamedTuple):
    """A feed of either form, each value as it came."""

    name: Any
    description: Any
    cover_url: Any
    tags: Any
    platform: Any
    source_id: Any
    items_id: Any
    source_url: Any


def source_feed(row: Any, *, by_url: bool) -> SourceFeed:
    """A row of feeds, without its id; platform "" where its address is of no known site."""
    _, name, description, cover_url, tags, *rest = row
    if not by_url:
        return SourceFeed(name, description, cover_url, tags, *rest)
    url = text(rest[0])
    for pattern, platform in _URLS:
        if match := pattern.match(url):
            found = (platform, match[1], match[1], url)
            return SourceFeed(name, description, cover_url, tags, *found)
    return SourceFeed(name, description, cover_url, tags, "", "", "", url)


def feed_of(feed: SourceFeed, now: datetime) -> Feed | None:
    """The feed as a row of ours; None where its site has no module here.

    An id ends at a slash, a question mark or a hash: migration 3 took all the rest of an address
    for the id.
    """
    platform_id = PLATFORMS.get(text(feed.platform))
    if platform_id is None:
        return None
    return Feed(
        platform_id=platform_id,
        source_id=_id(feed.source_id),
        items_id=_id(feed.items_id),
        name=text(feed.name),
        description=text(feed.description),
        source_url=text(feed.source_url),
        cover_url=text(feed.cover_url) or None,
        tags=tuple(tag for part in text(feed.tags).split(",") if (tag := part.strip())),
        created_at=now,
    )


def item_of(feed_id: int, title: object, published: object, now: datetime) -> FeedItem | None:
    """The item as a row of ours; None where its time cannot be read.

    pwr-bot kept no ids of items, but one item per feed and moment: its id here is made of that
    moment, so that the same item gets the same id in each import.
    """
    published_at = moment(published)
    if published_at is None:
        return None
    return FeedItem(
        feed_id=feed_id,
        item_id=f"pwr-bot:{published_at.isoformat()}",
        title=text(title),
        url=None,
        published_at=published_at,
        found_at=min(published_at, now),
    )


class Recipient(NamedTuple):
    """Who is told, and for a server before migration 2 in which channel."""

    kind: SubscriberKind
    target_id: int
    channel_id: int | None


def recipient_of(kind: object, target: object) -> Recipient | None:
    """Whom a row of subscribers means; None where nobody can tell."""
    first, colon, second = text(target).partition(":")
    target_id = snowflake(first)
    channel_id = snowflake(second) if colon else None
    if target_id is None or (colon and channel_id is None):
        return None
    if kind == "guild":
        return Recipient("guild", target_id, channel_id)
    return Recipient("dm", target_id, None) if kind == "dm" and not colon else None


def _id(value: object) -> str:
    return re.split(r"[/?#]", text(value), maxsplit=1)[0]
