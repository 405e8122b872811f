"""What the sandbox says when the bot, or the test that drives it, does not do as it should."""

from __future__ import annotations

from typing import Any

from pwrbot.errors import PwrbotError


class SandboxError(PwrbotError):
    """The sandbox could not do what was asked of it."""


class NoAnswer(SandboxError):
    """The bot did not answer the interaction: "The application did not respond"."""


class NotOffered(SandboxError):
    """Discord would not let this member do that: pass force=True to send it all the same."""


class NotSeen(SandboxError):
    """What was waited for did not happen in time."""


class ApiError(Exception):
    """A REST answer that is an error, in Discord's shape: ``{"code": ..., "message": ...}``."""

    def __init__(
        self, status: int, code: int, message: str, errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, "code": code}
        if errors is not None:
            self.body["errors"] = errors


def unauthorized() -> ApiError:
    return ApiError(401, 0, "401: Unauthorized")


def not_found(what: str, code: int) -> ApiError:
    """As ``not_found("Channel", 10003)``: Discord's "Unknown Channel"."""
    return ApiError(404, code, f"Unknown {what}")


class Form:
    """Collects what is wrong with a request's body and raises it as one 50035."""

    def __init__(self) -> None:
        self.errors: dict[str, Any] = {}

    def wrong(self, path: tuple[str | int, ...], code: str, message: str) -> None:
        """Note an error at a path into the body."""
        place = self.errors
        for step in path:
            place = place.setdefault(str(step), {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def text(
        self, path: tuple[str | int, ...], value: object, longest: int, *, needed: bool = True
    ) -> None:
        """Note an error unless the value is a text of at most ``longest`` characters."""
        if value in (None, ""):
            if needed:
                self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif not isinstance(value, str):
            self.wrong(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
        elif len(value) > longest:
            message = f"Must be {longest} or fewer in length."
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", message)

    def count(
        self, path: tuple[str | int, ...], number: int, least: int, most: int, noun: str = "length"
    ) -> None:
        """Note an error unless ``least <= number <= most``."""
        if not least <= number <= most:
            message = f"Must be between {least} and {most} in {noun}."
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", message)

    def check(self) -> None:
        """Raise what was noted."""
        if self.errors:
            raise ApiError(400, 50035, "Invalid Form Body", self.errors)
