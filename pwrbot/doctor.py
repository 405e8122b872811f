"""``pwrbot doctor``: hold what is added up in the database against what it was added up from."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack

from pwrbot.config import Config
from pwrbot.database import patient_options
from pwrbot.repository import Repository
from pwrbot.repository.process_lock import ProcessLock
from pwrbot.repository.url import parse_url
from pwrbot.services.doctor import Wrong, differences, examine, mend

_SHOWN = 5  # rows of each guild


async def run_doctor(config: Config, *, mending: bool) -> int:
    """Print what is wrong, and mend it where that is asked for; 1 where something stays wrong.

    Looking is possible while the bot runs. Mending is not: AlreadyRunning. Raises DatabaseError.
    """
    url = parse_url(config.database_url)
    async with AsyncExitStack() as stack:
        if mending:
            await stack.enter_async_context(
                ProcessLock(url, schema=config.database_schema, wait_seconds=0)
            )
        repository = await Repository.open(url, patient_options(config))
        stack.push_async_callback(repository.close)
        guilds = wrong_guilds = 0
        async for guild_id, wrong in examine(repository):
            guilds += 1
            if not wrong:
                continue
            print(_described(guild_id, wrong))
            if mending:
                await mend(repository, guild_id)
                wrong = await differences(repository, guild_id)
                print("  Mended." if not wrong else "  Still wrong after mending: report this.")
            wrong_guilds += bool(wrong)
    if wrong_guilds:
        hint = "" if mending else " Stop the bot and run `pwrbot doctor --mend`."
        print(f"{wrong_guilds} of {guilds} servers are wrong.{hint}", file=sys.stderr)
        return 1
    print(f"All well: the voice totals of {guilds} servers are what their sessions say.")
    return 0


def _described(guild_id: int, wrong: Sequence[Wrong]) -> str:
    counts = Counter(one.table for one in wrong)
    lines = [f"Server {guild_id}: " + ", ".join(f"{n} rows of {t}" for t, n in counts.items())]
    for one in wrong[:_SHOWN]:
        row = one.row
        of = f" of {row.id}" if row.id else ""
        lines.append(f"  {one.table} {row.period}{of}: {row.kept} is kept, {row.correct} is right")
    if len(wrong) > _SHOWN:
        lines.append(f"  and {len(wrong) - _SHOWN} more")
    return "\n".join(lines)
