"""What the gateway says of voice, and what the tracker and the database make of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from pwrbot.discord_cache import connected
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Sandbox, payloads
from tests.discord_addresses import keep_addresses
from tests.live_bot import NOW, LiveBot, live_bot


@pytest.fixture(autouse=True)
def discord_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_addresses(monkeypatch)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(reaction=0.0) as made:
        yield made


@pytest.fixture
def guild(sandbox: Sandbox) -> Guild:
    return sandbox.add_guild(
        "Home",
        members=["ada", "bob", "cy"],
        voice_channels=["Lounge", "Games"],
        afk_channel="AFK",
    )


@pytest.fixture
async def live(sandbox: Sandbox, guild: Guild, migrated_sqlite_url: str) -> AsyncIterator[LiveBot]:
    repository = await Repository.open(migrated_sqlite_url)
    async with live_bot(sandbox, repository) as made:
        yield made
    await repository.close()


class Recorder:
    """Stands in for the tracker and keeps what it is told, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda what, at: self.calls.append((name, what))


async def is_open(live: LiveBot, guild: Guild) -> dict[str, tuple[str, timedelta]]:
    """By name, who is being counted: the channel, and how long after NOW that began."""
    channels = {channel.id: channel.name for channel in guild.channels.values()}
    return {
        guild.members[row.user_id].user.name: (channels[row.channel_id], row.joined_at - NOW)
        for row in await live.repository.open_voice_sessions.in_guild(guild_id=guild.id)
    }


async def ended(live: LiveBot, guild: Guild) -> list[tuple[str, timedelta, timedelta]]:
    """Who was counted, from when to when after NOW, in order of their end."""
    rows = sorted(await live.repository.voice_sessions.select_all(), key=lambda row: row.left_at)
    return [
        (guild.members[row.user_id].user.name, row.joined_at - NOW, row.left_at - NOW)
        for row in rows
    ]


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


# The order and the truth of events


async def test_a_state_is_copied_when_it_is_dispatched(live: LiveBot, guild: Guild) -> None:
    """Three events in one breath: discord.py's live object shows all three as the last."""
    recorder = Recorder()
    live.bot.voice_gateway._tracker = recorder  # type: ignore[assignment]
    told = []
    for where in ("Lounge", "Games", None):
        member = guild.place("ada", where)
        told.append(payloads.voice_state(member))
    for body in told:
        live.bot._connection.parse_voice_state_update(body)  # type: ignore[arg-type]
    channels = [state.channel_id for _, state in recorder.calls]
    assert channels == [guild.channel("Lounge").id, guild.channel("Games").id, None]
    assert {state.user_id for _, state in recorder.calls} == {guild.member("ada").id}


async def test_a_burst_keeps_its_order(live: LiveBot, guild: Guild) -> None:
    recorder = Recorder()
    tracker = live.tracker
    live.bot.voice_gateway._tracker = recorder  # type: ignore[assignment]
    expected = []
    for _ in range(50):
        for where in ("Lounge", "Games"):
            await guild.join("ada", where)
            expected.append(guild.channel(where).id)
        await guild.leave("ada")
        expected.append(None)
    await live.heard(guild)
    assert [state.channel_id for _, state in recorder.calls] == expected
    live.bot.voice_gateway._tracker = tracker


async def test_join_move_and_leave_become_sessions(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    await guild.move("ada", "Games")
    await live.heard(guild)
    assert await is_open(live, guild) == {"ada": ("Games", minutes(1))}
    live.clock.advance(minutes=1)
    await guild.leave("ada")
    await live.heard(guild)
    assert await is_open(live, guild) == {}
    assert await ended(live, guild) == [
        ("ada", minutes(0), minutes(1)),
        ("ada", minutes(1), minutes(2)),
    ]


async def test_bots_do_not_count(live: LiveBot, guild: Guild) -> None:
    guild.add_member("robot", bot=True)
    await guild.join("robot", "Lounge")
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}


