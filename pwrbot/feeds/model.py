"""What finding and polling a feed bring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

TITLE_LIMIT: Final = 300
SUMMARY_LIMIT: Final = 1000
ID_LIMIT: Final = 400
URL_LIMIT: Final = 2000
"""Characters, each; what is longer is cut, an id is replaced by its hash, a URL is left out."""


class FoundItem(msgspec.Struct, frozen=True, gc=False):
    """One thing a feed published. All text is plain, cleaned and within its limit; not escaped."""

    item_id: str
    """The source's own id, else the link, else a hash of the content: stable between polls."""
    title: str
    """May be empty."""
    url: str | None = None
    summary: str = ""
    image_url: str | None = None
    author: str | None = None
    published_at: datetime | None = None
    """Aware, UTC, as the source says it: None where it does not, and it may be in the future."""


class Validators(msgspec.Struct, frozen=True, gc=False):
    """What to keep from one poll for the next, so that what has not changed is not read again."""

    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None
    """Hash of the body, for the many hosts that know neither of the others."""


class Polled(msgspec.Struct, frozen=True, kw_only=True):
    """What one poll brought."""

    items: tuple[FoundItem, ...] = ()
    """Everything the source shows at present, oldest first, each id once."""
    complete: bool = True
    """False where the answer broke off: there are more items than these."""
    not_modified: bool = False
    """The same as at the last poll: ``items`` is empty."""
    validators: Validators = Validators()
    """For the next poll, in place of the old ones."""
    next_hint: timedelta | None = None
    """The source asks not to be asked again sooner."""
    moved_to: str | None = None
    """The feed has moved for good: its new ``items_id``."""
    name: str | None = None
    """What the feed calls itself now, None where a poll does not tell."""


class FoundFeed(msgspec.Struct, frozen=True, kw_only=True):
    """What subscribing to a link needs; the fields are those of ``entities.Feed``."""

    platform_id: str
    source_id: str
    """What the feed is known by on its platform: one feed, one source_id."""
    items_id: str
    """What its items are asked for with."""
    name: str
    description: str
    source_url: str
    """For people."""
    cover_url: str | None = None
    tags: tuple[str, ...] = ()
    first_poll: Polled | None = None
    """Where finding it read its items too; else ``poll`` it."""


class Followed(Protocol):
    """What polling needs to know of a feed: ``entities.Feed`` and ``FoundFeed`` have it."""

    @property
    def platform_id(self) -> str: ...
    @property
    def source_id(self) -> str: ...
    @property
    def items_id(self) -> str: ...
    @property
    def source_url(self) -> str: ...
