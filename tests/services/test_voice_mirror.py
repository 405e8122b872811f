"""What each event changes about the sessions of one guild."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from pwrbot.entities import OpenVoiceSession, VoiceSettings
from pwrbot.services.voice_mirror import Change, VoiceMirror
from pwrbot.services.voice_rules import Verdict
from pwrbot.services.voice_state import GuildVoice, VoiceState

GUILD, ANN, BEN, BOT = 1, 20, 21, 29
HALL, DEN, AFK = 10, 11, 12
START = datetime(2026, 1, 1, tzinfo=UTC)
COMPANY = VoiceSettings(alone=False)
DEFAULTS = VoiceSettings()


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def state(
    user_id: int, channel_id: int | None, *, bot: bool = False, muted: bool = False
) -> VoiceState:
    return VoiceState(GUILD, user_id, channel_id, bot=bot, muted=muted)


def snapshot(*states: VoiceState) -> GuildVoice:
    return GuildVoice(GUILD, AFK, states)


def said(change: Change | None) -> tuple[dict[int, list[int]], list[tuple[int, int, int]]]:
    """Ends and starts, with moments as minutes."""
    if change is None:
        return {}, []

    def minute(moment: datetime) -> int:
        return (moment - START) // timedelta(minutes=1)

    ends = {minute(moment): users for moment, users in change.ends.items()}
    return ends, [(s.user_id, s.channel_id, minute(s.joined_at)) for s in change.starts]


NOTHING: tuple[dict[int, list[int]], list[tuple[int, int, int]]] = ({}, [])


@pytest.fixture
def mirror() -> VoiceMirror:
    """A guild that has been seen, with nobody in voice."""
    mirror = VoiceMirror(GUILD)
    assert mirror.seen(snapshot(), DEFAULTS, at(0), []) is None
    return mirror


def test_join_move_leave(mirror: VoiceMirror) -> None:
    assert said(mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))) == ({}, [(ANN, HALL, 1)])
    assert said(mirror.state_changed(state(ANN, DEN), DEFAULTS, at(2))) == (
        {2: [ANN]},
        [(ANN, DEN, 2)],
    )
    assert said(mirror.state_changed(state(ANN, None), DEFAULTS, at(3))) == ({3: [ANN]}, [])


def test_repeats_change_nothing(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    assert mirror.state_changed(state(ANN, HALL), DEFAULTS, at(2)) is None
    assert mirror.state_changed(state(ANN, HALL, muted=True), DEFAULTS, at(3)) is None
    mirror.state_changed(state(ANN, None), DEFAULTS, at(4))
    assert mirror.state_changed(state(ANN, None), DEFAULTS, at(5)) is None


def test_a_leave_without_a_join_changes_nothing(mirror: VoiceMirror) -> None:
    assert mirror.state_changed(state(ANN, None), DEFAULTS, at(1)) is None


def test_a_missed_move_shows_in_the_next_event(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    assert said(mirror.state_changed(state(ANN, DEN, muted=True), DEFAULTS, at(5))) == (
        {5: [ANN]},
        [(ANN, DEN, 5)],
    )


def test_bots_never_count_nor_are_company(mirror: VoiceMirror) -> None:
    assert mirror.state_changed(state(BOT, HALL, bot=True), COMPANY, at(1)) is None
    assert mirror.state_changed(state(ANN, HALL), COMPANY, at(2)) is None
    assert mirror.judgement(ANN, COMPANY) == (Verdict.ALONE, HALL)
    assert mirror.state_changed(state(BOT, None, bot=True), COMPANY, at(3)) is None


def test_muting_ends_and_unmuting_begins(mirror: VoiceMirror) -> None:
    rules = VoiceSettings(muted=False)
    mirror.state_changed(state(ANN, HALL), rules, at(1))
    muted = mirror.state_changed(state(ANN, HALL, muted=True), rules, at(2))
    assert said(muted) == ({2: [ANN]}, [])
    assert said(mirror.state_changed(state(ANN, HALL), rules, at(3))) == ({}, [(ANN, HALL, 3)])


def test_company_comes_and_goes(mirror: VoiceMirror) -> None:
    assert mirror.state_changed(state(ANN, HALL), COMPANY, at(1)) is None
    assert said(mirror.state_changed(state(BEN, HALL), COMPANY, at(2))) == (
        {},
        [(ANN, HALL, 2), (BEN, HALL, 2)],
    )
    assert said(mirror.state_changed(state(BEN, DEN), COMPANY, at(3))) == ({3: [ANN, BEN]}, [])
    assert said(mirror.state_changed(state(ANN, DEN), COMPANY, at(4))) == (
        {},
        [(ANN, DEN, 4), (BEN, DEN, 4)],
    )
    assert said(mirror.state_changed(state(ANN, None), COMPANY, at(5))) == ({5: [ANN, BEN]}, [])


def test_the_afk_channel_may_be_set_while_people_sit_in_it(mirror: VoiceMirror) -> None:
    there = state(ANN, HALL)
    mirror.state_changed(there, DEFAULTS, at(1))
    stored = [OpenVoiceSession(GUILD, ANN, HALL, at(1))]
    change = mirror.seen(GuildVoice(GUILD, HALL, (there,)), DEFAULTS, at(5), stored)
    assert said(change) == ({5: [ANN]}, [])
    change = mirror.seen(GuildVoice(GUILD, None, (there,)), DEFAULTS, at(6), [])
    assert said(change) == ({}, [(ANN, HALL, 6)])


def test_who_sat_in_the_afk_channel_before_it_was_known_never_counted() -> None:
    mirror = VoiceMirror(GUILD)
    mirror.state_changed(state(ANN, AFK), DEFAULTS, at(1))
    mirror.state_changed(state(BEN, HALL), DEFAULTS, at(1))
    change = mirror.seen(snapshot(state(ANN, AFK), state(BEN, HALL)), DEFAULTS, at(2), None)
    assert said(change) == ({1: [ANN]}, [])
    assert mirror.start_of(BEN) == at(1)


def test_seen_opens_ends_and_moves(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    mirror.state_changed(state(BEN, HALL), DEFAULTS, at(1))
    now = snapshot(state(BEN, DEN), state(22, HALL), state(BOT, HALL, bot=True))
    assert said(mirror.seen(now, DEFAULTS, at(9), None)) == (
        {9: [ANN, BEN]},
        [(BEN, DEN, 9), (22, HALL, 9)],
    )
    assert mirror.seen(now, DEFAULTS, at(10), None) is None


def test_the_database_is_made_to_agree(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    stray = [OpenVoiceSession(GUILD, BEN, DEN, at(0))]
    change = mirror.seen(snapshot(state(ANN, HALL)), DEFAULTS, at(5), stray)
    assert said(change) == ({5: [BEN]}, [(ANN, HALL, 5)])


def test_after_an_outage_only_what_is_certain_counts(mirror: VoiceMirror) -> None:
    for user_id in (ANN, BEN, 22):
        mirror.state_changed(state(user_id, HALL), DEFAULTS, at(1))
    mirror.lost(at(10))
    assert not mirror.in_contact
    now = snapshot(state(BEN, DEN), state(22, HALL), state(23, HALL))
    assert said(mirror.seen(now, DEFAULTS, at(20), None)) == (
        {10: [ANN, BEN]},
        [(BEN, DEN, 20), (23, HALL, 20)],
    )
    assert mirror.in_contact
    assert mirror.start_of(22) == at(1)
    assert said(mirror.state_changed(state(22, None), DEFAULTS, at(30))) == ({30: [22]}, [])


def test_replayed_events_end_sessions_when_contact_was_lost(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    mirror.lost(at(10))
    assert said(mirror.state_changed(state(ANN, None), DEFAULTS, at(20))) == ({10: [ANN]}, [])
    # Joined since: a session that Discord vouched for ends when it says so.
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(21))
    assert said(mirror.state_changed(state(ANN, None), DEFAULTS, at(22))) == ({22: [ANN]}, [])


def test_a_second_outage_keeps_the_first_moment_for_whom_nobody_saw(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    mirror.lost(at(10))
    mirror.state_changed(state(BEN, HALL), DEFAULTS, at(12))
    mirror.lost(at(15))
    assert said(mirror.seen(snapshot(), DEFAULTS, at(20), None)) == ({10: [ANN], 15: [BEN]}, [])


def test_a_loss_noticed_late_never_ends_a_session_before_it_began(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(10))
    mirror.lost(at(5))
    assert said(mirror.seen(snapshot(), DEFAULTS, at(20), None)) == ({10: [ANN]}, [])


def test_everybody_ends(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    mirror.lost(at(2))
    mirror.state_changed(state(BEN, HALL), DEFAULTS, at(3))
    assert said(mirror.ended(at(9))) == ({2: [ANN], 9: [BEN]}, [])
    assert mirror.ended(at(9)) is None


def test_a_clock_set_back_gives_no_negative_and_no_overlapping_session(
    mirror: VoiceMirror,
) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(60))
    moved = mirror.state_changed(state(ANN, DEN), DEFAULTS, at(30))
    assert said(moved) == ({60: [ANN]}, [(ANN, DEN, 60)])
    assert said(mirror.state_changed(state(ANN, None), DEFAULTS, at(40))) == ({60: [ANN]}, [])


def test_new_rules_at_once(mirror: VoiceMirror) -> None:
    mirror.state_changed(state(ANN, HALL), DEFAULTS, at(1))
    mirror.state_changed(state(BEN, DEN), DEFAULTS, at(1))
    off = VoiceSettings(enabled=False)
    assert said(mirror.rejudged(off, at(5))) == ({5: [ANN, BEN]}, [])
    assert mirror.rejudged(off, at(6)) is None
    only_hall = VoiceSettings(ignored_channels=(DEN,))
    assert said(mirror.rejudged(only_hall, at(7))) == ({}, [(ANN, HALL, 7)])


def test_a_role_taken_on_is_an_event_too(mirror: VoiceMirror) -> None:
    rules = VoiceSettings(ignored_roles=(7,))
    ann = state(ANN, HALL)
    mirror.state_changed(ann, rules, at(1))
    with_role = replace(ann, role_ids=frozenset({7}))
    assert said(mirror.state_changed(with_role, rules, at(2))) == ({2: [ANN]}, [])


def test_a_member_nobody_saw(mirror: VoiceMirror) -> None:
    assert mirror.judgement(ANN, DEFAULTS) == (Verdict.NOT_IN_VOICE, None)
    assert mirror.judgement(ANN, VoiceSettings(enabled=False)) == (Verdict.TRACKING_OFF, None)
    assert mirror.start_of(ANN) is None
