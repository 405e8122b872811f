"""What the sources that ask an API share."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pwrbot.feeds.errors import FeedUnreadable
from pwrbot.feeds.fetch import Response
from pwrbot.feeds.model import FoundItem, Polled

T = TypeVar("T")


def decoded(response: Response, kind: type[T]) -> T:
    """An answer as the type it should have; raises FeedUnreadable."""
    try:
        return msgspec.json.decode(response.body, type=kind)
    except (msgspec.DecodeError, RecursionError):  # ValidationError is a DecodeError
        raise FeedUnreadable("api") from None


def polled(response: Response, items: list[FoundItem], name: str | None = None) -> Polled:
    """What an answer brought: items in the order the API gave them, each once, oldest first.

    A page of an API is sorted by what the site counts as new, which a moved date does not change.
    """
    unique = {item.item_id: item for item in reversed(items)}
    return Polled(
        items=tuple(sorted(unique.values(), key=_age)),
        validators=response.validators,
        next_hint=response.max_age,
        name=name,
    )


def unchanged(response: Response) -> Polled:
    return Polled(not_modified=True, validators=response.validators, next_hint=response.max_age)


def _age(item: FoundItem) -> float:
    return item.published_at.timestamp() if item.published_at else float("inf")
