"""The world by itself: who is where, and ids."""

from __future__ import annotations

import pytest

from pwrbot.sandbox import ADMINISTRATOR, Guild, Sandbox, SandboxError


async def test_voice_flags_as_on_discord(guild: Guild):
    stage = guild.add_voice_channel("Talk", stage=True)
    await guild.join("ada", stage)
    ada = guild.member("ada")
    assert ada.voice is not None
    assert ada.voice.suppress
    await guild.suppress("ada", False)
    await guild.mute("ada", server=True)
    await guild.move("ada", "Games")
    assert (ada.voice.suppress, ada.voice.mute) == (False, True)
    await guild.leave("ada")
    assert guild.connected() == []
    with pytest.raises(SandboxError):
        await guild.mute("ada")
    with pytest.raises(SandboxError):
        await guild.join("ada", "general")
    with pytest.raises(SandboxError):
        guild.member("zoe")


async def test_permissions(guild: Guild):
    assert not guild.member("ada").permissions & ADMINISTRATOR
    admin = guild.add_member("admin", permissions=ADMINISTRATOR)
    assert admin.permissions == guild.owner.permissions


async def test_ids_are_the_same_in_every_run():
    made = [Sandbox().add_guild("Home", members=["ada"]) for _ in range(2)]
    assert made[0].id == made[1].id
    assert made[0].member("ada").id == made[1].member("ada").id
    assert 10**17 < made[0].id < 2**63
