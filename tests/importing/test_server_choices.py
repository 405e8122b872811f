"""A server's settings: flat, nested, with flags of every kind, and what is none."""

from __future__ import annotations

import json

import pytest

from pwrbot.entities import Settings, VoiceSettings
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
    assert chosen(document) == Choices(Settings(), CHANNEL, ())


@pytest.mark.parametrize("off", [False, 0])
def test_voice_off(off: object) -> None:
    assert chosen({"voice": {"enabled": off}}) == Choices(OFF, None, ())
    assert chosen({"voice_tracking_enabled": off}) == Choices(OFF, None, ())


def test_what_has_no_counterpart_is_named() -> None:
    document = {
        "feeds": {"enabled": False, "subscribe_role_id": "5", "unsubscribe_role_id": None},
        "welcome": {"enabled": True, "messages": ["hi"], "template_id": "", "channel_id": None},
        "new": {"thing": 1},
    }
    assert chosen(document).unknown == (
        "feeds.enabled",
        "feeds.subscribe_role_id",
        "new",
        "welcome.enabled",
        "welcome.messages",
    )
    assert chosen({"subscribe_role_id": "5"}).unknown == ("feeds.subscribe_role_id",)


def test_nothing_chosen() -> None:
    assert chosen({}) == Choices(Settings(), None, ())


@pytest.mark.parametrize("document", ["", "{", "[1]", '"x"', "null", None, 5, "\ud800", b"\xff"])
def test_what_cannot_be_read(document: object) -> None:
    assert read_choices(document) is None
