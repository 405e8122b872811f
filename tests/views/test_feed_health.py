"""Every named reason has plain words."""

from __future__ import annotations

from typing import get_args

from pwrbot.feeds import errors
from pwrbot.feeds.errors import FeedError, Unreachable, Unreadable
from pwrbot.views.feed_health import READING, SENDING, words


def test_what_can_go_wrong_with_a_feed_has_words() -> None:
    named = {
        each.reason
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, FeedError) and isinstance(each.reason, str)
    }
    named |= {*get_args(Unreadable), *get_args(Unreachable), "storage"}
    assert named == set(READING)


def test_an_unknown_reason_is_its_own_words() -> None:
    assert words(SENDING, "discord_answers_502") == "discord answers 502"
    assert "wasn't noted" in words(SENDING, None)
