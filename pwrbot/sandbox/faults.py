"""Trouble on demand, and the rate limits every route has."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

PER_SECOND = 50
"""Calls a second each bucket takes."""


@dataclass
class Fault:
    """What happens to the next ``times`` requests that match.

    ``status`` None: it is served as usual, after ``delay`` seconds. ``lose_answer``: it is
    carried out, but the connection is cut before the answer.
    """

    method: str
    path: re.Pattern[str]
    status: int | None
    times: int = 1
    retry_after: float = 0.3
    is_global: bool = False
    via: bool = True
    delay: float = 0.0
    lose_answer: bool = False

    def matches(self, method: str, path: str) -> bool:
        same = self.method in ("*", method.upper())
        return same and self.times > 0 and self.path.search(path) is not None

    def answer(self) -> tuple[Any, dict[str, str]]:
        """Body and headers of the failure."""
        if self.status == 429:
            body = limited_body(self.retry_after, self.is_global)
            return body, limited_headers(self.retry_after, self.is_global, self.via)
        return {"message": f"{self.status}: made to fail", "code": 0}, {}


def limited_body(retry_after: float, is_global: bool) -> Json:
    """What a 429 says; ``retry_after`` in seconds."""
    said = "You are being rate limited."
    return {"message": said, "retry_after": retry_after, "global": is_global}


def limited_headers(
    retry_after: float, is_global: bool = False, via: bool = True
) -> dict[str, str]:
    """Headers of a 429; without ``Via`` it comes from the proxy before Discord (a ban)."""
    headers = {
        "Retry-After": str(max(1, round(retry_after))),
        "X-RateLimit-Scope": "global" if is_global else "user",
    }
    if is_global:
        headers["X-RateLimit-Global"] = "true"
    if via:
        headers["Via"] = "1.1 google"
    return headers


class Limits:
    """Counts calls a bucket and second; discord.py keeps within them by the headers."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, int]] = {}

    def take(self, bucket: str) -> tuple[float | None, dict[str, str]]:
        """Seconds to wait when the bucket is used up, else None; and the headers."""
        now = time.monotonic()
        began, used = self._buckets.get(bucket, (now, 0))
        if now - began >= 1.0:
            began, used = now, 0
        left = began + 1.0 - now
        over = used >= PER_SECOND
        used = min(used + 1, PER_SECOND)
        self._buckets[bucket] = (began, used)
        headers = {
            "X-RateLimit-Limit": str(PER_SECOND),
            "X-RateLimit-Remaining": str(PER_SECOND - used),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": f"{hash(bucket.split(':')[0]) & 0xFFFFFFFFFFFF:012x}",
        }
        return (left, headers | limited_headers(left)) if over else (None, headers)
