"""The gateway as discord.py sees it: sessions, shards, events, and what goes wrong."""

from __future__ import annotations

import aiohttp
import discord
import pytest
from discord.gateway import DiscordWebSocket

from pwrbot.sandbox import Guild, Sandbox
from tests.sandbox.sample_bot import SampleBot, running


async def test_the_bot_gets_its_guilds_with_whoever_is_in_voice(sandbox: Sandbox, guild: Guild):
    guild.place("ada", "Lounge", self_mute=True)
    guild.place("bob", "AFK")
    async with running(sandbox) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        assert not seen.unavailable
        states = {
            user_id: (channel.name, state.self_mute)
            for channel in seen.voice_channels
            for user_id, state in channel.voice_states.items()
        }
        assert states == {
            guild.member("ada").id: ("Lounge", True),
            guild.member("bob").id: ("AFK", False),
        }
        assert seen.afk_channel is not None
        assert seen.afk_channel.name == "AFK"
        assert {m.name for m in seen.members} == {"ada", "bob", "pwrbot"}
        assert DiscordWebSocket.DEFAULT_GATEWAY.port == int(sandbox.gateway_url.rsplit(":", 1)[1])


async def test_voice_events_arrive_in_order(bot: SampleBot, guild: Guild):
    await guild.join("ada", "Lounge")
    await guild.move("ada", "Games")
    await guild.mute("ada")
    await guild.leave("ada")
    await bot.until(lambda: len(bot.voices()) == 4)
    assert bot.voices() == [
        ("ada", None, "Lounge"),
        ("ada", "Lounge", "Games"),
        ("ada", "Games", "Games"),
        ("ada", "Games", None),
    ]


@pytest.mark.parametrize("code", [None, 4000, 1001])
async def test_a_dropped_connection_resumes_and_replays(
    sandbox: Sandbox, bot: SampleBot, guild: Guild, code: int | None
):
    await guild.join("ada", "Lounge")
    await sandbox.drop_connections(code=code)
    await guild.leave("ada")
    await guild.join("bob", "Games")
    await bot.until(lambda: bot.count("resumed") == 1)
    assert bot.voices()[1:] == [("ada", "Lounge", None), ("bob", None, "Games")]
    assert (sandbox.gateway.resumed, len(sandbox.gateway.identified)) == (1, 1)


async def test_a_gateway_that_takes_nobody(sandbox: Sandbox, bot: SampleBot):
    sandbox.drop_mode = True
    await sandbox.drop_connections()
    await sandbox.until(lambda: sandbox.gateway.refused > 0)
    assert sandbox.ready_shards == 0
    sandbox.drop_mode = False
    await bot.until(lambda: bot.count("ready") == 2)


async def test_resume_replays_exactly_what_was_missed(
    sandbox: Sandbox, bot: SampleBot, guild: Guild
):
    await guild.join("ada", "Lounge")
    await bot.until(lambda: len(bot.voices()) == 1)
    await sandbox.drop_connections()
    for _ in range(20):
        await guild.move("ada", "Games")
        await guild.move("ada", "Lounge")
    await bot.until(lambda: bot.count("resumed") == 1)
    assert len(bot.voices()) == 41
    assert len(sandbox.gateway.identified) == 1


async def test_a_lost_session_identifies_again_and_sees_the_truth(
    sandbox: Sandbox, bot: SampleBot, guild: Guild
):
    await guild.join("ada", "Lounge")
    await bot.until(lambda: len(bot.voices()) == 1)
    await sandbox.drop_connections(resume=False)
    await guild.leave("ada")
    await guild.join("bob", "Games")
    await bot.until(lambda: bot.count("ready") == 2)
    assert len(bot.voices()) == 1
    seen = bot.get_guild(guild.id)
    assert seen is not None
    occupied = {c.name: list(c.voice_states) for c in seen.voice_channels if c.voice_states}
    assert occupied == {"Games": [guild.member("bob").id]}


async def test_invalid_session_and_reconnect(sandbox: Sandbox, bot: SampleBot):
    await sandbox.invalidate_sessions(resumable=True)
    await bot.until(lambda: bot.count("resumed") == 1)
    await sandbox.ask_to_reconnect()
    await bot.until(lambda: bot.count("resumed") == 2)
    await sandbox.invalidate_sessions(resumable=False)
    await bot.until(lambda: len(sandbox.gateway.identified) == 2)
    await sandbox.wait_ready()


async def test_missed_events_are_in_the_next_guild_create(
    sandbox: Sandbox, bot: SampleBot, guild: Guild
):
    await guild.join("ada", "Lounge")
    await bot.until(lambda: len(bot.voices()) == 1)
    await guild.leave("ada", silent=True)
    await guild.join("bob", "Games")
    await bot.until(lambda: len(bot.voices()) == 2)
    seen = bot.get_guild(guild.id)
    assert seen is not None
    assert len(seen.voice_channels[0].voice_states) == 1
    # REST knows the truth.
    member = guild.member("ada")
    with pytest.raises(discord.NotFound):
        await bot.http.get_voice_state(guild.id, member.id)
    await sandbox.invalidate_sessions()
    await bot.until(lambda: bot.count("ready") == 2)
    seen = bot.get_guild(guild.id)
    assert seen is not None
    assert not seen.voice_channels[0].voice_states


