"""Commands, controls and forms, from the member's side through discord.py and back."""

from __future__ import annotations

import asyncio

import discord
import pytest

from pwrbot.sandbox import MANAGE_GUILD, Guild, NoAnswer, NotOffered, Sandbox
from tests.sandbox.sample_bot import SampleBot, running


async def test_a_view_is_shown_turned_and_refused(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    reply = await sandbox.invoke(guild, "ada", "voice page")
    rule = "─" * 24
    select = "[Page: Go to 1 | Go to 2 | Go to 3]"
    assert reply.text == f"Page 1 for @ada\n{rule}\n[◀ (off)] [Next] [Slow] [Form]\n{select}"
    assert not reply.ephemeral
    assert 0 < reply.answered_after < 3
    assert reply.message["flags"] & 1 << 15
    assert reply.message["mentions"] == []

    assert await reply.press("Next") is reply
    assert reply.text.startswith("Page 2 for @ada")
    assert "[◀]" in reply.text

    refusal = await reply.press("next", by=guild.member("bob"))
    assert (refusal.text, refusal.ephemeral) == ("Not yours.", True)
    assert reply.text.startswith("Page 2")

    await reply.press("◀")
    with pytest.raises(NotOffered):
        await reply.press("◀")
    with pytest.raises(NotOffered):
        await reply.press("no such button")
    await reply.choose("Page", "Go to 3")
    assert reply.text.startswith("Page 3")
    await reply.press("Slow")
    assert reply.text.startswith("Page 9")


async def test_a_form(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    reply = await sandbox.invoke(guild, "ada", "voice page")
    form = await reply.press("Form")
    assert form.modal is not None
    assert form.modal["title"] == "A form"
    answer = await form.submit({"Name": "Ada"})
    assert (answer.text, answer.ephemeral) == ("Hello Ada", True)


async def test_what_is_deferred_is_followed(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    reply = await sandbox.invoke(guild, "ada", "voice slow")
    assert reply.text == "done in #general"
    await sandbox.until(lambda: len(reply.follow_ups) == 1)
    assert [further.text for further in reply.follow_ups] == ["and more"]
    # A follow-up that fills in a private "thinking" is private, whatever it asks for.
    private = await sandbox.invoke(guild, "ada", "voice slow", options={"kind": "Secret"})
    assert (private.text, private.ephemeral) == ("done in #general", True)
    await sandbox.until(lambda: len(private.follow_ups) == 1)
    shown = [message["content"] for message in sandbox.sent(guild.channel("general"))]
    assert shown == [f"**done** in <#{guild.channel('general').id}>", "and more", "and more"]


async def test_what_takes_the_place_of_a_deferred_answer_is_waited_for(
    sandbox: Sandbox, bot: SampleBot, guild: Guild
):
    reply = await sandbox.invoke(guild, "ada", "voice instead")
    assert reply.deleted
    assert [(each.text, each.ephemeral) for each in reply.follow_ups] == [("for you alone", True)]


async def test_options_are_resolved(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    asked = {"member": "bob", "number": 3}
    reply = await sandbox.invoke(guild, "ada", "voice who", options=asked)
    assert (reply.text, reply.ephemeral) == ("Member @bob 3", True)
    left = await guild.remove_member("cy")
    reply = await sandbox.invoke(guild, "ada", "voice who", options={"member": left})
    assert reply.text == "User @cy 1"
    with pytest.raises(NotOffered):
        await sandbox.invoke(guild, "ada", "voice who", options={"number": 11})
    with pytest.raises(NotOffered):
        await sandbox.invoke(guild, "ada", "voice nothing")
    with pytest.raises(NotOffered):
        await sandbox.invoke(guild, "ada", "voice slow", options={"kind": "other"})


async def test_direct_messages(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    ada = guild.member("ada").user
    reply = await sandbox.invoke(None, ada, "voice who")
    assert reply.text == "User @ada 1"
    page = await sandbox.invoke(None, ada, "voice page")
    await page.press("Next")
    assert page.text.startswith("Page 2")
    with pytest.raises(NotOffered):
        await sandbox.invoke(None, ada, "settings show")
    user = await bot.fetch_user(ada.id)
    await user.send("news", file=discord.File(__file__, "a.txt"))
    assert sandbox.sent(ada)[-1]["content"] == "news"
    ada.dms_closed = True
    with pytest.raises(discord.Forbidden) as refused:
        await user.send("more")
    assert refused.value.code == 50007


async def test_permissions_are_checked_as_discord_does(
    sandbox: Sandbox, bot: SampleBot, guild: Guild
):
    guild.add_member("manager", permissions=MANAGE_GUILD)
    with pytest.raises(NotOffered):
        await sandbox.invoke(guild, "ada", "settings show")
    for who, allowed in (("manager", "True"), (guild.owner, "True")):
        assert (await sandbox.invoke(guild, who, "settings show")).text == allowed
    assert (await sandbox.invoke(guild, "ada", "settings show", force=True)).text == "False"


async def test_autocomplete_and_files(sandbox: Sandbox, bot: SampleBot, guild: Guild):
    offered = await sandbox.autocomplete(guild, "ada", "voice feed", "url", "abc")
    assert offered == [{"name": "ABC", "value": "abc"}]
    reply = await sandbox.invoke(guild, "ada", "voice file")
    assert reply.text == "here\n(file: export.csv)"
    assert reply.files == {"export.csv": b"rows"}
    channel = bot.get_channel(guild.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    message = await channel.fetch_message(int(reply.message["id"]))
    assert await message.attachments[0].read() == b"rows"


async def test_an_answer_that_comes_late_or_twice(
    sandbox: Sandbox, bot: SampleBot, guild: Guild, monkeypatch: pytest.MonkeyPatch
):
    kept: list[discord.Interaction] = []
    bot.tree.interaction_check = lambda i: _keep(kept, i)  # type: ignore[method-assign]
    reply = await sandbox.invoke(guild, "ada", "voice file")
    first = kept[0]
    first.response._response_type = None
    with pytest.raises(discord.HTTPException) as twice:
        await first.response.send_message("again")
    assert twice.value.code == 40060
    assert reply.text.startswith("here")

    monkeypatch.setattr("pwrbot.sandbox.reply.ANSWER_WITHIN", 0.1)
    monkeypatch.setattr("pwrbot.sandbox.interactions.ANSWER_WITHIN", 0.1)
    with pytest.raises(NoAnswer):
        await sandbox.invoke(guild, "ada", "voice late")
    with pytest.raises(discord.NotFound) as late:
        await kept[1].response.send_message("late")
    assert late.value.code == 10062


async def _keep(kept: list[discord.Interaction], interaction: discord.Interaction) -> bool:
    kept.append(interaction)
    return True


async def test_a_bot_that_is_gone_does_not_answer(
    sandbox: Sandbox, guild: Guild, monkeypatch: pytest.MonkeyPatch
):
    async with running(sandbox):
        pass
    monkeypatch.setattr("pwrbot.sandbox.reply.ANSWER_WITHIN", 0.1)
    with pytest.raises(NoAnswer):
        await sandbox.invoke(guild, "ada", "voice page")


async def test_commands_are_kept_and_counted(sandbox: Sandbox, guild: Guild):
    async with running(sandbox) as bot:
        await sandbox.wait_for_commands()
        ids = {command.name: command.id for command in await bot.tree.fetch_commands()}
        assert set(ids) == {"voice", "settings"}
        again = {command.name: command.id for command in await bot.tree.sync()}
        assert again == ids
        assert sandbox.commands.syncs == 2
        extra = discord.app_commands.Command(name="x", description="x", callback=_nothing)
        bot.tree.add_command(extra)
        extra.description = "d" * 101
        with pytest.raises(discord.HTTPException) as refused:
            await bot.tree.sync()
        assert refused.value.code == 50035
    assert {command["name"] for command in sandbox.commands.all()} == {"voice", "settings"}


async def _nothing(interaction: discord.Interaction) -> None:
    await asyncio.sleep(0)
