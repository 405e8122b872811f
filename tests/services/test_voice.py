"""The tracker on a real database: events in, sessions out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pwrbot.entities import OpenVoiceSession, Settings, VoiceSettings
from pwrbot.services.voice import Judgement
from pwrbot.services.voice_rules import Verdict
from pwrbot.services.voice_state import GuildVoice
from tests.services.house import AFK, GUILD, House, at

ANN, BEN, CID, BOT = 20, 21, 22, 29
HALL, DEN = 10, 11
UNSEEN = Judgement(Verdict.NOT_IN_VOICE, None, None, False)


async def test_join_move_leave(house: House) -> None:
    house.seen(0)
    house.happens(1, ANN, HALL)
    house.happens(2, ANN, DEN)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 1, 2)]
    assert await house.running() == [(ANN, DEN, 2)]
    house.happens(5, ANN, None)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 1, 2), (ANN, DEN, 2, 5)]
    assert await house.running() == []


async def test_a_burst_keeps_its_order(house: House) -> None:
    """All of it is queued before the worker runs at all."""
    house.seen(0)
    for minute in range(1, 1200):
        house.happens(minute, ANN, (HALL, DEN, None)[minute % 3])
    await house.tracker.drain()
    ended = await house.ended()
    assert len(ended) == 799
    assert all(left - joined == 1 for _, _, joined, left in ended)
    assert await house.running() == []


async def test_repeated_and_impossible_events(house: House) -> None:
    house.seen(0)
    house.happens(1, ANN, None)  # a leave without a join
    house.happens(2, ANN, HALL)
    house.happens(3, ANN, HALL)  # again
    house.happens(4, ANN, HALL, muted=True)
    house.happens(5, ANN, None)
    house.happens(6, ANN, None)
    house.happens(7, BOT, HALL, bot=True)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 2, 5)]
    assert await house.running() == []


async def test_a_session_of_no_length_is_not_kept(house: House) -> None:
    house.seen(0)
    house.happens(1, ANN, HALL)
    house.happens(1, ANN, DEN)
    house.happens(1, ANN, None)
    await house.tracker.drain()
    assert await house.ended() == []
    assert await house.running() == []


async def test_a_clock_set_back(house: House) -> None:
    house.seen(0)
    house.happens(60, ANN, HALL)
    house.happens(90, ANN, DEN)
    house.happens(30, ANN, HALL)
    house.happens(40, ANN, None)
    house.happens(50, ANN, HALL)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 60, 90)]
    assert await house.running() == [(ANN, HALL, 90)]
    house.seen(55, house.state(ANN, HALL))
    house.happens(100, ANN, None)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 60, 90), (ANN, HALL, 90, 100)]


async def test_missed_events_are_made_up_for(house: House) -> None:
    house.seen(0, house.state(ANN, HALL), house.state(BEN, HALL))
    house.seen(5, house.state(BEN, DEN), house.state(CID, DEN), house.state(BOT, DEN, bot=True))
    house.seen(6, house.state(BEN, DEN), house.state(CID, DEN), house.state(BOT, DEN, bot=True))
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 0, 5), (BEN, HALL, 0, 5)]
    assert await house.running() == [(BEN, DEN, 5), (CID, DEN, 5)]


async def test_what_the_database_has_too_much_or_too_little_of(house: House) -> None:
    house.seen(0, house.state(ANN, HALL))
    await house.tracker.drain()
    await house.repository.open_voice_sessions.delete((GUILD, ANN))
    await house.repository.open_voice_sessions.insert(OpenVoiceSession(GUILD, BEN, DEN, at(2)))
    house.seen(5, house.state(ANN, HALL))
    await house.tracker.drain()
    assert await house.ended() == [(BEN, DEN, 2, 5)]
    assert await house.running() == [(ANN, HALL, 5)]


async def test_guilds_are_apart(house: House) -> None:
    other = 2
    house.seen(0, house.state(ANN, HALL))
    house.tracker.guild_seen(
        GuildVoice(other, None, (replace(house.state(ANN, 77), guild_id=other),)), at(0)
    )
    house.tracker.guild_removed(other, at(5))
    await house.tracker.drain()
    assert await house.ended() == [(ANN, 77, 0, 5)]
    assert await house.running() == [(ANN, HALL, 0)]


async def test_a_removed_guild_is_forgotten(house: House) -> None:
    house.seen(0, house.state(ANN, HALL))
    house.tracker.guild_removed(GUILD, at(5))
    house.tracker.guild_removed(GUILD, at(6))
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 0, 5)]
    assert await house.tracker.why(GUILD, ANN) == UNSEEN


async def test_an_outage(house: House) -> None:
    everybody = [house.state(user_id, HALL) for user_id in (ANN, BEN, CID)]
    house.seen(0, *everybody)
    house.tracker.contact_lost([GUILD, 404], at(10))
    house.seen(20, house.state(BEN, DEN), house.state(CID, HALL))
    house.happens(30, CID, None)
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 0, 10), (BEN, HALL, 0, 10), (CID, HALL, 0, 30)]
    assert await house.running() == [(BEN, DEN, 20)]


async def test_a_resume_replays_what_was_missed(house: House) -> None:
    house.seen(0, house.state(ANN, HALL), house.state(BEN, HALL))
    house.tracker.contact_lost(None, at(10))
    house.happens(20, ANN, None)
    house.happens(20, ANN, DEN)
    house.happens(20, CID, DEN)
    house.seen(20, house.state(ANN, DEN), house.state(BEN, HALL), house.state(CID, DEN))
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 0, 10)]
    assert await house.running() == [(ANN, DEN, 20), (BEN, HALL, 0), (CID, DEN, 20)]


async def test_new_settings_at_once(house: House) -> None:
    house.seen(0, house.state(ANN, HALL), house.state(BEN, DEN, muted=True))
    await house.tracker.drain()
    house.clock.set(at(5))
    await house.settings.update(GUILD, lambda s: replace(s, voice=VoiceSettings(muted=False)))
    await house.tracker.drain()
    assert await house.ended() == [(BEN, DEN, 0, 5)]
    house.clock.set(at(6))
    await house.settings.update(GUILD, lambda s: replace(s, voice=VoiceSettings(enabled=False)))
    await house.tracker.drain()
    assert await house.running() == []
    house.clock.set(at(7))
    await house.settings.update(GUILD, lambda _: Settings())
    await house.tracker.drain()
    assert await house.ended() == [(ANN, HALL, 0, 6), (BEN, DEN, 0, 5)]
    assert await house.running() == [(ANN, HALL, 7), (BEN, DEN, 7)]


async def test_settings_of_a_guild_nobody_saw(house: House) -> None:
    house.tracker.settings_changed(404)
    await house.tracker.drain()
    assert await house.running() == []


async def test_why(house: House) -> None:
    assert await house.tracker.why(GUILD, ANN) == UNSEEN
    house.seen(1, house.state(ANN, HALL), house.state(BEN, AFK))
    await house.tracker.drain()
    ann, ben = await house.tracker.why(GUILD, ANN), await house.tracker.why(GUILD, BEN)
    assert (ann.verdict, ann.channel_id, ann.since, ann.in_contact) == (
        Verdict.COUNTED,
        HALL,
        at(1),
        True,
    )
    assert (ben.verdict, ben.channel_id, ben.since) == (Verdict.AFK_CHANNEL, AFK, None)
    house.tracker.contact_lost(None, at(2))
    await house.tracker.drain()
    assert not (await house.tracker.why(GUILD, ANN)).in_contact


@pytest.mark.parametrize("others", [0, 30])
async def test_a_fixed_number_of_statements(house: House, others: int) -> None:
    """However many are there. A minute in which nothing was missed reads once, writes nothing."""
    crowd = [house.state(100 + number, HALL) for number in range(others)]
    house.seen(0, *crowd)
    await house.tracker.drain()

    counted = 0

    async def statements() -> int:
        nonlocal counted
        await house.tracker.drain()
        before = counted
        counted = sum(s.statistics.calls for s in house.repository.statements)
        return counted - before

    await statements()
    house.happens(1, ANN, HALL)
    assert await statements() == 1
    house.happens(2, ANN, DEN)
    assert await statements() == 3
    house.happens(3, ANN, DEN, muted=True)
    assert await statements() == 0
    house.happens(4, ANN, None)
    assert await statements() == 2
    house.seen(5, *crowd)
    assert await statements() == 1
    house.seen(6)
    assert await statements() == (3 if others else 1)
