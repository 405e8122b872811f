"""Roles for time in voice: given to who has earned one, and taken back from who no longer has.

The bot remembers whom it gave a role. It takes back no role that it did not give, and what a
moderator took away it does not give again before it was lost and earned anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from pwrbot.clock import Clock
from pwrbot.entities import VoiceReward, VoiceRewardHolder
from pwrbot.errors import PwrbotError
from pwrbot.repository import Repository
from pwrbot.services.cover import cover
from pwrbot.services.ranges import EPOCH, Range, bounds
from pwrbot.services.settings import SettingsService
from pwrbot.services.statistics import VoiceStatistics
from pwrbot.shards import ALL, Shards

log = structlog.get_logger(__name__)

MOST_REWARDS: Final = 10
"""In one server."""
MOST_TOP: Final = 100
EVERY: Final = timedelta(minutes=10)
CALLS: Final = 30
"""How often one look at one rule may ask Discord for something."""
ROLE_DELETED: Final = "The role was deleted."
"""The obstacle that no waiting removes."""

_AT_A_TIME: Final = 20  # rules
_BATCHES: Final = 5  # in one look
_MOST_EARNERS: Final = 100_000
_SOON: Final = timedelta(minutes=1)
_AFTER_TROUBLE: Final = timedelta(hours=1)
_CHECK_AFTER: Final = timedelta(days=1)
_CHECKS: Final = 5
_LEAST: Final = timedelta(microseconds=1)


class RewardRefused(PwrbotError):
    """That rule is not possible."""

    # The message is for the member.


class RoleTrouble(PwrbotError):
    """Discord won't let the bot give or take the role."""

    # The message is the reason that the server's managers see.

    def __init__(self, reason: str, *, unchanged: bool = False) -> None:
        """``unchanged``: Discord refused, so that for certain nothing was given or taken."""
        super().__init__(reason)
        self.unchanged = unchanged


class MemberGone(PwrbotError):
    """The member has left the server."""


class Membership(msgspec.Struct, frozen=True):
    """A member as Discord knows them now."""

    role_ids: frozenset[int]
    joined_at: datetime | None


class Roles(Protocol):
    """Discord, as far as rewards need it. What asks it raises RoleTrouble or MemberGone."""

    def obstacle(self, guild_id: int, role_id: int) -> str | None:
        """Why the bot can't give this role, as far as it knows without asking; None: it can."""
        ...

    async def member(self, guild_id: int, user_id: int) -> Membership: ...

    async def give(self, guild_id: int, user_id: int, role_id: int) -> None: ...

    async def take(self, guild_id: int, user_id: int, role_id: int) -> None: ...


class RewardPreview(msgspec.Struct, frozen=True):
    """Who would get a role, and who would lose it, in the order of their time or ids."""

    getting: Sequence[int]
    losing: Sequence[int]
    keeping: int


