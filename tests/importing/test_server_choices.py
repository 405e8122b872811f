"""A server's settings: flat, nested, with flags of every kind, and what is none."""

from __future__ import annotations

import json

import pytest

from pwrbot.entities import FeedSettings, Settings, VoiceSettings
from pwrbot.importing.server_choices import Choices, read_choices

OFF = Settings(voice=VoiceSettings(enabled=False))
CHANNEL = 80351110224678912


def chosen(document: object) -> Choices:
    choices = read_choices(json.dumps(document))
    assert choices is not None
    return choices


@pytest.mark.parametrize(
    "document",
    [
        {"channel_id": str(CHANNEL)},
        {"channel_id": str(CHANNEL), "enabled": True, "voice_tracking_enabled": None},
        {"feeds": {"enabled": None, "channel_id": str(CHANNEL)}, "voice": {"enabled": True}},
        {"feeds": {"enabled": 1, "channel_id": str(CHANNEL)}, "voice": {"enabled": 1}},
        {"feeds": {"channel_id": str(CHANNEL)}, "voice": {}, "welcome": {"enabled": False}},
    ],
)
def test_a_channel_and_nothing_else(document: object) -> None:
    assert chosen(document) == Choices(Settings(feeds=FeedSettings(channel_id=CHANNEL)), ())


@pytest.mark.parametrize("off", [False, 0])
def test_voice_off(off: object) -> None:
    assert chosen({"voice": {"enabled": off}}) == Choices(OFF, ())
    assert chosen({"voice_tracking_enabled": off}) == Choices(OFF, ())


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("off", [False, 0])
def test_all_of_feeds(off: object, nested: bool) -> None:
    feeds = {
        "enabled": off,
        "channel_id": str(CHANNEL),
        "subscribe_role_id": str(CHANNEL + 1),
        "unsubscribe_role_id": str(CHANNEL + 2),
    }
    wanted = FeedSettings(
        enabled=False,
        channel_id=CHANNEL,
        subscribe_role_id=CHANNEL + 1,
        unsubscribe_role_id=CHANNEL + 2,
    )
    document = {"feeds": feeds} if nested else feeds
    assert chosen(document) == Choices(Settings(feeds=wanted), ())


@pytest.mark.parametrize("no_id", ["", "x", "-5", 0, True, [], 1.5])
def test_ids_that_are_none(no_id: object) -> None:
    names = ("channel_id", "subscribe_role_id", "unsubscribe_role_id")
    assert chosen({"feeds": dict.fromkeys(names, no_id)}) == Choices(Settings(), ())


def test_what_has_no_counterpart_is_named() -> None:
    document = {
        "feeds": {"enabled": True, "interval": 5},
        "welcome": {"enabled": True, "messages": ["hi"], "template_id": "", "channel_id": None},
        "new": {"thing": 1},
    }
    assert chosen(document).unknown == (
        "feeds.interval",
        "new",
        "welcome.enabled",
        "welcome.messages",
    )


def test_nothing_chosen() -> None:
    assert chosen({}) == Choices(Settings(), ())


@pytest.mark.parametrize(
    "document",
    ["", "{", "[1]", '"x"', "null", None, 5, "\ud800", b"\xff", "[" * 100_000, '{"a":' * 100_000],
    ids=lambda document: repr(document)[:10],
)
def test_what_cannot_be_read(document: object) -> None:
    assert read_choices(document) is None
