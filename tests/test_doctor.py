"""What `pwrbot doctor` finds, says and mends, on both engines."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pwrbot.cli import main
from pwrbot.entities import VoiceChannelTotal, VoiceHour, VoiceMemberTotal, VoiceSession
from pwrbot.repository import Repository
from pwrbot.repository.migrations import migrate, rollback, status
from pwrbot.repository.url import parse_url
from tests.services.filling import fill

NOON = datetime(2024, 2, 28, 12, tzinfo=UTC)
GUILD, OTHER = 1, 2
NONE = timedelta()
UNEVEN = timedelta(hours=1, minutes=1, seconds=1)
"""Quarters of an hour are begun in the middle, too."""


async def filled(url: str) -> Repository:
    repository = await Repository.open(url)
    await repository.voice_sessions.insert_many(
        [
            VoiceSession(guild, user, NOON + user * UNEVEN, 10, NOON + timedelta(days=user))
            for guild in (GUILD, OTHER)
            for user in (1, 2, 40)
        ]
    )
    return repository


async def alter(repository: Repository, what: str) -> None:
    """Do what no part of the program does: write into a roll-up by hand."""
    if what == "total":
        [row, *_] = await repository.voice_member_totals.select_all()
        await repository.voice_member_totals.delete((row.guild_id, row.period, row.user_id))
    elif what == "channel":
        [row, *_] = await repository.voice_channel_totals.select_all()
        await repository.voice_channel_totals.delete((row.guild_id, row.period, row.channel_id))
    elif what == "hour":
        # Its sum stays what it was.
        hours = await repository.voice_hours.select_all()
        row = next(row for row in hours if row.guild_id == GUILD)
        moved = timedelta(seconds=1)
        await repository.voice_hours.replace(
            type(row)(
                row.guild_id,
                row.hour,
                row.quarter_1 + moved,
                row.quarter_2 - moved,
                row.quarter_3,
                row.quarter_4,
            )
        )
    elif what == "negative":
        [row, *_] = await repository.voice_member_totals.select_all()
        await repository.voice_member_totals.update(
            VoiceMemberTotal(row.guild_id, row.period, row.user_id, -row.total)
        )
    elif what == "invented":
        await repository.voice_hours.insert(
            VoiceHour(GUILD, 2031010100, NONE, NONE, timedelta(minutes=1), NONE)
        )
    else:
        [row, *_] = await repository.voice_segments.select_all()
        await repository.voice_segments.delete(
            (row.guild_id, row.day, row.channel_id, row.started_at, row.user_id)
        )


TABLES = {
    "total": "voice_member_totals",
    "channel": "voice_channel_totals",
    "hour": "voice_hours",
    "negative": "voice_member_totals",
    "invented": "voice_hours",
    "segment": "voice_segments",
}


@pytest.mark.parametrize("what", TABLES)
async def test_what_was_altered_by_hand_is_found_and_mended(
    what: str,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    repository = await filled(migrated_url)
    tables = (
        repository.voice_segments,
        repository.voice_member_totals,
        repository.voice_channel_totals,
        repository.voice_hours,
    )
    before = [await table.select_all() for table in tables]
    assert await doctor() == 0
    assert "All well: the voice totals of 2 servers" in capsys.readouterr().out

    await alter(repository, what)
    assert await doctor() == 1
    shown = capsys.readouterr()
    assert f"Server 1: 1 rows of {TABLES[what]}" in shown.out
    assert "1 of 2 servers are wrong. Stop the bot" in shown.err

    assert await doctor("--mend") == 0
    assert "Mended." in capsys.readouterr().out
    assert [await table.select_all() for table in tables] == before
    await repository.close()


async def test_what_a_migration_adds_up_of_sessions_that_are_there(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    url = parse_url(migrated_url)
    await (await filled(migrated_url)).close()
    steps = len(status(url).migrations) - 4
    taken = await asyncio.to_thread(rollback, url, steps=steps)
    assert taken[-1] == "0005.voice_rollups"
    await asyncio.to_thread(migrate, url)
    assert await doctor() == 0
    assert "All well: the voice totals of 2 servers" in capsys.readouterr().out


async def test_totals_of_a_server_without_sessions(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Left over from nobody knows what: they are not overlooked, and taken away."""
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    repository = await filled(migrated_url)
    await repository.voice_member_totals.insert(VoiceMemberTotal(8, 0, 1, timedelta(hours=1)))
    await repository.voice_channel_totals.insert(VoiceChannelTotal(9, 2024, 1, -timedelta(hours=1)))

    assert await doctor() == 1
    shown = capsys.readouterr()
    assert "Server 8: 1 rows of voice_member_totals" in shown.out
    assert "Server 9: 1 rows of voice_channel_totals" in shown.out
    assert "2 of 4 servers are wrong." in shown.err

    assert await doctor("--mend") == 0
    capsys.readouterr()
    assert await doctor() == 0
    assert "All well: the voice totals of 2 servers" in capsys.readouterr().out
    await repository.close()


async def test_it_takes_the_time_it_needs(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DATABASE_TIMEOUT_SECONDS is for answers that somebody waits for, not for a whole history."""
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("DATABASE_TIMEOUT_SECONDS", "0.1")
    hour = timedelta(hours=1)
    sessions = [
        VoiceSession(GUILD, user, NOON + number * hour, 10, NOON + number * hour + hour)
        for user in range(20)
        for number in range(1000)
    ]
    await asyncio.to_thread(fill, migrated_url, sessions)
    assert await doctor() == 0
    assert "slow" not in capsys.readouterr().err


async def doctor(*options: str) -> int:
    return await asyncio.to_thread(main, ["doctor", *options])
