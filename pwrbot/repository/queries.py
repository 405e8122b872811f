"""Named queries, read from the .sql files: what each is called, needs and gives back.

A file ``feeds.sql`` holds what both engines understand; ``feeds.sqlite.sql`` and
``feeds.postgres.sql``, always both, hold what must differ, under exactly the same names.
``docs/sql.md`` describes the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

import msgspec

from pwrbot.repository.errors import Problem, QueryFileError
from pwrbot.repository.statement_shape import Shape, ShapeError, engines_own, read_shape
from pwrbot.repository.tokens import Token, TokenKind, UnclosedError, tokenize

EngineName = Literal["sqlite", "postgres"]
ENGINES: Final[tuple[EngineName, ...]] = ("sqlite", "postgres")

MACRO: Final = "table"
"""The module whose statements are made once for every table."""


class Kind(StrEnum):
    """What a query gives back; the return type of its method must say the same."""

    ONE = "one"  # exactly one row
    MAYBE = "maybe"  # a row or none
    MANY = "many"  # a list of rows
    VALUE = "value"  # the only column of the only row
    ROWS = "rows"  # how many rows were changed
    EXEC = "exec"  # nothing
    STREAM = "stream"  # rows one after another, inside a transaction


class Directives(msgspec.Struct, frozen=True):
    """What the header says of a query beyond its name."""

    orders: Mapping[str, str] = {}
    notnull: Mapping[str, str] = {}
    scans: Mapping[str, str] = {}
    crosses_guilds: str | None = None
    replica: bool = False


class Query(msgspec.Struct, frozen=True):
    """One named statement, as it stands in its file."""

    module: str
    name: str
    kind: Kind
    description: str
    directives: Directives
    tokens: tuple[Token, ...]
    shape: Shape
    path: Path
    line: int
    """Of the header, counted from 1."""
    body_line: int
    """Of the first token."""

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"

    def problem(self, message: str) -> Problem:
        """Something wrong with this query, told with its place and name."""
        return Problem(self.path, self.line, f"{self.full_name}: {message}")


class Block(msgspec.Struct, frozen=True):
    """The text of one query, from its header to the next, not read yet."""

    path: Path
    line: int
    text: str


class QueryFiles(msgspec.Struct, frozen=True):
    """All .sql files of a directory: the queries of each engine, and the macro as text."""

    queries: Mapping[EngineName, Mapping[str, Query]]
    macro: Mapping[EngineName, tuple[Block, ...]]


def load_queries(directory: Path) -> QueryFiles:
    """Read every .sql file of the directory. Raises QueryFileError with all that is wrong."""
    files, problems = read_queries(directory)
    if problems:
        raise QueryFileError(problems)
    return files


def read_queries(directory: Path) -> tuple[QueryFiles, list[Problem]]:
    """The same for whoever goes on with what can be read: the files, and all that is wrong."""
    problems: list[Problem] = []
    blocks: dict[tuple[str, EngineName | None], list[Block]] = {}
    paths = sorted(directory.glob("*.sql"))
    if not paths:
        problems.append(Problem(directory, 1, "there is no .sql file in this directory"))
    for path in paths:
        try:
            blocks[_module_and_engine(path)] = list(_blocks(path))
        except _FileProblem as error:
            problems.append(Problem(path, error.line, str(error)))
    queries: dict[EngineName, dict[str, Query]] = {engine: {} for engine in ENGINES}
    macro: dict[EngineName, list[Block]] = {engine: [] for engine in ENGINES}
    for (module, only), module_blocks in blocks.items():
        parsed = [] if module == MACRO else _parsed(module, module_blocks, problems)
        for engine in ENGINES if only is None else (only,):
            if module == MACRO:
                macro[engine] += module_blocks
            _add(queries[engine], parsed, problems)
    problems += _missing_twins(queries)
    return QueryFiles(queries, {e: tuple(found) for e, found in macro.items()}), problems


def expand_macro(
    blocks: tuple[Block, ...], module: str, places: Mapping[str, str]
) -> dict[str, Query]:
    """The macro's statements for one table, by name. Raises QueryFileError.

    ``places`` fills the words in braces; its values come from code only, never from a user.
    """
    problems: list[Problem] = []
    queries: dict[str, Query] = {}
    filled: list[Block] = []
    for block in blocks:
        text = block.text
        for place, value in places.items():
            text = text.replace(f"{{{place}}}", value)
        if unknown := re.search(r"\{\w*\}", text):
            problems.append(Problem(block.path, block.line, f"unknown place {unknown[0]}"))
        else:
            filled.append(Block(block.path, block.line, text))
    _add(queries, _parsed(module, filled, problems), problems)
    if problems:
        raise QueryFileError(problems)
    return queries


class _FileProblem(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


_HEADER = re.compile(r"--\s*name:(.*)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DIRECTIVE = re.compile(
    r"(?P<words>(?:order|notnull|scan|crosses|replica)\b[^:]*|[a-z]+(?: [a-z_0-9]+)?)"
    r": *(?P<value>.*)"
)


def _module_and_engine(path: Path) -> tuple[str, EngineName | None]:
    module, _, engine = path.name.removesuffix(".sql").partition(".")
    if not _NAME.fullmatch(module):
        raise _FileProblem(1, "a file is named after its table: lower_snake_case.sql")
    for known in ENGINES:
        if engine == known:
            return module, known
    if engine:
        raise _FileProblem(1, f"unknown engine {engine!r}: use .sqlite.sql or .postgres.sql")
    return module, None


def _blocks(path: Path) -> Iterator[Block]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _FileProblem(line, "not UTF-8: save the file as UTF-8") from None
    lines = text.split("\n")  # not splitlines(), which also splits at characters inside strings
    starts = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    preamble = lines[: starts[0]] if starts else lines
    for number, before in enumerate(preamble):
        if before.strip() and not before.startswith("--"):
            raise _FileProblem(number + 1, "SQL before the first '-- name: ... :kind' header")
    if not starts:
        raise _FileProblem(1, "no query: expected a '-- name: ... :kind' header")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield Block(path, start + 1, "\n".join(lines[start:end]))


def _parsed(module: str, blocks: list[Block], problems: list[Problem]) -> list[Query]:
    found: list[Query] = []
    for block in blocks:
        try:
            found.append(_parse(module, block))
        except _FileProblem as error:
            problems.append(Problem(block.path, error.line, str(error)))
    return found


def _add(queries: dict[str, Query], found: list[Query], problems: list[Problem]) -> None:
    for query in found:
        if first := queries.get(query.full_name):
            problems.append(
                query.problem(f"this name is taken by {first.path.name}:{first.line}; rename one")
            )
        else:
            queries[query.full_name] = query


def _parse(module: str, block: Block) -> Query:
    header, *rest = block.text.split("\n")
    name, kind = _name_and_kind(header, block.line)
    length = next(
        (number for number, line in enumerate(rest) if not line.startswith("--")), len(rest)
    )
    description, directives = _comments(rest[:length], block.line + 1)
    if not description:
        raise _FileProblem(block.line, f"{name}: say in a comment below what one row means")
    body_line = block.line + 1 + length
    body = "\n".join(rest[length:])
    tokens, shape = _statement(name, body, body_line, block.line)
    for order, text in directives.orders.items():
        if shape.order is None:
            raise _FileProblem(block.line, f"{name}: order {order}: there is no ORDER BY to change")
        if problem := _order_problem(text, shape):
            raise _FileProblem(block.line, f"{name}: order {order}: {problem}")
    return Query(
        module=module,
        name=name,
        kind=kind,
        description=description,
        directives=directives,
        tokens=tuple(tokens),
        shape=shape,
        path=block.path,
        line=block.line,
        body_line=body_line + _lines_before(body),
    )


def _order_problem(text: str, shape: Shape) -> str | None:
    """Why this text cannot take the place of the statement's own ORDER BY list."""
    try:
        tokens = tokenize(text)
    except UnclosedError as error:
        return str(error)
    if any(token.kind is TokenKind.COMMENT or token.text == ";" for token in tokens):
        return "only columns belong here, without a semicolon or a comment"
    for token in tokens:
        if token.kind is TokenKind.PARAMETER and token.text[1:] not in shape.parameters:
            return f"{token.text} does not occur in the statement"
    return engines_own(tokens)


