"""A PostgreSQL schema as SQL text, from the catalogs: the same on every version and in any schema.

The catalogs' own functions leave a schema out while it is the search path, as it is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pwrbot.repository.migrations.errors import MigrationError

if TYPE_CHECKING:
    from pwrbot.repository.engine.migration_backend import MigrationBackend

_HERE: Final = "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"

_TABLES: Final = f"""
SELECT
    c.oid,
    quote_ident(c.relname),
    array_to_string(c.reloptions, ', '),
    c.relname,
    pg_get_partkeydef(c.oid),
    whole.oid,
    quote_ident(whole.relname),
    pg_get_expr(c.relpartbound, c.oid)
FROM pg_class AS c
LEFT JOIN pg_inherits AS h ON h.inhrelid = c.oid AND c.relispartition
LEFT JOIN pg_class AS whole ON whole.oid = h.inhparent
WHERE c.relnamespace = {_HERE} AND c.relkind IN ('r', 'p')
ORDER BY c.relname COLLATE "C"
"""

_COLUMNS: Final = """
SELECT
    quote_ident(a.attname),
    format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN quote_ident(l.collname) END,
    a.attnotnull,
    a.attidentity::text,
    a.attgenerated::text,
    pg_get_expr(d.adbin, d.adrelid, true)
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = :table AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

# PostgreSQL 18 lists NOT NULL here too; it stands with its column. What a partition has from the
# whole is made with it.
_CONSTRAINTS: Final = """
SELECT quote_ident(c.conname), c.contype::text, pg_get_constraintdef(c.oid, true), c.confrelid
FROM pg_constraint AS c
WHERE
    c.conrelid = :table AND c.contype IN ('p', 'u', 'c', 'f', 'x')
    AND c.conparentid = 0 AND c.coninhcount = 0
ORDER BY array_position(ARRAY['p', 'u', 'x', 'c', 'f'], c.contype::text), c.conname COLLATE "C"
"""

_INDEXES: Final = """
SELECT replace(pg_get_indexdef(i.indexrelid, 0, true), ' ON ONLY ', ' ON ')
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE
    i.indrelid = :table AND NOT c.relispartition
    AND NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = i.indexrelid
        AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname COLLATE "C"
"""

_ENUMS: Final = f"""
SELECT
    quote_ident(t.typname),
    (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
     FROM pg_enum AS e WHERE e.enumtypid = t.oid)
FROM pg_type AS t
WHERE t.typnamespace = {_HERE} AND t.typtype = 'e'
ORDER BY t.typname COLLATE "C"
"""

_VIEWS: Final = f"""
SELECT quote_ident(c.relname), pg_get_viewdef(c.oid, true)
FROM pg_class AS c
WHERE c.relnamespace = {_HERE} AND c.relkind = 'v'
ORDER BY c.oid
"""

_FUNCTIONS: Final = f"""
SELECT
    -- SET search_path FROM CURRENT is kept as the schema's name then: any name serves here.
    replace(
        pg_get_functiondef(p.oid),
        'SET search_path TO ' || quote_literal(current_schema()),
        'SET search_path FROM CURRENT'
    ),
    quote_ident(current_schema()) || '.'
FROM pg_proc AS p
WHERE p.pronamespace = {_HERE} AND p.prokind IN ('f', 'p')
ORDER BY p.proname COLLATE "C", p.oid
"""

_TRIGGERS: Final = f"""
SELECT pg_get_triggerdef(g.oid, true)
FROM pg_trigger AS g
JOIN pg_class AS c ON c.oid = g.tgrelid
WHERE c.relnamespace = {_HERE} AND NOT g.tgisinternal AND g.tgparentid = 0
ORDER BY c.relname COLLATE "C", g.tgname COLLATE "C"
"""

# What this dump would leave out: then it has to learn it, not to be silent.
_OTHERS: Final = f"""
SELECT 'relation ' || c.relname
FROM pg_class AS c
WHERE
    c.relnamespace = {_HERE} AND c.relkind IN ('S', 'm', 'f')
    AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = c.oid AND d.deptype = 'i')
UNION ALL
SELECT 'index that is not valid ' || c.relname
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = {_HERE} AND NOT i.indisvalid
UNION ALL
SELECT 'table that inherits ' || c.relname
FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhrelid
WHERE c.relnamespace = {_HERE} AND c.relkind = 'r' AND NOT c.relispartition
UNION ALL
SELECT 'key of a partition that is not named after it ' || k.conname
FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
WHERE c.relnamespace = {_HERE} AND k.contype = 'p' AND c.relispartition
    AND k.conname <> c.relname || '_pkey'
UNION ALL
SELECT 'column that differs from that of the whole ' || c.relname || '.' || a.attname
FROM pg_class AS c
JOIN pg_inherits AS h ON h.inhrelid = c.oid AND c.relispartition AND c.relkind IN ('r', 'p')
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_attribute AS w ON w.attrelid = h.inhparent AND w.attname = a.attname
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_attrdef AS e ON e.adrelid = w.attrelid AND e.adnum = w.attnum
WHERE c.relnamespace = {_HERE} AND (
    a.attnotnull <> w.attnotnull
    OR pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM pg_get_expr(e.adbin, e.adrelid)
)
UNION ALL
SELECT 'type ' || t.typname FROM pg_type AS t
WHERE t.typnamespace = {_HERE} AND t.typtype IN ('d', 'r')
UNION ALL
SELECT 'aggregate ' || p.proname FROM pg_proc AS p
WHERE p.pronamespace = {_HERE} AND p.prokind IN ('a', 'w')
UNION ALL
SELECT 'policy ' || p.polname FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid WHERE c.relnamespace = {_HERE}
ORDER BY 1
"""


