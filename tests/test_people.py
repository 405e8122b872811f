"""Names and avatars without the members intent, from the real client at the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pwrbot.people import People, Person
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Sandbox
from tests.discord_addresses import keep_addresses
from tests.live_bot import LiveBot, live_bot


@pytest.fixture(autouse=True)
def discord_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_addresses(monkeypatch)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(reaction=0.0) as made:
        yield made


@pytest.fixture
def guild(sandbox: Sandbox) -> Guild:
    guild = sandbox.add_guild("Home", members=["ada"], voice_channels=["Lounge"])
    guild.add_member("bob", nick="Bobby 🎉")
    guild.add_member("cy").user.avatar = "0123456789abcdef0123456789abcdef"
    return guild


@pytest.fixture
async def live(sandbox: Sandbox, guild: Guild, migrated_sqlite_url: str) -> AsyncIterator[LiveBot]:
    repository = await Repository.open(migrated_sqlite_url)
    async with live_bot(sandbox, repository) as made:
        yield made
    await repository.close()


async def test_members_who_are_in_no_voice_channel_are_asked_for(
    live: LiveBot, guild: Guild
) -> None:
    ids = {name: guild.member(name).id for name in ("ada", "bob", "cy")}
    found = await People(live.bot, live.clock, 5).of(guild.id, ids.values())
    assert found[ids["ada"]] == Person("ada")
    assert found[ids["bob"]] == Person("Bobby 🎉")
    url = found[ids["cy"]].avatar_url
    assert url is not None
    assert url.startswith(f"https://cdn.discordapp.com/avatars/{ids['cy']}/0123456789abcdef")
    assert url.endswith(".png?size=128")


async def test_who_left_is_known_by_name(live: LiveBot, guild: Guild) -> None:
    bob = guild.member("bob")
    await guild.remove_member(bob)
    found = await People(live.bot, live.clock, 5).of(guild.id, [bob.id])
    assert found == {bob.id: Person("bob", left=True)}


async def test_nobody_is_asked_for_twice_in_ten_minutes(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, ada = People(live.bot, live.clock, 5), guild.member("ada").id
    known = live.bot.get_guild(guild.id)
    assert known is not None
    await people.of(guild.id, [ada])
    asked = 0

    async def count(*_: object, **__: object) -> list[object]:
        nonlocal asked
        asked += 1
        return []

    monkeypatch.setattr(type(known), "query_members", count)
    assert await people.of(guild.id, [ada]) == {ada: Person("ada")}
    assert asked == 0
    live.clock.advance(minutes=11)
    await people.of(guild.id, [ada])
    assert asked == 1


async def test_an_answer_that_never_comes_delays_nobody(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(*_: object) -> None: ...

    monkeypatch.setattr(live.sandbox.gateway, "_members", silence)
    found = await People(live.bot, live.clock, 0.05).of(guild.id, [1234567])
    assert found == {1234567: Person("Member 4567")}


async def test_a_guild_that_is_not_there(live: LiveBot) -> None:
    assert await People(live.bot, live.clock).of(5, [42]) == {42: Person("Member 0042")}


async def test_more_than_one_question_can_hold(live: LiveBot, guild: Guild) -> None:
    ids = [guild.add_member(f"m{number}").id for number in range(130)]
    found = await People(live.bot, live.clock, 5).of(guild.id, ids)
    assert [found[each].name for each in ids] == [f"m{number}" for number in range(130)]
