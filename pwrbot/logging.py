"""One log, on standard output: ours, discord.py's and yoyo's records in the same form.

Lines for people on a terminal, JSON elsewhere. Every record passes the scrubber last, after its
exception has become text.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

from pwrbot.scrub import scrubber

QUIET: Final = logging.INFO
"""Other people's DEBUG records hold message texts and values of statements: never shown."""


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
            foreign_pre_chain=[*chain, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
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
