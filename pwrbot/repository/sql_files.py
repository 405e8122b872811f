"""Where the .sql files are: in the working copy, or inside the installed package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pwrbot.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parents[1]
_PARTS = ("migrations", "queries")


def sql_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """The directory that holds ``migrations`` and ``queries``.

    PWRBOT_SQL_DIR where it is set, else ``sql`` beside the package (a working copy), else the copy
    inside the installed package. Raises ConfigError where there is none.
    """
    if given := environ.get("PWRBOT_SQL_DIR"):
        directory = Path(given)
        if not _holds_sql(directory):
            raise ConfigError(
                f"PWRBOT_SQL_DIR is {directory}, where {' and '.join(_PARTS)} are not both found: "
                "name the directory that holds them, or leave the setting out."
            )
        return directory
    for directory in (_PACKAGE.parent / "sql", _PACKAGE / "_sql"):
        if _holds_sql(directory):
            return directory
    raise ConfigError(
        f"No SQL files beside or inside {_PACKAGE}: install pwrbot again, or set PWRBOT_SQL_DIR."
    )


def _holds_sql(directory: Path) -> bool:
    return all((directory / part).is_dir() for part in _PARTS)
