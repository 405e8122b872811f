"""What `make mutate-sql` breaks is still there to be broken."""

from __future__ import annotations

import msgspec

from tools.mutate_sql import ROOT, Mutations


def test_every_mutation_finds_its_text() -> None:
    listed = (ROOT / "tools" / "mutations.toml").read_bytes()
    stale = [
        f"{mutation.what}: {edit.file}"
        for mutation in msgspec.toml.decode(listed, type=Mutations).mutation
        for edit in mutation.edits
        if edit.before not in (ROOT / edit.file).read_text(encoding="utf-8")
    ]
    assert stale == []
