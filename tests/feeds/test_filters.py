"""Filters: what passes, what cannot be a rule, and what cannot explode."""

from __future__ import annotations

import msgspec
import pytest

from pwrbot.feeds.filters import (
    RULE_LIMIT,
    RULES_LIMIT,
    Filter,
    FilterError,
    Rule,
    check_rule,
    fits,
    passes,
)
from pwrbot.feeds.model import FoundItem

ITEM = FoundItem(
    item_id="1",
    title="Release 2.0 of Straße & Co",
    url="https://example.org/releases/2",
    summary="Fixes for Windows. Known issues: none",
    author="Ada",
)


def regex(text: str, *, negated: bool = False) -> Rule:
    return Rule(text, kind="regex", negated=negated)


def test_no_rules_pass_everything() -> None:
    assert passes(Filter(), ITEM)


@pytest.mark.parametrize(
    ("rules", "passed"),
    [
        ((Rule("release"),), True),
        ((Rule("  STRASSE   &  "),), True),
        ((Rule("linux"),), False),
        ((Rule("linux"), Rule("windows")), True),
        ((Rule("windows", field="title"),), False),
        ((Rule("windows", field="summary"),), True),
        ((Rule("ada", field="author"),), True),
        ((Rule("/releases/", field="link"),), True),
        ((Rule("windows", negated=True),), False),
        ((Rule("linux", negated=True),), True),
        ((Rule("release"), Rule("windows", negated=True)), False),
        ((Rule("release"), Rule("linux", negated=True)), True),
        ((regex(r"\brelease\s+\d+\.\d+\b"),), True),
        ((regex(r"^straße"),), False),
        ((regex("STRASSE|straße"),), True),
        ((regex(r"none$"), regex("beta|rc", negated=True)), False),
        ((regex("beta|rc\\d", negated=True),), True),
    ],
)
def test_what_passes(rules: tuple[Rule, ...], passed: bool) -> None:
    Filter(rules).check()
    assert passes(Filter(rules), ITEM) is passed


def test_an_item_without_text() -> None:
    empty = FoundItem(item_id="1", title="")

    assert not passes(Filter((Rule("x"),)), empty)
    assert passes(Filter((Rule("x", negated=True), regex("x", negated=True))), empty)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Rule("  "), "needs a word"),
        (Rule("x" * (RULE_LIMIT + 1)), "shorten it"),
        (regex("["), "missing ]"),
        (regex("(?=x)"), "look-ahead"),
        (regex(r"(a)\1"), "unknown escape"),
        (regex("(a{1,500}){1,500}"), "repetition"),
        (regex(r"\pL{1,900}"), "too large"),
    ],
)
def test_what_cannot_be_a_rule(rule: Rule, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        check_rule(rule)
    with pytest.raises(FilterError):
        Filter((rule,)).check()


def test_too_many_rules() -> None:
    with pytest.raises(FilterError, match="remove some"):
        Filter((Rule("x"),) * (RULES_LIMIT + 1)).check()


def test_a_stored_pattern_that_cannot_be_used_fits_nothing() -> None:
    assert not fits(regex("["), ITEM)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(a|aa)+$",
        "(.*a){20}b",
        r"(\w+\s?)*!$",
        "([ab]*a[ab]{90}){2}c",
        "(x+x+)+y",
        "((a?){15}){15}b",
        "a*" * 99 + "b",
    ],
)
def test_patterns_that_explode_elsewhere(pattern: str) -> None:
    """Each would take a backtracking engine longer than this test run."""
    item = FoundItem(item_id="1", title="a" * 300, summary="ab" * 500)

    check_rule(regex(pattern))
    passes(Filter((regex(pattern),)), item)


def test_a_filter_is_kept_as_json() -> None:
    kept = Filter((Rule("a"), Rule("b", kind="regex", field="title", negated=True)))

    assert msgspec.json.decode(msgspec.json.encode(kept), type=Filter) == kept
    assert msgspec.json.encode(Filter()) == b"{}"
