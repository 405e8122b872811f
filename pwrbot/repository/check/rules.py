"""The rules, a function each: a statement on one engine in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sqlglot import exp

from pwrbot.repository.check.case import Case
from pwrbot.repository.check.catalog import TableInfo
from pwrbot.repository.check.findings import Finding
from pwrbot.repository.check.meetings import affinity, fits, meetings, storage
from pwrbot.repository.check.uniqueness import Uniqueness
from pwrbot.repository.engine.describe import Description, Refusal

Rule = Callable[[Case], Iterator[Finding]]


def accepted(case: Case) -> Iterator[Finding]:
    """The engine prepares it."""
    if isinstance(case.described, Refusal):
        offset = case.described.offset
        line = None if offset is None else case.statement.sql.count("\n", 0, offset)
        yield case.finding(case.described.message, line)
    elif case.described is None:
        yield case.finding(
            "its text was changed or added and has not been checked on this engine: run"
            " `make prepare`, which brings one"
        )
    elif case.not_understood:
        yield case.finding(f"the check does not understand it: {case.not_understood}")


def remarks(case: Case) -> Iterator[Finding]:
    """What the engine accepts and is surely meant otherwise: a typo in double quotes."""
    if isinstance(case.described, Description):
        for remark in case.described.remarks:
            quoted = remark.split('"')[1] if '"' in remark else None
            place = case.statement.sql.find(f'"{quoted}"') if quoted else -1
            yield case.finding(remark, case.statement.sql.count("\n", 0, max(place, 0)))


def reading_is_known(case: Case) -> Iterator[Finding]:
    """What is taken for reading only writes nothing: it goes to connections that cannot."""
    told = case.described.readonly if isinstance(case.described, Description) else None
    if case.statement.readonly and told is False:
        yield case.finding("writes, though it is taken for a statement that only reads")


def every_column_named(case: Case) -> Iterator[Finding]:
    """No ``*`` anywhere, and a name for each expression that somebody could select from."""
    if case.tree is None:
        return
    for star in case.tree.node.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            yield case.finding("* is not a list of columns: name each", star.parent_select)
    for scope in case.tree.scopes:
        for source in scope.sources.values():
            for branch in (source.block.branches if source.block else [])[:1]:
                for name, expression in branch.outputs:
                    if not name:
                        yield case.finding(
                            f"give {expression.sql()} a name: AS something", expression
                        )


def result_types(case: Case) -> Iterator[Finding]:
    """Each result column has a type that its field can be read from."""
    if not isinstance(case.described, Description) or case.repeats:
        return
    for column in case.described.columns:
        expected = case.statement.results.get(column.name)
        if expected is None or column.type is None:
            continue
        if case.engine == "postgres":
            fits = column.type in expected.results
        else:
            fits = affinity(column.type) in (None, storage(expected))
        if not fits:
            yield case.finding(
                f"column {column.name} is {column.type}, {_field(case, column.name)} says"
                f" {expected.name}",
                _node(case, column.name),
            )


def result_nullability(case: Case) -> Iterator[Finding]:
    """A column that can be NULL is read into a field that can be None."""
    if isinstance(case.described, Refusal) or case.repeats:
        return
    for column in case.columns:
        expected = case.statement.results.get(column)
        if expected is None or expected.optional or not case.nullable[column]:
            continue
        if column not in case.statement.query.directives.notnull:
            yield case.finding(
                f"column {column} can be NULL, {_field(case, column)} says {expected.name}",
                _node(case, column),
            )


def parameters_fit_columns(case: Case) -> Iterator[Finding]:
    """A parameter that is stored in a column, or compared with it, is of the column's type."""
    for placeholder, table, name, stored in _meetings(case):
        kind = case.statement.parameters.get(placeholder.name)
        if kind is None or name not in table.columns:
            continue
        column = table.columns[name]
        if not fits(kind, column.type, case.engine):
            yield case.finding(
                f":{placeholder.name} is {kind.name}, {table.name}.{name} is {column.type}",
                placeholder.parent,
            )
        elif stored and kind.optional and not column.nullable and not case.is_macro:
            yield case.finding(
                f":{placeholder.name} can be None, {table.name}.{name} is NOT NULL",
                placeholder.parent,
            )


def parameters_meet_their_column(case: Case) -> Iterator[Finding]:
    """A parameter that is called like a column is not used for another one."""
    for placeholder, table, name, _ in _meetings(case):
        called = placeholder.name
        of = called if called in table.columns else called.removesuffix("s")
        if of in table.columns and of != name:
            yield case.finding(
                f":{called} is used for {table.name}.{name}, though there is a column {of}",
                placeholder.parent,
            )
    for clause, other in ((exp.Limit, "offset"), (exp.Offset, "limit")):
        for node in case.tree.node.find_all(clause) if case.tree else ():
            if isinstance(node.expression, exp.Placeholder) and node.expression.name == other:
                yield case.finding(f":{other} stands where the {node.key} belongs", node.parent)


def inserts_are_complete(case: Case) -> Iterator[Finding]:
    """An INSERT names its columns, all of them that must have a value and have no default."""
    insertion = case.tree.insertion if case.tree else None
    if insertion is None or insertion.table is None:
        return
    if not insertion.columns:
        yield case.finding("INSERT without columns: name each", insertion.node.this)
        return
    for column in insertion.table.columns.values():
        if not (column.nullable or column.filled or column.name in insertion.columns):
            yield case.finding(
                f"{insertion.table.name}.{column.name} is NOT NULL and is given no value",
                insertion.node.this,
            )


def limits_are_total(case: Case) -> Iterator[Finding]:
    """What a LIMIT keeps is decided by the ORDER BY alone."""
    if case.tree is None:
        return
    uniqueness = Uniqueness(case.tree)
    for block in case.tree.blocks:
        if block.limit is not None and not uniqueness.is_total(block):
            what = "an ORDER BY that does not end in a unique column" if block.order else "no order"
            yield case.finding(
                f"LIMIT with {what}: which rows it keeps is left to chance", block.node
            )


def guilds_are_kept_apart(case: Case) -> Iterator[Finding]:
    """A statement on a guild's table says which guild."""
    if case.statement.query.directives.crosses_guilds:
        return
    for table, node in case.open_tables.items():
        yield case.finding(
            f"leaves {table}.guild_id open: fix it to a parameter, or say in the header"
            " '-- crosses guilds: reason'",
            node,
        )


def scans_are_meant(case: Case) -> Iterator[Finding]:
    """No table is read from end to end without a reason."""
    for table in sorted(case.scanned - case.statement.query.directives.scans.keys()):
        yield case.finding(
            f"reads all of {table}: no index serves it; add one, or say in the header"
            f" '-- scan {table}: reason'"
        )


RULES: Final[tuple[Rule, ...]] = (
    accepted,
    remarks,
    reading_is_known,
    every_column_named,
    result_types,
    result_nullability,
    parameters_fit_columns,
    parameters_meet_their_column,
    inserts_are_complete,
    limits_are_total,
    guilds_are_kept_apart,
    scans_are_meant,
)


def _meetings(case: Case) -> Iterator[tuple[exp.Placeholder, TableInfo, str, bool]]:
    return meetings(case.tree) if case.tree else iter(())


def _field(case: Case, column: str) -> str:
    return f"{case.statement.reads}.{column}" if case.statement.reads else "the method"


def _node(case: Case, column: str) -> exp.Expr | None:
    outputs = dict(case.tree.outputs) if case.tree else {}
    return outputs.get(column.lower())
