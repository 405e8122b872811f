"""Ask everybody every question, in turns, and compare what they say."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Mapping, Sequence
from time import perf_counter

import msgspec

from bench.voice.questions import Ask, Question

ROUNDS = 15
LEAST = 5
"""Our answers and the plain ones are timed at least so often, however long they take."""
SECONDS = 8.0
"""Of an answer in all rounds together; what took that long is not asked again."""


class Times(msgspec.Struct, frozen=True):
    """Of one answer, in seconds."""

    median: float
    low: float
    high: float
    """Quartiles; the least and the most of what was asked fewer than four times."""
    count: int
    mean: float


Measured = Mapping[str, Mapping[str, Times]]
"""Question -> who -> times."""


async def measured(
    questions: Sequence[Question], rounds: int = ROUNDS
) -> dict[str, dict[str, Times]]:
    """The contestants take turns in each round, a warm-up call of the fast ones first."""
    found: dict[str, dict[str, Times]] = {}
    gc.collect()
    gc.freeze()
    for question in questions:
        found[question.key] = await in_turns(_contestants(question), rounds)
    gc.unfreeze()
    return found


async def in_turns(
    contestants: Mapping[str, Ask],
    rounds: int,
    patient: frozenset[str] = frozenset({"ours", "plain"}),
) -> dict[str, Times]:
    """Each in its turn; those that are not ``patient`` only while their time is not used up."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for name in names:
        if name in patient:
            await contestants[name]()
    for number in range(rounds):
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            least = LEAST if name in patient else 1
            if sum(taken[name]) < SECONDS or len(taken[name]) < least:
                taken[name].append(await _timed(contestants[name]))
    return {name: times(seconds) for name, seconds in taken.items()}


async def _timed(ask: Ask) -> float:
    gc.collect()
    gc.disable()
    try:
        started = perf_counter()
        await ask()
        return perf_counter() - started
    finally:
        gc.enable()


def times(seconds: Sequence[float]) -> Times:
    if len(seconds) < 4:
        low, high = min(seconds), max(seconds)
    else:
        low, _, high = statistics.quantiles(seconds, n=4)
    return Times(statistics.median(seconds), low, high, len(seconds), statistics.fmean(seconds))


def _contestants(question: Question) -> dict[str, Ask]:
    everybody = {
        "ours": question.ours,
        "plain": question.plain,
        "pwr-bot": question.pwr_bot,
    }
    return {name: ask for name, ask in everybody.items() if ask is not None}
