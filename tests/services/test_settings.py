"""Settings: read once, changed one at a time, never overwritten unread."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import datetime
from typing import Any, cast

import pytest
from msgspec.structs import replace

from pwrbot.clock import ManualClock
from pwrbot.entities import ServerSettings, Settings, VoiceSettings
from pwrbot.repository import Repository
from pwrbot.repository.errors import DatabaseUnavailable, DecodeError
from pwrbot.services.ranges import UnknownTimezone
from pwrbot.services.settings import (
    MOST_IGNORED,
    SettingsConflict,
    SettingsService,
    SettingsUnreadable,
    TooManyIgnored,
)
from pwrbot.shards import Shards
from tests.services.house import START

GUILD = 1


@pytest.fixture
def service(repository: Repository) -> SettingsService:
    return SettingsService(repository, ManualClock(START), "Europe/Berlin")


async def test_defaults(service: SettingsService) -> None:
    assert await service.get(GUILD) == Settings()
    assert (await service.zone(GUILD)).key == "Europe/Berlin"


def test_the_hosts_zone_must_be_one(repository: Repository) -> None:
    with pytest.raises(UnknownTimezone):
        SettingsService(repository, ManualClock(START), "Mars/Olympus")


async def test_a_change_is_stored_seen_and_told(
    service: SettingsService, repository: Repository
) -> None:
    told: list[int] = []
    service.on_change(told.append)
    changed = await service.update(GUILD, lambda s: replace(s, timezone="asia/tokyo"))
    assert changed == Settings(timezone="Asia/Tokyo")
    assert await service.get(GUILD) == changed
    assert (await service.zone(GUILD)).key == "Asia/Tokyo"
    assert told == [GUILD]
    assert await repository.server_settings.select(GUILD) == ServerSettings(
        GUILD, changed, 1, START
    )
    elsewhere = SettingsService(repository, ManualClock(START))
    assert await elsewhere.get(GUILD) == changed


async def test_a_change_whose_answer_was_lost_counts_as_far_as_it_is_stored(
    service: SettingsService, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    service.on_change(told.append)
    assert await service.get(GUILD) == Settings()
    save = repository.server_settings.save

    async def lost(**values: Any) -> None:
        await save(**values)
        raise DatabaseUnavailable()

    monkeypatch.setattr(type(repository.server_settings), "save", staticmethod(lost))
    with pytest.raises(DatabaseUnavailable):
        await service.update(GUILD, lambda s: replace(s, timezone="Asia/Tokyo"))
    assert told == [GUILD]
    assert await service.get(GUILD) == Settings(timezone="Asia/Tokyo")


async def test_each_change_is_stored_with_its_time(repository: Repository) -> None:
    clock = ManualClock(START)
    service = SettingsService(repository, clock)
    for name in ("Asia/Tokyo", "Europe/Berlin"):
        clock.advance(hours=1)
        await service.update(GUILD, lambda s, name=name: replace(s, timezone=name))
        row = await repository.server_settings.select(GUILD)
        assert row is not None
        assert row.updated_at == clock.now()


async def test_no_change_is_no_change(service: SettingsService, repository: Repository) -> None:
    told: list[int] = []
    service.on_change(told.append)
    assert await service.update(GUILD, lambda s: s) == Settings()
    assert told == []
    assert await repository.server_settings.select(GUILD) is None


async def test_changes_at_the_same_time_are_all_kept(
    service: SettingsService, repository: Repository
) -> None:
    def ignoring(channel_id: int):
        def change(settings: Settings) -> Settings:
            voice = settings.voice
            channels = (*voice.ignored_channels, channel_id)
            return replace(settings, voice=replace(voice, ignored_channels=channels))

        return change

    await asyncio.gather(*(service.update(GUILD, ignoring(n)) for n in range(1, 4)))
    row = await repository.server_settings.select(GUILD)
    assert row is not None
    assert row.version == 3
    assert sorted(row.settings.voice.ignored_channels) == [1, 2, 3]
    assert await service.get(GUILD) == row.settings


async def test_giving_up_when_always_somebody_is_first() -> None:
    table = StandIn()
    table.somebody_is_first = True
    with pytest.raises(SettingsConflict):
        await table.service().update(GUILD, lambda s: replace(s, timezone="UTC"))
    assert table.saves == 5


async def test_what_is_refused(service: SettingsService, repository: Repository) -> None:
    many = tuple(range(MOST_IGNORED + 1))
    for settings in (
        Settings(voice=VoiceSettings(ignored_channels=many)),
        Settings(voice=VoiceSettings(ignored_roles=many)),
    ):
        with pytest.raises(TooManyIgnored, match="100"):
            await service.update(GUILD, lambda _, settings=settings: settings)
    with pytest.raises(UnknownTimezone, match="Europe/Berlin"):
        await service.update(GUILD, lambda s: replace(s, timezone="Berlin"))
    assert await repository.server_settings.select(GUILD) is None


async def test_repeats_are_taken_off_the_lists(service: SettingsService) -> None:
    twice = VoiceSettings(ignored_channels=(5, 6, 5), ignored_roles=(7, 7))
    changed = await service.update(GUILD, lambda s: replace(s, voice=twice))
    assert changed.voice == VoiceSettings(ignored_channels=(5, 6), ignored_roles=(7,))


async def test_a_failing_listener_stops_nothing(service: SettingsService) -> None:
    told: list[int] = []

    def failing(_: int) -> None:
        raise RuntimeError

    service.on_change(failing)
    service.on_change(told.append)
    await service.update(GUILD, lambda s: replace(s, timezone="UTC"))
    assert told == [GUILD]


async def test_a_zone_that_is_gone(service: SettingsService, repository: Repository) -> None:
    await repository.server_settings.insert(
        ServerSettings(GUILD, Settings(timezone="Old/Name"), 1, START)
    )
    assert (await service.zone(GUILD)).key == "Europe/Berlin"


async def test_a_row_that_cannot_be_read_is_neither_fatal_nor_overwritten() -> None:
    table = StandIn()
    table.unreadable = True
    service = table.service()
    assert await service.get(GUILD) == Settings()
    assert (await service.zone(GUILD)).key == "UTC"
    with pytest.raises(SettingsUnreadable):
        await service.update(GUILD, lambda s: replace(s, timezone="UTC"))
    assert table.saves == 0


@pytest.mark.parametrize("stored", ['{"voice": 3}', "[]", '{"timezone": 7}'])
async def test_a_real_row_that_cannot_be_read(migrated_sqlite_url: str, stored: str) -> None:
    with sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("INSERT INTO server_settings VALUES (?, ?, 1, 0)", (GUILD, stored))
    connection.close()
    repository = await Repository.open(migrated_sqlite_url)
    service = SettingsService(repository, ManualClock(START))
    assert await service.get(GUILD) == Settings()
    with pytest.raises(SettingsUnreadable):
        await service.update(GUILD, lambda s: replace(s, timezone="UTC"))
    await repository.close()


async def test_a_slow_read_does_not_undo_a_change() -> None:
    """A read that began before a change and ends after it must not bring back the old rules."""
    table = StandIn()
    service = table.service()
    held = table.hold = asyncio.Event()
    reading = asyncio.ensure_future(service.get(GUILD))
    await asyncio.sleep(0)
    table.hold = None
    await service.update(GUILD, lambda s: replace(s, timezone="Asia/Tokyo"))
    held.set()
    assert await reading == Settings(timezone="Asia/Tokyo")
    assert await service.get(GUILD) == Settings(timezone="Asia/Tokyo")


class StandIn:
    """A table of settings that fails in chosen ways, in place of a repository."""

    def __init__(self) -> None:
        self.row: ServerSettings | None = None
        self.saves = 0
        self.unreadable = False
        self.somebody_is_first = False
        self.hold: asyncio.Event | None = None
        """Answers that wait for it are those of the moment they were asked."""

    def service(self) -> SettingsService:
        return SettingsService(cast(Repository, self), ManualClock(START))

    @property
    def server_settings(self) -> StandIn:
        return self

    async def select(self, key: int) -> ServerSettings | None:
        row = self.row
        if self.hold is not None:
            await self.hold.wait()
        if self.unreadable:
            raise DecodeError(f"server_settings.select: the settings of {key} are no object")
        return row

    async def save(
        self, *, guild_id: int, settings: Settings, version: int, now: datetime
    ) -> ServerSettings | None:
        self.saves += 1
        if self.somebody_is_first:
            return None
        self.row = ServerSettings(guild_id, settings, version + 1, now)
        return self.row


async def test_what_other_processes_of_a_fleet_change_is_seen(repository: Repository) -> None:
    mine, theirs = 2 << 22, 3 << 22
    here = SettingsService(repository, ManualClock(START), shards=Shards((0,), 2))
    there = SettingsService(repository, ManualClock(START), shards=Shards((1,), 2))
    for guild_id in (mine, theirs):
        assert await here.get(guild_id) == Settings()
    await here.update(mine, lambda s: replace(s, timezone="Asia/Tokyo"))
    await there.update(theirs, lambda s: replace(s, timezone="Asia/Seoul"))
    for service in (here, there):
        assert (await service.get(mine)).timezone == "Asia/Tokyo"
        assert (await service.get(theirs)).timezone == "Asia/Seoul"