class VoiceRewards:
    """The rules of all guilds. Methods raise DatabaseError."""

    def __init__(
        self,
        repository: Repository,
        clock: Clock,
        settings: SettingsService,
        statistics: VoiceStatistics,
        shards: Shards = ALL,
    ) -> None:
        self._shards = shards
        self._repository = repository
        self._clock = clock
        self._settings = settings
        self._statistics = statistics

    async def add(
        self,
        guild_id: int,
        role_id: int,
        look_back: Range,
        *,
        least: timedelta | None = None,
        top: int | None = None,
    ) -> VoiceReward:
        """Make a rule, not in force yet, in place of one for the same role. Raises RewardRefused.

        By ``least``, the time it takes, or ``top``, how many of the first get it.
        """
        if (least is None) == (top is None):
            raise RewardRefused("Give either hours or top: how much time, or how many members.")
        others = await self.of_guild(guild_id)
        if len(others) >= MOST_REWARDS and role_id not in {rule.role_id for rule in others}:
            raise RewardRefused(f"A server can have at most {MOST_REWARDS} such roles.")
        rule = VoiceReward(
            guild_id=guild_id,
            role_id=role_id,
            look_back=look_back,
            least=least,
            top=top,
            enabled=False,
            ending=False,
            due_at=self._clock.now(),
            problem=None,
        )
        return await self._repository.voice_rewards.replace(rule)

    async def of_guild(self, guild_id: int) -> list[VoiceReward]:
        """A guild's rules."""
        return await self._repository.voice_rewards.of_guild(guild_id=guild_id)

    async def rule(self, guild_id: int, role_id: int) -> VoiceReward:
        """The rule for a role. Raises RewardRefused where there is none."""
        found = await self._repository.voice_rewards.select((guild_id, role_id))
        if found is None:
            raise RewardRefused("There is no rule for that role: see /voice rewards list.")
        return found

    async def preview(self, guild_id: int, role_id: int) -> RewardPreview:
        """What putting a rule in force would change now. Raises RewardRefused."""
        rule = await self.rule(guild_id, role_id)
        earners = await self._earners(rule)
        earned = set(earners)
        holders = await self._holders(rule)
        return RewardPreview(
            getting=[user_id for user_id in earners if user_id not in holders],
            losing=[
                holder.user_id
                for holder in holders.values()
                if holder.given and holder.user_id not in earned
            ],
            keeping=sum(user_id in holders for user_id in earners),
        )

    async def enable(self, guild_id: int, role_id: int, enabled: bool) -> None:
        """Put a rule in force, or out of it, which takes no role back. Raises RewardRefused."""
        await self.rule(guild_id, role_id)
        await self._repository.voice_rewards.switch(
            guild_id=guild_id,
            role_id=role_id,
            enabled=enabled,
            ending=False,
            due_at=self._clock.now(),
        )

    async def remove(self, guild_id: int, role_id: int, *, take_back: bool) -> None:
        """End a rule, at once or once the role is taken back from whom the bot gave it."""
        await self.rule(guild_id, role_id)
        if take_back:
            await self._repository.voice_rewards.switch(
                guild_id=guild_id,
                role_id=role_id,
                enabled=True,
                ending=True,
                due_at=self._clock.now(),
            )
        else:
            await self._forget(guild_id, role_id)

    async def look(self, roles: Roles) -> int:
        """Give and take back what is due now; says how many rules were looked at."""
        looked = 0
        for _ in range(_BATCHES):
            now = self._clock.now()
            due = await self._repository.voice_rewards.due(
                now=now,
                beyond=now + 2 * _AFTER_TROUBLE,
                shard_count=self._shards.count,
                shard_ids=list(self._shards.ids),
                limit=_AT_A_TIME,
            )
            for rule in due:
                try:
                    await self._look_at(rule, roles)
                except Exception:  # one rule's trouble is not the others'
                    log.exception("voice_reward_failed")
                    await self._settle(rule, _AFTER_TROUBLE, "Something went wrong on my side.")
            looked += len(due)
            if len(due) < _AT_A_TIME:
                break
        return looked

    async def _look_at(self, rule: VoiceReward, roles: Roles) -> None:
        if await self._repository.voice_removals.under_way(guild_id=rule.guild_id):
            # Totals that are half taken or half put back don't say who has earned what.
            await self._settle(rule, _SOON, rule.problem)
            return
        obstacle = roles.obstacle(rule.guild_id, rule.role_id)
        if obstacle == ROLE_DELETED and rule.ending:
            await self._end(rule)
            return
        if obstacle is not None:
            await self._settle(rule, EVERY, obstacle)
            return
        visit = _Visit(self._repository, self._clock.now(), rule, roles)
        earners = [] if rule.ending else await self._earners(rule)
        try:
            done = await visit.work(earners, await self._holders(rule))
        except RoleTrouble as error:
            await self._settle(rule, _AFTER_TROUBLE, str(error))
            return
        if done and rule.ending:
            await self._end(rule)
        else:
            await self._settle(rule, EVERY if done else _SOON, None)

    async def _earners(self, rule: VoiceReward) -> list[int]:
        """Who has earned the role, the most time first; nobody who is known to have left."""
        zone = await self._settings.zone(rule.guild_id)
        since, until = bounds(Range(rule.look_back), self._clock.now(), zone)
        rows = await self._statistics.totals(
            rule.guild_id,
            cover(since, until),
            limit=_MOST_EARNERS if rule.top is None else rule.top,
            least=max(rule.least or _LEAST, _LEAST),
            hide_left=True,
        )
        return [row.user_id for row in rows]

    async def _holders(self, rule: VoiceReward) -> dict[int, VoiceRewardHolder]:
        rows = await self._repository.voice_reward_holders.of_reward(
            guild_id=rule.guild_id, role_id=rule.role_id
        )
        return {row.user_id: row for row in rows}

    async def _settle(self, rule: VoiceReward, wait: timedelta, problem: str | None) -> None:
        await self._repository.voice_rewards.settle(
            guild_id=rule.guild_id,
            role_id=rule.role_id,
            due_at=self._clock.now() + wait,
            problem=problem,
        )

    async def _end(self, rule: VoiceReward) -> None:
        """Forget a rule whose role is taken back; not one made anew meanwhile."""
        async with self._repository.transaction() as tx:
            if await tx.voice_rewards.drop_ending(guild_id=rule.guild_id, role_id=rule.role_id):
                await tx.voice_reward_holders.clear(guild_id=rule.guild_id, role_id=rule.role_id)

    async def _forget(self, guild_id: int, role_id: int) -> None:
        async with self._repository.transaction() as tx:
            await tx.voice_reward_holders.clear(guild_id=guild_id, role_id=role_id)
            await tx.voice_rewards.delete((guild_id, role_id))


