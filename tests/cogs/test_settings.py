"""/settings as those who manage a server see it, and as others don't."""

from __future__ import annotations

import pytest

from pwrbot.entities import Settings, VoiceSettings
from pwrbot.sandbox import ADMINISTRATOR, MANAGE_GUILD, Guild, NotOffered
from tests.live_bot import LiveBot

EVERY_COMMAND = [
    ("settings show", {}),
    ("settings timezone", {"name": "UTC"}),
    ("settings voice rules", {"enabled": False}),
    ("settings voice ignore-channel", {"channel": "Lounge"}),
    ("settings voice count-channel", {"channel": "Lounge"}),
    ("settings voice ignore-role", {"role": "@everyone"}),
    ("settings voice count-role", {"role": "@everyone"}),
    ("settings voice members-who-left", {"hidden": True}),
]


async def test_show_lists_what_is_in_force(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "boss", "settings show")
    assert reply.ephemeral
    for line in (
        "Time zone: UTC (this bot's default)",
        "Voice tracking: on",
        "Time in the AFK channel: doesn't count",
        "Time while self-deafened: counts",
        "Time while muted: counts",
        "Time alone in a channel: counts",
        "Ignored channels: none",
        "Ignored roles: none",
        "Members who left: shown",
    ):
        assert line in reply.text


async def test_the_time_zone_is_chosen(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "boss", "settings timezone", name="europe/berlin")
    assert reply.ephemeral
    assert "In force now" in reply.text
    assert "Time zone: Europe/Berlin" in reply.text
    reply = await live.ask(guild, "boss", "settings timezone", name="Europe/Berlin")
    assert "These settings were in force already" in reply.text


async def test_an_unknown_time_zone(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "boss", "settings timezone", name="Europe/Berln")
    assert reply.ephemeral
    assert "There is no time zone called 'Europe/Berln'." in reply.text
    assert "Europe/Berlin" in reply.text
    assert await live.bot.settings.get(guild.id) == Settings()


async def test_a_time_zone_is_written_as_it_is_and_what_a_member_typed_has_no_power(
    live: LiveBot, guild: Guild
) -> None:
    reply = await live.ask(guild, "boss", "settings timezone", name="america/new_york")
    assert "America/New_York" in str(reply.message["components"])
    board = await live.ask(guild, "boss", "voice leaderboard")
    assert "days by America/New_York" in str(board.message["components"])
    refused = await live.ask(guild, "boss", "settings timezone", name="**@everyone**")
    assert "'\\*\\*@\u200beveryone\\*\\*'" in refused.message["content"]


async def test_time_zones_are_offered(live: LiveBot, guild: Guild) -> None:
    offered = await live.sandbox.autocomplete(guild, "boss", "settings timezone", "name", "berl")
    assert offered == [{"name": "Europe/Berlin", "value": "Europe/Berlin"}]
    assert (
        len(await live.sandbox.autocomplete(guild, "boss", "settings timezone", "name", "a")) == 25
    )


async def test_rules_change_only_what_was_given(live: LiveBot, guild: Guild) -> None:
    await live.ask(guild, "boss", "settings voice rules", alone=False)
    reply = await live.ask(guild, "boss", "settings voice rules", muted=False, afk_channel=True)
    assert "Time in the AFK channel: counts" in reply.text
    assert "Time while muted: doesn't count" in reply.text
    assert "Time alone in a channel: doesn't count" in reply.text
    stored = await live.repository.server_settings.select(guild.id)
    assert stored is not None
    assert stored.settings.voice == VoiceSettings(alone=False, muted=False, afk_channel=True)
    reply = await live.ask(guild, "boss", "settings voice rules")
    assert "These settings were in force already" in reply.text


async def test_a_change_takes_effect_at_once(live: LiveBot, guild: Guild) -> None:
    await guild.join("ada", "Lounge")
    await live.heard(guild)
    assert await live.repository.open_voice_sessions.count() == 1
    live.clock.advance(minutes=3)
    await live.ask(guild, "boss", "settings voice ignore-channel", channel="Lounge")
    await live.heard(guild)
    assert await live.repository.open_voice_sessions.count() == 0
    [session] = await live.repository.voice_sessions.select_all()
    assert session.left_at == live.clock.now()
    await live.ask(guild, "boss", "settings voice count-channel", channel="Lounge")
    await live.heard(guild)
    assert await live.repository.open_voice_sessions.count() == 1


