"""Items as messages: a stranger's text shows as it is written, and can do nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from pwrbot.feeds.model import FoundItem
from pwrbot.views.feed_item import (
    PLACEHOLDERS,
    TemplateError,
    check_template,
    cleaned,
    digest_view,
    escaped,
    item_view,
    post_title,
    render,
)

NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)
WHOLE = FoundItem(
    "1", "A title", "https://x.example/a", "What it says", "https://x.example/p.png", "Ada", NOON
)


def parts(component: Any) -> list[dict[str, Any]]:
    """All parts of a message, outermost first."""
    found = [component]
    for child in component.get("components") or []:
        found += parts(child)
    return found


def texts(view: Any) -> list[str]:
    every = [part for top in view.to_components() for part in parts(top)]
    return [part["content"] for part in every if part["type"] == 10]


def test_the_default_layout() -> None:
    view = item_view(WHOLE, feed_name="The News", role_id=5)
    assert texts(view) == [
        "<@&5>",
        "### [A title](https://x.example/a)",
        "What it says",
        f"-# Ada · <t:{int(NOON.timestamp())}:f> · The News",
    ]
    (gallery,) = [p for top in view.to_components() for p in parts(top) if p["type"] == 12]
    assert gallery["items"][0]["media"]["url"] == "https://x.example/p.png"


def test_what_is_missing_is_left_out() -> None:
    bare = item_view(FoundItem("1", ""), feed_name="")
    assert texts(bare) == ["### Untitled"]
    odd = FoundItem("1", "T", "javascript:alert(1)", image_url="data:image/png;base64,AA")
    assert texts(item_view(odd, feed_name="F")) == ["### T", "-# F"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** _it_ `code` ||spoiler|| ~~no~~", r"\*\*bold\*\* \_it\_ \`code\` \|\|spoiler\|\| \~\~no\~\~"),  # noqa: E501
        ("@everyone @here <@123> <@&456> <#789>", "@\u200beveryone @\u200bhere \\<@\u200b123\\> \\<@\u200b&456\\> \\<#789\\>"),  # noqa: E501
        ("[click](https://evil.example)", r"\[click\](https://evil.example)"),
        ("</ban:1> <:x:1> <t:0:R>", r"\</ban:1\> \<:x:1\> \<t:0:R\>"),
        ("# big\n- list\n1. one\n> quote", "\\# big\n\\- list\n1\\. one\n\\> quote"),
        ("2. Bundesliga -# 3.5 +1", "2\\. Bundesliga -# 3.5 +1"),
        ("-# small\n12. x\n  + y\n1.5 z", "\\-# small\n12\\. x\n\\+ y\n1.5 z"),
        ("<b>HTML</b> &amp;", r"\<b\>HTML\</b\> &amp;"),
        ("see https://x.example/a_b_c*d now", "see https://x.example/a_b_c\\*d now"),
        ("a\u200bb\u202ec\x00d\u2066e\ufefff", "abcdef"),
        ("mail@example.org a@b", "mail@example.org a@b"),
    ],
)  # fmt: skip
def test_a_strangers_text(text: str, shown: str) -> None:
    assert escaped(text, 500) == shown


def test_a_title_stays_within_its_link() -> None:
    tricky = FoundItem("1", "a](https://evil.example) [b", "https://x.example/(a)b c")
    assert texts(item_view(tricky, feed_name="F"))[0] == (r"### a\](https://evil.example) \[b"), (
        "an address with a space in it is none"
    )
    tricky = FoundItem("1", "a]\nb", "https://x.example/(a)")
    assert texts(item_view(tricky, feed_name="F"))[0] == r"### [a\] b](https://x.example/%28a%29)"


def test_a_title_that_reads_as_an_address_leads_nowhere_else() -> None:
    posing = FoundItem("1", "https://bank.example/login", "https://evil.example/")
    shown = texts(item_view(posing, feed_name="F"))[0]
    assert shown == "### https://bank.example/login <https://evil.example/>"
    digest = texts(digest_view([posing], 1, feed_name="F", source_url=""))
    assert digest[1] == "- https://bank.example/login <https://evil.example/>"


def test_a_family_of_emoji_stays_together() -> None:
    assert cleaned("👩\u200d👩\u200d👧 hi", 100) == "👩\u200d👩\u200d👧 hi"


def test_the_longest_message_fits() -> None:
    full = FoundItem(
        "1", "*" * 999, f"https://x.example/{'(' * 900}", "_" * 5000, None, "|" * 999, NOON
    )
    for template in (None, " ".join(f"{{{name}}}" for name in PLACEHOLDERS) * 20):
        view = item_view(full, feed_name="`" * 999, template=template, role_id=2**63)
        assert sum(map(len, texts(view))) <= 4000


def test_a_template() -> None:
    text = "**{title}** by {author}: {url} {published} in {feed} {{other}} {x\n{summary}"
    assert render(text, WHOLE, "The News") == (
        "**A title** by Ada: https://x.example/a "
        f"<t:{int(NOON.timestamp())}:f> in The News {{{{other}}}} {{x\nWhat it says"
    )
    nested = FoundItem("1", "{url}", "https://x.example")
    assert render("{title}", nested, "F") == "{url}", "an item's text is no template"
    assert render("{author}", FoundItem("1", "t"), "F") == "New item"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("", "is empty"),
        ("no places", "every message is the same"),
        ("{titel}", r"no \{titel\} to fill in: use \{title\}"),
        ("{title}" + "x" * 1500, "1,507 characters: shorten it to 1,500"),
    ],
)
def test_a_template_that_cannot_be_used(template: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says):
        check_template(template)
    check_template("{title} {url}")


def test_a_digest() -> None:
    items = [FoundItem(str(n), f"Number {n}", f"https://x.example/{n}") for n in range(10)]
    view = digest_view(items, 1234, feed_name="The News", source_url="https://x.example")
    head, lines, more = texts(view)
    assert head == "### [1,234 new items in The News](https://x.example)"
    assert re.findall(r"Number \d", lines) == [f"Number {n}" for n in range(10)]
    assert more == "-# and 1,224 more before"
    long = [FoundItem(str(n), "*" * 300, f"https://x.example/{'a' * 280}") for n in range(10)]
    view = digest_view(long, 10, feed_name="*" * 300, source_url="https://x.example", role_id=1)
    assert sum(map(len, texts(view))) <= 4000


def test_the_name_of_a_post() -> None:
    assert post_title(FoundItem("1", "x" * 200), "F") == "x" * 99 + "…"
    assert post_title(FoundItem("1", "\u200b"), "The News") == "The News"
