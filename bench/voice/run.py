"""All of it, on one engine after the other: make the databases, compare, measure, put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec

from bench.voice import writes
from bench.voice.checks import Compared, compared
from bench.voice.data import Community
from bench.voice.databases import opened
from bench.voice.memory import resident
from bench.voice.questions import Question, questions
from bench.voice.reads import Times, in_turns, measured
from bench.voice.stores import DataSet, Say, Stores, postgres_stores, sqlite_stores

SMALL = 10_000
"""Sessions: of the history that the bot's memory is compared on."""

EngineName = Literal["sqlite", "postgres"]
Section = dict[str, dict[str, Times]]


class Length(msgspec.Struct, frozen=True):
    """How thorough a run is."""

    rounds: int = 15
    writing_rounds: int = 40
    pairs: int = 50
    """Joins and leaves of a contestant in a round, one by one."""
    our_pairs: int = 60
    their_pairs: int = 5
    """The same of each of the concurrent writers; ours take more, to last as long."""
    writers: int = writes.WRITERS
    concurrent_rounds: int = 3
    still_open: int = 1_000
    """Sessions, while the heart beats."""
    memory: bool = True


class Results(msgspec.Struct):
    """Of one engine."""

    engine: EngineName
    sessions: int
    open_sessions: int
    reads: Section
    growth: Section
    """Our answers: "all" of the history, and "a tenth" of it."""
    pairs: Section
    """By mode of durability: a join and its leave."""
    concurrent: Section
    """By mode: an event, while many write."""
    still_open: int
    heartbeat: Times
    """While so many more sessions are open."""
    heartbeat_statements: int
    memory: dict[str, int]
    """Resident bytes, by sessions."""
    compared: list[Compared]


async def run_engine(
    engine: EngineName,
    wanted: DataSet,
    folder: Path,
    server: str | None,
    length: Length,
    say: Say,
) -> Results:
    """Raises Different where two answers are not the same."""

    async def stores_of(one: DataSet) -> Stores:
        if server is None:
            return sqlite_stores(one, folder, say)
        return await postgres_stores(one, server, say)

    tenth = replace(wanted, sessions=max(1, wanted.sessions // 10))
    small = replace(wanted, sessions=min(SMALL, wanted.sessions))
    community, less = wanted.make(), tenth.make()
    stores, stores_less = await stores_of(wanted), await stores_of(tenth)
    await writes.restore(stores, community)
    await writes.restore(stores_less, less)
    _warm(folder, stores)
    async with opened(stores) as big, opened(stores_less) as little:
        asked = questions(big, community)
        say(f"{engine}: comparing answers")
        same = await compared(big, community)
        say(f"{engine}: {len(asked)} questions")
        reads = await measured(asked, length.rounds)
        say(f"{engine}: the same with a tenth of the history")
        growth = await _growth(asked, questions(little, community), length.rounds)
    say(f"{engine}: writing")
    pairs, concurrent = await _writes(stores, community, length)
    beat, statements = await writes.heartbeats(stores, community, length.still_open, length.rounds)
    await writes.restore(stores, community)
    memory: dict[str, int] = {}
    if length.memory:
        say(f"{engine}: memory")
        for one, people in ((small, small.make()), (wanted, community)):
            where = await stores_of(one)
            memory[str(one.sessions)] = await resident(where.url, people)
            await writes.restore(where, people)
    return Results(
        engine=engine,
        sessions=len(community.sessions),
        open_sessions=len(community.open),
        reads=reads,
        growth=growth,
        pairs=pairs,
        concurrent=concurrent,
        still_open=length.still_open,
        heartbeat=beat,
        heartbeat_statements=statements,
        memory=memory,
        compared=same,
    )


async def _growth(
    all_of_it: Sequence[Question], a_tenth: Sequence[Question], rounds: int
) -> Section:
    """Our answers about the same people, when there is more and when there is less behind them."""
    return {
        more.key: await in_turns(
            {"all": more.ours, "a tenth": less.ours}, rounds, frozenset({"all", "a tenth"})
        )
        for more, less in zip(all_of_it, a_tenth, strict=True)
    }


async def _writes(stores: Stores, community: Community, length: Length) -> tuple[Section, Section]:
    """One by one, and many at once; each engine in each of its modes of durability."""
    modes = writes.SQLITE_MODES if stores.engine == "sqlite" else ("on",)
    pairs: Section = {}
    concurrent: Section = {}
    events = writes.Events(community)
    for mode in modes:
        async with (
            writes.sqlite_pairs(stores, mode)
            if stores.engine == "sqlite"
            else writes.postgres_pairs(stores)
        ) as contestants:
            pairs[mode] = await writes.one_by_one(
                contestants, events, length.writing_rounds, length.pairs
            )
        async with (
            writes.sqlite_writers(stores, mode)
            if stores.engine == "sqlite"
            else writes.postgres_writers(stores)
        ) as contestants:
            concurrent[mode] = await writes.at_once(
                contestants,
                events,
                length.concurrent_rounds,
                {
                    "ours": length.our_pairs,
                    "pwr-bot's": length.their_pairs,
                    "pwr-bot's, any commit": length.our_pairs,
                },
                length.writers,
            )
    return pairs, concurrent


def _warm(folder: Path, stores: Stores) -> None:
    """Read the files once, so that everybody finds them in the machine's memory."""
    if stores.engine == "sqlite":
        files = [Path(path) for path in (stores.ours, stores.pwr_bot, stores.plain)]
    else:
        files = [path for path in (folder / "postgres").rglob("base/*/*") if path.is_file()]
    for path in files:
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass
