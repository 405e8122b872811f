"""What the tokens of a statement alone say: its parameters, its columns, whether it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pwrbot.repository.tokens import Token, TokenKind, significant


class ShapeError(ValueError):
    """The statement breaks a rule that its text alone shows."""


class Shape(msgspec.Struct, frozen=True):
    """The outline of one statement."""

    parameters: tuple[str, ...]
    """Names in the order of their first appearance."""
    lists: frozenset[str]
    """Those of them that stand as ``IN (:name)``."""
    columns: tuple[str, ...]
    """Names of the result columns, in order; none where it gives no rows."""
    readonly: bool
    order: tuple[int, int] | None
    """Which tokens are the outermost ORDER BY's list: from and up to."""
    end: int
    """Where the tokens of the statement end: a closing semicolon is not part of it."""


def read_shape(tokens: Sequence[Token]) -> Shape:
    """Outline a statement. Raises ShapeError."""
    end = _end(tokens)
    outline = list(_outline(tokens[:end]))
    words = [(i, t) for i, depth, t in outline if depth == 0 and t.kind is TokenKind.WORD]
    verb = next((t.text.upper() for _, t in words if t.is_word(*_VERBS)), None)
    if verb is None or not words[0][1].is_word("WITH", *_VERBS):
        raise ShapeError("no SELECT, INSERT, UPDATE or DELETE found")
    if own := engines_own(tokens):
        raise ShapeError(own)
    parameters, lists = _parameters([t for _, _, t in outline])
    return Shape(
        parameters=parameters,
        lists=lists,
        columns=_columns(outline, verb),
        readonly=verb in ("SELECT", "VALUES") and not any(t.is_word(*_WRITES) for t in tokens),
        order=_order(outline),
        end=end,
    )


def engines_own(tokens: Sequence[Token]) -> str | None:
    """What is wrong where the engine's clock or chance decides: no test could expect a value."""
    texts = [token.text for token in significant(tokens)]
    for i, text in enumerate(texts):
        word, following = text.upper(), texts[i + 1 : i + 3]
        if (
            word in _OWN_WORDS
            or (word in _OWN_CALLS and following[:1] == ["("])
            or (word in _NOW_ALONE and following == ["(", ")"])
        ):
            return f"{text} is the engine's own: the time, and what chance decides, are parameters"
    return None


_OWN_WORDS = (
    "CURRENT_TIMESTAMP",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "LOCALTIMESTAMP",
    "LOCALTIME",
    "'NOW'",
    "'TODAY'",
    "'TOMORROW'",
    "'YESTERDAY'",
    "TABLESAMPLE",
)
_OWN_CALLS = (
    "NOW",
    "CLOCK_TIMESTAMP",
    "STATEMENT_TIMESTAMP",
    "TRANSACTION_TIMESTAMP",
    "TIMEOFDAY",
    "RANDOM",
    "RANDOMBLOB",
    "RANDOM_NORMAL",
    "GEN_RANDOM_UUID",
    "UUIDV4",
    "UUIDV7",
)
_NOW_ALONE = ("DATE", "TIME", "DATETIME", "JULIANDAY", "UNIXEPOCH")
"""SQLite's, which without an argument are about this moment."""

_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "VALUES")
_WRITES = ("INSERT", "UPDATE", "DELETE")
_AFTER_COLUMNS = ("FROM", "WHERE", "UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT", "GROUP")
_AFTER_ORDER = ("LIMIT", "OFFSET", "FETCH", "FOR")

Place = tuple[int, int, Token]
"""A token that means something: its index, how deep in parentheses, and itself."""


def _end(tokens: Sequence[Token]) -> int:
    end = len(tokens)
    for i, token in enumerate(tokens):
        if token.text == ";" and token.kind is TokenKind.SYMBOL:
            if any(t.kind not in (TokenKind.SPACE, TokenKind.COMMENT) for t in tokens[i + 1 :]):
                raise ShapeError("more than one statement: give each its own header")
            end = i
            break
    if not any(t.kind not in (TokenKind.SPACE, TokenKind.COMMENT) for t in tokens[:end]):
        raise ShapeError("a header without a statement")
    return end


def _outline(tokens: Sequence[Token]) -> Iterator[Place]:
    depth = 0
    for i, token in enumerate(tokens):
        if token.kind in (TokenKind.SPACE, TokenKind.COMMENT):
            continue
        if token.text == ")":
            depth -= 1
        yield i, depth, token
        if token.text == "(":
            depth += 1
    if depth:
        raise ShapeError("the parentheses do not match")


def _parameters(tokens: Sequence[Token]) -> tuple[tuple[str, ...], frozenset[str]]:
    names: dict[str, None] = {}
    listed: set[str] = set()
    for i, token in enumerate(tokens):
        if token.kind is not TokenKind.PARAMETER:
            continue
        name = token.text[1:]
        if name != name.lower():
            raise ShapeError(f"a parameter is lower_snake_case, not {token.text}")
        names[name] = None
        if is_list(tokens, i):
            listed.add(name)
    return tuple(names), frozenset(listed)


def is_list(tokens: Sequence[Token], i: int) -> bool:
    """Whether the parameter at ``i`` of these (significant) tokens stands as ``IN (:name)``."""
    return (
        i >= 2
        and i + 1 < len(tokens)
        and tokens[i - 2].is_word("IN")
        and tokens[i - 1].text == "("
        and tokens[i + 1].text == ")"
    )


def _columns(outline: Sequence[Place], verb: str) -> tuple[str, ...]:
    """The names of the result columns: of the outer SELECT, or of RETURNING."""
    opening = "RETURNING" if verb in _WRITES else verb
    start = next((n for n, (_, d, t) in enumerate(outline) if d == 0 and t.is_word(opening)), None)
    if start is None or verb == "VALUES":
        return ()
    items: list[list[Token]] = [[]]
    for _, depth, token in outline[start + 1 :]:
        if depth == 0 and token.is_word(*_AFTER_COLUMNS):
            break
        if depth == 0 and token.text == ",":
            items.append([])
        elif not (depth == 0 and token.is_word("DISTINCT", "ALL") and items == [[]]):
            items[-1].append(token)
    names = tuple(_column_name(item) for item in items)
    if len(set(names)) != len(names):
        raise ShapeError(f"two result columns have the same name: {', '.join(names)}")
    return names


def _column_name(item: Sequence[Token]) -> str:
    if item and item[-1].text == "*":
        raise ShapeError("* is not a list of columns: name each, so that a new one breaks nothing")
    named = len(item) > 1 and item[-2].is_word("AS")
    plain = len(item) == 1 or (len(item) == 3 and item[1].text == ".")
    if item and item[-1].kind is TokenKind.WORD and (named or plain):
        return item[-1].text
    raise ShapeError(f"give the result column {_text(item)!r} a name: AS something")


def _text(item: Sequence[Token]) -> str:
    return " ".join(token.text for token in item)


def _order(outline: Sequence[Place]) -> tuple[int, int] | None:
    """The list of the last ORDER BY that is not inside parentheses, without the space around it."""
    start: int | None = None
    stop = 0
    for n, (i, depth, token) in enumerate(outline):
        if depth == 0 and token.is_word("BY") and n and outline[n - 1][2].is_word("ORDER"):
            start = outline[n + 1][0] if n + 1 < len(outline) else None
        elif depth == 0 and start is not None and stop > start and token.is_word(*_AFTER_ORDER):
            break
        elif start is not None:
            stop = i + 1
    return None if start is None else (start, stop)
