"""The statements of the last release, kept to be held against the schema of the next.

While a new version is brought out, a process of the old one may still run on a database that is
migrated already. So each statement of the old one has to do on the new schema: what it uses is
taken away one release after the last version that used it ("expand, then contract"). Tags of git
would know the old statements too, but a clone may lack them: ``sql/released/VERSION.json`` holds
them as they ran. ``make release-sql`` writes it, once a version's SQL is as it will be released.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from pwrbot.errors import PwrbotError
from pwrbot.repository.check.catalog import Catalog, read_catalog
from pwrbot.repository.engine.describe import DescribedColumn, Description, Refusal
from pwrbot.repository.queries import EngineName
from pwrbot.repository.repository import bind_repository
from pwrbot.repository.tokens import significant, tokenize

DIRECTORY: Final = "released"
SCHEMA: Final = "pwrbot"
"""What PostgreSQL's schema is called in the texts that are kept."""

ADVICE: Final = (
    "a process of that version may still run beside this one: split the migration. First add what"
    " the new version needs, and take away what the old one uses in the release after"
    " (CONTRIBUTING.md)"
)


class ReleasedError(PwrbotError):
    """The statements of the last release cannot be used; see the message for why."""


class ReleasedStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement as a released version runs it on one engine."""

    sql: str
    columns: tuple[str, ...]
    """``name type`` of each result column; the type where the engine knows one."""


class Released(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All statements of a released version."""

    version: str
    statements: Mapping[str, Mapping[EngineName, ReleasedStatement]]


class Broken(msgspec.Struct, frozen=True):
    """A statement of the last release that would not do any more."""

    version: str
    name: str
    engine: EngineName
    why: str

    def __str__(self) -> str:
        return f"{self.name} of {self.version} [{self.engine}]: {self.why}; {ADVICE}"


class Scratch(Protocol):
    """A migrated schema to hold texts against: ``sqlite_scratch``, ``postgres_scratch``."""

    @property
    def engine(self) -> EngineName: ...

    @property
    def schema(self) -> str: ...

    @property
    def text(self) -> str: ...

    def describe_texts(self, texts: Sequence[str]) -> Sequence[Description | Refusal]: ...


def read_released(sql: Path) -> Released | None:
    """The last release's; ``sql`` is the SQL directory. None before the first release.

    Raises ReleasedError where the file is damaged.
    """
    path = _last(sql)
    if path is None:
        return None
    try:
        released = _DECODER.decode(path.read_bytes())
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ReleasedError(f"{path} cannot be read ({error}): restore it from git") from None
    if f"{released.version}.json" != path.name:
        raise ReleasedError(f"{path} is of {released.version}: restore it from git")
    return released


def broken_by(released: Released, scratch: Scratch) -> list[Broken]:
    """The released statements that do not do on this schema, by name."""
    engine = scratch.engine
    names = [name for name, texts in released.statements.items() if engine in texts]
    old = [released.statements[name][engine] for name in names]
    described = scratch.describe_texts([_at_home(one.sql, scratch.schema) for one in old])
    catalog = read_catalog(scratch.text, engine)
    return [
        Broken(released.version, name, engine, why)
        for name, one, told in zip(names, old, described, strict=True)
        for why in _reasons(one, told, catalog)
    ]


def write_released(sql: Path, version: str, scratches: Sequence[Scratch]) -> Path:
    """Keep the present statements as those of this version, in place of the release before.

    Raises ReleasedError where one of them, or of that release, does not do on the present schema.
    """
    before = read_released(sql)
    if before and _order(before.version) > _order(version):
        raise ReleasedError(
            f"{before.version} is released already, and pwrbot is {version}: raise the version in"
            " pwrbot/__init__.py"
        )
    if before and before.version != version:
        broken = [str(one) for scratch in scratches for one in broken_by(before, scratch)]
        if broken:
            raise ReleasedError("\n".join(["These statements would break:", *broken]))
    statements: dict[str, dict[EngineName, ReleasedStatement]] = {}
    for scratch in scratches:
        bound = bind_repository(scratch.engine, schema=SCHEMA, directory=sql / "queries")
        texts = [_at_home(statement.sql, scratch.schema) for statement in bound.statements]
        for statement, told in zip(bound.statements, scratch.describe_texts(texts), strict=True):
            if isinstance(told, Refusal):
                raise ReleasedError(f"{statement.name} [{scratch.engine}]: {told.message}")
            statements.setdefault(statement.name, {})[scratch.engine] = ReleasedStatement(
                sql=statement.sql, columns=_columns(told)
            )
    return _write(sql / DIRECTORY, Released(version, statements))


_DECODER = msgspec.json.Decoder(Released)


def _last(sql: Path) -> Path | None:
    """The file of the highest version."""
    paths = [path for path in (sql / DIRECTORY).glob("*.json") if path.stem[:1].isdigit()]
    return max(paths, key=lambda path: _order(path.stem), default=None)


def _order(version: str) -> tuple[tuple[int, ...], bool]:
    """Sorts versions as people do: 0.10 after 0.9, and what is made of 0.9 before 0.9."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    number = match[0] if match else "0"
    return tuple(int(part) for part in number.split(".")), number == version


def _write(directory: Path, released: Released) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{released.version}.json"
    encoded = msgspec.json.format(msgspec.json.encode(released, order="sorted"), indent=2)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(encoded + b"\n")
    os.replace(part, path)
    for other in directory.glob("*.json"):
        if other != path:
            other.unlink()
    return path


def _at_home(text: str, schema: str) -> str:
    """The text for a schema of another name."""
    return text.replace(f'"{SCHEMA}".', f'"{schema}".') if schema else text


def _columns(described: Description) -> tuple[str, ...]:
    return tuple(_column(column) for column in described.columns)


def _column(column: DescribedColumn) -> str:
    return f"{column.name} {column.type}" if column.type else column.name


def _reasons(
    old: ReleasedStatement, told: Description | Refusal, catalog: Catalog
) -> Iterator[str]:
    if isinstance(told, Refusal):
        yield told.message
        return
    for before, now in zip(old.columns, _columns(told), strict=False):
        if before != now:
            yield f"its column {before} is {now} now"
    if missing := _left_out(old.sql, catalog):
        yield f"it gives no value to {', '.join(missing)}, NOT NULL and without a default"


def _left_out(text: str, catalog: Catalog) -> list[str]:
    """What an INSERT would have to give a value to: engines find that out only when it runs."""
    tokens = significant(tokenize(text))
    places = [place for place, token in enumerate(tokens) if token.is_word("INTO")]
    found: list[str] = []
    for place in places:
        opening = next((i for i in range(place, len(tokens)) if tokens[i].text == "("), None)
        if opening is None:
            continue
        name = tokens[opening - 1].text.strip('"').lower()
        closing = next(i for i in range(opening, len(tokens)) if tokens[i].text == ")")
        given = {token.text.strip('"').lower() for token in tokens[opening:closing]}
        table = catalog.get(name)
        for column in table.columns.values() if table else ():
            if not (column.nullable or column.filled or column.name in given):
                found.append(f"{name}.{column.name}")
    return found
