"""Boards as pictures, and the member's switch to text."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from pwrbot.pictures import Studio
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Sandbox, model
from pwrbot.views.boards import Board
from tests.cogs.test_voice import crowd, enabled
from tests.live_bot import LiveBot, live_bot, session


@pytest.fixture
async def live(
    sandbox: Sandbox, guild: Guild, sqlite_repository: Repository
) -> AsyncIterator[LiveBot]:
    async with live_bot(sandbox, sqlite_repository, studio=Studio()) as made:
        yield made


async def test_the_board_is_a_picture_with_its_text(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert_many(
        [session(guild, "ada", "Lounge", 2, ago=3), session(guild, "bob", "Lounge", 12.5, ago=2)]
    )
    reply = await live.ask(guild, "ada", "voice leaderboard")
    ((name, png),) = reply.files.items()
    assert name == "leaderboard.png"
    assert Image.open(io.BytesIO(png)).size[0] == 1232
    assert "(picture: Voice leaderboard, This month: 01 Mar 2026 00:00 to 18 Mar 2026" in reply.text
    assert "\n1. bob: 12 h 30 min\n2. ada: 2 h 00 min)" in reply.text
    assert "You are 2nd of 2 with 2 h 00 min." in reply.text
    assert enabled(reply) == {"Range": True, "Text": True}
    (attachment,) = reply.message["attachments"]
    assert attachment["description"].endswith("2. ada: 2 h 00 min")


async def test_an_empty_board_is_a_picture_too(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert "Nobody has spent time in voice yet." in reply.text
    assert list(reply.files) == ["leaderboard.png"]


async def test_a_member_switches_to_text_for_good(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 12)
    board = await live.ask(guild, "ada", "voice leaderboard")
    await board.press("Text")
    assert not board.files
    assert "1. @m1 · 1 h 12 min" in board.text
    assert "Picture" in enabled(board)
    # The next one is text at once; another member's is not.
    assert not (await live.ask(guild, "ada", "voice leaderboard")).files
    assert (await live.ask(guild, "bob", "voice leaderboard")).files
    await board.press("Picture")
    assert board.files
    assert (await live.ask(guild, "ada", "voice leaderboard")).files


async def test_turning_a_page_turns_the_picture(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 12)
    board = await live.ask(guild, "ada", "voice leaderboard")
    first = board.files["leaderboard.png"]
    await board.press("▶")
    assert list(board.files) == ["leaderboard.png"]
    assert board.files["leaderboard.png"] != first
    assert "\n11. m11: " in board.text
    await board.press("Text")
    assert "11. @m11" in board.text
    await board.press("◀")
    assert "1. @m1 " in board.text
    assert not board.files


async def test_the_controls_go_off_and_the_picture_stays(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 2)
    board = await live.ask(guild, "ada", "voice leaderboard")
    kept = board.message["attachments"]
    assert await live.bot.in_flight.drained(5)
    [(shown, _)] = live.bot.boards._live.values()
    assert isinstance(shown, Board)
    assert shown._picture is not None
    assert not shown._picture.png, "what was sent is not kept"
    live.clock.advance(minutes=3)
    await board.until(lambda reply: not any(enabled(reply).values()))
    assert board.message["attachments"] == kept
    gallery = board.message["components"][0]["components"][2]
    assert gallery["items"][0]["media"]["url"] == kept[0]["url"]
    assert "1. m1: " in board.text


async def test_a_member_s_time_in_pictures(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert_many(
        [
            session(guild, "ada", "Lounge", 2, ago=3),  # Wed 18 Mar 2026, 07:00 to 09:00
            session(guild, "ada", "Games", 5, ago=24 * 30),
        ]
    )
    reply = await live.ask(guild, "bob", "voice stats", member=guild.member("ada").user)
    assert "Total: 2 h 00 min" in reply.text
    assert not reply.files
    assert enabled(reply) == {"Range": True, "View": True}
    await reply.choose("View", "Days of the year")
    assert list(reply.files) == ["year.png"]
    assert enabled(reply) == {"View": True, "Text": True}, "a year is a year, whatever the range"
    assert "(picture: ada, Time in voice by day, 19 Mar 2025 to 18 Mar 2026, UTC" in reply.text
    assert "Total 7 h on 2 days.\nMon 16 Feb 2026: 5 h\nWed 18 Mar 2026: 2 h" in reply.text
    await reply.choose("View", "Hours of the week")
    assert list(reply.files) == ["week.png"]
    assert "Wed 07:00: 1 h\nWed 08:00: 1 h" in reply.text
    await reply.choose("View", "Beside earlier times")
    assert list(reply.files) == ["chart.png"]
    assert "from 01 Mar 2026: 2 h in all\nfrom 01 Feb 2026: 5 h in all" in reply.text
    await reply.choose("Range", "This year")
    assert "from 01 Jan 2026: 7 h in all" in reply.text
    assert "Feb: 5 h\nMar: 2 h" in reply.text
    await reply.press("Text")
    assert not reply.files
    assert "Feb: 5 h\nMar: 2 h" in reply.text
    await reply.choose("View", "Figures")
    assert "Sessions: 2" in reply.text


async def test_without_fonts_the_board_is_text(
    sandbox: Sandbox, guild: Guild, sqlite_repository: Repository, tmp_path: Path
) -> None:
    async with live_bot(sandbox, sqlite_repository, studio=Studio(tmp_path)) as live:
        await crowd(live, guild, 2)
        reply = await live.ask(guild, "ada", "voice leaderboard")
        assert "1. @m1 · 12 min 00 s" in reply.text
        assert "This is text because no picture can be drawn at the moment" in reply.text
        assert not reply.files
        await reply.press("Picture")
        assert "This is text because no picture can be drawn at the moment" in reply.text


async def test_a_picture_that_discord_refuses_becomes_text(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(live, guild, 2)
    monkeypatch.setattr("pwrbot.sandbox.payloads.ATTACHMENT_LIMIT", 1000)
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert "1. @m1 · 12 min 00 s" in reply.text
    assert "This is text because Discord did not take the picture." in reply.text
    assert not reply.files


async def test_where_no_files_may_be_attached_it_is_text(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach_files = 1 << 15
    monkeypatch.setattr(model, "ALL_PERMISSIONS", model.ALL_PERMISSIONS & ~attach_files)
    await crowd(live, guild, 2)
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert not reply.files
    assert "This is text because I may not attach files here." in reply.text
    assert enabled(reply) == {"Range": True}
    await live.bot.preferences.choose_plain_text(guild.member("ada").id, True)
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert "This is text because" not in reply.text
    assert enabled(reply) == {"Range": True}, "no button that would change nothing"


async def test_a_member_who_left_is_named_as_such(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert(session(guild, "cy", "Lounge", 2, ago=3))
    await guild.remove_member("cy")
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert "1. cy (left): 2 h 00 min" in reply.text
    reply = await live.ask(guild, "ada", "voice stats", member=guild.member("cy").user)
    await reply.choose("View", "Days of the year")
    assert "(picture: cy (left), Time in voice by day" in reply.text
    stranger = live.sandbox.add_guild("Away", members=["stranger"]).member("stranger").user
    reply = await live.ask(guild, "ada", "voice stats", member=stranger)
    await reply.choose("View", "Days of the year")
    assert "(picture: stranger, Time in voice by day" in reply.text
    assert await live.repository.voice_departures.count() == 1, "a stranger did not leave"
