"""The results as Markdown: the aims of the issue first, then all there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from bench.voice.questions import Aim
from bench.voice.reads import Times
from bench.voice.run import EngineName, Results

ENGINES: dict[EngineName, str] = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


class Goal(msgspec.Struct, frozen=True):
    """A row of the issue's table: what was measured, and what it is to be."""

    answer: str
    engine: EngineName
    aim: str
    measured: str
    met: bool


FASTER: list[tuple[str, Sequence[str], Aim]] = [
    (
        "leaderboard page, all time and this year",
        ["leaderboard, all time", "leaderboard, this year"],
        Aim(300, 80),
    ),
    ("leaderboard page, 7 days", ["leaderboard, 7 days"], Aim(100, 50)),
    (
        "leaderboard page, a ragged 13 months",
        ["leaderboard, a ragged 13 months"],
        Aim(45, 12),
    ),
    (
        "partners, 99th-percentile member, all time",
        ["partners, p99, all time"],
        Aim(2500, 1500),
    ),
]
GROWTH, MEMORY = 1.5, 1.2
PAIR = Aim(1.4, 1.1)
WRITERS = Aim(20, 8)


def goals(results: Sequence[Results]) -> list[Goal]:
    """Every row of the issue's table, for each engine."""
    return [goal for result in results for goal in _goals(result)]


def _goals(result: Results) -> Iterator[Goal]:
    engine = result.engine
    for answer, keys, aim in FASTER:
        wanted: float = getattr(aim, engine)
        ratios = [_ratio(result.reads[key], "pwr-bot", "ours") for key in keys]
        yield Goal(
            answer,
            engine,
            f"{wanted:,.0f} times faster than pwr-bot's",
            " and ".join(f"{ratio:,.0f} times" for ratio in ratios),
            min(ratios) >= wanted,
        )
    slower = {key: _ratio(both, "all", "a tenth") for key, both in result.growth.items()}
    worst = max(slower, key=lambda key: slower[key])
    over = [key for key, ratio in slower.items() if ratio > GROWTH]
    said = f"at most {slower[worst]:.2f} times ({worst})"
    if over:
        said += f"; {len(over)} of {len(slower)} above {GROWTH}"
    yield Goal(
        f"from {result.sessions // 10:,} to {result.sessions:,} sessions, each answer",
        engine,
        f"at most {GROWTH} times slower",
        said,
        not over,
    )
    wanted = getattr(PAIR, engine)
    for ours, theirs, how in (
        ("our statements", "pwr-bot's statements", "the statements alone"),
        *(
            [("ours, by the bot", "pwr-bot's, by aiosqlite", "by the bot, and by aiosqlite")]
            if engine == "sqlite"
            else [("ours, by the bot", "pwr-bot's, by a pool", "by the bot, and by a pool")]
        ),
    ):
        # The mean: in a round with a checkpoint a pair costs a multiple, and both pay for theirs.
        ratios = {mode: both[ours].mean / both[theirs].mean for mode, both in result.pairs.items()}
        yield Goal(
            f"a join and its leave, roll-ups included: {how}",
            engine,
            f"at most {wanted} times pwr-bot's",
            _by_mode(ratios, ".2f"),
            max(ratios.values()) <= wanted,
        )
    wanted = getattr(WRITERS, engine)
    ratios = {mode: _ratio(both, "pwr-bot's", "ours") for mode, both in result.concurrent.items()}
    yield Goal(
        "durable voice events per second, 100 concurrent writers",
        engine,
        f"at least {wanted:.0f} times "
        + ("aiosqlite's execute and commit" if engine == "sqlite" else "one commit each"),
        _by_mode(ratios, ".1f"),
        min(ratios.values()) >= wanted,
    )
    if len(result.memory) == 2:
        (few, small), (_, big) = result.memory.items()
        yield Goal(
            f"the bot's resident memory, at {result.sessions:,} sessions and at {int(few):,}",
            engine,
            f"at most {MEMORY} times",
            f"{big / small:.2f} times ({big / 1e6:.0f} and {small / 1e6:.0f} MB)",
            big / small <= MEMORY,
        )
    yield Goal(
        f"the heartbeat, {result.still_open:,} sessions open",
        engine,
        "one statement",
        f"{result.heartbeat_statements} ({_time(result.heartbeat.median)})",
        result.heartbeat_statements == 1,
    )


