"""The one base class of everything pwrbot raises on purpose."""

from __future__ import annotations

from typing import ClassVar


class PwrbotError(Exception):
    """Something went wrong; the log line above says what."""

    exit_code: ClassVar[int] = 1
    """What the process exits with when nobody catches it: 1 failed, 2 usage, 3 refused."""
    discreet: ClassVar[bool] = False
    """Whether the message repeats nothing from outside, so that the log may have it."""

    def __init__(self, message: str | None = None) -> None:
        # A docstring is the message, and its lines end where the code's do.
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))


class ConfigError(PwrbotError):
    """A setting is missing or wrong: see README, "Settings"."""

    exit_code = 2