async def test_flags_and_roles_are_passed_on(live: LiveBot, guild: Guild) -> None:
    recorder = Recorder()
    tracker = live.tracker
    live.bot.voice_gateway._tracker = recorder  # type: ignore[assignment]
    role = await guild.create_role("quiet")
    await guild.give_role("ada", role)
    await guild.join("ada", "Lounge", self_mute=True)
    await guild.flag("ada", self_mute=False, self_deaf=True)
    await guild.flag("ada", self_deaf=False, mute=True)
    await guild.flag("ada", mute=False, deaf=True, suppress=True)
    await live.heard(guild)
    live.bot.voice_gateway._tracker = tracker
    states = [state for name, state in recorder.calls if name == "state_changed"]
    flags = [(state.muted, state.self_deafened, state.deafened) for state in states]
    assert flags == [
        (True, False, False),
        (False, True, False),
        (True, False, False),
        (False, False, True),
    ]
    assert all(state.role_ids == {guild.id, role.id} for state in states)


async def test_who_is_in_voice_at_the_start_is_counted(
    sandbox: Sandbox, guild: Guild, repository: Repository
) -> None:
    guild.place("ada", "Lounge")
    guild.place("bob", "AFK")
    guild.place(guild.add_member("robot", bot=True), "Lounge")
    async with live_bot(sandbox, repository) as live:
        assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}


# What is missed


