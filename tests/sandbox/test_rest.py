"""REST: authorization, errors in Discord's shape, rate limits, trouble on demand, checks."""

from __future__ import annotations

from typing import Any

import aiohttp
import discord
import pytest
from discord.http import Route

from pwrbot.sandbox import Guild, Sandbox
from tests.sandbox.sample_bot import SampleBot


@pytest.fixture
def channel(bot: SampleBot, guild: Guild) -> discord.TextChannel:
    found = bot.get_channel(guild.channel("general").id)
    assert isinstance(found, discord.TextChannel)
    return found


async def test_every_answer_is_plain_json(sandbox: Sandbox):
    async with aiohttp.ClientSession() as session:
        async with session.get(sandbox.api_url + "/gateway") as answer:
            assert answer.headers["Content-Type"] == "application/json"
            assert await answer.json() == {"url": sandbox.gateway_url}
        async with session.get(sandbox.api_url + "/users/@me") as answer:
            assert answer.status == 401
            assert await answer.json() == {"message": "401: Unauthorized", "code": 0}
        async with session.get(sandbox.api_url + "/no/such/thing") as answer:
            assert (answer.status, (await answer.json())["code"]) == (401, 0)
        headers = {"Authorization": f"Bot {sandbox.token}"}
        async with session.get(sandbox.api_url + "/no/such/thing", headers=headers) as answer:
            assert await answer.json() == {"message": "404: Not Found", "code": 0}
        async with session.get(sandbox.api_url + "/gateway/bot", headers=headers) as answer:
            body = await answer.json()
            assert body["shards"] == 1
            assert body["session_start_limit"]["max_concurrency"] == 1


async def test_messages_are_sent_edited_read_and_deleted(
    sandbox: Sandbox, channel: discord.TextChannel, guild: Guild
):
    ada = guild.member("ada")
    message = await channel.send(
        f"hi <@{ada.id}>", allowed_mentions=discord.AllowedMentions(users=True)
    )
    assert [m["id"] for m in sandbox.sent(guild.channel("general"))[0]["mentions"]] == [str(ada.id)]
    await message.edit(content="there")
    assert [m.content async for m in channel.history()] == ["there"]
    await message.delete()
    with pytest.raises(discord.NotFound) as gone:
        await channel.fetch_message(message.id)
    assert gone.value.code == 10008


async def test_what_is_not_there_or_not_allowed(
    bot: SampleBot, channel: discord.TextChannel, guild: Guild
):
    seen = bot.get_guild(guild.id)
    assert seen is not None
    assert (await seen.fetch_member(guild.member("ada").id)).name == "ada"
    left = await guild.remove_member("ada")
    await guild.join("bob", "Lounge")
    await _code(10007, seen.fetch_member(left.id))
    await _code(10013, bot.fetch_user(1))
    await _code(10003, bot.fetch_channel(1))
    await _code(10065, bot.http.get_voice_state(guild.id, left.id))
    state = await bot.http.get_voice_state(guild.id, guild.member("bob").id)
    assert state["channel_id"] == str(guild.channel("Lounge").id)
    guild.channel("general").denied = True
    await _code(50013, channel.send("x"))
    await guild.remove_bot()
    await _code(50001, channel.send("x"))


async def _code(code: int, call: Any) -> None:
    with pytest.raises(discord.HTTPException) as refused:
        await call
    assert refused.value.code == code


async def test_429_is_waited_for_and_retried(sandbox: Sandbox, channel: discord.TextChannel):
    sandbox.fail_next("POST", "/messages$", 429, times=2, retry_after=0.05)
    sandbox.fail_next("POST", "/messages$", 429, retry_after=0.05, is_global=True)
    await channel.send("x")
    statuses = [r.status for r in sandbox.requests if r.path.endswith("/messages")]
    assert statuses == [429, 429, 429, 200]
    sandbox.fail_next("POST", "/messages$", 429, via=False)
    with pytest.raises(discord.HTTPException) as banned:
        await channel.send("x")
    assert banned.value.status == 429


async def test_5xx_is_retried_but_not_503(sandbox: Sandbox, channel: discord.TextChannel):
    sandbox.fail_next("POST", "/messages$", 502)
    await channel.send("x")
    sandbox.fail_next("POST", "/messages$", 503)
    with pytest.raises(discord.DiscordServerError):
        await channel.send("x")


async def test_a_lost_answer_was_carried_out(sandbox: Sandbox, channel: discord.TextChannel):
    sandbox.fail_next("POST", "/messages$", lose_answer=True)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await channel.send("x")
    assert len(sandbox.messages.all) == 1
    sandbox.fail_next("POST", "/messages$", delay=0.05)
    await channel.send("y")
    assert len(sandbox.messages.all) == 2


