"""What a migration's statements keep others from doing on PostgreSQL, by the kind of statement.

As PostgreSQL's documentation has it ("Explicit Locking"). A lock is kept until the migration's
transaction ends. On SQLite there is one lock: nobody else writes while a migration runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from pwrbot.repository.migrations.statements import Step
from pwrbot.repository.tokens import Token, significant, tokenize

BLOCKS: Final[Mapping[str, str]] = {
    "ACCESS EXCLUSIVE": "reads and writes",
    "EXCLUSIVE": "writes",
    "SHARE ROW EXCLUSIVE": "writes",
    "SHARE": "writes",
    "SHARE UPDATE EXCLUSIVE": "other changes of the schema",
    "ROW EXCLUSIVE": "other changes of the schema",
    "ROW SHARE": "other changes of the schema",
    "ACCESS SHARE": "other changes of the schema",
}
"""What each waits for, and has wait, the strictest first."""


class Lock(msgspec.Struct, frozen=True):
    """A statement and the lock it takes."""

    line: int
    statement: str
    """Its first words."""
    level: str
    """Empty where nobody has to wait: a new table, a function."""
    table: str

    @property
    def blocks(self) -> str:
        return BLOCKS.get(self.level, "nothing")


def locks(steps: Sequence[Step]) -> list[Lock]:
    """The lock of each statement, in their order."""
    made: set[str] = set()
    found: list[Lock] = []
    for step in steps:
        tokens = [token for token in significant(tokenize(step.text)) if token.text != ";"]
        level, table = _attach(tokens, made) if _attaches(tokens) else _lock(tokens)
        if table in made:
            level = ""
        if _starts(tokens, "CREATE") and any(token.is_word("TABLE") for token in tokens[1:4]):
            made.add(table)
            level, table = _referenced(tokens, made, table)
        words = " ".join(token.text for token in tokens[:4] if token.text != "(")
        found.append(Lock(step.line, words, level, table))
    return found


def _lock(tokens: Sequence[Token]) -> tuple[str, str]:
    """The level, and the table where it can be told."""
    concurrently = any(token.is_word("CONCURRENTLY") for token in tokens)
    first, second = tokens[0], tokens[1] if len(tokens) > 1 else tokens[0]
    if first.is_word("CREATE"):
        if any(token.is_word("INDEX") for token in tokens[1:3]):
            level = "SHARE UPDATE EXCLUSIVE" if concurrently else "SHARE"
            return level, _name_after(tokens, "ON")
        if any(token.is_word("TRIGGER") for token in tokens[1:5]):
            return "SHARE ROW EXCLUSIVE", _name_after(tokens, "ON")
        if any(token.is_word("RULE") for token in tokens[1:4]):
            return "ACCESS EXCLUSIVE", _name_after(tokens, "TO")
        return "", _name_after(tokens, "TABLE")
    if first.is_word("DROP"):
        on = _name_after(tokens, "ON") if second.is_word("TRIGGER", "RULE", "POLICY") else ""
        level = "SHARE UPDATE EXCLUSIVE" if concurrently else "ACCESS EXCLUSIVE"
        quiet = second.is_word("FUNCTION", "PROCEDURE", "SCHEMA", "TYPE", "DOMAIN")
        return "" if quiet else level, on or _name_after(tokens, second.text.upper())
    if first.is_word("ALTER"):
        if second.is_word("TABLE"):
            return _alter_table(tokens), _name_after(tokens, "TABLE")
        if second.is_word("INDEX"):
            return "SHARE UPDATE EXCLUSIVE", _name_after(tokens, "INDEX")
        named = second.is_word("VIEW", "SEQUENCE", "MATERIALIZED")
        return "ACCESS EXCLUSIVE" if named else "", _name_after(tokens, second.text.upper())
    if first.is_word("INSERT", "MERGE", "COPY"):
        return "ROW EXCLUSIVE", _name_after(tokens, "COPY" if first.is_word("COPY") else "INTO")
    if first.is_word("UPDATE", "DELETE"):
        return "ROW EXCLUSIVE", _name_after(tokens, "FROM" if first.is_word("DELETE") else "UPDATE")
    if first.is_word("SELECT", "WITH", "VALUES"):
        writes = any(token.is_word("INSERT", "UPDATE", "DELETE", "MERGE") for token in tokens)
        return "ROW EXCLUSIVE" if writes else "ACCESS SHARE", _name_after(tokens, "FROM")
    if first.is_word("COMMENT", "ANALYZE"):
        return "SHARE UPDATE EXCLUSIVE", _name_after(tokens, "TABLE")
    if first.is_word("SET", "RESET", "SHOW", "GRANT", "REVOKE", "NOTIFY"):
        return "", ""
    if first.is_word("REFRESH"):
        return "EXCLUSIVE" if concurrently else "ACCESS EXCLUSIVE", _name_after(tokens, "VIEW")
    if first.is_word("TRUNCATE", "CLUSTER", "LOCK", "REINDEX"):
        return "ACCESS EXCLUSIVE", _name_after(tokens, "TABLE", first.text.upper())
    return "ACCESS EXCLUSIVE", ""  # DO and what is not known: the worst


def _attaches(tokens: Sequence[Token]) -> bool:
    table = _starts(tokens, "ALTER") and tokens[1].is_word("TABLE")
    return table and any(token.is_word("ATTACH") for token in tokens)


def _attach(tokens: Sequence[Token], made: set[str]) -> tuple[str, str]:
    """A partition is locked more than the whole, where it is not new itself."""
    partition = _name_after(tokens, "PARTITION")
    if partition in made:
        return "SHARE UPDATE EXCLUSIVE", _name_after(tokens, "TABLE")
    return "ACCESS EXCLUSIVE", partition


def _alter_table(tokens: Sequence[Token]) -> str:
    """The strictest of its actions."""
    words = [token.text.upper() for token in tokens]
    pairs = list(pairwise(words))
    if "RENAME" in words or "DROP" in words or ("SET", "NOT") in pairs or "TYPE" in words:
        return "ACCESS EXCLUSIVE"
    if ("ADD", "COLUMN") in pairs:
        return "ACCESS EXCLUSIVE"
    if "FOREIGN" in words and "ADD" in words:
        return "SHARE ROW EXCLUSIVE"
    if "VALIDATE" in words and "ADD" not in words:
        return "SHARE UPDATE EXCLUSIVE"
    if ("SET", "STATISTICS") in pairs or ("SET", "(") in pairs:
        return "SHARE UPDATE EXCLUSIVE"
    return "ACCESS EXCLUSIVE"


def _referenced(tokens: Sequence[Token], made: set[str], table: str) -> tuple[str, str]:
    """A new table's foreign keys lock the tables they refer to, a partition locks the whole."""
    whole = _name_after(tokens, "OF") if any(token.is_word("OF") for token in tokens[3:6]) else ""
    if whole and whole not in made:
        return "ACCESS EXCLUSIVE", whole
    for place, token in enumerate(tokens[:-1]):
        if token.is_word("REFERENCES"):
            other = _bare(tokens[place + 1])
            if other not in made:
                return "SHARE ROW EXCLUSIVE", other
    return "", table


def _starts(tokens: Sequence[Token], word: str) -> bool:
    return bool(tokens) and tokens[0].is_word(word)


def _name_after(tokens: Sequence[Token], *words: str) -> str:
    """The name behind the first of these words, without its schema."""
    place = next((i for i, token in enumerate(tokens) if token.is_word(*words)), None)
    if place is None:
        return ""
    skipped = ("IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY", "VIEW", *words)
    place += 1
    while place < len(tokens) and tokens[place].is_word(*skipped):
        place += 1
    while place + 2 < len(tokens) and tokens[place + 1].text == ".":
        place += 2
    return _bare(tokens[place]) if place < len(tokens) else ""


def _bare(token: Token) -> str:
    return token.text.strip('"').lower()
