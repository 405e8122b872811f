"""Roles for voice time, boards that post themselves, resets and members who left, on Discord."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pwrbot.chores import Chores
from pwrbot.entities import VoiceSession
from pwrbot.repository.errors import DatabaseUnavailable
from pwrbot.sandbox import MANAGE_GUILD, MANAGE_ROLES, Guild, payloads
from pwrbot.sandbox.model import Member
from pwrbot.services.removed_sessions import RemovedSessions
from pwrbot.services.voice_reset import ResetRefused
from tests.live_bot import NOW, LiveBot, session

ADMIN_COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("voice reset", {}),
    ("voice undo", {}),
    ("voice rewards list", {}),
    ("voice rewards add", {"role": "@everyone", "hours": 1}),
    ("voice rewards remove", {"role": "1"}),
    ("voice board list", {}),
    ("voice board live", {"channel": "Lounge"}),
    ("voice board remove", {"channel": "1"}),
]


@pytest.fixture
async def history(live: LiveBot, guild: Guild) -> list[VoiceSession]:
    rows = [
        session(guild, "ada", "Lounge", 3, ago=5),
        session(guild, "bob", "Games", 2, ago=5),
        session(guild, "cy", "Lounge", 1, ago=30),
    ]
    await live.repository.voice_sessions.insert_many(rows)
    return rows


@pytest.mark.parametrize(("command", "options"), ADMIN_COMMANDS)
async def test_only_for_who_manages_the_server(
    live: LiveBot, guild: Guild, command: str, options: dict[str, Any]
) -> None:
    reply = await live.ask(guild, "ada", command, **options)
    assert reply.ephemeral
    assert reply.text == "You need the permission Manage Server for this command."


# Resets


@pytest.mark.usefixtures("history")
async def test_a_reset_asks_acts_and_is_undone_by_its_button(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "boss", "voice reset", member=guild.member("ada").user)
    assert reply.ephemeral
    assert "1 session of 1 member with 3 h 00 min" in reply.text
    assert await live.repository.voice_sessions.count() == 3

    reply = await (await reply.press("Reset")).until(lambda shown: "Reset done" in shown.text)
    assert "1 session with 3 h 00 min went." in reply.text
    assert await live.repository.voice_sessions.count() == 2

    undone = await reply.press("Undo")
    assert "1 session came back." in undone.text
    assert await live.repository.voice_sessions.count() == 3
    again = await live.ask(guild, "boss", "voice undo")
    assert again.text == "There is no reset of the last day left to undo."


@pytest.mark.usefixtures("history")
async def test_nobody_else_confirms_a_reset(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "boss", "voice reset")
    # Discord shows the question to who asked alone; whoever forges a press has another id.
    [asked] = live.bot.resets._asked.values()
    asked.invoker_id = guild.member("ada").id
    refused = await reply.press("Reset")
    assert refused.text == "Only the member who asked can confirm this."
    asked.invoker_id = guild.member("boss").id
    await guild.give_role("boss", guild.member("boss").roles[0], given=False)
    refused = await reply.press("Reset")
    assert refused.text == "You need the permission Manage Server for this command."
    assert await live.repository.voice_sessions.count() == 3


async def test_a_reset_that_is_called_off_or_not_answered(
    live: LiveBot, guild: Guild, history: list[VoiceSession]
) -> None:
    reply = await live.ask(guild, "boss", "voice reset", channel="Lounge")
    assert "2 sessions of 2 members" in reply.text
    reply = await reply.press("Cancel")
    assert "Nothing was reset" in reply.text
    reply = await live.ask(guild, "boss", "voice reset")
    live.clock.advance(minutes=3)
    late = await reply.press("Reset")
    assert "expired" in late.text or "no answer in time" in late.text
    assert await live.repository.voice_sessions.count() == len(history)


@pytest.mark.usefixtures("history")
async def test_days_are_those_of_the_server(live: LiveBot, guild: Guild) -> None:
    await live.ask(guild, "boss", "settings timezone", name="Europe/Berlin")
    reply = await live.ask(
        guild, "boss", "voice reset", first_day="2026-03-17", last_day="2026-03-17"
    )
    assert "1 session of 1 member with 1 h 00 min" in reply.text
    await live.ask(guild, "boss", "settings timezone", name="UTC")
    for days, said in (
        ({"first_day": "17.3."}, "Write a day as year-month-day"),
        ({"first_day": "2026-03-17", "last_day": "2026-03-16"}, "before the first one"),
        ({"first_day": "1999-01-01", "last_day": "1999-01-02"}, "no time in voice"),
        ({"last_day": "9999-12-31"}, "too far away"),
        ({"first_day": "0001-01-01"}, "too far away"),
    ):
        reply = await live.ask(guild, "boss", "voice reset", **days)
        assert said in reply.text


async def test_undo_without_a_reset_and_after_a_day(
    live: LiveBot, guild: Guild, history: list[VoiceSession]
) -> None:
    reply = await live.ask(guild, "boss", "voice undo")
    assert reply.text == "There is no reset of the last day left to undo."
    reply = await (await live.ask(guild, "boss", "voice reset")).press("Reset")
    await reply.until(lambda shown: "Reset done" in shown.text)
    live.clock.advance(days=1, minutes=1)
    late = await live.ask(guild, "boss", "voice undo")
    assert late.text == "That was more than a day ago: it can't be undone any more."
    await live.bot.chores.once()
    assert await live.repository.voice_removed_sessions.count() == 0


@pytest.mark.usefixtures("history")
async def test_a_reset_that_stopped_half_way_says_that_it_goes_on(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> int:
        raise DatabaseUnavailable()

    reply = await live.ask(guild, "boss", "voice reset")
    with monkeypatch.context() as patched:
        patched.setattr(type(live.repository.voice_removed_sessions), "take", broken)
        reply = await (await reply.press("Reset")).until(
            lambda shown: "Resetting" not in shown.text
        )
    assert "not done" not in reply.text
    assert "it goes on by itself" in reply.text
    await live.bot.chores.once()
    assert await live.repository.voice_sessions.count() == 0
    reply = await live.ask(guild, "boss", "voice undo")
    assert "3 sessions came back." in reply.text


async def reset(live: LiveBot, guild: Guild, **options: Any) -> None:
    reply = await (await live.ask(guild, "boss", "voice reset", **options)).press("Reset")
    await reply.until(lambda shown: "Reset done" in shown.text)


@pytest.mark.usefixtures("history")
async def test_an_undo_says_which_reset_it_was(live: LiveBot, guild: Guild) -> None:
    await reset(live, guild, channel="Lounge", first_day="2026-03-17", last_day="2026-03-17")
    live.clock.advance(hours=1)
    await reset(live, guild, member=guild.member("ada").user)
    last = await live.ask(guild, "boss", "voice undo")
    assert "Asked for: 18 March 2026 13:00\nMember: @ada\nChannel: all\n" in last.text
    before = await live.ask(guild, "boss", "voice undo")
    assert "Asked for: 18 March 2026 12:00\nMember: everybody\n" in before.text
    assert "Lounge\nTime: from 17 March 2026 00:00 to 18 March 2026 00:00\n" in before.text


@pytest.mark.usefixtures("history")
async def test_an_undo_cut_short_says_that_it_goes_on_and_is_not_to_be_repeated(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    await reset(live, guild, member=guild.member("ada").user)
    live.clock.advance(minutes=1)
    await reset(live, guild, member=guild.member("bob").user)
    with monkeypatch.context() as patched:
        patched.setattr(RemovedSessions, "restore", hang)
        asking = asyncio.create_task(live.ask(guild, "boss", "voice undo"))
        await begun.wait()
        assert not await live.bot.wind_down(0.01)
        reply = await asking
    assert "it goes on by itself" in reply.text
    assert "Don't use /voice undo again before you looked" in reply.text
    assert reply.follow_ups == []
    with pytest.raises(ResetRefused, match="isn't finished yet"):
        await live.bot.voice_reset.undo_last(guild.id)
    await live.bot.voice_reset.finish()
    assert await live.repository.voice_sessions.count() == 2, "the first reset stays as it is"


@pytest.mark.usefixtures("history")
async def test_an_undo_that_failed_half_way_says_that_it_goes_on(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> int:
        raise DatabaseUnavailable()

    await reset(live, guild)
    with monkeypatch.context() as patched:
        patched.setattr(RemovedSessions, "restore", broken)
        reply = await live.ask(guild, "boss", "voice undo")
    assert "it goes on by itself" in reply.text
    await live.sandbox.until(lambda: bool(reply.follow_ups))
    [said] = reply.follow_ups
    assert said.text.startswith("My database doesn't answer at the moment: try again")
    await live.bot.chores.once()
    assert await live.repository.voice_sessions.count() == 3


# Roles


@pytest.fixture
def role(guild: Guild) -> Any:
    regular = guild.add_role("regular")
    guild.me.roles.append(guild.add_role("pwrbot", MANAGE_ROLES))
    guild.add_member("chief", permissions=MANAGE_GUILD | MANAGE_ROLES)
    return regular


@pytest.mark.usefixtures("role", "history")
async def test_a_role_is_given_and_taken_back(role: Any, live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(
        guild, "chief", "voice rewards add", role=role, range="past_24_hours", hours=2
    )
    assert "at least 2 h 00 min, past 24 hours · not in force" in reply.text
    reply = await live.ask(guild, "chief", "voice rewards preview", role=role)
    assert "Would get it: @ada, @bob" in reply.text
    await live.bot.chores.once()
    assert guild.member("ada").roles == []
    reply = await live.ask(guild, "chief", "voice rewards enable", role=role)
    assert "· in force" in reply.text
    await live.bot.chores.once()
    assert guild.member("ada").roles == guild.member("bob").roles == [role]
    live.clock.advance(days=1)
    await live.bot.chores.once()
    assert guild.member("ada").roles == guild.member("bob").roles == []


@pytest.mark.usefixtures("role", "history")
async def test_a_role_that_was_deleted_is_named_in_the_list(
    role: Any, live: LiveBot, guild: Guild
) -> None:
    await live.ask(guild, "chief", "voice rewards add", role=role, hours=1)
    await live.ask(guild, "chief", "voice rewards enable", role=role)
    await guild.delete_role(role)
    await live.heard(guild)
    await live.bot.chores.once()
    reply = await live.ask(guild, "chief", "voice rewards list")
    assert "It doesn't work: The role was deleted." in reply.text
    offered = await live.sandbox.autocomplete(guild, "chief", "voice rewards remove", "role", "")
    assert offered == [{"name": f"deleted role {role.id}", "value": str(role.id)}]
    await live.ask(guild, "chief", "voice rewards remove", role=str(role.id))
    assert "There is none." in (await live.ask(guild, "chief", "voice rewards list")).text
    for odd in ("9999999999999999999", "<@&0>", "²", ""):
        reply = await live.ask(guild, "chief", "voice rewards remove", role=odd)
        assert reply.text == "There is no rule for that role: see /voice rewards list."


async def test_nobody_hands_out_by_a_rule_what_they_could_not_by_hand(
    role: Any, live: LiveBot, guild: Guild
) -> None:
    reply = await live.ask(guild, "boss", "voice rewards add", role=role, hours=1)
    assert "Manage Roles" in reply.text
    higher = guild.member("chief").roles[0]
    reply = await live.ask(guild, "chief", "voice rewards add", role=higher, hours=1)
    assert "isn't below your own" in reply.text
    reply = await live.ask(guild, guild.owner, "voice rewards add", role=higher, hours=1)
    assert "stands above mine" in reply.text
    assert await live.repository.voice_rewards.count() == 0


async def test_who_could_not_take_a_role_by_hand_can_end_its_rule_only(
    role: Any, live: LiveBot, guild: Guild
) -> None:
    await live.ask(guild, "chief", "voice rewards add", role=role, hours=1)
    remove = {"role": str(role.id), "take_back": True}
    reply = await live.ask(guild, "boss", "voice rewards remove", **remove)
    assert "Manage Roles" in reply.text
    reply = await live.ask(guild, "chief", "voice rewards remove", **remove)
    assert "I take the role back now." in reply.text
    await live.ask(guild, "chief", "voice rewards add", role=role, hours=1)
    reply = await live.ask(guild, "boss", "voice rewards remove", role=str(role.id))
    assert "Who has the role keeps it." in reply.text


async def test_what_a_channel_allows_or_denies_gives_no_right_over_roles(
    role: Any, live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a channel the bit of Manage Roles is Manage Permissions."""
    member = payloads.member

    def in_channel(of: Member, **options: bool) -> dict[str, Any]:
        here = of.permissions ^ MANAGE_ROLES
        told = {"permissions": str(here)} if options.get("permissions") else {}
        return member(of, **options) | told

    monkeypatch.setattr(payloads, "member", in_channel)
    reply = await live.ask(guild, "boss", "voice rewards add", role=role, hours=1)
    assert "Manage Roles" in reply.text
    reply = await live.ask(guild, "chief", "voice rewards add", role=role, hours=1)
    assert "New rule" in reply.text


