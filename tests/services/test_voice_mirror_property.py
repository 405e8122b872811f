"""Whatever comes in whatever order: sessions that fit the rules, one at a time for each member."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pwrbot.entities import OpenVoiceSession, VoiceSettings
from pwrbot.services.voice_mirror import Change, VoiceMirror
from pwrbot.services.voice_rules import Verdict
from pwrbot.services.voice_state import GuildVoice, VoiceState

GUILD, AFK = 1, 12
START = datetime(2026, 1, 1, tzinfo=UTC)
MEMBERS = (20, 21, 22)

states = st.builds(
    VoiceState,
    guild_id=st.just(GUILD),
    user_id=st.sampled_from(MEMBERS),
    channel_id=st.sampled_from([None, 10, 11, AFK]),
    muted=st.booleans(),
)
rules = st.builds(VoiceSettings, enabled=st.booleans(), muted=st.booleans(), alone=st.booleans())
events = st.tuples(
    st.integers(-3, 10),  # minutes since the one before: the clock may be set back
    st.one_of(
        states,
        states,
        st.lists(states, max_size=3, unique_by=lambda state: state.user_id).map(tuple),
        rules,
        st.just("lost"),
    ),
)


class Stored:
    """What the database would hold: voice_sessions.end and open_voice_sessions.open in Python."""

    def __init__(self) -> None:
        self.open: dict[int, OpenVoiceSession] = {}
        self.ended: dict[int, list[tuple[datetime, datetime]]] = {user: [] for user in MEMBERS}

    def write(self, change: Change | None) -> None:
        if change is None:
            return
        for left_at, user_ids in change.ends.items():
            for user_id in user_ids:
                joined_at = self.open.pop(user_id).joined_at
                if left_at > joined_at:
                    self.ended[user_id].append((joined_at, left_at))
        for start in change.starts:
            assert start.user_id not in self.open
            joined_at = max([start.joined_at, *(left for _, left in self.ended[start.user_id])])
            self.open[start.user_id] = OpenVoiceSession(
                GUILD, start.user_id, start.channel_id, joined_at
            )


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(happened=st.lists(events, max_size=30), asks=st.booleans())
def test_sessions_always_fit_what_was_said(
    happened: list[tuple[int, VoiceState | tuple[VoiceState, ...] | VoiceSettings | str]],
    asks: bool,
) -> None:
    mirror, stored, chosen, now = VoiceMirror(GUILD), Stored(), VoiceSettings(), START
    said: dict[int, VoiceState] = {}
    heard = {user: timedelta() for user in MEMBERS}  # how long each was counted, by the clock
    clean = True  # no outage and no clock set back: then totals are exact
    stored.write(mirror.seen(GuildVoice(GUILD, AFK), chosen, now, []))
    for minutes, what in happened:
        now += timedelta(minutes=minutes)
        clean = clean and minutes >= 0 and what != "lost"
        if minutes > 0:
            for user in stored.open:
                heard[user] += timedelta(minutes=minutes)
        if isinstance(what, VoiceState):
            said[what.user_id] = what
            stored.write(mirror.state_changed(what, chosen, now))
        elif isinstance(what, VoiceSettings):
            chosen = what
            stored.write(mirror.rejudged(chosen, now))
        elif isinstance(what, tuple):
            in_voice = tuple(state for state in what if state.channel_id is not None)
            said = {state.user_id: state for state in in_voice}
            asked = list(stored.open.values()) if asks else None
            stored.write(mirror.seen(GuildVoice(GUILD, AFK, in_voice), chosen, now, asked))
        else:
            mirror.lost(now)

        channels = {user: state.channel_id for user, state in said.items() if state.channel_id}
        for user in MEMBERS:
            verdict, channel_id = mirror.judgement(user, chosen)
            assert channel_id == channels.get(user)
            alone = list(channels.values()).count(channel_id or 0) < 2
            counts = (
                channel_id is not None
                and chosen.enabled
                and channel_id != AFK
                and (chosen.muted or not said[user].muted)
                and (chosen.alone or not alone)
            )
            assert (verdict is Verdict.COUNTED) == counts
            session = stored.open.get(user)
            assert (session.channel_id if session else None) == (channel_id if counts else None)
    stored.write(mirror.ended(now))
    assert stored.open == {}
    for user in MEMBERS:
        sessions = stored.ended[user]
        for (_, left_at), (joined_at, _) in pairwise(sessions):
            assert left_at <= joined_at
        if clean:
            assert sum((left - joined for joined, left in sessions), timedelta()) == heard[user]