def postgres_tables(backend: MigrationBackend) -> list[str]:
    """The statements that make the schema, in an order that works. Within a transaction."""
    from pwrbot.repository.engine.migration_backend import BOOKKEEPING

    if others := [name for (name,) in backend.rows(_OTHERS)]:
        raise MigrationError(
            f"The dump of the schema does not know these yet: {', '.join(others)}."
            f" Teach it to {__name__}."
        )
    tables = [_Table(*row) for row in backend.rows(_TABLES) if row[3] not in BOOKKEEPING]
    constraints = {one.oid: backend.rows(_CONSTRAINTS, {"table": one.oid}) for one in tables}
    statements = [
        f"CREATE TYPE {name} AS ENUM ({labels});" for name, labels in backend.rows(_ENUMS)
    ]
    made: set[int] = set()
    late: list[str] = []
    for table in _ordered(tables, constraints):
        made.add(table.oid)
        lines: list[str] = []
        if table.whole is None:
            columns = backend.rows(_COLUMNS, {"table": table.oid})
            lines += [_column(*column) for column in columns]
        for constraint, _, definition, target in constraints[table.oid]:
            line = f"CONSTRAINT {constraint} {definition}"
            if target and target not in made:
                late.append(f"ALTER TABLE {table.name} ADD {line};")
            else:
                lines.append(line)
        statements.append(f"{table.create(lines)};")
        statements.extend(f"{index};" for (index,) in backend.rows(_INDEXES, {"table": table.oid}))
    statements += late
    statements += [f"CREATE VIEW {name} AS\n{query}" for name, query in backend.rows(_VIEWS)]
    for definition, qualifier in backend.rows(_FUNCTIONS):
        first, newline, rest = definition.rstrip().partition("\n")
        statements.append(f"{first.replace(qualifier, '', 1)}{newline}{rest};")
    statements += [f"{trigger};" for (trigger,) in backend.rows(_TRIGGERS)]
    return statements


class _Table(msgspec.Struct, frozen=True):
    """A row of _TABLES. Names are quoted where they have to be."""

    oid: int
    name: str
    options: str | None
    plain_name: str
    divided_by: str | None
    """How it is partitioned."""
    whole: int | None
    """The table that it is a partition of."""
    whole_name: str | None
    bound: str | None
    """Which of its rows."""

    def create(self, lines: Sequence[str]) -> str:
        body = ",\n".join(f"    {line}" for line in lines)
        words = [f"CREATE TABLE {self.name}"]
        words += [f"PARTITION OF {self.whole_name}"] if self.whole else []
        words += [f"(\n{body}\n)"] if lines else []
        words += [self.bound] if self.bound else []
        words += [f"PARTITION BY {self.divided_by}"] if self.divided_by else []
        words += [f"WITH ({self.options})"] if self.options else []
        return " ".join(words)


def _ordered(tables: Sequence[_Table], constraints: dict[int, list[Any]]) -> list[_Table]:
    """By name, but what is referred to before what refers to it, where there is no circle."""
    waiting, ordered, made = list(tables), list[_Table](), set[int]()
    while waiting:
        table = next((one for one in waiting if _targets(one, constraints) <= made), waiting[0])
        waiting.remove(table)
        ordered.append(table)
        made.add(table.oid)
    return ordered


def _targets(table: _Table, constraints: dict[int, list[Any]]) -> set[int]:
    """A foreign key's, and the whole of a partition."""
    targets = {target for _, _, _, target in constraints[table.oid]} | {table.whole}
    return {target for target in targets if target and target != table.oid}


def _column(
    name: str,
    kind: str,
    collation: str | None,
    not_null: bool,
    identity: str,
    generated: str,
    default: str | None,
) -> str:
    words = [name, kind]
    if collation:
        words.append(f"COLLATE {collation}")
    if identity:
        when = "ALWAYS" if identity == "a" else "BY DEFAULT"
        words.append(f"GENERATED {when} AS IDENTITY")
    elif generated:
        how = "STORED" if generated == "s" else "VIRTUAL"
        words.append(f"GENERATED ALWAYS AS ({default}) {how}")
    elif default is not None:
        words.append(f"DEFAULT {default}")
    if not_null and not identity:
        words.append("NOT NULL")
    return " ".join(words)
