"""A filter in words, and what it makes of a feed's last items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from discord import ui

from pwrbot.entities import Feed
from pwrbot.feeds.filters import Filter, Rule, RuleField
from pwrbot.services.feed_filters import Judged
from pwrbot.views.feed_wording import code, fit, link
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import moment


def filter_sheet(
    title: str, feed: Feed, rules: Filter | None, judged: Sequence[Judged]
) -> ui.LayoutView:
    """The rules of a feed, numbered, and each of its last items with whether it would pass."""
    lines = [f"**{link(feed.name, feed.source_url)}**", ""]
    every = rules.rules if rules else ()
    lines += [f"{number}. {rule_words(rule)}" for number, rule in enumerate(every, 1)]
    if not every:
        lines.append("No rules: every item is posted.")
    lines += [
        "",
        f"**{_judged(len(judged))}**" if judged else "It has shown no items yet.",
    ]
    lines += [_judgement(each) for each in judged]
    passed = sum(each.passes for each in judged)
    return sheet(
        title, fit(lines), f"{passed} of {len(judged)} would be posted" if judged else None
    )


def rule_words(rule: Rule) -> str:
    """A rule as a sentence; its text is quoted, and cannot format."""
    verb = {"contains": "contain", "regex": "match the pattern"}[rule.kind]
    return f"{_FIELDS[rule.field]} must {'not ' if rule.negated else ''}{verb} {code(rule.text)}"


def _judged(items: int) -> str:
    return "Of its last item" if items == 1 else f"Of its last {items} items"


def _judgement(each: Judged) -> str:
    title = link(each.item.title, each.item.url, 60)
    when = moment(each.item.published_at, "d")
    if each.passes:
        return f"✅ {title} · {when}"
    why = f"{rule_words(each.rule)}" if each.rule else "fits none of the rules"
    return f"🚫 {title} · {when}\n-# {why}"


_FIELDS: Final[dict[RuleField, str]] = {
    "any": "It",
    "title": "The title",
    "summary": "The summary",
    "author": "The author",
    "link": "The link",
}
