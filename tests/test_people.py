"""Names and avatars without the members intent, from the real client at the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from pwrbot.entities import VoiceDeparture
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


def people_of(live: LiveBot, seconds: float = 5) -> People:
    return People(live.bot, live.repository, live.clock, seconds=seconds)


async def test_members_who_are_in_no_voice_channel_are_asked_for(
    live: LiveBot, guild: Guild
) -> None:
    ids = {name: guild.member(name).id for name in ("ada", "bob", "cy")}
    found = await people_of(live).of(guild.id, ids.values())
    assert found[ids["ada"]] == Person("ada")
    assert found[ids["bob"]] == Person("Bobby 🎉")
    url = found[ids["cy"]].avatar_url
    assert url is not None
    assert url.startswith(f"https://cdn.discordapp.com/avatars/{ids['cy']}/0123456789abcdef")
    assert url.endswith(".png?size=128")


async def test_who_left_is_known_by_name(live: LiveBot, guild: Guild) -> None:
    bob = guild.member("bob")
    await guild.remove_member(bob)
    found = await people_of(live).of(guild.id, [bob.id])
    assert found == {bob.id: Person("bob", left=True)}
    # Also by another process, which Discord does not answer.
    live.sandbox.fail_next("GET", "/members/", status=403)
    found = await people_of(live).of(guild.id, [bob.id])
    assert found == {bob.id: Person("bob", left=True)}


async def test_only_discord_s_word_makes_somebody_leave(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway may know nothing of a member who is there, or nothing may be known at all."""
    ada, bob = guild.member("ada").id, guild.member("bob").id
    await guild.remove_member("bob")
    known = live.bot.get_guild(guild.id)
    assert known is not None

    async def nobody(*_: object, **__: object) -> list[object]:
        return []

    monkeypatch.setattr(type(known), "query_members", nobody)
    live.sandbox.fail_next("GET", f"/members/{bob}", status=403)
    people = people_of(live)
    assert await people.of(guild.id, [ada, bob]) == {
        ada: Person("ada"),
        bob: Person(f"Member {bob % 10_000:04}"),
    }
    assert await live.repository.voice_departures.count() == 0
    assert (await people.of(guild.id, [bob]))[bob].left


async def test_who_came_back_is_a_member_again(live: LiveBot, guild: Guild) -> None:
    user = (await guild.remove_member("bob")).user
    people = people_of(live)
    assert (await people.of(guild.id, [user.id]))[user.id].left
    guild.enroll(user)
    live.clock.advance(minutes=11)
    assert not (await people.of(guild.id, [user.id]))[user.id].left
    assert await live.repository.voice_departures.count() == 0


async def test_a_server_that_cannot_be_asked_keeps_the_sweep_from_no_other(
    live: LiveBot, guild: Guild
) -> None:
    departures = live.repository.voice_departures
    old = live.clock.now() - timedelta(days=2)
    elsewhere = [VoiceDeparture(5 << 22, user_id, None, old) for user_id in range(30)]
    back = VoiceDeparture(guild.id, guild.member("bob").id, "bob", old + timedelta(hours=1))
    await departures.insert_many([*elsewhere, back])
    people = people_of(live)
    for _ in range(4):
        await people.sweep()
    assert await departures.select((guild.id, back.user_id)) is None
    assert await departures.count() == len(elsewhere)


async def test_nobody_is_asked_for_twice_in_ten_minutes(
    live: LiveBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, ada = people_of(live), guild.member("ada").id
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
    found = await people_of(live, 0.05).of(guild.id, [1234567])
    assert found == {1234567: Person("Member 4567")}


async def test_a_guild_that_is_not_there(live: LiveBot) -> None:
    assert await people_of(live).of(5, [42]) == {42: Person("Member 0042")}


async def test_more_than_one_question_can_hold(live: LiveBot, guild: Guild) -> None:
    ids = [guild.add_member(f"m{number}").id for number in range(130)]
    found = await people_of(live).of(guild.id, ids)
    assert [found[each].name for each in ids] == [f"m{number}" for number in range(130)]
