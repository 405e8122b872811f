"""The rules of tables, a function each: a table in, what is wrong with it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pwrbot.repository.check.catalog import GUILD, TableInfo

TableRule = Callable[[TableInfo], Iterator[str]]


def guilds_begin_the_key(table: TableInfo) -> Iterator[str]:
    """A table with a guild_id begins its primary key with it."""
    if GUILD in table.columns and not table.of_guild:
        key = ", ".join(table.primary_key) or "none"
        yield f"{table.name} has a guild_id and the key ({key}): begin it with guild_id"


def references_are_indexed(table: TableInfo) -> Iterator[str]:
    """An index begins with the columns of each foreign key."""
    for columns in table.references:
        beginnings = [set(index[: len(columns)]) for index in table.indexes]
        if set(columns) not in beginnings:
            named = ", ".join(columns)
            yield (
                f"no index of {table.name} begins with ({named}), which refer to another table:"
                f" a row deleted there reads all of {table.name}"
            )


TABLE_RULES: Final[tuple[TableRule, ...]] = (guilds_begin_the_key, references_are_indexed)
