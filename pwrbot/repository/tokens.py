"""SQL read as tokens, so that what looks like a parameter inside a string never is one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum, auto

import msgspec


class TokenKind(Enum):
    """What a piece of SQL text is."""

    SPACE = auto()
    COMMENT = auto()
    WORD = auto()  # a keyword, or a name without quotes
    NUMBER = auto()
    PARAMETER = auto()  # :name
    OPAQUE = auto()  # strings, quoted names, dollar quotes, brackets: kept as they are
    SYMBOL = auto()


class Token(msgspec.Struct, frozen=True):
    """A piece of SQL; the texts of all tokens put together are the statement again."""

    kind: TokenKind
    text: str
    line: int
    """Counted from 0 at the beginning of the text that was read."""

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these keywords, given in upper case."""
        return self.kind is TokenKind.WORD and self.text.upper() in words


class UnclosedError(ValueError):
    """A string, comment or quoted name that never ends; ``line`` counts from 0."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(f"{what} is never closed")
        self.line = line


def tokenize(sql: str) -> list[Token]:
    """Split SQL of either engine into tokens. Raises UnclosedError."""
    tokens: list[Token] = []
    position = line = 0
    while position < len(sql):
        if plain := _PLAIN.match(sql, position):
            kind, end = _KINDS[plain.lastindex or 0], plain.end()
        else:
            kind, end = _token_at(sql, position, line)
        text = sql[position:end]
        tokens.append(Token(kind, text, line))
        line += text.count("\n")
        position = end
    return tokens


_PLAIN = re.compile(
    r"(\s+)|(--[^\n]*)|(?!e')([^\W\d]\w*)|(:[^\W\d]\w*)|([(),;=<>.*+{}]|-(?!-)|/(?!\*))",
    re.IGNORECASE,
)
"""What most tokens are, at one go; ``_token_at`` reads those that are left."""

_KINDS = (
    TokenKind.SYMBOL,
    TokenKind.SPACE,
    TokenKind.COMMENT,
    TokenKind.WORD,
    TokenKind.PARAMETER,
    TokenKind.SYMBOL,
)


def significant(tokens: Sequence[Token]) -> list[Token]:
    """The tokens that mean something: without white space and comments."""
    return [t for t in tokens if t.kind not in (TokenKind.SPACE, TokenKind.COMMENT)]


def _token_at(sql: str, start: int, line: int) -> tuple[TokenKind, int]:
    """The kind of the token that begins at ``start``, and where it ends."""
    char, following = sql[start], sql[start + 1 : start + 2]
    if char.isspace():
        return TokenKind.SPACE, _while(sql, start, str.isspace)
    if char + following == "--":
        newline = sql.find("\n", start)
        return TokenKind.COMMENT, len(sql) if newline < 0 else newline
    if char + following == "/*":
        return TokenKind.COMMENT, _block_comment_end(sql, start, line)
    if char in "eE" and following == "'":
        return TokenKind.OPAQUE, _quoted_end(sql, start + 1, line, backslash=True)
    if char in "'\"`":
        return TokenKind.OPAQUE, _quoted_end(sql, start, line)
    if char == "[":
        return TokenKind.OPAQUE, _bracket_end(sql, start, line)
    if char == "$":
        return _dollar(sql, start, line)
    if char.isdigit():
        return TokenKind.NUMBER, _while(sql, start, lambda c: c.isalnum() or c in "._")
    if _starts_name(char):
        return TokenKind.WORD, _while(sql, start, lambda c: _starts_name(c) or c.isdigit())
    if char + following == "::":
        return TokenKind.SYMBOL, start + 2
    if char == ":" and following and _starts_name(following):
        return TokenKind.PARAMETER, _while(sql, start + 1, lambda c: _starts_name(c) or c.isdigit())
    return TokenKind.SYMBOL, start + 1


def _starts_name(char: str) -> bool:
    return char == "_" or char.isalpha()


def _while(sql: str, position: int, belongs: Callable[[str], bool]) -> int:
    while position < len(sql) and belongs(sql[position]):
        position += 1
    return position


def _quoted_end(sql: str, start: int, line: int, *, backslash: bool = False) -> int:
    """Past the closing quote; a doubled quote is part of the text."""
    quote, position = sql[start], start + 1
    while position < len(sql):
        if backslash and sql[position] == "\\":
            position += 2
        elif sql[position] != quote:
            position += 1
        elif sql[position + 1 : position + 2] == quote:
            position += 2
        else:
            return position + 1
    raise UnclosedError("a string" if quote == "'" else "a quoted name", line)


def _block_comment_end(sql: str, start: int, line: int) -> int:
    """Past the closing mark. PostgreSQL nests comments; SQLite, read the same way, has no need."""
    depth, position = 0, start
    while position < len(sql):
        mark = sql[position : position + 2]
        if mark == "/*":
            depth += 1
            position += 2
        elif mark == "*/":
            depth -= 1
            position += 2
            if depth == 0:
                return position
        else:
            position += 1
    raise UnclosedError("a comment", line)


def _bracket_end(sql: str, start: int, line: int) -> int:
    """Past the closing bracket: a slice ``a[1:n]`` or a name ``[like this]``."""
    depth, position = 0, start
    while position < len(sql):
        char = sql[position]
        if char == "'":
            position = _quoted_end(sql, position, line)
            continue
        depth += (char == "[") - (char == "]")
        position += 1
        if depth == 0:
            return position
    raise UnclosedError("a bracket", line)


def _dollar(sql: str, start: int, line: int) -> tuple[TokenKind, int]:
    """A dollar-quoted string ``$tag$ ... $tag$``, else the sign alone."""
    tag_end = _while(sql, start + 1, lambda c: _starts_name(c) or c.isdigit())
    if sql[tag_end : tag_end + 1] != "$" or sql[start + 1 : start + 2].isdigit():
        return TokenKind.SYMBOL, start + 1
    tag = sql[start : tag_end + 1]
    end = sql.find(tag, tag_end + 1)
    if end < 0:
        raise UnclosedError(f"the text quoted by {tag}", line)
    return TokenKind.OPAQUE, end + len(tag)