async def test_channels_and_roles_are_ignored_and_counted_again(
    live: LiveBot, guild: Guild
) -> None:
    role = await guild.create_role("quiet")
    reply = await live.ask(guild, "boss", "settings voice ignore-channel", channel="Lounge")
    assert "Ignored channels: #Lounge" in reply.text
    reply = await live.ask(guild, "boss", "settings voice ignore-role", role=role)
    assert "Ignored roles: @quiet" in reply.text
    assert reply.message["mention_roles"] == []
    reply = await live.ask(guild, "boss", "settings voice count-channel", channel="Lounge")
    assert "Ignored channels: none" in reply.text
    reply = await live.ask(guild, "boss", "settings voice count-role", role=role)
    assert "Ignored roles: none" in reply.text


async def test_what_was_deleted_leaves_the_list_with_the_next_change(
    live: LiveBot, guild: Guild
) -> None:
    await live.ask(guild, "boss", "settings voice ignore-channel", channel="Lounge")
    await guild.delete_channel("Lounge")
    reply = await live.ask(guild, "boss", "settings voice ignore-channel", channel="Games")
    assert "Ignored channels: #Games" in reply.text


async def test_everyone_cannot_be_ignored(live: LiveBot, guild: Guild) -> None:
    reply = await live.ask(guild, "boss", "settings voice ignore-role", role=guild.everyone)
    assert reply.text == "Everyone has that role: turn tracking off with /settings voice rules."


async def test_too_many_ignored(live: LiveBot, guild: Guild) -> None:
    channels = [await guild.create_channel(f"v{number}", "voice") for number in range(101)]
    await live.heard(guild)
    ids = tuple(channel.id for channel in channels[:100])
    await live.bot.settings.update(
        guild.id, lambda _: Settings(voice=VoiceSettings(ignored_channels=ids))
    )
    reply = await live.ask(guild, "boss", "settings show")
    assert "and 60 more" in reply.text
    reply = await live.ask(guild, "boss", "settings voice ignore-channel", channel=channels[100])
    assert reply.ephemeral
    assert "at most 100 channels" in reply.text


@pytest.mark.parametrize(("command", "options"), EVERY_COMMAND)
async def test_others_are_refused_by_discord_and_again_by_the_bot(
    live: LiveBot, guild: Guild, command: str, options: dict[str, object]
) -> None:
    with pytest.raises(NotOffered):
        await live.sandbox.invoke(guild, "ada", command, options=options)
    reply = await live.sandbox.invoke(guild, "ada", command, options=options, force=True)
    assert reply.ephemeral
    assert reply.text == "You need the permission Manage Server for this command."
    assert await live.repository.server_settings.count() == 0


async def test_discord_is_told_where_and_for_whom(live: LiveBot, guild: Guild) -> None:
    commands = {body["name"]: body for body in live.sandbox.commands.all()}
    assert sorted(commands) == ["about", "feed", "settings", "voice"]
    assert int(commands["settings"]["default_member_permissions"]) == MANAGE_GUILD
    assert commands["settings"]["contexts"] == commands["voice"]["contexts"] == [0]
    assert commands["voice"]["default_member_permissions"] is None
    assert commands["about"]["contexts"] in (None, [0, 1, 2])


async def test_administrators_and_the_owner_may(live: LiveBot, guild: Guild) -> None:
    admin = guild.add_member("admin", permissions=ADMINISTRATOR)
    for who in (admin, guild.owner):
        reply = await live.ask(guild, who, "settings show")
        assert "Voice tracking: on" in reply.text


@pytest.mark.parametrize(("command", "options"), EVERY_COMMAND[:3])
async def test_settings_in_a_direct_message(
    live: LiveBot, guild: Guild, command: str, options: dict[str, object]
) -> None:
    reply = await live.sandbox.invoke(
        None, guild.member("boss"), command, options=options, force=True
    )
    assert reply.ephemeral
    assert reply.text == "This command works in a server, not in a direct message."