def _name_and_kind(header: str, line: int) -> tuple[str, Kind]:
    match = _HEADER.match(header)
    words = match[1].split() if match else []
    kinds = ", ".join(f":{kind}" for kind in Kind)
    if len(words) != 2 or not words[1].startswith(":"):
        raise _FileProblem(line, f"expected '-- name: lower_snake_case :kind', kinds: {kinds}")
    name, kind = words[0], words[1][1:]
    if not _NAME.fullmatch(name):
        raise _FileProblem(line, f"a query's name is lower_snake_case, not {name!r}")
    if kind not in tuple(Kind):
        raise _FileProblem(line, f"{name}: unknown kind :{kind}, use one of {kinds}")
    return name, Kind(kind)


def _comments(lines: list[str], first_line: int) -> tuple[str, Directives]:
    """The description and the directives among the comment lines below a header."""
    description: list[str] = []
    named: dict[str, dict[str, str]] = {"order": {}, "notnull": {}, "scan": {}}
    crosses: str | None = None
    replica = False
    for number, line in enumerate(lines, first_line):
        text = line.removeprefix("--").strip()
        match = _DIRECTIVE.match(text)
        if match is None:
            description.append(text)
            continue
        words, value = match["words"], match["value"]
        directive, _, target = words.partition(" ")
        if directive in named and _NAME.fullmatch(target):
            if not value:
                raise _FileProblem(number, f"'-- {words}:' says nothing after the colon")
            if target in named[directive]:
                raise _FileProblem(number, f"'-- {words}:' stands twice")
            named[directive][target] = value
        elif words == "crosses guilds" and value:
            crosses = value
        elif words == "replica" and value == "ok":
            replica = True
        else:
            raise _FileProblem(
                number,
                f"unknown directive '-- {words}: {value}'; known are 'order NAME: columns', "
                "'notnull COLUMN: reason', 'scan TABLE: reason', 'crosses guilds: reason' and "
                "'replica: ok' (a sentence begins with a capital letter)",
            )
    directives = Directives(
        orders=named["order"],
        notnull=named["notnull"],
        scans=named["scan"],
        crosses_guilds=crosses,
        replica=replica,
    )
    return " ".join(description).strip(), directives


def _statement(name: str, body: str, body_line: int, header: int) -> tuple[list[Token], Shape]:
    try:
        tokens = tokenize(body.strip())
        shape = read_shape(tokens)
    except UnclosedError as error:
        line = body_line + error.line + _lines_before(body)
        raise _FileProblem(line, f"{name}: {error}") from None
    except ShapeError as error:
        raise _FileProblem(header, f"{name}: {error}") from None
    return tokens[: shape.end], shape


def _lines_before(body: str) -> int:
    """How many empty lines the text begins with."""
    return body[: len(body) - len(body.lstrip())].count("\n")


def _missing_twins(queries: Mapping[EngineName, Mapping[str, Query]]) -> Iterator[Problem]:
    for engine, other in zip(ENGINES, reversed(ENGINES), strict=True):
        for name in queries[engine].keys() - queries[other].keys():
            query = queries[engine][name]
            yield query.problem(
                f"has a text for {engine} only; add it to {query.module}.{other}.sql too"
            )