def markdown(results: Sequence[Results]) -> str:
    """All tables."""
    return "\n\n".join(
        [_goals_table(results)] + [table for result in results for table in _tables(result)]
    )


def _goals_table(results: Sequence[Results]) -> str:
    lines = ["| Answer | Engine | Aim | Measured | |", "|---|---|---|---|---|"]
    for goal in goals(results):
        met = "met" if goal.met else "**not met**"
        lines.append(
            f"| {goal.answer} | {ENGINES[goal.engine]} | {goal.aim} | {goal.measured} | {met} |"
        )
    return "\n".join(lines)


def _tables(result: Results) -> Iterator[str]:
    engine = ENGINES[result.engine]
    whole = {one.title: one.pwr_bot_seconds for one in result.compared}
    lines = [
        f"| {engine}, {result.sessions:,} sessions | ours | plain form | pwr-bot's |"
        " the whole of it, as its command asks | ours, with a tenth of the history |",
        "|---|---|---|---|---|---|",
    ]
    for key, times in result.reads.items():
        cells = [_cell(times.get(name), times["ours"]) for name in ("plain", "pwr-bot")]
        seconds = whole.get(key)
        cells.append("" if seconds is None else _time(seconds))
        growth = result.growth[key]
        lines.append(
            f"| {key} | {_spread(times['ours'])} | {' | '.join(cells)} |"
            f" {_time(growth['a tenth'].median)}: {_ratio(growth, 'all', 'a tenth'):.2f} times |"
        )
    yield "\n".join(lines)
    lines = [
        f"| {engine}: a join and its leave | mode | mean | median (quartiles) |",
        "|---|---|---|---|",
    ]
    for mode, times in result.pairs.items():
        lines += [
            f"| {name} | {mode} | {_time(one.mean)} | {_spread(one)} |"
            for name, one in times.items()
        ]
    yield "\n".join(lines)
    lines = [
        f"| {engine}: durable events per second, 100 writers | mode | median | ours to it |",
        "|---|---|---|---|",
    ]
    for mode, times in result.concurrent.items():
        lines += [
            f"| {name} | {mode} | {1 / one.median:,.0f} | {one.median / times['ours'].median:.1f} |"
            for name, one in times.items()
        ]
    yield "\n".join(lines)
    lines = [
        f"| {engine}: the same answers | rows | hours in all | pwr-bot's that differ | by at most"
        " | |",
        "|---|---|---|---|---|---|",
    ]
    for one in result.compared:
        off = "" if one.off is None else f"{one.off:,}"
        worst = "" if one.off is None else f"{one.worst_seconds:,.1f} s"
        lines.append(
            f"| {one.title} | {one.rows:,} | {one.total_hours:,.1f} | {off} | {worst} | {one.why} |"
        )
    yield "\n".join(lines)


def _cell(times: Times | None, ours: Times) -> str:
    if times is None:
        return ""
    return f"{_time(times.median)}: **{times.median / ours.median:,.1f}** times"


def _spread(times: Times) -> str:
    return f"{_time(times.median)} ({_time(times.low)} - {_time(times.high)})"


def _ratio(times: dict[str, Times], above: str, below: str) -> float:
    return times[above].median / times[below].median


def _by_mode(ratios: dict[str, float], form: str) -> str:
    if len(ratios) == 1:
        return f"{next(iter(ratios.values())):{form}} times"
    return ", ".join(f"{ratio:{form}} times ({mode})" for mode, ratio in ratios.items())


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 0.001:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.0f} us"
