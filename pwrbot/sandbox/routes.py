"""Discord's REST API, version 10, as far as a bot like pwrbot reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from pwrbot.sandbox import payloads
from pwrbot.sandbox.errors import ApiError, Form, not_found
from pwrbot.sandbox.model import MANAGE_ROLES, Channel, User
from pwrbot.sandbox.rest import Route, answer, decoded, nothing, read_body

if TYPE_CHECKING:
    from pwrbot.sandbox.guild import Guild
    from pwrbot.sandbox.world import World


class Routes:
    """A method a route; each returns the answer or raises ApiError."""

    def __init__(self, world: World) -> None:
        self._world = world

    def all(self) -> list[Route]:
        app, scoped = "/applications/{app:\\d+}", "/applications/{app:\\d+}/guilds/{guild:\\d+}"
        messages, webhook = "/channels/{channel:\\d+}/messages", "/webhooks/{app:\\d+}/{token}"
        of_guild = "/guilds/{guild:\\d+}"
        routes: list[Route] = [
            ("GET", "/gateway", self.get_gateway),
            ("GET", "/gateway/bot", self.get_gateway_bot),
            ("GET", "/users/@me", self.get_me),
            ("GET", "/users/@me/guilds", self.get_my_guilds),
            (hdrs.METH_DELETE, "/users/@me/guilds/{guild:\\d+}", self.leave_guild),
            ("POST", "/users/@me/channels", self.open_dm),
            ("GET", "/users/{user:\\d+}", self.get_user),
            ("GET", "/oauth2/applications/@me", self.get_application),
            ("GET", "/applications/@me", self.get_application),
            ("GET", of_guild, self.get_guild),
            ("GET", of_guild + "/channels", self.get_channels),
            ("GET", of_guild + "/threads/active", self.get_active_threads),
            ("GET", of_guild + "/roles", self.get_roles),
            ("GET", of_guild + "/members/{user:\\d+}", self.get_member),
            ("PUT", of_guild + "/members/{user:\\d+}/roles/{role:\\d+}", self.add_role),
            (
                hdrs.METH_DELETE,
                of_guild + "/members/{user:\\d+}/roles/{role:\\d+}",
                self.remove_role,
            ),
            ("GET", of_guild + "/voice-states/{user:\\d+|@me}", self.get_voice_state),
            ("GET", "/channels/{channel:\\d+}", self.get_channel),
            ("POST", "/channels/{channel:\\d+}/typing", self.typing),
            ("GET", messages, self.get_messages),
            ("POST", messages, self.create_message),
            ("POST", "/channels/{channel:\\d+}/threads", self.create_post),
            ("GET", messages + "/{message:\\d+}", self.get_message),
            ("PATCH", messages + "/{message:\\d+}", self.edit_message),
            (hdrs.METH_DELETE, messages + "/{message:\\d+}", self.delete_message),
            ("POST", "/interactions/{interaction:\\d+}/{token}/callback", self.respond),
            ("POST", webhook, self.follow_up),
            ("GET", webhook + "/messages/{message}", self.get_follow_up),
            ("PATCH", webhook + "/messages/{message}", self.edit_follow_up),
            (hdrs.METH_DELETE, webhook + "/messages/{message}", self.delete_follow_up),
            ("GET", "/attachments/{channel:\\d+}/{attachment:\\d+}/{name}", self.get_attachment),
        ]
        for base in (app, scoped):
            routes += [
                ("GET", base + "/commands", self.get_commands),
                ("PUT", base + "/commands", self.overwrite_commands),
                ("POST", base + "/commands", self.upsert_command),
                (hdrs.METH_DELETE, base + "/commands/{command:\\d+}", self.delete_command),
            ]
        return routes

    # Who and where

    async def get_gateway(self, request: web.Request) -> web.Response:
        return answer({"url": self._world.gateway_url})

    async def get_gateway_bot(self, request: web.Request) -> web.Response:
        limit = {
            "total": 1000,
            "remaining": max(0, 1000 - len(self._world.gateway.identified)),
            "reset_after": 86_400_000,
            "max_concurrency": 1,
        }
        url = self._world.gateway_url
        return answer({"url": url, "shards": self._world.shards, "session_start_limit": limit})

    async def get_me(self, request: web.Request) -> web.Response:
        more = {"verified": True, "mfa_enabled": True, "locale": "en-US", "flags": 0, "email": None}
        return answer(payloads.user(self._world.bot) | more)

    async def get_user(self, request: web.Request) -> web.Response:
        return answer(payloads.user(self._user(int(request.match_info["user"]))))

    async def get_application(self, request: web.Request) -> web.Response:
        world = self._world
        return answer(payloads.application(world.bot, world.application_id, world.owner))

    async def get_my_guilds(self, request: web.Request) -> web.Response:
        mine = [guild for guild in self._world.guilds.values() if guild.bot_present]
        keys = ("id", "name", "icon", "features")
        return answer([{key: payloads.guild(guild)[key] for key in keys} for guild in mine])

    async def leave_guild(self, request: web.Request) -> web.Response:
        await self._guild(request).remove_bot()
        return nothing()

    async def open_dm(self, request: web.Request) -> web.Response:
        body, _ = await read_body(request)
        user = self._user(_number(body.get("recipient_id")))
        return answer(payloads.channel(self._world.dm_channel(user)))

    async def get_guild(self, request: web.Request) -> web.Response:
        return answer(payloads.guild(self._guild(request)))

    async def get_channels(self, request: web.Request) -> web.Response:
        channels = self._guild(request).channels.values()
        return answer([payloads.channel(c) for c in channels if c.kind != "thread"])

    async def get_active_threads(self, request: web.Request) -> web.Response:
        channels = self._guild(request).channels.values()
        active = [c for c in channels if c.kind == "thread" and not c.archived]
        return answer({"threads": [payloads.channel(c) for c in active], "members": []})

    async def get_roles(self, request: web.Request) -> web.Response:
        return answer([payloads.role(r) for r in self._guild(request).roles.values()])

    async def get_member(self, request: web.Request) -> web.Response:
        guild, user_id = self._guild(request), int(request.match_info["user"])
        member = guild.members.get(user_id)
        if member is None or not member.present:
            self._user(user_id)
            raise not_found("Member", 10007)
        return answer(payloads.member(member))

    async def add_role(self, request: web.Request) -> web.Response:
        return await self._change_role(request, given=True)

    async def remove_role(self, request: web.Request) -> web.Response:
        return await self._change_role(request, given=False)

    async def _change_role(self, request: web.Request, *, given: bool) -> web.Response:
        guild = self._guild(request)
        role = guild.roles.get(int(request.match_info["role"]))
        member = guild.members.get(int(request.match_info["user"]))
        if role is None:
            raise not_found("Role", 10011)
        if member is None or not member.present:
            raise not_found("Member", 10007)
        highest = max((held.position for held in guild.me.roles), default=0)
        if not guild.me.permissions & MANAGE_ROLES or role.position >= highest:
            raise ApiError(403, 50013, "Missing Permissions")
        await guild.give_role(member, role, given=given)
        return nothing()

    async def get_voice_state(self, request: web.Request) -> web.Response:
        guild, who = self._guild(request), request.match_info["user"]
        member = guild.me if who == "@me" else guild.members.get(int(who))
        if member is None or member.voice is None:
            raise not_found("Voice State", 10065)
        return answer(payloads.voice_state(member))

    # Channels and messages

    async def get_channel(self, request: web.Request) -> web.Response:
        return answer(payloads.channel(self._channel(request)))

    async def typing(self, request: web.Request) -> web.Response:
        self._channel(request)
        return nothing()

    async def get_messages(self, request: web.Request) -> web.Response:
        found = self._world.messages.of(self._channel(request))
        before, after = request.query.get("before"), request.query.get("after")
        found = [m for m in found if before is None or m.id < int(before)]
        found = [m for m in found if after is None or m.id > int(after)]
        limit = int(request.query.get("limit") or 50)
        return answer([message.payload for message in reversed(found)][:limit])

    async def create_message(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        body, uploads = await read_body(request)
        if channel.recipient is not None and channel.recipient.dms_closed:
            raise ApiError(403, 50007, "Cannot send messages to this user")
        if channel.denied:
            raise ApiError(403, 50013, "Missing Permissions")
        if channel.kind in ("category", "forum"):
            raise ApiError(400, 50008, "Cannot send messages in a non-text channel")
        if channel.locked:
            raise ApiError(403, 160005, "Thread is locked")
        channel.archived = False
        return answer(self._world.messages.create(channel, body, uploads).payload)

    async def create_post(self, request: web.Request) -> web.Response:
        """A post in a forum: a thread of the same id as its first message."""
        forum = self._channel(request)
        body, uploads = await read_body(request)
        if forum.denied:
            raise ApiError(403, 50013, "Missing Permissions")
        if forum.kind != "forum" or forum.guild is None:
            raise ApiError(400, 50024, "Cannot execute action on this channel type")
        if forum.requires_tag and not body.get("applied_tags"):
            raise ApiError(400, 40067, "A tag is required to create a forum post in this channel")
        form = Form()
        form.text(("name",), body.get("name"), 100)
        form.check()
        post = forum.guild.add_thread(body["name"], forum, thread_id=self._world.messages.new_id())
        try:
            first = body.get("message") or {}
            message = self._world.messages.create(
                post, first, uploads, at=("message",), message_id=post.id
            )
        except ApiError:
            del forum.guild.channels[post.id]
            raise
        return answer(payloads.channel(post) | {"message": message.payload}, 201)

    async def get_message(self, request: web.Request) -> web.Response:
        message = int(request.match_info["message"])
        return answer(self._world.messages.get(message, self._channel(request)).payload)

    async def edit_message(self, request: web.Request) -> web.Response:
        messages = self._world.messages
        message = messages.get(int(request.match_info["message"]), self._channel(request))
        if message.ephemeral:
            raise not_found("Message", 10008)
        return answer(messages.edit(message, *await read_body(request)).payload)

    async def delete_message(self, request: web.Request) -> web.Response:
        messages = self._world.messages
        messages.delete(messages.get(int(request.match_info["message"]), self._channel(request)))
        return nothing()

    async def get_attachment(self, request: web.Request) -> web.Response:
        data = self._world.messages.media.get(int(request.match_info["attachment"]))
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data)

    # Commands

    def _scope(self, request: web.Request) -> int | None:
        if int(request.match_info["app"]) != self._world.application_id:
            raise not_found("Application", 10002)
        return self._guild(request).id if "guild" in request.match_info else None

    async def get_commands(self, request: web.Request) -> web.Response:
        return answer(self._world.commands.all(self._scope(request)))

    async def overwrite_commands(self, request: web.Request) -> web.Response:
        scope, bodies = self._scope(request), decoded(await request.read())
        if not isinstance(bodies, list):
            raise ApiError(400, 50035, "Invalid Form Body", {})
        commands = self._world.commands.overwrite(scope, bodies)
        self._world.notify()
        return answer(commands)

    async def upsert_command(self, request: web.Request) -> web.Response:
        body, _ = await read_body(request)
        return answer(self._world.commands.upsert(self._scope(request), body), 201)

    async def delete_command(self, request: web.Request) -> web.Response:
        command = int(request.match_info["command"])
        if not self._world.commands.remove(self._scope(request), command):
            raise not_found("application command", 10063)
        return nothing()

    # Interactions

    async def respond(self, request: web.Request) -> web.Response:
        body, uploads = await read_body(request)
        interaction = int(request.match_info["interaction"])
        token = request.match_info["token"]
        _, response = self._world.interactions.respond(interaction, token, body, uploads)
        if request.query.get("with_response", "").lower() in ("1", "true"):
            return answer(response)
        return nothing()

    async def follow_up(self, request: web.Request) -> web.Response:
        body, uploads = await read_body(request)
        token = request.match_info["token"]
        # An interaction's webhook always answers with the message, whatever ``wait`` says.
        return answer(self._world.interactions.follow_up(token, body, uploads).payload)

    async def get_follow_up(self, request: web.Request) -> web.Response:
        found = self._world.interactions.message(*_webhook(request))
        return answer(found.payload)

    async def edit_follow_up(self, request: web.Request) -> web.Response:
        body, uploads = await read_body(request)
        edited = self._world.interactions.edit(*_webhook(request), body, uploads)
        return answer(edited.payload)

    async def delete_follow_up(self, request: web.Request) -> web.Response:
        self._world.interactions.delete(*_webhook(request))
        return nothing()

    # What a path names

    def _guild(self, request: web.Request) -> Guild:
        guild = self._world.guilds.get(int(request.match_info["guild"]))
        if guild is None or not guild.bot_present:
            raise not_found("Guild", 10004)
        return guild

    def _channel(self, request: web.Request) -> Channel:
        channel = self._world.channels().get(int(request.match_info["channel"]))
        if channel is None:
            raise not_found("Channel", 10003)
        if channel.guild is not None and not channel.guild.bot_present:
            raise ApiError(403, 50001, "Missing Access")
        return channel

    def _user(self, user_id: int) -> User:
        user = self._world.users.get(user_id)
        if user is None:
            raise not_found("User", 10013)
        return user


def _webhook(request: web.Request) -> tuple[str, str]:
    return request.match_info["token"], request.match_info["message"]


def _number(text: object) -> int:
    if isinstance(text, int | str) and str(text).isdigit():
        return int(text)
    raise ApiError(400, 50035, "Invalid Form Body", {})
