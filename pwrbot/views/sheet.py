"""A message without controls: a title and lines below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ui


def sheet(title: str, lines: Sequence[str], note: str | None = None) -> ui.LayoutView:
    """Components V2 of Discord's markdown; ``note`` is a last line in small print."""
    body: list[ui.Item[Any]] = [
        ui.TextDisplay(f"### {title}"),
        ui.Separator(),
        ui.TextDisplay("\n".join(lines)),
    ]
    if note:
        body.append(ui.TextDisplay(f"-# {note}"))
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.Container(*body))
    return layout
