"""A subscription's filter: its rules, and which of a feed's last items pass it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from pwrbot.entities import FeedItem
from pwrbot.feeds.filters import Filter, Rule, fits, passes
from pwrbot.feeds.model import FoundItem


class Judged(msgspec.Struct, frozen=True):
    """An item, whether a filter lets it through, and which of its rules decided that."""

    item: FeedItem
    passes: bool
    rule: Rule | None
    """Of an item held back: the rule that forbids it, None where it fits none it would have to."""


def with_rule(rules: Filter | None, rule: Rule) -> Filter:
    """The filter with one more rule, which is not there twice. Raises FilterError."""
    kept = tuple(each for each in (rules.rules if rules else ()) if each != rule)
    added = Filter((*kept, rule))
    added.check()
    return added


def without_rule(rules: Filter | None, number: int) -> Filter | None:
    """The filter without its rule of this number, counted from 1; None where none is left.

    Raises IndexError where there is no such rule.
    """
    kept = list(rules.rules if rules else ())
    if not 1 <= number <= len(kept):
        raise IndexError(number)
    del kept[number - 1]
    return Filter(tuple(kept)) if kept else None


async def judge(rules: Filter | None, items: Iterable[FeedItem]) -> list[Judged]:
    """What a filter makes of items, off the event loop."""
    return await asyncio.to_thread(lambda: [_judged(rules, item) for item in items])


def _judged(rules: Filter | None, item: FeedItem) -> Judged:
    found = as_found(item)
    if rules is None or passes(rules, found):
        return Judged(item, True, None)
    against = (rule for rule in rules.rules if rule.negated and fits(rule, found))
    return Judged(item, False, next(against, None))


def as_found(item: FeedItem) -> FoundItem:
    """A stored item as what its source gave."""
    return FoundItem(
        item_id=item.item_id,
        title=item.title,
        url=item.url,
        summary=item.summary,
        image_url=item.image_url,
        author=item.author,
        published_at=item.published_at,
    )
