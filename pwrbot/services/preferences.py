"""What each user chose for themselves, the same in every server."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from pwrbot.clock import Clock
from pwrbot.entities import MemberPreferences
from pwrbot.repository import Repository

_REMEMBERED: Final = 50_000  # users


class PreferenceService:
    """The preferences of every user. The process is the only writer of its database."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock
        self._known: OrderedDict[int, bool] = OrderedDict()

    async def plain_text(self, user_id: int) -> bool:
        """Whether the user wants text in place of pictures; False for who never chose.

        Raises DatabaseError.
        """
        known = self._known.get(user_id)
        if known is not None:
            self._known.move_to_end(user_id)
            return known
        row = await self._repository.member_preferences.select(user_id)
        # A choice made while this was read is later than what was read.
        later = self._known.get(user_id)
        return self._remember(
            user_id, row is not None and row.plain_text if later is None else later
        )

    async def choose_plain_text(self, user_id: int, plain_text: bool) -> None:
        """Remember the choice. Raises DatabaseError."""
        row = MemberPreferences(user_id, plain_text, self._clock.now())
        await self._repository.member_preferences.replace(row)
        self._remember(user_id, plain_text)

    def _remember(self, user_id: int, plain_text: bool) -> bool:
        self._known[user_id] = plain_text
        self._known.move_to_end(user_id)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return plain_text
