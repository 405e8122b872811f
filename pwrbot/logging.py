"""One log, on standard output: ours, discord.py's and yoyo's records in the same form.

Lines for people on a terminal, JSON elsewhere. An exception is told by its class and places, not
by its message, which may hold members' words. Every record passes the scrubber last.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback as tracebacks
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

from pwrbot.errors import PwrbotError
from pwrbot.scrub import scrubber

QUIET: Final = logging.INFO
"""Other people's DEBUG records hold message texts and values of statements: never shown."""

_PLACES: Final = 6
_DEEPEST: Final = 5


def configure_logging(
    level: str, log_format: str, stream: TextIO | None = None, *, secrets: Iterable[str] = ()
) -> None:
    """Send every log record of the process to ``stream`` (standard output).

    ``level`` and ``log_format`` are those of Config; ``secrets`` are texts that must never appear.
    May be called again: the last call counts.
    """
    out = stream if stream is not None else sys.stdout
    for_people = log_format == "console" or (log_format == "auto" and out.isatty())
    chain = _shared()
    handler = _Handler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*chain, structlog.stdlib.ExtraAdder(), _event_alone],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(lambda exc_info: brief(exc_info[1])),
                scrubber(secrets),
                _renderer(for_people, colors=out.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, _Handler):
            root.removeHandler(old)
    root.addHandler(handler)
    wanted = logging.getLevelNamesMapping()[level]
    root.setLevel(max(wanted, QUIET))
    logging.getLogger("pwrbot").setLevel(wanted)
    # That it cannot connect while nobody asks: whoever does ask tells it, once and in our words.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *chain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def log_uncaught_exceptions() -> None:
    """Have what nobody catches, in any thread, logged instead of printed with its secrets."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(
        failed.exc_type, failed.exc_value, failed.exc_traceback
    )
    sys.unraisablehook = lambda failed: _uncaught(
        failed.exc_type, failed.exc_value, failed.exc_traceback
    )


def brief(error: BaseException, deepest: int = _DEEPEST) -> str:
    """An exception and, a line each, what caused it: their classes and the way to them.

    Of messages only those of our own that are known to repeat nothing from outside; of others
    what is a number or a name by itself, such as an OSError's errno or Discord's code.
    """
    if isinstance(error, PwrbotError) and error.discreet:
        message = f": {error}"
    else:
        message = "".join(f" {name}={value}" for name, value in _facts(error))
    told = f"{type(error).__name__}{message} at {places(error)}"
    causes = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    if error.__cause__ is not None:
        causes.append(error.__cause__)
    elif error.__context__ is not None and not error.__suppress_context__:
        causes.append(error.__context__)
    return "\nby ".join([told, *(brief(each, deepest - 1) for each in causes if deepest)])


def places(error: BaseException) -> str:
    """The way to an exception by file and line, the innermost last."""
    frames = tracebacks.extract_tb(error.__traceback__)[-_PLACES:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames) or "?"


def _facts(error: BaseException) -> Iterator[tuple[str, Any]]:
    for name in ("errno", "status", "code", "sqlstate"):
        value = getattr(error, name, None)
        if isinstance(value, int) or (name == "sqlstate" and isinstance(value, str)):
            yield name, value
    if isinstance(error, ImportError):
        yield "name", error.name


def _event_alone(logger: Any, method: str, event: Any) -> Any:
    """Of asyncio's records the first line: those below it have the exception's message."""
    if event.get("logger") == "asyncio":
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _renderer(for_people: bool, *, colors: bool) -> Any:
    if for_people:
        return structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer()


class _Handler(logging.StreamHandler[TextIO]):
    """Writes records, and keeps the rest of a broken one to itself."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if isinstance(error, OSError) or record.name == __name__:
            return  # the stream is gone: nobody is left to tell
        logging.getLogger(__name__).error(
            "log_record_lost: one of %s raised %s", record.name, type(error).__name__
        )


def _uncaught(
    kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), traceback)
        return
    structlog.get_logger(__name__).critical(
        "uncaught_exception", exc_info=(kind, error or kind(), traceback)
    )