class _Visit:
    """One look at one rule, within its number of calls."""

    def __init__(
        self, repository: Repository, now: datetime, rule: VoiceReward, roles: Roles
    ) -> None:
        self._rules = repository.voice_rewards
        self._holders = repository.voice_reward_holders
        self._now = now
        self._rule = rule
        self._roles = roles
        self._calls = CALLS

    async def work(self, earners: Sequence[int], holders: dict[int, VoiceRewardHolder]) -> bool:
        """Says whether all was done: False where the calls did not suffice, or the rule changed."""
        earned = set(earners)
        for holder in holders.values():
            if holder.user_id not in earned:
                if self._calls < 1 or await self._changed():
                    return False
                await self._take(holder)
        for user_id in earners:
            if user_id not in holders:
                if self._calls < 2 or await self._changed():
                    return False
                await self._give(user_id)
        old = sorted(
            (
                holder
                for holder in holders.values()
                if holder.user_id in earned and not self._fresh(holder)
            ),
            key=lambda holder: holder.checked_at,
        )
        for holder in old[:_CHECKS]:
            if self._calls >= 2 and not await self._changed():
                await self._check(holder)
        return True

    async def _changed(self) -> bool:
        """Whether somebody changed the rule, or removed it, since this look began."""
        rule = self._rule
        return await self._rules.select((rule.guild_id, rule.role_id)) != rule

    def _fresh(self, holder: VoiceRewardHolder) -> bool:
        # A time to come was written by a clock that ran ahead.
        return self._now - _CHECK_AFTER < holder.checked_at <= self._now

    async def _take(self, holder: VoiceRewardHolder) -> None:
        if holder.given:
            self._calls -= 1
            with suppress(MemberGone):
                await self._roles.take(holder.guild_id, holder.user_id, holder.role_id)
        await self._forget(holder)

    async def _give(self, user_id: int) -> None:
        guild_id, role_id = self._rule.guild_id, self._rule.role_id
        self._calls -= 1
        try:
            member = await self._roles.member(guild_id, user_id)
            given = role_id not in member.role_ids
            holder = VoiceRewardHolder(guild_id, role_id, user_id, given, checked_at=self._now)
            if given:
                await self._hand_over(holder)
            else:
                await self._holders.replace(holder)
        except MemberGone:
            await self._holders.delete((guild_id, role_id, user_id))

    async def _check(self, holder: VoiceRewardHolder) -> None:
        """Who left and came back has lost the role; who was to get it as the bot ended, has not
        got it."""
        self._calls -= 1
        try:
            member = await self._roles.member(holder.guild_id, holder.user_id)
            came_back = member.joined_at is not None and member.joined_at > holder.checked_at
            if holder.role_id not in member.role_ids and came_back:
                await self._hand_over(replace(holder, given=True))
            else:
                await self._holders.replace(replace(holder, checked_at=self._now))
        except MemberGone:
            await self._forget(holder)

    async def _hand_over(self, holder: VoiceRewardHolder) -> None:
        self._calls -= 1
        # Written first: what was given must be known, also where no answer comes. One never checked
        # is looked at soon.
        await self._holders.replace(replace(holder, checked_at=EPOCH))
        try:
            await self._roles.give(holder.guild_id, holder.user_id, holder.role_id)
        except RoleTrouble as error:
            if error.unchanged:
                await self._forget(holder)
            raise
        await self._holders.replace(replace(holder, checked_at=self._now))

    async def _forget(self, holder: VoiceRewardHolder) -> None:
        await self._holders.delete((holder.guild_id, holder.role_id, holder.user_id))
