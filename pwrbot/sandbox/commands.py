"""The slash commands the bot has synced, and what a member's choices become on the wire."""

from __future__ import annotations

import re
from typing import Any

from pwrbot.sandbox import payloads
from pwrbot.sandbox.errors import Form, NotOffered
from pwrbot.sandbox.guild import Guild
from pwrbot.sandbox.messages import Messages
from pwrbot.sandbox.model import ADMINISTRATOR, Channel, Member, Role, Snowflakes, User

Json = dict[str, Any]

SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE = range(1, 10)
NUMBER, ATTACHMENT = 10, 11

_NAME = re.compile(r"[-_'\w]{1,32}")


class Commands:
    """What was synced, per guild and globally (None); ``syncs`` counts the bulk overwrites."""

    def __init__(self, ids: Snowflakes, application_id: int) -> None:
        self._ids = ids
        self._application_id = application_id
        self._by_scope: dict[int | None, dict[str, Json]] = {}
        self.syncs = 0

    def all(self, guild_id: int | None = None) -> list[Json]:
        return list(self._by_scope.get(guild_id, {}).values())

    def overwrite(self, guild_id: int | None, bodies: list[Json]) -> list[Json]:
        """Replace all commands of a scope; one that is kept keeps its id. Raises 50035."""
        form = Form()
        form.count((), len(bodies), 0, 100)
        for index, body in enumerate(bodies):
            _check(form, (index,), body, command=True)
        form.check()
        old = self._by_scope.get(guild_id, {})
        self._by_scope[guild_id] = {b["name"]: self._stored(b, guild_id, old) for b in bodies}
        self.syncs += 1
        return self.all(guild_id)

    def upsert(self, guild_id: int | None, body: Json) -> Json:
        form = Form()
        _check(form, (), body, command=True)
        form.check()
        scope = self._by_scope.setdefault(guild_id, {})
        scope[body["name"]] = self._stored(body, guild_id, scope)
        return scope[body["name"]]

    def remove(self, guild_id: int | None, command_id: int) -> bool:
        scope = self._by_scope.get(guild_id, {})
        names = [name for name, body in scope.items() if body["id"] == str(command_id)]
        for name in names:
            del scope[name]
        return bool(names)

    def _stored(self, body: Json, guild_id: int | None, old: dict[str, Json]) -> Json:
        defaults: Json = {
            "type": 1,
            "description": "",
            "options": [],
            "default_member_permissions": None,
            "dm_permission": True,
            "contexts": None,
            "integration_types": [0],
            "nsfw": False,
            "name_localizations": None,
            "description_localizations": None,
        }
        kept = old.get(body["name"])
        stored = {**defaults, **body}
        for key in ("options", "integration_types"):
            stored[key] = stored[key] or defaults[key]
        stored["id"] = kept["id"] if kept else str(self._ids.next())
        stored["application_id"] = str(self._application_id)
        stored["version"] = str(self._ids.next())
        if guild_id is not None:
            stored["guild_id"] = str(guild_id)
        return stored

    def find(self, path: str, guild: Guild | None) -> tuple[Json, list[str], Json]:
        """The command at a path such as "voice leaderboard": itself, the path, its last part.

        Raises NotOffered when no such command was synced.
        """
        name, *rest = path.removeprefix("/").split()
        scopes = [guild.id if guild else None, None]
        command = next((c for s in scopes if (c := self._by_scope.get(s, {}).get(name))), None)
        place = command
        for step in rest:
            options = place["options"] if place and place.get("options") else []
            subs = [o for o in options if o["type"] in (SUBCOMMAND, GROUP)]
            place = next((o for o in subs if o["name"] == step), None)
        nested = place and any(o["type"] in (SUBCOMMAND, GROUP) for o in place.get("options") or [])
        if command is None or place is None or nested:
            raise NotOffered(f"The bot has synced no command /{path.removeprefix('/')}.")
        return command, rest, place


