"""The model as Discord's JSON: ids are strings, times are ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pwrbot.sandbox.model import Channel, GuildState, Member, Role, User

Json = dict[str, Any]

API_VERSION = 10
REQUIRE_TAG = 1 << 4
ATTACHMENT_LIMIT = 10 * 1024 * 1024


def timestamp(moment: datetime) -> str:
    return moment.isoformat()


def user(of: User) -> Json:
    return {
        "id": str(of.id),
        "username": of.name,
        "global_name": of.global_name,
        "discriminator": "0",
        "avatar": of.avatar,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "public_flags": 0,
        **({"bot": True} if of.bot else {}),
    }


def member(of: Member, *, with_user: bool = True, permissions: bool = False) -> Json:
    body: Json = {
        "nick": of.nick,
        "avatar": None,
        "banner": None,
        "roles": [str(role.id) for role in of.roles],
        "joined_at": timestamp(of.joined_at),
        "premium_since": None,
        "communication_disabled_until": None,
        "pending": False,
        "deaf": bool(of.voice and of.voice.deaf),
        "mute": bool(of.voice and of.voice.mute),
        "flags": 0,
    }
    if with_user:
        body["user"] = user(of.user)
    if permissions:
        body["permissions"] = str(of.permissions)
    return body


def role(of: Role) -> Json:
    return {
        "id": str(of.id),
        "name": of.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": of.position,
        "permissions": str(of.permissions),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def channel(of: Channel, *, with_guild: bool = True) -> Json:
    flags = REQUIRE_TAG if of.requires_tag else 0
    body: Json = {"id": str(of.id), "type": of.type, "flags": flags, "last_message_id": None}
    if of.kind == "dm":
        recipient = of.recipient
        return {**body, "recipients": [] if recipient is None else [user(recipient)]}
    if of.kind == "thread":
        return {**body, **_thread(of)}
    body |= {
        "name": of.name,
        "position": of.position,
        "permission_overwrites": [],
        "parent_id": None if of.parent_id is None else str(of.parent_id),
        "nsfw": False,
        "rate_limit_per_user": 0,
    }
    if of.kind in ("voice", "stage"):
        body |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None, "video_quality_mode": 1}
    if of.kind in ("text", "forum", "stage"):
        body["topic"] = None
    if with_guild and of.guild is not None:
        body["guild_id"] = str(of.guild.id)
    return body


def _thread(of: Channel) -> Json:
    guild = of.guild
    return {
        "name": of.name,
        "guild_id": None if guild is None else str(guild.id),
        "parent_id": None if of.parent_id is None else str(of.parent_id),
        "owner_id": None if guild is None else str(guild.me.id),
        "message_count": 0,
        "member_count": 1,
        "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": of.archived,
            "locked": of.locked,
            "auto_archive_duration": 4320,
            "archive_timestamp": timestamp(datetime.now(UTC)),
        },
    }


def voice_state(of: Member, *, with_guild: bool = True, with_member: bool = True) -> Json:
    """A member's voice state; in no channel, the state that tells it has left."""
    voice = of.voice
    body: Json = {
        "channel_id": None if voice is None else str(voice.channel.id),
        "user_id": str(of.id),
        "session_id": "0" * 32 if voice is None else voice.session_id,
        "deaf": bool(voice and voice.deaf),
        "mute": bool(voice and voice.mute),
        "self_deaf": bool(voice and voice.self_deaf),
        "self_mute": bool(voice and voice.self_mute),
        "self_video": bool(voice and voice.self_video),
        "suppress": bool(voice and voice.suppress),
        "request_to_speak_timestamp": None,
    }
    if voice is not None and voice.self_stream:
        body["self_stream"] = True
    if with_guild:
        body["guild_id"] = str(of.guild.id)
    if with_member:
        body["member"] = member(of)
    return body


def guild(of: GuildState) -> Json:
    """A guild as REST and GUILD_UPDATE give it."""
    return {
        "id": str(of.id),
        "name": of.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "owner_id": str(of.owner_id),
        "afk_channel_id": None if of.afk_channel is None else str(of.afk_channel.id),
        "afk_timeout": of.afk_timeout,
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "roles": [role(r) for r in of.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "max_members": 500_000,
        "max_presences": None,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": of.locale,
        "nsfw_level": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "incidents_data": None,
    }


def guild_create(of: GuildState, *, voice: bool, all_members: bool, joined: bool) -> Json:
    """A guild as GUILD_CREATE gives it.

    Without the members intent it lists the bot and whoever is in voice, as Discord does.
    ``joined``: the bot was just added, so there is no ``unavailable`` key.
    """
    present = [m for m in of.members.values() if m.present]
    listed = [m for m in present if all_members or m is of.me or (voice and m.voice is not None)]
    connected = of.connected() if voice else []
    body = guild(of) | {
        "joined_at": timestamp(of.me.joined_at),
        "large": len(present) > 250,
        "member_count": len(present),
        "members": [member(m) for m in listed],
        "channels": [
            channel(c, with_guild=False) for c in of.channels.values() if c.kind != "thread"
        ],
        "threads": [
            channel(c) for c in of.channels.values() if c.kind == "thread" and not c.archived
        ],
        "presences": [],
        "voice_states": [voice_state(m, with_guild=False, with_member=False) for m in connected],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }
    return body if joined else body | {"unavailable": False}


def application(bot: User, application_id: int, owner: User) -> Json:
    return {
        "id": str(application_id),
        "name": bot.name,
        "icon": None,
        "description": "A local stand-in for Discord.",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "owner": user(owner),
        "team": None,
        "bot": user(bot),
        "install_params": None,
        "integration_types_config": {"0": {}},
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "tags": [],
        "approximate_guild_count": 1,
    }
