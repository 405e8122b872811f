"""Which items of a feed a subscription wants: words, patterns, and what it does not want.

Patterns are RE2's (https://github.com/google/re2/wiki/Syntax): matching takes time linear in the
text, by construction; what backtracking engines need a time limit for cannot happen. Look-ahead
and back-references are what that costs; a rule that is negated does the former's work.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec
import re2

from pwrbot.errors import PwrbotError
from pwrbot.feeds.model import FoundItem

RuleKind = Literal["contains", "regex"]
RuleField = Literal["any", "title", "summary", "author", "link"]

RULE_LIMIT: Final = 200
"""Characters of a rule."""
RULES_LIMIT: Final = 20
"""Rules of a filter."""


class FilterError(PwrbotError):
    """This filter cannot be used."""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an item has to have, or, negated, must not have. Upper and lower case are the same."""

    text: str
    kind: RuleKind = "contains"
    field: RuleField = "any"
    negated: bool = False


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Passes what fits any of its rules, or has none to fit, and fits none of its negated rules."""

    rules: tuple[Rule, ...] = ()

    def check(self) -> None:
        """Raises FilterError, saying which rule is wrong and how to put it right."""
        if len(self.rules) > RULES_LIMIT:
            raise FilterError(f"A filter has at most {RULES_LIMIT} rules: remove some.")
        for rule in self.rules:
            check_rule(rule)


def check_rule(rule: Rule) -> None:
    """Raises FilterError, saying how to put it right, for a rule that cannot be used."""
    if not rule.text.strip():
        raise FilterError("A rule needs a word or a pattern to look for.")
    if len(rule.text) > RULE_LIMIT:
        raise FilterError(f"A rule has at most {RULE_LIMIT} characters: shorten it.")
    if rule.kind == "regex":
        _pattern(rule.text)


def passes(rules: Filter, item: FoundItem) -> bool:
    """Whether a subscription with this filter wants an item.

    At most some 25 ms a rule, whatever the pattern and the item, for most 0.1 ms; RE2 works without
    the GIL, so many can be tried in a thread. A pattern that cannot be used, as
    one stored by another version may be, fits nothing.
    """
    wanted = [rule for rule in rules.rules if not rule.negated]
    if wanted and not any(fits(rule, item) for rule in wanted):
        return False
    return not any(fits(rule, item) for rule in rules.rules if rule.negated)


def fits(rule: Rule, item: FoundItem) -> bool:
    """Whether an item has what a rule looks for, whether it is negated or not."""
    text = _text(rule.field, item)
    if rule.kind == "contains":
        return " ".join(rule.text.split()).casefold() in text.casefold()
    try:
        return _pattern(rule.text).search(text) is not None
    except FilterError:
        return False


_TEXT_LIMIT: Final = 2000


def _text(field: RuleField, item: FoundItem) -> str:
    parts = {
        "title": item.title,
        "summary": item.summary,
        "author": item.author or "",
        "link": item.url or "",
    }
    return ("\n".join(parts.values()) if field == "any" else parts[field])[:_TEXT_LIMIT]


@lru_cache(maxsize=256)
def _pattern(text: str) -> re2._Regexp:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    # Bounds the size of the compiled pattern, and so the time for a character of the text.
    options.max_mem = 32 * 1024
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise FilterError(_explained(reason)) from None


def _explained(reason: str) -> str:
    if "too large" in reason:
        return "The pattern is too large: use smaller repetitions, {1,20} rather than {1,500}."
    if "perl operator" in reason:
        return (
            "The pattern uses look-ahead, look-behind or another thing that can take forever, which"
            " patterns here cannot: use a second rule, negated if need be."
        )
    if "escape sequence" in reason:
        return f"The pattern has an unknown escape ({reason}): to mean a backslash, double it."
    return f"The pattern cannot be read: {reason}."
