"""A leaderboard that a channel gets by itself: no controls, for everybody."""

from __future__ import annotations

from collections.abc import Mapping

from discord import ui

from pwrbot.services.ranges import EPOCH
from pwrbot.services.voice_boards import PostedBoard
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count, duration, moment


def posted_board(board: PostedBoard, names: Mapping[int, str]) -> ui.LayoutView:
    """Components V2; ``names`` as markdown, by user id."""
    lines = [f"{row.place}. {names[row.user_id]} · {duration(row.total)}" for row in board.rows]
    begins = "" if board.since <= EPOCH else f"From {moment(board.since)} to "
    note = f"{begins or 'To '}{moment(board.until)}, days by {board.zone.key}"
    if board.minutes is not None:
        note += f". Kept current, at most every {count(board.minutes, 'minute')}."
    layout = sheet(
        board.title, lines or ["Nobody has spent time in a voice channel in this time."], note
    )
    # Finished: discord.py is to send it, not to listen to it.
    layout.stop()
    return layout
