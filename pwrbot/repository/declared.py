"""What a table's Protocol declares: its entity, and methods whose signatures are the contract."""

from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, NoneType
from typing import Any, TypeGuard

import msgspec

from pwrbot.entities import Entity
from pwrbot.repository.errors import Problem
from pwrbot.repository.queries import Kind
from pwrbot.repository.table import Table
from pwrbot.repository.types import is_optional


class Method(msgspec.Struct, frozen=True):
    """A declared method: what it takes and returns."""

    name: str
    path: Path
    line: int
    parameters: Mapping[str, object]
    positional: Sequence[str]
    """Those of them that do not stand after ``*``; there should be none."""
    defaults: Mapping[str, object]
    returns: object
    is_async: bool

    def problem(self, table: str, message: str) -> Problem:
        return Problem(self.path, self.line, f"{table}.{self.name}: {message}")


def entity_of(declared: type) -> type[Entity]:
    for base in getattr(declared, "__orig_bases__", ()):
        if typing.get_origin(base) is Table:
            entity: type[Entity] = typing.get_args(base)[0]
            return entity
    raise TypeError("a table derives from Table[Entity, Key]")


def methods_of(declared: type) -> Iterator[Method]:
    for name, function in vars(declared).items():
        if not isinstance(function, FunctionType) or name.startswith("_"):
            continue
        hints = typing.get_type_hints(function)
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[1:]
        path, line = place_of(function)
        yield Method(
            name=name,
            path=path,
            line=line,
            parameters={p.name: hints.get(p.name, object) for p in own},
            positional=[p.name for p in own if p.kind is not p.KEYWORD_ONLY],
            defaults={p.name: p.default for p in own if p.default is not p.empty},
            returns=hints.get("return", object),
            is_async=inspect.iscoroutinefunction(function),
        )


def place_of(declared: type | FunctionType) -> tuple[Path, int]:
    if isinstance(declared, FunctionType):
        return Path(declared.__code__.co_filename), declared.__code__.co_firstlineno
    try:
        return Path(inspect.getfile(declared)), inspect.getsourcelines(declared)[1]
    except (OSError, TypeError):
        return Path(declared.__module__), 1


def is_struct(annotation: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def returned(annotation: Any) -> tuple[tuple[Kind, ...], Any]:
    """The kinds a return type stands for, and what one row is read into."""
    if annotation in (None, NoneType):
        return (Kind.EXEC,), None
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return (Kind.MANY,), arguments[0]
    if origin is AsyncIterator:
        return (Kind.STREAM,), arguments[0]
    if is_optional(annotation):
        item = next(argument for argument in arguments if argument is not NoneType)
        if is_struct(item):
            return (Kind.MAYBE,), item
        return (Kind.VALUE, Kind.MAYBE), item
    if annotation is int:
        return (Kind.VALUE, Kind.ROWS), int
    if is_struct(annotation):
        return (Kind.ONE,), annotation
    return (Kind.VALUE,), annotation
