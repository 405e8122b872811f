"""For development: .sql files that are edited while the bot runs are taken up without a restart.

Only statements are: a changed signature needs a restart, as Python does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from pwrbot.clock import Clock
from pwrbot.errors import PwrbotError
from pwrbot.repository.errors import DatabaseBusy, DatabaseUnavailable, QueryFileError
from pwrbot.repository.repository import Repository, bind_repository
from pwrbot.repository.sql_files import sql_directory
from pwrbot.repository.statement import Statement

log = structlog.get_logger(__name__)

SECONDS: Final = 1.0
"""Between two looks at the files."""


class QueryReload:
    """Watches the .sql files of a repository. A broken edit leaves its statements as they were."""

    def __init__(
        self, repository: Repository, *, schema: str = "pwrbot", directory: Path | None = None
    ) -> None:
        self._repository = repository
        self._schema = schema
        self._directory = directory or sql_directory() / "queries"
        self._seen: dict[Path, tuple[int, int]] = {}

    async def run(self, clock: Clock) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await clock.sleep(SECONDS)

    async def look(self) -> None:
        """Take up what was edited since the last look, or say once why not."""
        # Before they are read: what is edited meanwhile is new at the next look.
        files = _times(self._directory)
        if files == self._seen:
            return
        first = not self._seen
        try:
            changed = await self._take_up()
        except (DatabaseBusy, DatabaseUnavailable):
            return  # tried again at the next look
        except QueryFileError as error:
            log.error("queries_refused", problems=[str(problem) for problem in error.problems])
        except (PwrbotError, OSError) as error:
            log.error("queries_refused", problems=[str(error)])
        else:
            if changed or not first:
                log.info("queries_reloaded", changed=changed)
        self._seen = files

    async def _take_up(self) -> list[str]:
        """Use the files as they stand, and name the statements that differ."""
        bound = await asyncio.to_thread(
            bind_repository,
            self._repository.engine_name,
            schema=self._schema,
            directory=self._directory,
        )
        before, after = _texts(self._repository.statements), _texts(bound.statements)
        changed = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
        if changed:
            await self._repository.take_up(bound)
        return changed


def _times(directory: Path) -> dict[Path, tuple[int, int]]:
    """When each file was last written, and its size."""
    found: dict[Path, tuple[int, int]] = {}
    for path in directory.glob("*.sql"):
        with suppress(OSError):  # an editor is putting another in its place
            state = path.stat()
            found[path] = state.st_mtime_ns, state.st_size
    return found


def _texts(statements: Sequence[Statement]) -> dict[str, object]:
    """What each statement is, apart from what its comment says of it."""
    return {s.name: (s.sql, s.query.kind, s.query.directives) for s in statements}
