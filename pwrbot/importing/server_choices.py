"""A server's settings as pwr-bot kept them, flat or nested, as settings of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from pwrbot.entities import FeedSettings, Settings, VoiceSettings
from pwrbot.importing.values import snowflake

_FLAT: Final = {
    "enabled": "feeds.enabled",
    "channel_id": "feeds.channel_id",
    "subscribe_role_id": "feeds.subscribe_role_id",
    "unsubscribe_role_id": "feeds.unsubscribe_role_id",
    "voice_tracking_enabled": "voice.enabled",
}
"""The keys before migration 5, and what they are called since."""

_FEATURES: Final = ("feeds", "voice", "welcome")


class Choices(NamedTuple):
    """What a server chose."""

    settings: Settings
    unknown: tuple[str, ...]
    """What it chose that pwrbot has no counterpart for, as ``feature.key``."""


def read_choices(document: object) -> Choices | None:
    """What the JSON says, of any version; None where it cannot be read.

    A flag is true, false, 1, 0 (as migration 5 left them) or null, which means not chosen.
    """
    try:
        decoded = msgspec.json.decode(document) if isinstance(document, str | bytes) else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if not isinstance(decoded, dict):
        return None
    chosen = {key: value for key, value in _leaves(decoded) if value not in (None, "", [])}
    settings = Settings(
        voice=VoiceSettings(enabled=_flag(chosen.pop("voice.enabled", None)) is not False),
        feeds=FeedSettings(
            enabled=_flag(chosen.pop("feeds.enabled", None)) is not False,
            channel_id=snowflake(chosen.pop("feeds.channel_id", None)),
            subscribe_role_id=snowflake(chosen.pop("feeds.subscribe_role_id", None)),
            unsubscribe_role_id=snowflake(chosen.pop("feeds.unsubscribe_role_id", None)),
        ),
    )
    if _flag(chosen.get("welcome.enabled")) is False:
        chosen.pop("welcome.enabled", None)
    return Choices(settings, tuple(sorted(chosen)))


def _leaves(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if key in _FEATURES and isinstance(value, dict):
            yield from ((f"{key}.{name}", one) for name, one in value.items())
        else:
            yield _FLAT.get(key, key), value


def _flag(value: object) -> bool | None:
    return bool(value) if isinstance(value, bool | int) else None
