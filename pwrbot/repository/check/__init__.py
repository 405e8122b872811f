"""``pwrbot sql check``: every query proven against both engines before anybody runs it.

    tree.py           a statement as a tree of scopes (scopes.py), parsed by sqlglot
    nullability.py    which result columns can be NULL
    uniqueness.py     whether an ORDER BY is total
    guilds.py         whether a statement stays within its guild
    catalog.py        tables, columns and keys, from a schema's text
    scratch.py        a fresh database with that schema, or what was recorded of one
    case.py           one statement on one engine, and what was said of it
    rules.py          a function for each rule of statements
    tables.py         a function for each rule of tables
    prepared.py       sql/prepared: what the engines said, for whoever has no PostgreSQL
    check.py          all of it together

It needs the packages of the extra ``dev``; the bot itself never imports it.
"""
