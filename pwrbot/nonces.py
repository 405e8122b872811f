"""Nonces: what Discord knows a message by that is sent again.

Create Message in Discord's developer documentation: at most 25 characters.
"""

from __future__ import annotations

import hashlib


def nonce(what: bytes) -> str:
    """24 characters, the same for the same."""
    return hashlib.blake2b(what, digest_size=12).hexdigest()