def _check(form: Form, at: tuple[str | int, ...], body: Json, *, command: bool = False) -> None:
    name = body.get("name")
    slash = not command or body.get("type", 1) == 1
    if slash:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.lower():
            form.wrong((*at, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        form.text((*at, "description"), body.get("description"), 100)
    options = body.get("options") or []
    form.count((*at, "options"), len(options), 0, 25)
    choices = body.get("choices") or []
    form.count((*at, "choices"), len(choices), 0, 25)
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        message = "Option names must be unique"
        form.wrong((*at, "options"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message)
    needed = [bool(o.get("required")) for o in options if o.get("type") not in (SUBCOMMAND, GROUP)]
    if needed != sorted(needed, reverse=True):
        message = "Required options must be placed before non-required options"
        form.wrong((*at, "options"), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
    for index, option in enumerate(options):
        _check(form, (*at, "options", index), option)


def check_offered(command: Json, guild: Guild | None, member: Member | None) -> None:
    """Raise NotOffered when Discord would not show the command there, or not to this member."""
    contexts, wanted = command.get("contexts"), 1 if guild is None else 0
    in_dm = wanted in contexts if contexts is not None else command.get("dm_permission", True)
    if guild is None and not in_dm:
        raise NotOffered(f"/{command['name']} is not offered in direct messages.")
    if guild is not None and contexts is not None and wanted not in contexts:
        raise NotOffered(f"/{command['name']} is not offered in servers.")
    required = command.get("default_member_permissions")
    if member is not None and required is not None:
        missing = int(required) & ~member.permissions or (
            int(required) == 0 and not member.permissions & ADMINISTRATOR
        )
        if missing:
            raise NotOffered(f"/{command['name']} is not offered to {member.display_name}.")


class Filling:
    """A member filling in a command's options: the data of the interaction, with what it names."""

    def __init__(self, guild: Guild | None, ids: Snowflakes, messages: Messages, url: str) -> None:
        self._guild = guild
        self._ids = ids
        self._messages = messages
        self._url = url
        self.resolved: dict[str, dict[str, Json]] = {}

    def option(self, spec: Json, value: Any, *, force: bool) -> Json:
        """One option as Discord sends it. Raises NotOffered for a value its client refuses."""
        kind = spec["type"]
        wire = self._wire(kind, value)
        choices = spec.get("choices") or []
        if choices:
            match = next((c for c in choices if value in (c["value"], c["name"])), None)
            wire = match["value"] if match else wire
            if match is None and not force:
                raise NotOffered(f"{value!r} is not among the choices of {spec['name']!r}.")
        size = len(wire) if kind == STRING else wire
        for key in ("min_value", "min_length"):
            if not force and spec.get(key) is not None and size < spec[key]:
                raise NotOffered(f"{value!r} is less than {spec['name']!r} takes.")
        for key in ("max_value", "max_length"):
            if not force and spec.get(key) is not None and size > spec[key]:
                raise NotOffered(f"{value!r} is more than {spec['name']!r} takes.")
        return {"name": spec["name"], "type": kind, "value": wire}

    def _wire(self, kind: int, value: Any) -> Any:
        plain = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: float}
        if kind in plain:
            return plain[kind](value)
        if kind == ATTACHMENT:
            return self._upload(*value)
        if isinstance(value, str):
            if self._guild is None:
                raise NotOffered("In direct messages give the user, not a name.")
            return self.resolve(self._by_name(kind, self._guild, value))
        return self.resolve(value)

    @staticmethod
    def _by_name(kind: int, guild: Guild, name: str) -> Member | Channel | Role:
        if kind == CHANNEL:
            return guild.channel(name)
        roles = [role for role in guild.roles.values() if role.name == name]
        return roles[0] if kind in (ROLE, MENTIONABLE) and roles else guild.member(name)

    def resolve(self, value: Member | User | Channel | Role) -> str:
        """Note what is named among the resolved things; its id."""
        key = str(value.id)
        if isinstance(value, Role):
            self._note("roles", key, payloads.role(value))
        elif isinstance(value, Channel):
            body = payloads.channel(value)
            permissions = str(self._guild.me.permissions if self._guild else 0)
            self._note("channels", key, body | {"permissions": permissions})
        else:
            user = value.user if isinstance(value, Member) else value
            self._note("users", key, payloads.user(user))
            member = self._guild.members.get(user.id) if self._guild else None
            if member is not None and member.present:
                body = payloads.member(member, with_user=False, permissions=True)
                # As Discord: a resolved member lacks these two.
                self._note("members", key, {k: v for k, v in body.items() if k not in _UNRESOLVED})
        return key

    def _upload(self, filename: str, data: bytes) -> str:
        attachment_id = self._ids.now()
        self._messages.media[attachment_id] = data
        url = f"{self._url}/attachments/0/{attachment_id}/{filename}"
        self._note(
            "attachments",
            str(attachment_id),
            {
                "id": str(attachment_id),
                "filename": filename,
                "size": len(data),
                "url": url,
                "proxy_url": url,
                "ephemeral": True,
            },
        )
        return str(attachment_id)

    def _note(self, kind: str, key: str, body: Json) -> None:
        self.resolved.setdefault(kind, {})[key] = body


_UNRESOLVED = ("deaf", "mute")
