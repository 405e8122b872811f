"""What each server chose: read from memory, changed one at a time, told to who depends on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import structlog

from pwrbot.clock import Clock
from pwrbot.entities import ServerSettings, Settings, VoiceSettings
from pwrbot.errors import PwrbotError
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseError, DecodeError
from pwrbot.services import ranges
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)

MOST_IGNORED: Final = 100
"""How many channels, and how many roles, a server may ignore."""

_ATTEMPTS: Final = 5
_REMEMBERED: Final = 50_000  # servers


class SettingsConflict(PwrbotError):
    """Somebody else changed the settings at the same moment; look at them and try again."""


class SettingsUnreadable(PwrbotError):
    """This server's stored settings cannot be read, so nothing was changed: ask the bot's owner."""


class TooManyIgnored(PwrbotError):
    """A server can ignore at most 100 channels and 100 roles; take some off the list first."""


class _Known(msgspec.Struct, frozen=True):
    settings: Settings
    version: int
    """Of the stored row; 0 where the server never changed anything."""


class SettingsService:
    """The settings of every server.

    Those of this process's ``shards`` are remembered: Discord tells of a command in a server only
    on that server's shard, and a shard is one process's until it ends, so nobody else changes
    them. Those of other servers are read anew each time.
    """

    def __init__(
        self,
        repository: Repository,
        clock: Clock,
        default_timezone: str = "UTC",
        *,
        shards: Shards = ALL,
    ) -> None:
        """Raises UnknownTimezone where the host's zone is none."""
        self._repository = repository
        self._clock = clock
        self._default_zone = ranges.zone(default_timezone)
        self._shards = shards
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._listeners: list[Callable[[int], None]] = []

    async def get(self, guild_id: int) -> Settings:
        """A server's settings, defaults where it never chose.

        A stored row that cannot be read (written by a newer version, or by hand) gives the
        defaults and an error in the log; the row itself stays as it is.
        """
        known = self._known.get(guild_id)
        if known is not None:
            self._known.move_to_end(guild_id)
            return known.settings
        try:
            row = await self._repository.server_settings.select(guild_id)
        except DecodeError as error:
            log.error("settings_unreadable", error=str(error), used="defaults")
            return self._remember(guild_id, _Known(Settings(), 0))
        return self._remember(guild_id, _known(row))

    async def zone(self, guild_id: int) -> ZoneInfo:
        """A server's time zone, the host's default where it chose none."""
        name = (await self.get(guild_id)).timezone
        if name is None:
            return self._default_zone
        try:
            return ranges.zone(name)
        except ranges.UnknownTimezone:
            log.error("settings_timezone_unknown", timezone=name, used=self._default_zone.key)
            return self._default_zone

    async def update(self, guild_id: int, change: Callable[[Settings], Settings]) -> Settings:
        """Store what ``change`` makes of the settings as stored, and tell the listeners.

        ``change`` may be called again when somebody else was first. Raises UnknownTimezone,
        TooManyIgnored, SettingsConflict, or SettingsUnreadable where the stored row cannot be
        read: overwriting it would lose what it says.
        """
        for _ in range(_ATTEMPTS):
            try:
                row = await self._repository.server_settings.select(guild_id)
            except DecodeError as error:
                raise SettingsUnreadable() from error
            current = _known(row)
            changed = _checked(change(current.settings))
            if changed == current.settings:
                return self._remember(guild_id, current)
            try:
                saved = await self._repository.server_settings.save(
                    guild_id=guild_id,
                    settings=changed,
                    version=current.version,
                    now=self._clock.now(),
                )
            except DatabaseError:
                # Perhaps it was stored, and only the answer lost: what is stored counts.
                self.forget(guild_id)
                self._tell(guild_id)
                raise
            if saved is not None:
                self._remember(guild_id, _known(saved))
                self._tell(guild_id)
                return saved.settings
        raise SettingsConflict()

    def on_change(self, listener: Callable[[int], None]) -> None:
        """Have ``listener`` called with the guild's id after each change."""
        self._listeners.append(listener)

    def forget(self, guild_id: int) -> None:
        """Read this server's settings anew next time."""
        self._known.pop(guild_id, None)

    def _tell(self, guild_id: int) -> None:
        for listener in self._listeners:
            try:
                listener(guild_id)
            except Exception:
                log.exception("settings_listener_failed")

    def _remember(self, guild_id: int, known: _Known) -> Settings:
        """Keep what was read, unless a later version is known: a read can end after a change."""
        later = self._known.get(guild_id)
        if later is not None and later.version > known.version:
            return later.settings
        if not self._shards.has(guild_id):
            return known.settings
        self._known[guild_id] = known
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known.settings


def _known(row: ServerSettings | None) -> _Known:
    return _Known(Settings(), 0) if row is None else _Known(row.settings, row.version)


def _checked(settings: Settings) -> Settings:
    """The settings as they are stored: the zone by its own name, lists without repeats."""
    voice = settings.voice
    channels = tuple(dict.fromkeys(voice.ignored_channels))
    roles = tuple(dict.fromkeys(voice.ignored_roles))
    if len(channels) > MOST_IGNORED or len(roles) > MOST_IGNORED:
        raise TooManyIgnored()
    timezone = None if settings.timezone is None else ranges.zone(settings.timezone).key
    return msgspec.structs.replace(
        settings, timezone=timezone, voice=_with_ignored(voice, channels, roles)
    )


def _with_ignored(
    voice: VoiceSettings, channels: tuple[int, ...], roles: tuple[int, ...]
) -> VoiceSettings:
    return msgspec.structs.replace(voice, ignored_channels=channels, ignored_roles=roles)
