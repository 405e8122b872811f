"""A schema as the rules need it: read from its text, the same way for both engines.

The text is the dump of a migrated database (``migrations/dump.py``), so offline the files of
``sql/schema/`` will do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from pwrbot.repository.queries import EngineName
from pwrbot.repository.tokens import Token, TokenKind, significant, tokenize

GUILD = "guild_id"


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    name: str
    type: str
    """As declared, in upper case."""
    nullable: bool
    filled: bool
    """Whether the database fills it in where an INSERT leaves it out."""


class TableInfo(msgspec.Struct, frozen=True):
    """A table and what is unique in it."""

    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...]
    unique: tuple[frozenset[str], ...]
    """Sets of columns no two rows agree in and that are never NULL, the primary key first."""
    indexes: tuple[tuple[str | None, ...], ...]
    """The columns of each index on every row, in order, also of keys; None for an expression."""
    references: tuple[tuple[str, ...], ...]
    """The columns of each foreign key."""
    line: int
    """Where it begins in the schema's text, counted from 1."""
    fingerprint: str
    """Changes with the table, its partitions and indexes, not with comments or white space."""

    @property
    def of_guild(self) -> bool:
        """Whether its rows belong to guilds."""
        return self.primary_key[:1] == (GUILD,)


Catalog = Mapping[str, TableInfo]


def read_catalog(schema: str, engine: EngineName) -> Catalog:
    """The tables of a schema, from its CREATE statements; partitions are part of the whole."""
    statements = [_bare(tokens) for tokens in _statements(schema)]
    tables = [
        tokens
        for tokens in statements
        if tokens[1].is_word("TABLE") and not tokens[3].is_word("PARTITION")
    ]
    return {
        _name(tokens[2]): _table(
            tokens,
            [s for s in statements if _indexed(s) == tokens[2].text],
            list(_parts(tokens[2], statements)),
            engine,
        )
        for tokens in tables
    }


def _parts(table: Token, statements: Sequence[list[Token]]) -> Iterator[list[Token]]:
    """What makes the partitions of a table, and theirs, and what is made on them."""
    for tokens in statements:
        partition = tokens[1].is_word("TABLE") and tokens[3].is_word("PARTITION")
        if partition and tokens[5].text == table.text:
            yield tokens
            yield from (s for s in statements if _indexed(s) == tokens[2].text)
            yield from _parts(tokens[2], statements)


def digest(text: str) -> str:
    """A hash of SQL that comments, white space and a closing semicolon do not change."""
    pieces = [token.text for token in significant(tokenize(text))]
    if pieces[-1:] == [";"]:
        pieces.pop()
    return hashlib.sha256("\0".join(pieces).encode()).hexdigest()[:16]


def _statements(schema: str) -> Iterator[list[Token]]:
    found: list[Token] = []
    depth = 0
    for token in significant(tokenize(schema)):
        if found[1:2] and found[1].is_word("TRIGGER"):  # SQLite's hold statements of their own
            depth += token.is_word("BEGIN", "CASE") - token.is_word("END")
        if token.text == ";" and token.kind is TokenKind.SYMBOL and not depth:
            yield found
            found = []
        else:
            found.append(token)
    if found:
        yield found


def _bare(tokens: list[Token]) -> list[Token]:
    """Without IF NOT EXISTS."""
    return [t for i, t in enumerate(tokens) if i > 4 or not t.is_word("IF", "NOT", "EXISTS")]


