"""/voice as members see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pwrbot.entities import VoiceSession
from pwrbot.repository.errors import DatabaseBusy
from pwrbot.sandbox import Guild, Reply
from tests.live_bot import NOW, LiveBot, session

FIVE_BUTTONS = ["⏮", "◀", "▶", "⏭"]


def enabled(reply: Reply) -> dict[str, bool]:
    """Each button by its label, and the select by its placeholder: whether it can be used."""
    return {
        control.get("label") or control["placeholder"]: not control.get("disabled", False)
        for control in reply.controls
    }


async def crowd(live: LiveBot, guild: Guild, size: int) -> None:
    """``size`` members called m1, m2, ...; m1 has the most time."""
    sessions = []
    for number in range(1, size + 1):
        guild.add_member(f"m{number}")
        hours = (size + 1 - number) / 10
        sessions.append(session(guild, f"m{number}", "Lounge", hours, ago=1))
    await live.repository.voice_sessions.insert_many(sessions)


async def test_an_empty_board_says_so(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert "Nobody has spent time in a voice channel in this range yet." in reply.text
    assert enabled(reply) == {"Range": True}
    assert not reply.ephemeral


async def test_the_board_ranks_members_by_time(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert_many(
        [
            session(guild, "ada", "Lounge", 2, ago=3),
            session(guild, "ada", "Games", 1, ago=1),
            session(guild, "bob", "Lounge", 12.5, ago=2),
        ]
    )
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert "1. @bob · 12 h 30 min\n2. @ada · 3 h 00 min" in reply.text
    assert "You are 2nd of 2 with 3 h 00 min." in reply.text
    assert "This month: from <t:" in raw_text(reply)


def raw_text(reply: Reply) -> str:
    """The markdown the bot sent."""

    def walk(components: list[dict[str, Any]]) -> list[str]:
        found = []
        for each in components:
            found += [each["content"]] if "content" in each else []
            found += walk(each.get("components", []))
        return found

    return "\n".join(walk(reply.message["components"]))


async def test_who_is_in_voice_now_is_on_the_board(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    live.clock.advance(minutes=5)
    reply = await live.ask(guild, "bob", "voice leaderboard", range="past_24_hours")
    assert "1. @ada · 5 min 00 s" in reply.text
    assert "You have no time in this range yet." in reply.text


async def test_one_has_a_rank_off_the_page_too(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 25)
    reply = await live.ask(guild, "m23", "voice leaderboard")
    assert "@m23 ·" not in reply.text
    assert "You are 23rd of 25 with 18 min 00 s." in reply.text


async def test_pages_are_turned(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 25)
    reply = await live.ask(guild, "ada", "voice leaderboard")
    assert enabled(reply) == {
        "Range": True, "⏮": False, "◀": False, "1/3": False, "▶": True, "⏭": True
    }  # fmt: skip
    assert "10. @m10" in reply.text
    assert "@m11" not in reply.text

    await reply.press("▶")
    assert "11. @m11" in reply.text
    assert "20. @m20" in reply.text
    assert all(enabled(reply)[label] for label in FIVE_BUTTONS)
    await reply.press("⏭")
    assert "25. @m25" in reply.text
    assert enabled(reply)["3/3"] is False
    assert [enabled(reply)[label] for label in FIVE_BUTTONS] == [True, True, False, False]
    await reply.press("◀")
    assert "20. @m20" in reply.text
    await reply.press("⏮")
    assert "1. @m1 " in reply.text


async def test_a_press_that_failed_changes_nothing(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(live, guild, 25)
    board = await live.ask(guild, "ada", "voice leaderboard")

    async def fail(*_: object, **__: object) -> None:
        raise DatabaseBusy

    with monkeypatch.context() as broken:
        broken.setattr(live.bot.statistics, "leaderboard", fail)
        for failed in (await board.press("▶"), await board.choose("Range", "Today")):
            assert failed.ephemeral
    await board.press("▶")
    assert "2/3" in enabled(board)
    assert "11. @m11" in board.text
    assert "This month" in board.text


async def test_a_page_beyond_the_last_is_the_last(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 12)
    reply = await live.ask(guild, "ada", "voice leaderboard", page=99)
    assert "12. @m12" in reply.text
    assert "2/2" in enabled(reply)
    reply = await live.ask(guild, "ada", "voice leaderboard", page=2**53 - 1)
    assert "12. @m12" in reply.text
    reply = await live.sandbox.invoke(
        guild, "ada", "voice leaderboard", options={"page": -3}, force=True
    )
    assert "1. @m1 " in reply.text


async def test_a_page_beyond_the_last_of_an_empty_board(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "ada", "voice leaderboard", page=3)
    assert "Nobody has spent time" in reply.text


async def test_a_range_is_chosen(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 12)
    await live.repository.voice_sessions.insert(session(guild, "ada", "Games", 5, ago=24 * 40))
    reply = await live.ask(guild, "ada", "voice leaderboard", page=2)
    await reply.choose("Range", "All time")
    assert "1. @ada · 5 h 00 min" in reply.text
    assert "All time: to <t:" in raw_text(reply)
    assert "1/2" in enabled(reply)
    await reply.choose("Range", "Today")
    assert "@ada ·" not in reply.text
    [select] = [control for control in reply.controls if control.get("placeholder") == "Range"]
    assert [option["value"] for option in select["options"] if option.get("default")] == ["today"]


async def test_the_ranges_offered_are_exactly_these(live: LiveBot, guild: Guild) -> None:
    [voice] = [body for body in live.sandbox.commands.all() if body["name"] == "voice"]
    for command in voice["options"]:
        for option in command.get("options", []):
            if option["name"] == "range":
                assert [choice["value"] for choice in option["choices"]] == [
                    "today",
                    "past_24_hours",
                    "past_72_hours",
                    "past_7_days",
                    "past_14_days",
                    "this_month",
                    "this_year",
                    "all_time",
                ]
                assert option.get("required", False) is False
    assert [command["name"] for command in voice["options"]] == [
        "leaderboard",
        "partners",
        "stats",
        "server",
        "why",
        "rewards",
        "board",
        "reset",
        "undo",
    ]


async def test_a_range_that_was_never_offered(live: LiveBot, guild: Guild) -> None:
    reply = await live.sandbox.invoke(
        guild, "ada", "voice stats", options={"range": "yesterday"}, force=True
    )
    assert reply.ephemeral
    assert reply.text == "There is no such range: choose one from the list."


async def test_only_the_invoker_may_press(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 12)
    board = await live.ask(guild, "ada", "voice leaderboard")
    refused = await board.press("▶", by=guild.member("bob"))
    assert refused is not board
    assert refused.ephemeral
    assert refused.text == "Only the member who asked can turn this board's pages."
    assert "1/2" in enabled(board)


async def test_controls_are_disabled_on_time_out(live: LiveBot, guild: Guild) -> None:
    await crowd(live, guild, 12)
    board = await live.ask(guild, "ada", "voice leaderboard")
    live.clock.advance(seconds=179)
    await board.press("▶")
    live.clock.advance(seconds=179)  # the press began the time anew
    await board.press("◀")
    live.clock.advance(seconds=180)
    await board.until(lambda reply: not any(enabled(reply).values()))
    assert "1. @m1 " in board.text
    assert len(live.bot.boards) == 0

    late = await board.press("▶", force=True)
    assert late.ephemeral
    assert late.text == "These controls have expired: use the command again."


async def test_closing_turns_the_controls_off(live: LiveBot, guild: Guild) -> None:
    board = await live.ask(guild, "ada", "voice leaderboard")
    assert await live.bot.wind_down(5)
    assert not any(enabled(board).values())
    late = await live.sandbox.invoke(guild, "ada", "voice leaderboard")
    assert late.text == "I'm restarting: try again in a minute."
    assert late.ephemeral


async def test_closing_after_discord_ended_the_connection_is_quiet(
    live: LiveBot, guild: Guild
) -> None:
    await live.ask(guild, "ada", "voice leaderboard")
    (board, _) = next(iter(live.bot.boards._live.values()))
    await live.bot.close()
    await board.disable()  # "Session is closed", which aiohttp says as a RuntimeError


async def test_a_board_that_was_deleted_is_forgotten(live: LiveBot, guild: Guild) -> None:
    board = await live.ask(guild, "ada", "voice leaderboard")
    live.sandbox.fail_next("PATCH", "/webhooks/.*/messages/@original", 404)
    live.clock.advance(seconds=180)
    await live.heard(guild)
    assert len(live.bot.boards) == 0
    assert enabled(board) == {"Range": True}


async def test_partners_share_a_channel(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert_many(
        [
            session(guild, "ada", "Lounge", 3, ago=1),
            session(guild, "bob", "Lounge", 1, ago=1),
            session(guild, "cy", "Games", 3, ago=1),
        ]
    )
    own = await live.ask(guild, "ada", "voice partners")
    assert "Voice partners of @ada" in own.text
    assert "1. @bob · 1 h 00 min" in own.text
    assert "@cy" not in own.text
    other = await live.ask(guild, "ada", "voice partners", member="cy")
    assert "together with anybody" in other.text
    assert "Voice partners of @cy" in other.text


async def test_stats_in_figures(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert_many(
        [
            session(guild, "ada", "Lounge", 2, ago=3),
            session(guild, "ada", "Lounge", 1, ago=24),
        ]
    )
    reply = await live.ask(guild, "bob", "voice stats", member="ada", range="past_7_days")
    for line in (
        "Voice statistics of @ada",
        "Total: 3 h 00 min",
        "Sessions: 2",
        "Days active: 2",
        "Average per active day: 1 h 30 min",
        "Longest session: 2 h 00 min",
        "Longest stretch without a pause: 2 h 00 min",
        "Current streak: 2 days",
        "Longest streak: 2 days",
    ):
        assert line in reply.text
    reply = await live.ask(guild, "bob", "voice stats")
    assert "No time in a voice channel in this range yet." in reply.text


async def test_the_whole_server(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert_many(
        [
            session(guild, "ada", "Lounge", 2, ago=3),
            session(guild, "bob", "Lounge", 2, ago=3),
            session(guild, "bob", "Games", 1, ago=1),
        ]
    )
    reply = await live.ask(guild, "cy", "voice server", range="past_24_hours")
    for line in (
        "Voice channels",
        "1. #Lounge · 4 h 00 min",
        "2. #Games · 1 h 00 min",
        "2 channels",
    ):
        assert line in reply.text
    await reply.choose("View", "Days of the year")
    assert "Voice statistics of this server" in reply.text
    assert "Total 5 h on" in reply.text


async def test_a_member_who_left_still_has_their_time(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert(session(guild, "cy", "Lounge", 2, ago=3))
    gone = guild.member("cy")
    await guild.remove_member(gone)
    board = await live.ask(guild, "ada", "voice leaderboard")
    assert "1. cy (left the server) · 2 h 00 min" in board.text
    stats = await live.ask(guild, "ada", "voice stats", member=gone.user)
    assert "Voice statistics of @cy (left the server)" in stats.text
    assert "Total: 2 h 00 min" in stats.text
    partners = await live.ask(guild, "ada", "voice partners", member=gone.user)
    assert "Voice partners of @cy (left the server)" in partners.text


async def test_who_was_never_a_member_has_not_left(live: LiveBot, guild: Guild) -> None:
    stranger = live.sandbox.add_guild("Away", members=["stranger"]).member("stranger").user
    for command in ("voice stats", "voice partners"):
        reply = await live.ask(guild, "ada", command, member=stranger)
        assert "of @stranger" in reply.text
        assert "left" not in reply.text


async def test_bots_have_no_figures(live: LiveBot, guild: Guild) -> None:
    robot = guild.add_member("robot", bot=True)
    for command in ("voice stats", "voice partners"):
        reply = await live.ask(guild, "ada", command, member=robot)
        assert reply.ephemeral
        assert reply.text == "Bots are never counted: choose a person."


async def test_why_names_the_rule(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "ada", "voice why")
    assert reply.ephemeral
    assert "You are in none of this server's voice channels." in reply.text

    await guild.join("ada", "Lounge")
    await live.heard(guild)
    reply = await live.ask(guild, "ada", "voice why")
    assert "You are being counted" in reply.text
    assert "#Lounge counts since" in reply.text

    await guild.move("ada", "AFK")
    await live.heard(guild)
    assert "#AFK is the AFK channel" in (await live.ask(guild, "ada", "voice why")).text


@pytest.mark.parametrize(
    ("rule", "flags", "answer"),
    [
        ({"muted": False}, {"self_mute": True}, "You are muted in #Lounge"),
        ({"muted": False}, {"mute": True}, "You are muted in #Lounge"),
        ({"self_deafened": False}, {"self_deaf": True}, "You have deafened yourself in #Lounge"),
        ({"alone": False}, {}, "Nobody else is in #Lounge"),
        ({"enabled": False}, {}, "This server has turned voice tracking off."),
    ],
)
async def test_why_after_a_rule_changed(
    live: LiveBot, guild: Guild, rule: dict[str, bool], flags: dict[str, bool], answer: str
) -> None:
    await guild.join("ada", "Lounge", **flags)
    await live.ask(guild, "boss", "settings voice rules", **rule)
    await live.heard(guild)
    assert answer in (await live.ask(guild, "ada", "voice why")).text


async def test_why_an_ignored_channel_and_role(live: LiveBot, guild: Guild) -> None:
    role = await guild.create_role("quiet")
    await guild.give_role("ada", role)
    await guild.join("ada", "Lounge")
    await live.ask(guild, "boss", "settings voice ignore-role", role=role)
    await live.heard(guild)
    reply = await live.ask(guild, "ada", "voice why")
    assert "ignores members with a role that you have" in reply.text
    await live.ask(guild, "boss", "settings voice ignore-channel", channel="Lounge")
    await live.heard(guild)
    assert "ignores the channel #Lounge" in (await live.ask(guild, "ada", "voice why")).text


async def test_a_command_in_a_direct_message(live: LiveBot, guild: Guild) -> None:
    for command in ("voice leaderboard", "voice partners", "voice stats", "voice why"):
        reply = await live.sandbox.invoke(None, guild.member("ada"), command, force=True)
        assert reply.ephemeral
        assert reply.text == "This command works in a server, not in a direct message."


async def test_no_guild_sees_another(live: LiveBot, guild: Guild) -> None:
    other = live.sandbox.add_guild("Away", members=["eve"], voice_channels=["Lounge"])
    await other.add_bot()
    await live.repository.voice_sessions.insert(session(guild, "ada", "Lounge", 2, ago=3))
    reply = await live.ask(other, "eve", "voice leaderboard")
    assert "Nobody has spent time" in reply.text


async def test_answers_ping_nobody(live: LiveBot, guild: Guild) -> None:
    await live.repository.voice_sessions.insert(session(guild, "ada", "Lounge", 2, ago=3))
    reply = await live.ask(guild, "bob", "voice leaderboard")
    assert reply.message["mentions"] == []


async def test_the_server_zone_decides_where_today_begins(live: LiveBot, guild: Guild) -> None:
    # It is 12:00 UTC, 01:00 on the next day in Auckland: today is an hour old there.
    await live.ask(guild, "boss", "settings timezone", name="Pacific/Auckland")
    start = NOW - timedelta(hours=3)
    await live.repository.voice_sessions.insert(
        VoiceSession(
            guild_id=guild.id,
            user_id=guild.member("ada").id,
            joined_at=start,
            channel_id=guild.channel("Lounge").id,
            left_at=NOW - timedelta(minutes=30),
        )
    )
    reply = await live.ask(guild, "ada", "voice leaderboard", range="today")
    assert "1. @ada · 30 min 00 s" in reply.text
    assert "days by Pacific/Auckland" in reply.text