async def test_a_role_for_the_first_one(role: Any, live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "chief", "voice rewards add", role=role, top=1)
    assert "@regular: the first, this month" in reply.text
    reply = await live.ask(guild, "chief", "voice rewards add", role=role, top=2)
    assert "@regular: the first 2, this month" in reply.text


async def test_without_manage_roles(live: LiveBot, guild: Guild) -> None:
    role = await guild.create_role("regular")
    reply = await live.ask(guild, guild.owner, "voice rewards add", role=role, hours=1)
    assert reply.text == "I need the permission Manage Roles."


# Boards


async def test_names_are_offered_only_to_who_manages_the_server(
    role: Any, live: LiveBot, guild: Guild
) -> None:
    """A channel's name may be a secret."""
    channel = await guild.create_channel("plans-for-spring")
    await live.ask(guild, "boss", "voice board live", channel=channel)
    await live.ask(guild, "chief", "voice rewards add", role=role, hours=1)
    for command, option, value in (
        ("voice board remove", "channel", str(channel.id)),
        ("voice rewards remove", "role", str(role.id)),
    ):
        [offered] = await live.sandbox.autocomplete(guild, "boss", command, option, "")
        assert offered["value"] == value
        assert await live.sandbox.autocomplete(guild, "ada", command, option, "") == []