def _table(
    tokens: Sequence[Token],
    indexes: Sequence[Sequence[Token]],
    parts: Sequence[Sequence[Token]],
    engine: EngineName,
) -> TableInfo:
    items, end = _items(tokens, 3)
    options = tokens[end:]
    # An old slip of SQLite: only in these tables is a primary key never NULL by itself.
    strict = engine == "postgres" or any(t.is_word("STRICT", "ROWID") for t in options)
    columns: dict[str, Column] = {}
    primary: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = []
    references: list[tuple[str, ...]] = []
    for item in items:
        constraint = item[2:] if item[0].is_word("CONSTRAINT") else item
        if constraint[0].is_word("PRIMARY"):
            primary = _names(constraint)
        elif constraint[0].is_word("UNIQUE"):
            unique.append(_names(constraint))
        elif constraint[0].is_word("FOREIGN"):
            references.append(_names(constraint))
        elif not constraint[0].is_word("CHECK", "EXCLUDE"):
            column = _column(item)
            columns[column.name] = column
            if _has(item, "PRIMARY", "KEY"):
                primary = (column.name,)
            elif any(t.is_word("UNIQUE") for t in item):
                unique.append((column.name,))
            if any(t.is_word("REFERENCES") for t in item):
                references.append((column.name,))
    if strict:
        for name in primary:
            columns[name] = msgspec.structs.replace(columns[name], nullable=False)
    indexed = [*unique, *map(_index_columns, indexes)]
    unique += [names for index in indexes if (names := _unique_index(index))]
    whole = [t.text for statement in (tokens, *indexes, *parts) for t in (*statement, tokens[0])]
    return TableInfo(
        name=_name(tokens[2]),
        columns=columns,
        primary_key=primary,
        unique=tuple(
            frozenset(names)
            for names in (primary, *unique)
            if names and not any(columns[name].nullable for name in names)
        ),
        indexes=tuple(filter(None, (primary, *indexed))),
        references=tuple(references),
        line=tokens[0].line + 1,
        fingerprint=hashlib.sha256("\0".join(whole).encode()).hexdigest()[:16],
    )


def _column(item: Sequence[Token]) -> Column:
    constraints = (
        "NOT",
        "NULL",
        "PRIMARY",
        "UNIQUE",
        "CHECK",
        "DEFAULT",
        "REFERENCES",
        "GENERATED",
    )
    kind: list[str] = []
    for token in item[1:]:
        if token.is_word(*constraints, "CONSTRAINT", "COLLATE"):
            break
        kind.append(token.text.upper())
    declared = " ".join(kind)
    is_rowid = declared == "INTEGER" and _has(item, "PRIMARY", "KEY")
    return Column(
        name=_name(item[0]),
        type=declared,
        nullable=not (_has(item, "NOT", "NULL") or is_rowid),
        filled=is_rowid or any(t.is_word("DEFAULT", "GENERATED") for t in item),
    )


def _indexed(tokens: Sequence[Token]) -> str | None:
    """The table an index is made on."""
    if not any(t.is_word("INDEX") for t in tokens[:3]):
        return None
    return next((tokens[i + 1].text for i, t in enumerate(tokens[:-1]) if t.is_word("ON")), None)


def _unique_index(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The columns of a unique index on plain columns of every row."""
    columns = _index_columns(tokens)
    plain = tuple(column for column in columns if column is not None)
    return plain if tokens[1].is_word("UNIQUE") and plain == columns else ()


def _index_columns(tokens: Sequence[Token]) -> tuple[str | None, ...]:
    """The columns of an index on every row, None for an expression; nothing of a partial index."""
    opening = next(i for i, t in enumerate(tokens) if t.text == "(")
    items, end = _items(tokens, opening)
    if any(t.is_word("WHERE") for t in tokens[end:]):
        return ()
    plain = [len(item) == 1 or item[1].is_word("ASC", "DESC") for item in items]
    return tuple(
        _name(item[0]) if is_plain else None for item, is_plain in zip(items, plain, strict=True)
    )


def _items(tokens: Sequence[Token], opening: int) -> tuple[list[list[Token]], int]:
    """What stands between commas in the parentheses that open there, and where those end."""
    items: list[list[Token]] = [[]]
    depth = 0
    for i in range(opening, len(tokens)):
        text = tokens[i].text
        depth += (text == "(") - (text == ")")
        if depth == 0:
            return items, i + 1
        if text == "," and depth == 1:
            items.append([])
        elif i > opening:
            items[-1].append(tokens[i])
    return items, len(tokens)


def _names(constraint: Sequence[Token]) -> tuple[str, ...]:
    opening = next(i for i, t in enumerate(constraint) if t.text == "(")
    return tuple(_name(item[0]) for item in _items(constraint, opening)[0])


def _has(tokens: Sequence[Token], first: str, second: str) -> bool:
    return any(a.is_word(first) and b.is_word(second) for a, b in pairwise(tokens))


def _name(token: Token) -> str:
    return token.text.strip('"').lower()