async def test_limits_are_told_and_kept(sandbox: Sandbox, bot: SampleBot):
    route = sandbox.api_url + "/users/@me"
    headers = {"Authorization": f"Bot {sandbox.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        statuses, left = [], []
        for _ in range(60):
            async with session.get(route) as answer:
                statuses.append(answer.status)
                left.append(int(answer.headers["X-RateLimit-Remaining"]))
                if answer.status == 429:
                    assert answer.headers["Via"]
                    assert 0 < (await answer.json())["retry_after"] <= 1
    assert 429 in statuses
    assert left[0] > left[1]
    # discord.py waits by itself.
    await bot.http.request(Route("GET", "/users/@me"))


TEXT = {"type": 10, "content": "x"}
BUTTON = {"type": 2, "style": 1, "label": "x", "custom_id": "x"}
LINK = {"type": 2, "style": 5, "label": "x"}
SELECT = {"type": 3, "custom_id": "s", "options": []}


def _row(*controls: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(controls)}


def _box(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": 17, "components": list(children)}


@pytest.mark.parametrize(
    ("components", "where"),
    [
        ([], ""),
        ([TEXT] * 41, ""),
        ([_box(*[TEXT] * 40)], ""),
        ([{"type": 10, "content": "x" * 2001}] * 2, ""),
        ([{"type": 10, "content": ""}], "0.content"),
        ([BUTTON], "0.type"),
        ([_row(*[BUTTON | {"custom_id": str(n)} for n in range(6)])], "0.components"),
        ([_row(BUTTON, BUTTON)], ""),
        ([_row(LINK)], "0.components.0.url"),
        ([_row(BUTTON | {"label": "x" * 81})], "0.components.0.label"),
        ([_row(SELECT)], "0.components.0.options"),
        ([_box(_box(TEXT))], "0.components.0.type"),
        ([{"type": 9, "components": [TEXT]}], "0.accessory.type"),
        ([{"type": 13, "file": {"url": "attachment://x"}}], "0.file.url"),
    ],
)
async def test_components_v2_are_checked(
    sandbox: Sandbox, guild: Guild, components: list[dict[str, Any]], where: str
):
    status, answer = await _post(sandbox, guild, {"flags": 1 << 15, "components": components})
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    place = answer["errors"]["components"]
    for step in where.split(".") if where else []:
        place = place[step]
    assert set(place["_errors"][0]) == {"code", "message"}


@pytest.mark.parametrize("legacy", [{"content": "x"}, {"embeds": [{"title": "x"}]}])
async def test_components_v2_stand_alone(sandbox: Sandbox, guild: Guild, legacy: dict[str, Any]):
    body = {"flags": 1 << 15, "components": [TEXT], **legacy}
    status, answer = await _post(sandbox, guild, body)
    assert (status, set(answer["errors"])) == (400, set(legacy))


async def test_good_and_bad_plain_messages(sandbox: Sandbox, guild: Guild):
    nested = {"type": 17, "components": [TEXT] * 39}
    status, answer = await _post(sandbox, guild, {"flags": 1 << 15, "components": [nested]})
    assert status == 200
    assert [c["id"] for c in answer["components"]] == [1]
    status, answer = await _post(sandbox, guild, {"content": ""})
    assert answer["code"] == 50006
    status, answer = await _post(sandbox, guild, {"content": "x" * 2001})
    assert set(answer["errors"]) == {"content"}
    status, answer = await _post(sandbox, guild, {"content": "x", "components": [TEXT]})
    assert answer["code"] == 50035


async def _post(sandbox: Sandbox, guild: Guild, body: dict[str, Any]) -> tuple[int, Any]:
    url = f"{sandbox.api_url}/channels/{guild.channel('general').id}/messages"
    headers = {"Authorization": f"Bot {sandbox.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json=body) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_message_once_v2_stays_so(channel: discord.TextChannel):
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.TextDisplay("x"))
    message = await channel.send(view=view)
    with pytest.raises(discord.HTTPException) as refused:
        await message.edit(content="plain")
    assert refused.value.code == 50035


async def test_a_nonce_is_known_for_some_minutes(
    sandbox: Sandbox, channel: discord.TextChannel, guild: Guild
):
    first = await channel.send("once", nonce="n")
    assert (await channel.send("once", nonce="n")).id == first.id
    assert (await channel.send("once", nonce="m")).id != first.id
    assert sandbox.messages.repeats == 1
    sandbox.messages.get(first.id).created_at -= 600
    assert (await channel.send("once", nonce="n")).id != first.id
    await _code(50035, channel.send("x", nonce="n" * 26))


async def test_posts_and_threads(bot: SampleBot, guild: Guild):
    forum = await guild.create_channel("ideas", "forum")
    seen = await bot.fetch_channel(forum.id)
    assert isinstance(seen, discord.ForumChannel)
    made = await seen.create_thread(name="An idea", content="What about it")
    assert made.thread.id == made.message.id
    post = guild.channel(made.thread.id)
    assert (post.name, post.parent_id, post.type) == ("An idea", forum.id, 11)
    with pytest.raises(discord.HTTPException):
        await seen.create_thread(name="An empty one")
    assert len([c for c in guild.channels.values() if c.parent_id == forum.id]) == 1
    post.archived = True
    await made.thread.send("more")
    assert not post.archived
    post.locked = True
    await _code(160005, made.thread.send("more"))
    fetched = await bot.fetch_channel(post.id)
    assert isinstance(fetched, discord.Thread)
    assert fetched.locked


async def test_who_is_pinged_by_role(sandbox: Sandbox, channel: discord.TextChannel, guild: Guild):
    one, two = guild.add_role("one"), guild.add_role("two")
    allowed = discord.AllowedMentions(roles=[discord.Object(one.id)])
    await channel.send(f"<@&{one.id}> <@&{two.id}>", allowed_mentions=allowed)
    assert sandbox.sent(guild.channel("general"))[0]["mention_roles"] == [str(one.id)]
