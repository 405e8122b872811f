"""What each user chose for themselves."""

from __future__ import annotations

from typing import Protocol

from pwrbot.entities import MemberPreferences
from pwrbot.repository.table import Table


class MemberPreferencesTable(Table[MemberPreferences, int], Protocol):
    """One row for each user who ever chose."""
