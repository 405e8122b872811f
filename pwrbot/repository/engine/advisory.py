"""The numbers of PostgreSQL's advisory locks."""

from __future__ import annotations

import hashlib


def advisory_class(purpose: str, schema: str) -> int:
    """31 bits: the first of a pair of numbers. Pairs never meet the single ones."""
    return advisory_key(purpose, schema) & 0x7FFF_FFFF


def advisory_key(purpose: str, schema: str) -> int:
    """64 bits, signed: one for each purpose and schema. Each database has its own locks."""
    digest = hashlib.blake2b(f"pwrbot {purpose} {schema}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