async def test_reconciling_repairs_a_missed_leave_and_a_missed_join(
    live: LiveBot, guild: Guild
) -> None:
    loop = asyncio.create_task(live.bot.voice_gateway.run_reconcile(60))
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    # Nothing was missed by discord.py: what it has is compared with what the tracker has.
    recorder = Recorder()
    tracker = live.tracker
    live.bot.voice_gateway._tracker = recorder  # type: ignore[assignment]
    await guild.leave("ada")
    await guild.join("bob", "Games")
    await live.heard(guild)
    live.bot.voice_gateway._tracker = tracker
    assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}
    live.clock.advance(seconds=60)
    await live.heard(guild)
    assert await is_open(live, guild) == {"bob": ("Games", minutes(1))}
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_a_resumed_session_replays_what_was_missed(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await guild.join("bob", "Lounge")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    resumed = asyncio.create_task(live.bot.wait_for("shard_resumed"))
    lost = asyncio.create_task(live.bot.wait_for("shard_disconnect"))
    live.sandbox.drop_mode = True
    await live.sandbox.drop_connections()
    await lost
    live.clock.advance(minutes=1)
    await guild.leave("ada")
    await guild.move("bob", "Games")
    await guild.move("bob", "Lounge")
    await guild.join("cy", "Games")
    live.sandbox.drop_mode = False
    await asyncio.wait_for(resumed, 30)
    await live.heard(guild)
    assert await ended(live, guild) == [
        ("ada", minutes(0), minutes(1)),
        ("bob", minutes(0), minutes(1)),
    ]
    assert await is_open(live, guild) == {
        "bob": ("Lounge", minutes(2)),
        "cy": ("Games", minutes(2)),
    }


async def test_a_new_session_settles_what_was_missed(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await guild.join("bob", "Lounge")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    available = asyncio.create_task(live.bot.wait_for("guild_available"))
    lost = asyncio.create_task(live.bot.wait_for("shard_disconnect"))
    live.sandbox.drop_mode = True
    await live.sandbox.drop_connections(resume=False)
    await lost
    live.clock.advance(minutes=1)
    await guild.leave("ada")
    live.sandbox.drop_mode = False
    await asyncio.wait_for(available, 30)
    await live.heard(guild)
    assert await ended(live, guild) == [("ada", minutes(0), minutes(1))]
    assert await is_open(live, guild) == {"bob": ("Lounge", minutes(0))}


async def test_an_outage_forgets_who_left_meanwhile(live: LiveBot, guild: Guild) -> None:
    """discord.py adds a GUILD_CREATE to what it has of the guild: who left would stay."""
    await guild.join("ada", "Lounge")
    await guild.join("bob", "Lounge")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    gone = asyncio.create_task(live.bot.wait_for("guild_unavailable"))
    await guild.make_unavailable()
    await gone
    live.clock.advance(minutes=1)
    await guild.leave("ada")
    await guild.make_available()
    await live.heard(guild)
    assert await ended(live, guild) == [("ada", minutes(0), minutes(1))]
    assert await is_open(live, guild) == {"bob": ("Lounge", minutes(0))}


async def test_nothing_is_reconciled_with_a_cache_that_is_cut_off(
    live: LiveBot, guild: Guild
) -> None:
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    gateway = live.bot.voice_gateway
    recorder = Recorder()
    tracker = live.tracker
    gateway._tracker = recorder  # type: ignore[assignment]
    for event, back in (
        (("shard_disconnect", (0,)), ("shard_resumed", (0,))),
        (
            ("guild_unavailable", (live.bot.get_guild(guild.id),)),
            ("guild_available", (live.bot.get_guild(guild.id),)),
        ),
    ):
        gateway.take(*event)
        recorder.calls.clear()
        gateway.reconcile()
        assert recorder.calls == []
        gateway.take(*back)
        assert [name for name, _ in recorder.calls] == ["guild_seen"]
    gateway._tracker = tracker


async def test_who_left_while_the_machine_slept_is_credited_until_then(
    live: LiveBot, guild: Guild
) -> None:
    """What happened meanwhile comes all at once when it wakes, before anything else runs."""
    watch = asyncio.create_task(live.bot.voice_gateway.run_watch())
    for name in ("ada", "bob"):
        await guild.join(name, "Lounge")
    await live.heard(guild)
    for _ in range(24):
        live.clock.advance(seconds=5)
        await asyncio.sleep(0)
    left = payloads.voice_state(guild.place("ada", None))
    live.clock.advance(hours=8)
    live.bot._connection.parse_voice_state_update(left)  # type: ignore[arg-type]
    await live.tracker.drain()
    assert await ended(live, guild) == [("ada", minutes(0), minutes(2))]
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def test_nothing_is_reconciled_until_a_connection_survived_the_sleep(
    live: LiveBot, guild: Guild
) -> None:
    gateway = live.bot.voice_gateway
    watch = asyncio.create_task(gateway.run_watch())
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    recorder = Recorder()
    tracker = live.tracker
    gateway._tracker = recorder  # type: ignore[assignment]
    live.clock.advance(hours=8)
    await asyncio.sleep(0.01)
    assert [name for name, _ in recorder.calls] == ["contact_lost"]
    gateway.reconcile()
    assert len(recorder.calls) == 1, "the connection may have died, and nobody knows yet"
    gateway.take("shard_resumed", (0,))
    assert [name for name, _ in recorder.calls] == ["contact_lost", "guild_seen"]
    for _ in range(24):
        live.clock.advance(seconds=5)
        await asyncio.sleep(0)
    gateway.reconcile()
    assert [name for name, _ in recorder.calls] == ["contact_lost", "guild_seen", "guild_seen"]
    gateway._tracker = tracker
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def test_a_pause_that_a_connection_survives_is_settled_soon(
    live: LiveBot, guild: Guild
) -> None:
    """Else a machine that stands still now and then would be in doubt for ever."""
    gateway = live.bot.voice_gateway
    watch = asyncio.create_task(gateway.run_watch())
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    recorder, tracker = Recorder(), live.tracker
    gateway._tracker = recorder  # type: ignore[assignment]
    for _ in range(3):
        live.clock.advance(seconds=35)
        await asyncio.sleep(0.01)
        gateway.reconcile()  # what came meanwhile is not in the cache yet
        for _ in range(2):
            live.clock.advance(seconds=5)
            await asyncio.sleep(0.01)
        gateway.reconcile()
    assert [name for name, _ in recorder.calls] == ["contact_lost", "guild_seen"] * 3
    gateway._tracker = tracker
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


# Guilds that come, go and change


async def test_a_guild_that_removes_the_bot(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    removed = asyncio.create_task(live.bot.wait_for("guild_remove"))
    await guild.remove_bot()
    await removed
    await live.tracker.drain()
    assert await ended(live, guild) == [("ada", minutes(0), minutes(1))]
    live.clock.advance(minutes=1)
    await guild.add_bot()
    await live.heard(guild)
    assert await is_open(live, guild) == {"ada": ("Lounge", minutes(2))}


async def test_a_guild_that_removed_the_bot_while_it_was_away(live: LiveBot, guild: Guild) -> None:
    other = live.sandbox.add_guild("Away")
    await other.add_bot()
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    available = asyncio.create_task(live.bot.wait_for("guild_available"))
    lost = asyncio.create_task(live.bot.wait_for("shard_disconnect"))
    live.sandbox.drop_mode = True
    await live.sandbox.drop_connections(resume=False)
    await lost
    live.clock.advance(minutes=1)
    await guild.remove_bot()
    live.sandbox.drop_mode = False
    await asyncio.wait_for(available, 30)
    await live.heard(other)
    assert [known.id for known in live.bot.guilds] == [other.id]
    assert await ended(live, guild) == [("ada", minutes(0), minutes(1))]
    assert await live.repository.open_voice_sessions.count() == 0


async def test_the_afk_channel_is_looked_at_anew(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Games")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    await guild.set_afk_channel("Games")
    await live.heard(guild)
    assert await is_open(live, guild) == {}
    assert await ended(live, guild) == [("ada", minutes(0), minutes(1))]
    await guild.set_afk_channel(None)
    await live.heard(guild)
    assert await is_open(live, guild) == {"ada": ("Games", minutes(1))}


async def test_a_channel_that_is_deleted(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Games")
    await live.heard(guild)
    live.clock.advance(minutes=1)
    # Should Discord not send the leaves first.
    channel = guild.channel("Games")
    body = payloads.channel(channel)
    guild.place("ada", None)
    await live.sandbox.gateway.dispatch("CHANNEL_DELETE", body, guild_id=guild.id, intents=1)
    await live.heard(guild)
    assert await ended(live, guild) == [("ada", minutes(0), minutes(1))]


# Who Discord does not introduce


async def test_strangers_are_asked_about_before_they_count(
    sandbox: Sandbox, guild: Guild, migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = payloads.guild_create

    def without_members(*args: Any, **kwargs: Any) -> Any:
        return real(*args, **kwargs) | {"members": []}

    monkeypatch.setattr(payloads, "guild_create", without_members)
    guild.place("ada", "Lounge")
    guild.place(guild.add_member("robot", bot=True), "Lounge")
    repository = await Repository.open(migrated_sqlite_url)
    async with live_bot(sandbox, repository) as live:
        await asyncio.gather(*live.bot.voice_gateway._asking)
        await live.tracker.drain()
        assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}
        asked = [r.path for r in sandbox.requests if "/members/" in r.path]
        assert len(asked) == 2
        live.bot.voice_gateway.reconcile()
        assert not live.bot.voice_gateway._asking, "they are known now"
    await repository.close()


async def test_a_stranger_nobody_knows_does_not_count(
    sandbox: Sandbox, guild: Guild, migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = payloads.guild_create
    monkeypatch.setattr(payloads, "guild_create", lambda *a, **k: real(*a, **k) | {"members": []})
    guild.place("ada", "Lounge")
    sandbox.fail_next("GET", "/guilds/.*/members/", 404)
    repository = await Repository.open(migrated_sqlite_url)
    async with live_bot(sandbox, repository) as live:
        await asyncio.gather(*live.bot.voice_gateway._asking)
        await live.tracker.drain()
        assert await is_open(live, guild) == {}
        live.bot.voice_gateway.reconcile()  # asks once more
        await asyncio.gather(*live.bot.voice_gateway._asking)
        await live.tracker.drain()
        assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}
    await repository.close()


# The gateway's own safety


async def test_an_event_that_fails_ends_nothing(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(live.tracker, "state_changed", broken)
        await guild.join("ada", "Lounge")
        await live.heard(guild)
    assert "voice_event_failed" in [line["event"] for line in logs]
    assert await is_open(live, guild) == {}
    live.bot.voice_gateway.reconcile()
    await live.tracker.drain()
    assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}


async def test_a_role_given_in_voice_is_seen_with_the_next_voice_state(
    live: LiveBot, guild: Guild
) -> None:
    """Without the members intent nothing else tells of it."""
    role = guild.add_role("quiet")
    await live.bot.settings.update(
        guild.id,
        lambda settings: replace(settings, voice=replace(settings.voice, ignored_roles=(role.id,))),
    )
    await guild.join("ada", "Lounge")
    await guild.give_role("ada", role)
    await live.heard(guild)
    assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}
    await guild.mute("ada")
    await live.heard(guild)
    assert await is_open(live, guild) == {}
    await guild.give_role("ada", role, given=False)
    await guild.mute("ada", False)
    await live.heard(guild)
    assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}


async def test_a_voice_state_that_tells_no_member_is_read(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    told = {**payloads.voice_state(guild.place("ada", "Games")), "member": None}
    await guild._tell("VOICE_STATE_UPDATE", told, 0)
    await live.heard(guild)
    assert await is_open(live, guild) == {"ada": ("Games", minutes(0))}


async def test_an_event_that_cannot_be_read_is_a_line_in_the_log(
    live: LiveBot, guild: Guild
) -> None:
    with capture_logs() as logs:
        await guild._tell("VOICE_STATE_UPDATE", {"guild_id": str(guild.id)}, 0)
        await guild._tell("GUILD_UPDATE", {"name": "of no guild"}, 0)
        await guild._tell("INTERACTION_CREATE", {"id": "1"}, 0)
        await guild.join("ada", "Lounge")
        await live.heard(guild)
    unread = [line["gateway_event"] for line in logs if line["event"] == "event_unreadable"]
    assert unread == ["VOICE_STATE_UPDATE", "GUILD_UPDATE", "INTERACTION_CREATE"]
    assert await is_open(live, guild) == {"ada": ("Lounge", minutes(0))}


async def test_a_command_from_a_channel_told_in_part_is_read(live: LiveBot, guild: Guild) -> None:
    """discord.py wants all of a channel that is not in its cache; Discord documents a part."""
    user = payloads.user(guild.member("ada").user)
    told = {"id": "1", "application_id": "2", "type": 3, "token": "t", "version": 1, "user": user}
    data = {"component_type": 2, "custom_id": "of no board"}
    channel = {"id": "4242", "type": 0}
    heard = asyncio.create_task(live.bot.wait_for("interaction", timeout=5))
    await asyncio.sleep(0)
    await guild._tell(
        "INTERACTION_CREATE",
        {**told, "data": data, "guild_id": str(guild.id), "channel": channel},
        0,
    )
    interaction = await heard
    assert interaction.guild_id == guild.id
    assert interaction.channel is None


async def test_after_the_stop_nothing_is_taken(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    recorder = Recorder()
    live.bot.voice_gateway._tracker = recorder  # type: ignore[assignment]
    live.bot.voice_gateway.stop()
    await guild.leave("ada")
    await live.heard(guild)
    live.bot.voice_gateway.take("shard_disconnect", (0,))
    assert recorder.calls == []


async def test_the_cache_is_read_as_the_public_interface_would(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await guild.join("bob", "Games")
    await guild.join(guild.me, "Games")
    await live.heard(guild)
    known = live.bot.get_guild(guild.id)
    assert known is not None
    public = {
        user_id: state
        for channel in (*known.voice_channels, *known.stage_channels)
        for user_id, state in channel.voice_states.items()
    }
    assert dict(connected(known)) == public
    assert len(public) == 3
