"""Reads ``.env``: settings beside the program, for those who keep them in a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pwrbot.errors import ConfigError

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.*)")


def with_env_file(environ: Mapping[str, str], path: Path = Path(".env")) -> dict[str, str]:
    """The environment, and below it what the file says: the environment wins.

    A file that is not there says nothing. Raises ConfigError naming every line that is not
    ``NAME=value``; never a value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return dict(environ)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({type(error).__name__}): mend it or remove it."
        ) from None
    return {**_parse(text, path), **environ}


def _parse(text: str, path: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    problems: list[str] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = _unquoted(match["value"]) if match else None
        if match is None or value is None:
            problems.append(f"{path}:{number}: not NAME=value; quotes must be closed at the end.")
        else:
            values[match["name"]] = value
    if problems:
        raise ConfigError("\n".join(problems))
    return values


def _unquoted(value: str) -> str | None:
    """The value: in quotes to the letter, else up to a comment; None where quotes stay open."""
    if value[:1] in ("'", '"'):
        inside, closed, rest = value[1:].partition(value[0])
        return inside if closed and re.fullmatch(r"\s*(#.*)?", rest) else None
    return re.split(r"(?:^|\s+)#", value, maxsplit=1)[0].strip()