async def test_how_many_boards_were_removed(live: LiveBot, guild: Guild) -> None:
    channel = await guild.create_channel("news")
    for kinds, said in (
        (("day",), "1 board removed\n────────────────────────\nIt posts no more."),
        (("day", "week"), "2 boards removed\n────────────────────────\nThey post no more."),
    ):
        for every in kinds:
            await live.ask(guild, "boss", "voice board post", channel=channel, every=every)
        reply = await live.ask(guild, "boss", "voice board remove", channel=str(channel.id))
        assert reply.text == said


@pytest.mark.usefixtures("history")
async def test_a_board_posts_itself_once(live: LiveBot, guild: Guild) -> None:
    channel = await guild.create_channel("news")
    reply = await live.ask(guild, "boss", "voice board post", channel=channel, every="day", hour=9)
    assert "every day at 09:00" in reply.text
    await live.bot.chores.once()
    assert live.sandbox.messages.of(channel) == []
    live.clock.set(NOW + timedelta(hours=21))
    await live.bot.chores.once()
    await live.bot.chores.once()
    [message] = live.sandbox.messages.of(channel)
    shown = str(message.payload["components"])
    assert "Voice leaderboard: yesterday" in shown
    assert f"1. <@{guild.member('ada').id}> · 3 h 00 min" in shown
    assert message.payload["mentions"] == []


