"""The stand-in with members who act: they run commands, press buttons, choose and fill in forms."""

from __future__ import annotations

import time
from typing import Any

from pwrbot.sandbox import model, payloads
from pwrbot.sandbox.commands import Filling, check_offered
from pwrbot.sandbox.errors import NotOffered
from pwrbot.sandbox.guild import Guild
from pwrbot.sandbox.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
)
from pwrbot.sandbox.messages import Message
from pwrbot.sandbox.model import Channel, Member, User
from pwrbot.sandbox.reply import Reply, settled
from pwrbot.sandbox.world import World

Json = dict[str, Any]


class Sandbox(World):
    """A local stand-in for Discord: ``async with Sandbox() as sandbox`` serves it on loopback."""

    async def invoke(
        self,
        guild: Guild | None,
        member: Member | User | str,
        command: str,
        *,
        channel: Channel | str | None = None,
        options: dict[str, Any] | None = None,
        force: bool = False,
        within: float = 15.0,
    ) -> Reply:
        """Run a slash command as a member of a guild, or (guild None) in direct messages.

        Returns once the bot has answered and filled in what it deferred. ``force`` sends what
        Discord's client would not offer. Raises NotOffered, NoAnswer.
        """
        interaction = self._interaction(COMMAND, guild, member, channel, command)
        found, path, leaf = self.commands.find(command, guild)
        if not force:
            check_offered(found, guild, interaction.member)
        filling = self.filling(guild)
        specs = {spec["name"]: spec for spec in leaf.get("options") or []}
        given = options or {}
        unknown = given.keys() - specs.keys()
        missing = [n for n, spec in specs.items() if spec.get("required") and n not in given]
        if unknown or (missing and not force):
            raise NotOffered(f"/{command} has no {sorted(unknown)}, and needs {missing}.")
        filled = [filling.option(specs[n], value, force=force) for n, value in given.items()]
        data = _command_data(found, path, filled, filling.resolved)
        return await self._send(interaction, data, within)

    async def autocomplete(
        self,
        guild: Guild | None,
        member: Member | User | str,
        command: str,
        option: str,
        typed: str,
        *,
        options: dict[str, Any] | None = None,
    ) -> list[Json]:
        """What the bot offers while a member types into an option: ``{"name", "value"}`` each."""
        interaction = self._interaction(AUTOCOMPLETE, guild, member, None, command)
        found, path, leaf = self.commands.find(command, guild)
        filling = self.filling(guild)
        specs = {spec["name"]: spec for spec in leaf.get("options") or []}
        filled = [filling.option(specs[n], v, force=True) for n, v in (options or {}).items()]
        focused = {"name": option, "type": specs[option]["type"], "value": typed, "focused": True}
        # As Discord: nothing is resolved while a member still types.
        await self._send(interaction, _command_data(found, path, [*filled, focused], {}), 1.0)
        return interaction.choices

    async def use(
        self, reply: Reply, message: Message, data: Json, by: Member | User | None
    ) -> Reply:
        """Use a control of a message. Returns the same reply when the bot changed that message,
        else a new one."""
        await self.reaction(message.changed_at)
        before = reply.interaction
        who = by or before.member or before.user
        interaction = self._interaction(
            COMPONENT, before.guild, who, message.channel, before.name, message
        )
        result = await self._send(interaction, data, 15.0)
        return reply if result.shows(message) else result

    async def submit(
        self, before: Interaction, data: Json, by: Member | User | None, *, force: bool
    ) -> Reply:
        """Send a form."""
        who = by or before.member or before.user
        if who.id != before.user.id and not force:
            raise NotOffered("The form was opened for somebody else.")
        interaction = self._interaction(
            MODAL_SUBMIT, before.guild, who, before.channel, before.name, before.source
        )
        return await self._send(interaction, data, 15.0)

    def filling(self, guild: Guild | None) -> Filling:
        return Filling(guild, self._ids, self.messages, self.api_url)

    def _interaction(
        self,
        kind: int,
        guild: Guild | None,
        who: Member | User | str,
        where: Channel | str | None,
        name: str,
        source: Message | None = None,
    ) -> Interaction:
        if guild is None:
            user = who.user if isinstance(who, Member) else who
            if isinstance(user, str):
                raise NotOffered("In direct messages give the user, not a name.")
            member, channel = None, self.dm_channel(user)
        else:
            member = guild.member(who)
            user = member.user
            text = next((c for c in guild.channels.values() if c.kind == "text"), None)
            channel = text if where is None else guild.channel(where)
            if channel is None:
                raise NotOffered(f"{guild.name!r} has no text channel.")
        name = name.removeprefix("/")
        return Interaction(self._ids.now(), kind, user, member, guild, channel, name, source)

    async def _send(self, interaction: Interaction, data: Json, within: float) -> Reply:
        self.interactions.add(interaction)
        guild = interaction.guild
        interaction.sent_at = time.monotonic()
        await self.gateway.dispatch(
            "INTERACTION_CREATE",
            self._payload(interaction, data),
            guild_id=None if guild is None else guild.id,
            intents=0,
        )
        return Reply(self, interaction, await settled(self, interaction, within))

    def _payload(self, interaction: Interaction, data: Json) -> Json:
        guild, member = interaction.guild, interaction.member
        body: Json = {
            "id": str(interaction.id),
            "application_id": str(self.application_id),
            "type": interaction.kind,
            "data": data,
            "channel_id": str(interaction.channel.id),
            "channel": payloads.channel(interaction.channel),
            "token": interaction.token,
            "version": 1,
            "locale": "en-US",
            "app_permissions": str(model.ALL_PERMISSIONS),
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": str(guild.id) if guild else "0"},
            "context": 0 if guild else 1,
            "attachment_size_limit": payloads.ATTACHMENT_LIMIT,
        }
        if interaction.source is not None:
            body["message"] = interaction.source.payload
        if guild is None or member is None:
            return body | {"user": payloads.user(interaction.user)}
        body["channel"]["permissions"] = str(member.permissions)
        return body | {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
            "guild_locale": guild.locale,
            "member": payloads.member(member, permissions=True),
        }


def _command_data(found: Json, path: list[str], options: list[Json], resolved: Json) -> Json:
    """The ``data`` of a command's interaction, its options inside its groups."""
    steps, place = [], found
    for step in path:
        place = next(option for option in place["options"] if option["name"] == step)
        steps.append({"name": step, "type": place["type"]})
    for step in reversed(steps):
        options = [step | {"options": options}]
    data: Json = {"id": found["id"], "name": found["name"], "type": 1, "options": options}
    if "guild_id" in found:
        data["guild_id"] = found["guild_id"]
    if resolved:
        data["resolved"] = resolved
    return data
