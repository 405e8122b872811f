"""Takes out of log records what must not be read there: a net below careful logging."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

Processor = Callable[[Any, str, Any], Any]

SECRET: Final = "[secret]"
ID: Final = "[id]"

_DEEPEST: Final = 8

_PATTERNS: Final = (
    # scheme://user:password@host, up to the last @: a password may hold anything
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s:/?#@]*:)\S+@"), rf"\1{SECRET}@"),
    # password=..., in a DSN's words or its query
    (
        re.compile(
            r"(?i)\b((?:\w*password|passwd|pwd|\w*token|sslkey)\s*=\s*)('[^']*'|[^\s&'\",;)]+)"
        ),
        rf"\1{SECRET}",
    ),
    # 'token': '...', in the text of a dict
    (
        re.compile(r"(?i)((?:token|password|secret|authorization)['\"]\s*:\s*['\"])[^'\"]+"),
        rf"\1{SECRET}",
    ),
    # Authorization: Bot ...
    (re.compile(r"\b(Bot|Bearer)\s+[\w.~+/=-]{16,}"), rf"\1 {SECRET}"),
    # a bot's token: its id in base64 (which begins with M, N or O), a time, a signature
    (re.compile(r"[MNO][\w-]{20,40}\.[\w-]{5,8}\.[\w-]{20,}"), SECRET),
    # an interaction's token, alone or in an address
    (re.compile(r"\baW50ZXJhY3Rpb2[\w+/=-]*"), SECRET),
    (re.compile(r"((?:webhooks|interactions)/[^/\s]+/)[\w.-]{20,}"), rf"\1{SECRET}"),
    # a Discord id
    (re.compile(r"(?<!\d)\d{17,20}(?!\d)"), ID),
)
_SECRET_KEYS: Final = re.compile(r"(?i)(^|_)(token|password|passwd|secret|dsn|authorization)$")


def scrubber(secrets: Iterable[str] = ()) -> Processor:
    """A structlog processor for the last place before the renderer.

    It leaves only plain values in the record (text, numbers, lists, dicts), each without tokens,
    passwords of database URLs, Discord ids (17 to 20 digits) and the ``secrets`` given.
    """
    known = _known(secrets)

    def text(value: str) -> str:
        if known is not None:
            value = known.sub(SECRET, value)
        for pattern, replacement in _PATTERNS:
            value = pattern.sub(replacement, value)
        return value

    def plain(value: object, depth: int = 0) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return ID if 10**16 <= abs(value) < 10**20 else int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str):
            return text(str(value))
        if depth < _DEEPEST:
            if isinstance(value, Mapping):
                return {
                    text(str(key)): SECRET if _is_secret(key) else plain(item, depth + 1)
                    for key, item in value.items()
                }
            if isinstance(value, list | tuple | set | frozenset):
                return [plain(item, depth + 1) for item in value]
        return text(_repr(value))

    def scrub(logger: Any, method: str, event: Any) -> Any:
        return plain(event)

    return scrub


def _known(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """What finds the secrets as they are and as they look inside addresses and quotes.

    A short one counts only where it stands alone: a password "bot" must not blank out every word
    that has it in the middle.
    """
    forms: set[str] = set()
    for secret in secrets:
        forms |= {secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1]}
        forms.add(secret.replace("\\", "\\\\").replace('"', '\\"'))
    parts = [
        re.escape(form) if len(form) >= 16 else rf"(?<!\w){re.escape(form)}(?!\w)"
        for form in sorted(forms, key=len, reverse=True)
        if form
    ]
    return re.compile("|".join(parts)) if parts else None


def _is_secret(key: object) -> bool:
    return isinstance(key, str) and _SECRET_KEYS.search(key) is not None


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # a log line must not fail because of what it shows
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