@pytest.mark.usefixtures("history")
async def test_a_live_board_is_edited_posted_anew_and_stops_with_its_channel(
    live: LiveBot, guild: Guild
) -> None:
    channel = await guild.create_channel("news")
    messages = live.sandbox.messages
    await live.ask(guild, "boss", "voice board live", channel=channel, range="all_time", minutes=5)
    await live.bot.chores.once()
    [first] = messages.of(channel)
    await live.repository.voice_sessions.insert(session(guild, "cy", "Games", 7, ago=50))
    live.clock.advance(minutes=5)
    await live.bot.chores.once()
    assert first.revision == 1
    assert f"1. <@{guild.member('cy').id}> · 8 h" in str(first.payload["components"])

    messages.delete(first)
    await live.repository.voice_sessions.insert(session(guild, "cy", "Games", 1, ago=70))
    live.clock.advance(minutes=5)
    await live.bot.chores.once()
    assert len(messages.of(channel)) == 1

    channel.denied = True
    messages.delete(messages.of(channel)[0])
    await live.repository.voice_sessions.insert(session(guild, "cy", "Games", 1, ago=80))
    live.clock.advance(minutes=5)
    await live.bot.chores.once()
    listed = await live.ask(guild, "boss", "voice board list")
    assert "It doesn't work: I may not see the channel" in listed.text

    await guild.delete_channel(channel)
    await live.heard(guild)
    live.clock.advance(hours=1)
    await live.bot.chores.once()
    listed = await live.ask(guild, "boss", "voice board list")
    assert "It doesn't work: The channel was deleted." in listed.text
    await live.ask(guild, "boss", "voice board remove", channel=str(channel.id))
    reply = await live.ask(guild, "boss", "voice board remove", channel=str(channel.id))
    assert reply.text == "There is no such board: see /voice board list."


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("kind", ["post", "live"])
async def test_a_board_whose_answer_was_lost_is_there_once(
    live: LiveBot, guild: Guild, kind: str
) -> None:
    channel = await guild.create_channel("news")
    every = {"every": "day"} if kind == "post" else {"range": "all_time", "minutes": 5}
    await live.ask(guild, "boss", f"voice board {kind}", channel=channel, **every)
    live.clock.set(NOW + timedelta(hours=21))
    live.sandbox.fail_next(
        "POST", f"/channels/{channel.id}/messages", status=None, lose_answer=True
    )
    await live.bot.chores.once()
    live.clock.advance(hours=2)
    await live.bot.chores.once()
    assert len(live.sandbox.messages.of(channel)) == 1
    listed = await live.ask(guild, "boss", "voice board list")
    assert "It doesn't work" not in listed.text


