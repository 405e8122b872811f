"""Who is in voice in one guild, and what each thing Discord says changes about the sessions.

Pure and synchronous: it knows no queue, no database and no clock. Every method that can change
sessions gives a Change to store, None where there is nothing to store.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pwrbot.entities import OpenVoiceSession, VoiceSettings
from pwrbot.services.voice_rules import Verdict, verdict
from pwrbot.services.voice_state import GuildVoice, VoiceState


class Start(msgspec.Struct, frozen=True, gc=False):
    """A session to open."""

    user_id: int
    channel_id: int
    joined_at: datetime


class Change(msgspec.Struct, frozen=True):
    """What one event does to the sessions of a guild: all of it is stored, or nothing."""

    guild_id: int
    at: datetime
    """When the event came in."""
    ends: dict[datetime, list[int]]
    """Whose sessions end, by the moment at which they end."""
    starts: list[Start]


class VoiceMirror:
    """One guild as the last event left it. Its size is that of the people in voice."""

    def __init__(self, guild_id: int) -> None:
        self.guild_id = guild_id
        self.in_contact = True
        self._seen = False
        self._afk_channel_id: int | None = None
        self._states: dict[int, VoiceState] = {}
        self._people: dict[int, set[int]] = {}  # of each channel, without bots
        self._open: dict[int, Start] = {}
        self._doubtful: dict[int, datetime] = {}  # since when an open session is only believed

    def state_changed(
        self, state: VoiceState, settings: VoiceSettings, at: datetime
    ) -> Change | None:
        """A join, a leave, a move, or another of the things the rules ask for."""
        before = self._states.get(state.user_id)
        if before == state or (before is None and state.channel_id is None):
            return None
        self._place(state)
        affected = {state.user_id}
        left = before.channel_id if before is not None else None
        if left != state.channel_id and not settings.alone:
            for channel_id in (left, state.channel_id):
                affected |= self._people.get(channel_id or 0, set())
        return self._judge(affected, settings, at)

    def seen(
        self,
        snapshot: GuildVoice,
        settings: VoiceSettings,
        at: datetime,
        stored: Iterable[OpenVoiceSession] | None,
    ) -> Change | None:
        """The whole truth about the guild; ``stored`` are its open sessions in the database.

        ``stored`` None: the database could not be asked, what is believed of it stands.
        """
        if not self._seen:
            # Until now the AFK channel was not known: who sits in it has never counted.
            for start in self._open.values():
                self._doubtful.setdefault(start.user_id, start.joined_at)
        if stored is not None:
            self._open = {
                row.user_id: Start(row.user_id, row.channel_id, row.joined_at) for row in stored
            }
        self._afk_channel_id = snapshot.afk_channel_id
        self._states.clear()
        self._people.clear()
        for state in snapshot.states:
            self._place(state)
        change = self._judge(self._open.keys() | self._states.keys(), settings, at)
        self._seen = True
        self.in_contact = True
        self._doubtful.clear()
        return change

    def rejudged(self, settings: VoiceSettings, at: datetime) -> Change | None:
        """The rules changed."""
        return self._judge(self._open.keys() | self._states.keys(), settings, at)

    def lost(self, at: datetime) -> None:
        """From this moment on the open sessions are only believed to go on."""
        self.in_contact = False
        for user_id in self._open:
            self._doubtful.setdefault(user_id, at)

    def ended(self, at: datetime) -> Change | None:
        """Nobody counts any more."""
        change = Change(self.guild_id, at, {}, [])
        for user_id in sorted(self._open):
            self._end(user_id, at, change)
        return change if change.ends else None

    def judgement(self, user_id: int, settings: VoiceSettings) -> tuple[Verdict, int | None]:
        """Whether a member counts, and the channel they are in."""
        state = self._states.get(user_id) or VoiceState(self.guild_id, user_id, None)
        return self._verdict(state, settings), state.channel_id

    def start_of(self, user_id: int) -> datetime | None:
        """Since when a member has been counted in their channel."""
        start = self._open.get(user_id)
        return None if start is None else start.joined_at

    def _place(self, state: VoiceState) -> None:
        before = self._states.pop(state.user_id, None)
        if before is not None and before.channel_id is not None and not before.bot:
            people = self._people[before.channel_id]
            people.discard(state.user_id)
            if not people:
                del self._people[before.channel_id]
        if state.channel_id is not None:
            self._states[state.user_id] = state
            if not state.bot:
                self._people.setdefault(state.channel_id, set()).add(state.user_id)

    def _judge(
        self, user_ids: Iterable[int], settings: VoiceSettings, at: datetime
    ) -> Change | None:
        change = Change(self.guild_id, at, {}, [])
        for user_id in sorted(user_ids):
            state = self._states.get(user_id)
            start = self._open.get(user_id)
            counts = state is not None and self._verdict(state, settings) is Verdict.COUNTED
            channel_id = state.channel_id if state is not None and counts else None
            if channel_id == (start.channel_id if start else None):
                continue
            # Where the clock was set back, a session ends when it began and the next begins there.
            moment = at if start is None or at > start.joined_at else start.joined_at
            if start is not None:
                self._end(user_id, moment, change)
            if channel_id is not None:
                self._open[user_id] = Start(user_id, channel_id, moment)
                change.starts.append(self._open[user_id])
        return change if change.ends or change.starts else None

    def _end(self, user_id: int, at: datetime, change: Change) -> None:
        start = self._open.pop(user_id)
        moment = max(start.joined_at, self._doubtful.pop(user_id, at))
        change.ends.setdefault(moment, []).append(user_id)

    def _verdict(self, state: VoiceState, settings: VoiceSettings) -> Verdict:
        people = self._people.get(state.channel_id or 0, frozenset[int]())
        return verdict(
            settings,
            state,
            afk_channel_id=self._afk_channel_id,
            company=len(people) - (state.user_id in people),
        )
