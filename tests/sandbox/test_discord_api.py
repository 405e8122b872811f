"""DISCORD_API_URL: what is taken, what is refused, and where discord.py then goes."""

from __future__ import annotations

import discord.http
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from pwrbot import discord_api
from pwrbot.errors import ConfigError
from pwrbot.sandbox import Guild, Sandbox
from tests.sandbox.sample_bot import running


@pytest.mark.parametrize(
    "url",
    [
        "discord.test/api/v10",
        "ftp://discord.test/api/v10",
        "http:///api/v10",
        "http://discord.test/api",
        "http://discord.test/api/v8",
        "http://discord.test/api/v10/more",
        "http://discord.test/{x}/v10",
        "http://discord.test/v10?x=1",
        "http://discord.test:port/v10",
        "http://user:hunter2@discord.test/api/v10",
        "http://[::1/api/v10",
    ],
)
def test_a_bad_address_is_refused_without_repeating_it(url: str):
    with pytest.raises(ConfigError) as refused:
        discord_api.use_api(url)
    assert refused.value.exit_code == 2
    assert "DISCORD_API_URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_base_and_its_version_are_used():
    before = Route.BASE
    discord_api.use_api(None)
    discord_api.use_api("")
    assert before == Route.BASE
    discord_api.use_api(" http://127.0.0.1:8080/api/v9/ ")
    assert Route.BASE == "http://127.0.0.1:8080/api/v9"
    assert discord.http.INTERNAL_API_VERSION == 9
    assert Route("GET", "/users/@me").url == "http://127.0.0.1:8080/api/v9/users/@me"


async def test_the_gateway_is_what_the_api_says(sandbox: Sandbox, guild: Guild):
    async with running(sandbox):
        assert str(DiscordWebSocket.DEFAULT_GATEWAY).rstrip("/") == sandbox.gateway_url


async def test_an_api_that_knows_no_gateway(sandbox: Sandbox, guild: Guild):
    sandbox.fail_next("GET", "/gateway$", 404)
    with pytest.raises(discord_api.GatewayUnknown):
        async with running(sandbox):
            pass


async def test_a_proxy_without_gateway_bot_gets_one_shard(sandbox: Sandbox, guild: Guild):
    sandbox.fail_next("GET", "/gateway/bot$", 404)
    async with running(sandbox) as bot:
        assert bot.shard_count == 1