# All of these at once


@pytest.mark.parametrize(
    ("failure", "traced"),
    [
        (KeyError("a member's words"), True),
        (asyncio.CancelledError("what it waited for"), True),
        (DatabaseUnavailable(), False),
    ],
)
async def test_no_chore_waits_for_another_and_one_that_fails_is_tried_again(
    live: LiveBot, monkeypatch: pytest.MonkeyPatch, failure: BaseException, traced: bool
) -> None:
    rounds: asyncio.Queue[str] = asyncio.Queue()

    async def broken(*_: object, **__: object) -> int:
        rounds.put_nowait("boards")
        raise failure

    async def slow(*_: object) -> None:
        rounds.put_nowait("rewards")
        await asyncio.Event().wait()

    async def well(*_: object) -> None:
        rounds.put_nowait("departures")

    monkeypatch.setattr(live.bot.voice_boards, "look", broken)
    monkeypatch.setattr(live.bot.voice_rewards, "look", slow)
    monkeypatch.setattr(live.bot.people, "sweep", well)
    with capture_logs() as logs:
        chores = asyncio.create_task(Chores(live.bot).run())
        async with asyncio.timeout(10):
            assert {await rounds.get() for _ in range(3)} == {"boards", "rewards", "departures"}
            for _ in range(2):
                live.clock.advance(minutes=1)
                assert {await rounds.get() for _ in range(2)} == {"boards", "departures"}
    failed = [line for line in logs if line["event"] == "chore_failed"]
    assert [line["step"] for line in failed] == ["boards"] * 3
    assert ["exc_info" in line for line in failed] == [traced] * 3
    assert not chores.done()
    chores.cancel()
    await asyncio.gather(chores, return_exceptions=True)


# Members who left


@pytest.mark.usefixtures("history")
async def test_who_left_is_named_as_such_and_can_be_hidden(live: LiveBot, guild: Guild) -> None:
    await guild.remove_member("ada")
    board = await live.ask(guild, "bob", "voice leaderboard")
    assert "1. ada (left the server) · 3 h 00 min" in board.text
    assert "You are 2nd of 3" in board.text
    await live.ask(guild, "boss", "settings voice members-who-left", hidden=True)
    board = await live.ask(guild, "bob", "voice leaderboard")
    assert "ada" not in board.text
    assert "You are 1st of 2" in board.text


@pytest.mark.usefixtures("history")
async def test_who_is_only_now_found_to_have_left_is_hidden_at_once(
    live: LiveBot, guild: Guild
) -> None:
    await live.ask(guild, "boss", "settings voice members-who-left", hidden=True)
    await guild.remove_member("ada")
    board = await live.ask(guild, "bob", "voice leaderboard")
    assert "ada" not in board.text
    assert "You are 1st of 2" in board.text


@pytest.mark.usefixtures("history")
async def test_who_came_back_is_a_member_again(live: LiveBot, guild: Guild) -> None:
    await guild.remove_member("ada")
    await live.ask(guild, "bob", "voice leaderboard")
    assert await live.repository.voice_departures.count() == 1
    guild.enroll(guild.member("ada").user)
    await live.bot.chores.once()
    assert await live.repository.voice_departures.count() == 1, "not asked again at once"
    live.clock.advance(hours=1, minutes=1)
    await live.bot.chores.once()
    assert await live.repository.voice_departures.count() == 0


@pytest.mark.usefixtures("history")
async def test_an_account_that_is_gone_has_no_name(live: LiveBot, guild: Guild) -> None:
    ada = await guild.remove_member("ada")
    del live.sandbox.users[ada.id]
    board = await live.ask(guild, "bob", "voice leaderboard")
    assert f"1. Member {ada.id % 10_000:04} (left the server) · 3 h 00 min" in board.text
