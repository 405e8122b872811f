"""What users chose for themselves, on both engines."""

from __future__ import annotations

from pwrbot.clock import ManualClock
from pwrbot.repository import Repository
from pwrbot.services.preferences import PreferenceService
from tests.live_bot import NOW


async def test_pictures_are_what_nobody_has_to_choose(repository: Repository) -> None:
    assert not await PreferenceService(repository, ManualClock(NOW)).plain_text(1)
    assert await repository.member_preferences.count() == 0


async def test_a_choice_is_remembered_and_taken_back(repository: Repository) -> None:
    clock = ManualClock(NOW)
    preferences = PreferenceService(repository, clock)
    await preferences.choose_plain_text(1, True)
    assert await preferences.plain_text(1)
    assert not await preferences.plain_text(2)
    # After a restart, too.
    preferences = PreferenceService(repository, clock)
    assert await preferences.plain_text(1)
    clock.advance(hours=1)
    await preferences.choose_plain_text(1, False)
    assert not await preferences.plain_text(1)
    assert not await PreferenceService(repository, clock).plain_text(1)
    row = await repository.member_preferences.select(1)
    assert row is not None
    assert row.updated_at == clock.now()