async def test_an_outage_tells_nothing_until_it_ends(bot: SampleBot, guild: Guild):
    await guild.join("ada", "Lounge")
    await guild.make_unavailable()
    await guild.leave("ada")
    await guild.join("bob", "Games")
    await guild.make_available()
    await bot.until(lambda: bot.count("guild_available") == 2)
    assert bot.voices() == [("ada", None, "Lounge")]
    seen = bot.get_guild(guild.id)
    assert seen is not None
    # discord.py keeps a voice state that ended during the outage; the bot has to forget it.
    ada, bob = guild.member("ada").id, guild.member("bob").id
    assert set(seen._voice_states) == {ada, bob}


async def test_guilds_come_and_go_and_change(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    await guild.remove_bot()
    await bot.until(lambda: bot.count("guild_remove") == 1)
    await guild.add_bot()
    await bot.until(lambda: bot.count("guild_join") == 1)
    await guild.set_afk_channel("Games")
    role = await guild.create_role("loud")
    await guild.join("ada", "Lounge")
    await guild.delete_channel("Lounge")
    await bot.until(lambda: bot.count("guild_channel_delete") == 1)
    await guild.delete_role(role)
    await bot.until(lambda: bot.count("guild_role_delete") == 1)
    assert bot.voices()[-1] == ("ada", "Lounge", None)
    seen = bot.get_guild(guild.id)
    assert seen is not None
    assert seen.afk_channel is not None
    assert seen.afk_channel.name == "Games"


async def test_each_guild_is_on_the_shard_of_its_id():
    async with Sandbox(shards=3) as sandbox:
        guilds = [sandbox.add_guild(f"g{n}", members=["m"], voice_channels=["v"]) for n in range(7)]
        async with running(sandbox) as bot:
            assert sorted(sandbox.gateway.identified) == [(0, 3), (1, 3), (2, 3)]
            assert {guild.shard_id for guild in bot.guilds} == {0, 1, 2}
            for guild in guilds:
                seen = bot.get_guild(guild.id)
                assert seen is not None
                assert seen.shard_id == (guild.id >> 22) % 3
                await guild.join("m", "v")
            await bot.until(lambda: len(bot.voices()) == 7)
            assert sandbox.ready_shards == 3


async def test_a_wrong_token_is_refused_on_both_ways(sandbox: Sandbox, guild: Guild):
    with pytest.raises(discord.LoginFailure):
        async with running(sandbox, token="wrong"):
            pass
    async with running(sandbox) as bot:
        session = bot.http._HTTPClient__session  # type: ignore[attr-defined]
        socket = await session.ws_connect(sandbox.gateway_url)
        await socket.receive()
        await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 1, "properties": {}}})
        await socket.receive()
        assert socket.close_code == 4004
        socket = await session.ws_connect(sandbox.gateway_url)
        await socket.receive()
        await socket.send_json({"op": 3, "d": {}})
        await socket.receive()
        assert socket.close_code == 4003


async def test_privileged_intents_are_not_given(sandbox: Sandbox):
    async with Socket(sandbox) as socket:
        identify = {"token": sandbox.token, "intents": 1 << 1, "properties": {}}
        await socket.send_json({"op": 2, "d": identify})
        await socket.receive()
        assert socket.close_code == 4014


async def test_events_need_their_intent_and_their_guild(sandbox: Sandbox, guild: Guild):
    async with Socket(sandbox) as socket:
        identify = {"token": sandbox.token, "intents": 1, "properties": {}}
        await socket.send_json({"op": 2, "d": identify})
        ready, created = [await socket.receive_json() for _ in range(2)]
        assert (ready["t"], created["t"]) == ("READY", "GUILD_CREATE")
        assert ready["d"]["guilds"] == [{"id": str(guild.id), "unavailable": True}]
        assert created["d"]["voice_states"] == []
        await guild.join("ada", "Lounge")
        await guild.set_afk_channel(None)
        assert (await socket.receive_json())["t"] == "GUILD_UPDATE"
        await socket.send_json({"op": 1, "d": 3})
        assert (await socket.receive_json())["op"] == 11


async def test_a_process_that_died_is_replaced(sandbox: Sandbox, guild: Guild):
    async with running(sandbox) as bot:
        for shard in bot.shards.values():
            connection = shard._parent.ws.socket._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
        async with running(sandbox):
            assert len(sandbox.gateway.sessions) <= 2
    await sandbox.wait_gone()


class Socket:
    """A plain connection to the gateway, past HELLO."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = sandbox.gateway_url

    async def __aenter__(self):
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(self._url)
        assert (await self._socket.receive_json())["op"] == 10
        return self._socket

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
