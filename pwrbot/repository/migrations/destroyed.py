"""What the statements of a migration destroy, as told by their words: see ``destructive.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Final

from pwrbot.repository.migrations.statements import Step
from pwrbot.repository.tokens import Token, significant, tokenize

DELETES: Final = "deletes rows of {}"
"""What is said of a DELETE, with its table."""


def destroyed_by(steps: Sequence[Step]) -> Iterator[tuple[int, str]]:
    """What each destroys, in a few words, and the line where, counted from 1."""
    known = _Known()
    statements = [_Statement(step, known) for step in steps]
    for place, (step, statement) in enumerate(zip(steps, statements, strict=True)):
        later = {pair for other in statements[place:] if (pair := other.attached())}
        for token, what in statement.dangers(later):
            yield step.line + token.line - statement.tokens[0].line, what
        statement.note_tables()


_Found = Iterator[tuple[Token, str]]

_UNSEEN: Final = (
    *("INDEX", "TRIGGER", "RULE", "POLICY", "STATISTICS", "CAST"),
    *("FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "OPERATOR"),
)
"""What no query of the house names."""

_LOSE_NOTHING: Final = (*_UNSEEN, "VIEW", "MATERIALIZED")
"""What can be dropped and made again from the code alone."""

_HARMLESS: Final = (
    *("CREATE", "INSERT", "SELECT", "WITH", "VALUES", "EXPLAIN", "SET", "RESET", "SHOW", "LOCK"),
    *("COMMENT", "GRANT", "REVOKE", "ANALYZE", "REINDEX", "REFRESH", "CLUSTER", "COPY", "NOTIFY"),
    *("ALTER", "DROP", "PRAGMA", "UPDATE", "DELETE"),
)
"""What statements may begin with, apart from what their own rules say; anything else is unknown."""


class _Known:
    """What the statements of a file have done so far."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        """Tables with no rows of before."""
        self.wholes: dict[str, str] = {}
        """Partition -> the table it is part of."""
        self.renamed: set[tuple[str, str]] = set()
        """Tables of before: the old name and the new."""


class _Statement:
    """One statement of a migration, and what those before it in the same file have done."""

    def __init__(self, step: Step, known: _Known) -> None:
        self.tokens = [t for t in significant(tokenize(step.text)) if t.text != ";"]
        self._known = known
        self._made = known.made

    def dangers(self, attached: Set[tuple[str, str]]) -> _Found:
        """``attached``: tables to which the file goes on to attach a partition, and which."""
        first = self.tokens[0]
        if first.is_word("DROP"):
            yield from self._drop()
        elif first.is_word("ALTER"):
            yield from self._alter(attached)
        elif first.is_word("TRUNCATE"):
            yield first, "empties a table"
        elif first.is_word("DO", "CALL", "EXECUTE"):
            yield first, f"runs code that cannot be read here ({first.text.upper()})"
        elif first.is_word("MERGE", "REPLACE"):
            yield from self._unless_made(self._after(1, "INTO"), first, "writes over rows of {}")
        elif first.is_word("PRAGMA"):
            if any(token.is_word("WRITABLE_SCHEMA") for token in self.tokens):
                yield first, "opens the schema to be written to"
        elif first.is_word("CREATE"):
            yield from self._create()
        elif first.is_word("INSERT", "UPDATE", "DELETE", "WITH", "SELECT", "EXPLAIN", "VALUES"):
            yield from self._changes_of_rows()
        elif not first.is_word(*_HARMLESS):
            yield first, f"does what is not known here ({first.text})"

    def note_tables(self) -> None:
        """Remember the table that this makes, or whose name it changes; forget what it drops."""
        if (place := self._created_table()) is not None:
            if not self.tokens[place].is_word("IF"):
                name, after = self._name(place)
                self._made.add(name)
                if self._is(after, "PARTITION") and self._is(after + 1, "OF"):
                    self._known.wholes[name] = self._name(after + 2)[0]
        elif self._is(0, "ALTER") and self._is(1, "TABLE"):
            name, new = self._renamed()
            if new and name in self._made:
                self._made.discard(name)
                self._made.add(new)
            elif new:
                self._made.discard(new)
                self._known.renamed.add((name, new))
            elif pair := self.attached():
                self._note_part(*pair)
        elif self._is(0, "DROP") and self._is(1, "TABLE"):
            self._made.difference_update(_bare(token) for token in self.tokens[2:])

    def _note_part(self, whole: str, part: str) -> None:
        self._known.wholes[part] = whole
        held = part not in self._made
        while held and (above := self._known.wholes.get(part)):
            self._made.discard(above)  # it holds rows of before from here on
            part = above

    def attached(self) -> tuple[str, str] | None:
        """A table that this attaches a partition to, and the partition."""
        if self._is(0, "ALTER") and self._is(1, "TABLE"):
            name, place = self._name(self._after(2, "IF", "EXISTS", "ONLY"))
            if self._is(place, "ATTACH"):
                return name, self._name(self._after(place + 1, "PARTITION"))[0]
        return None

    def _renamed(self) -> tuple[str, str]:
        """The table of an ALTER TABLE, and the name it gives it; empty where it gives none."""
        name, place = self._name(self._after(2, "IF", "EXISTS", "ONLY"))
        if self._is(place, "RENAME") and self._is(place + 1, "TO"):
            return name, self._name(place + 2)[0]
        return name, ""

    def _drop(self) -> _Found:
        kind, last = self.tokens[1], self.tokens[-1]
        if last.is_word("CASCADE"):
            yield last, "drops what depends on it too (CASCADE)"
        elif kind.is_word("TABLE"):
            place = self._after(2, "IF", "EXISTS")
            while place < len(self.tokens):
                at = self.tokens[place]
                name, place = self._name(place)
                if name not in self._made:
                    yield at, f"drops table {name}"
                place += 1  # a comma, or RESTRICT at the end
        elif not kind.is_word(*_LOSE_NOTHING):
            yield kind, f"drops a {kind.text.lower()}"

    def _alter(self, attached: Set[tuple[str, str]]) -> _Found:
        kind = self.tokens[1]
        if kind.is_word("TABLE"):
            name, place = self._name(self._after(2, "IF", "EXISTS", "ONLY"))
            pair = self.attached()
            if pair and pair[1] not in self._made and pair not in self._known.renamed:
                yield self.tokens[place], f"narrows {pair[1]} (the bounds of a partition)"
            elif name not in self._made and self._renamed() not in attached:
                for action in self._actions(place):
                    yield from _action(name, action)
        elif not kind.is_word(*_UNSEEN):
            what = kind.text.lower()
            for before, token in zip(self.tokens, self.tokens[1:], strict=False):
                if token.is_word("RENAME"):
                    yield token, f"renames (part of) a {what}"
                elif token.is_word("ATTRIBUTE") and before.is_word("DROP", "ALTER"):
                    yield token, f"drops or changes part of a {what}"
                elif kind.is_word("DOMAIN") and token.is_word("ADD", "NOT"):
                    yield token, f"narrows a {what}"

    def _create(self) -> _Found:
        if not (self._is(1, "UNIQUE") and self._is(2, "INDEX")):
            return
        on = next((i for i, t in enumerate(self.tokens) if t.is_word("ON")), None)
        if on is not None:
            place = self._after(on + 1, "ONLY")
            what = "narrows {} (a unique index)"
            yield from self._unless_made(place, self.tokens[1], what)

    def _changes_of_rows(self) -> _Found:
        """Rows that are changed or deleted, in a WITH too; not FOR UPDATE, ON DELETE and such."""
        target = self._after(1, "INTO") if self._is(0, "INSERT") else None
        for place, token in enumerate(self.tokens):
            before = self.tokens[place - 1] if place else None
            begins = before is None or before.text in ("(", ")") or before.is_word("ANALYZE")
            if token.is_word("DELETE") and self._is(place + 1, "FROM"):
                at = self._after(place + 2, "ONLY")
                yield from self._unless_made(at, token, DELETES)
            elif token.is_word("UPDATE") and begins:
                at = self._after(place + 1, "ONLY")
                if self._is(at, "OR"):  # SQLite: UPDATE OR IGNORE t
                    at += 2
                yield from self._unless_made(at, token, "changes rows of {}")
            elif token.is_word("MERGE") and begins:
                at = self._after(place + 1, "INTO", "ONLY")
                yield from self._unless_made(at, token, "writes over rows of {}")
            elif token.is_word("INSERT") and begins:
                target = self._after(place + 1, "INTO")
                if self._is(place + 1, "OR"):  # SQLite: INSERT OR REPLACE INTO t
                    target = self._after(place + 3, "INTO")
                    if self._is(place + 2, "REPLACE"):
                        yield from self._unless_made(target, token, "writes over rows of {}")
            elif token.is_word("UPDATE") and before and before.is_word("DO") and target:
                yield from self._unless_made(target, token, "writes over rows of {}")

    def _unless_made(self, place: int, at: Token, what: str) -> _Found:
        name, _ = self._name(place)
        if name not in self._made:
            yield at, what.format(name)

    def _created_table(self) -> int | None:
        """Where the name stands in CREATE TABLE, or the IF before it; None in other statements."""
        if not self._is(0, "CREATE"):
            return None
        for place in range(1, min(4, len(self.tokens))):
            if self.tokens[place].is_word("TABLE"):
                return place + 1
            if not self.tokens[place].is_word("TEMP", "TEMPORARY", "UNLOGGED", "VIRTUAL"):
                return None
        return None

    def _is(self, place: int, *words: str) -> bool:
        return place < len(self.tokens) and self.tokens[place].is_word(*words)

    def _after(self, place: int, *words: str) -> int:
        """The place after any of these words."""
        while self._is(place, *words):
            place += 1
        return place

    def _name(self, place: int) -> tuple[str, int]:
        """The name there and the place after it; own_schema.py allows it no schema."""
        while place + 2 < len(self.tokens) and self.tokens[place + 1].text == ".":
            place += 2
        if place >= len(self.tokens):
            return "", place
        return _bare(self.tokens[place]), place + 1

    def _actions(self, place: int) -> Iterator[list[Token]]:
        """What an ALTER TABLE does, one after the other."""
        action: list[Token] = []
        depth = 0
        for token in self.tokens[place:]:
            depth += (token.text == "(") - (token.text == ")")
            if token.text == "," and depth == 0:
                yield action
                action = []
            else:
                action.append(token)
        if action:
            yield action


def _action(table: str, action: Sequence[Token]) -> _Found:
    """What is destructive in one action of ALTER TABLE on a table that was there before."""
    first = action[0]
    rest = [t for t in action[1:] if not t.is_word("COLUMN", "IF", "EXISTS")]
    following = action[1] if len(action) > 1 else first
    name = _bare(rest[0]) if rest else ""
    if first.is_word("DROP"):
        if not following.is_word("CONSTRAINT"):
            yield first, f"drops column {table}.{name}"
    elif first.is_word("RENAME"):
        if following.is_word("TO"):
            yield first, f"renames table {table}"
        elif not following.is_word("CONSTRAINT"):
            yield first, f"renames column {table}.{name}"
    elif first.is_word("ADD"):
        if following.is_word("CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "EXCLUDE"):
            yield first, f"narrows {table} (a constraint)"
    elif first.is_word("ALTER"):
        change = [token.text.upper() for token in rest[1:]]
        if change[:1] == ["TYPE"] or change[:3] == ["SET", "DATA", "TYPE"]:
            yield first, f"changes the type of {table}.{name}"
        elif change[:3] == ["SET", "NOT", "NULL"]:
            yield first, f"narrows {table}.{name} (NOT NULL)"
        elif change[:2] == ["SET", "EXPRESSION"]:
            yield first, f"rewrites {table}.{name}"
    elif first.is_word("SET") and following.is_word("SCHEMA"):
        yield first, f"renames table {table}"
    elif first.is_word("DETACH"):
        yield first, f"takes rows out of {table}"


def _bare(token: Token) -> str:
    return token.text.strip('"`[]').lower()
