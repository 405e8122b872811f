"""The messages of the stand-in: checked as Discord checks them, and kept."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pwrbot.sandbox import components, payloads
from pwrbot.sandbox.errors import ApiError, Form, not_found
from pwrbot.sandbox.model import Channel, Snowflakes, User

Json = dict[str, Any]

EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15

MOST_CONTENT = 2000
MOST_EMBEDS = 10
MOST_NONCE = 25
NONCE_SECONDS = 180.0
"""How long a nonce is known: Discord says "the past few minutes"."""


@dataclass
class Upload:
    """A file as it came in a multipart form: ``files[index]``."""

    index: int
    filename: str
    content_type: str
    data: bytes


@dataclass(eq=False)
class Message:
    """A message; ``revision`` grows with each edit, ``payload`` is how Discord gives it."""

    channel: Channel
    payload: Json
    revision: int = 0
    deleted: bool = False
    created_at: float = field(default_factory=time.monotonic)
    changed_at: float = field(default_factory=time.monotonic)
    """When it was last changed, of ``time.monotonic``."""

    @property
    def id(self) -> int:
        return int(self.payload["id"])

    @property
    def flags(self) -> int:
        return self.payload.get("flags", 0)

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        return bool(self.flags & LOADING)


class Messages:
    """All messages, by id; ``changed`` is called with each new, edited or deleted one."""

    def __init__(
        self,
        ids: Snowflakes,
        bot: User,
        application_id: int,
        users: dict[int, User],
        media_base: Callable[[], str],
        changed: Callable[[Message], None],
    ) -> None:
        self._ids = ids
        self._bot = bot
        self._application_id = application_id
        self._users = users
        self._media_base = media_base
        self._changed = changed
        self.all: dict[int, Message] = {}
        self.repeats = 0
        """How many messages were not made, as their nonce was known."""
        self.media: dict[int, bytes] = {}
        """The attached files by attachment id."""

    def get(self, message_id: int, channel: Channel | None = None) -> Message:
        """A message that was not deleted. Raises 10008."""
        message = self.all.get(message_id)
        if message is None or message.deleted or channel not in (None, message.channel):
            raise not_found("Message", 10008)
        return message

    def of(self, channel: Channel) -> list[Message]:
        """The messages in a channel that are not ephemeral, oldest first."""
        kept = (m for m in self.all.values() if m.channel is channel)
        return [m for m in kept if not m.deleted and not m.ephemeral]

    def new_id(self) -> int:
        """For what is about to be made; of a forum's post and its first message the same."""
        return self._ids.now()

    def create(
        self,
        channel: Channel,
        body: Json,
        uploads: list[Upload],
        *,
        webhook: bool = False,
        loading: bool = False,
        extra: Json | None = None,
        at: tuple[str | int, ...] = (),
        message_id: int | None = None,
    ) -> Message:
        """Check and keep a new message; ``loading`` is an empty one that says "thinking"."""
        flags = int(body.get("flags") or 0) & (EPHEMERAL | COMPONENTS_V2 | (1 << 2) | (1 << 12))
        if loading:
            body, flags = {}, (flags & EPHEMERAL) | LOADING
        else:
            check(body, flags, uploads, kept=[], at=at)
        if body.get("enforce_nonce") and (earlier := self._with_nonce(channel, body)):
            self.repeats += 1
            return earlier
        payload: Json = {
            "id": str(message_id or self._ids.now()),
            "channel_id": str(channel.id),
            "type": 20 if extra and "interaction_metadata" in extra else 0,
            "author": payloads.user(self._bot),
            "application_id": str(self._application_id),
            "content": body.get("content") or "",
            "timestamp": datetime.now(UTC).isoformat(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": body.get("embeds") or [],
            "components": components.numbered(body.get("components") or []),
            "pinned": False,
            "flags": flags,
        }
        if webhook:
            payload["webhook_id"] = str(self._application_id)
        if body.get("nonce") is not None:
            payload["nonce"] = body["nonce"]
        message = Message(channel, payload | (extra or {}))
        self._attach(message, body, uploads)
        self._mention(message, body)
        self.all[message.id] = message
        self._changed(message)
        return message

    def _with_nonce(self, channel: Channel, body: Json) -> Message | None:
        """The message of this nonce, of the past few minutes."""
        since = time.monotonic() - NONCE_SECONDS
        for message in reversed(self.all.values()):
            if message.created_at < since:
                break
            if message.channel is channel and message.payload.get("nonce") == body.get("nonce"):
                return message
        return None

    def edit(
        self, message: Message, body: Json, uploads: list[Upload], at: tuple[str | int, ...] = ()
    ) -> Message:
        """Check and make an edit: keys that are not given stay as they are."""
        old = message.payload
        asked = int(body.get("flags") or 0) & COMPONENTS_V2
        flags = (old["flags"] & ~LOADING) | asked
        merged = {key: body.get(key, old[key]) for key in ("content", "embeds", "components")}
        kept = old["attachments"]
        if isinstance(body.get("attachments"), list):
            wanted = {str(item.get("id")) for item in body["attachments"]}
            kept = [item for item in kept if item["id"] in wanted]
        check(merged, flags, uploads, kept=kept, at=at)
        message.payload = old | {
            "content": merged["content"] or "",
            "embeds": merged["embeds"] or [],
            "components": components.numbered(merged["components"] or []),
            "attachments": kept,
            "edited_timestamp": None if message.loading else datetime.now(UTC).isoformat(),
            "flags": flags,
        }
        self._attach(message, body, uploads)
        self._mention(message, body)
        message.revision += 1
        message.changed_at = time.monotonic()
        self._changed(message)
        return message

    def delete(self, message: Message) -> None:
        message.deleted = True
        self._changed(message)

    def _attach(self, message: Message, body: Json, uploads: list[Upload]) -> None:
        described = {str(item.get("id")): item for item in body.get("attachments") or []}
        # Those that are kept can be named, too.
        names: dict[str, str] = {a["filename"]: a["url"] for a in message.payload["attachments"]}
        for upload in uploads:
            attachment_id = self._ids.now()
            path = f"{message.channel.id}/{attachment_id}/{upload.filename}"
            url = names[upload.filename] = f"{self._media_base()}/attachments/{path}"
            item: Json = {
                "id": str(attachment_id),
                "filename": upload.filename,
                "size": len(upload.data),
                "url": url,
                "proxy_url": url,
                "content_type": upload.content_type,
            }
            description = described.get(str(upload.index), {}).get("description")
            if description:
                item["description"] = description
            if message.ephemeral:
                item["ephemeral"] = True
            message.payload["attachments"] = [*message.payload["attachments"], item]
            self.media[attachment_id] = upload.data
        for component in components.walk(message.payload["components"]):
            for media in _media(component):
                name = str(media.get("url", "")).removeprefix("attachment://")
                if name in names and media["url"].startswith("attachment://"):
                    media |= {"url": names[name], "proxy_url": names[name], "loading_state": 2}

    def _mention(self, message: Message, body: Json) -> None:
        """Who is pinged: whoever the text names and ``allowed_mentions`` lets be pinged."""
        allowed = body.get("allowed_mentions")
        parse = ["users"] if allowed is None else allowed.get("parse") or []
        chosen = {str(i) for i in (allowed or {}).get("users") or []}
        found = dict.fromkeys(re.findall(r"<@!?(\d+)>", all_text(message.payload)))
        pinged = [i for i in found if "users" in parse or i in chosen]
        known = [self._users[int(i)] for i in pinged if int(i) in self._users]
        message.payload["mentions"] = [payloads.user(user) for user in known]
        roles = {str(i) for i in (allowed or {}).get("roles") or []}
        named = dict.fromkeys(re.findall(r"<@&(\d+)>", all_text(message.payload)))
        message.payload["mention_roles"] = [i for i in named if "roles" in parse or i in roles]


def _media(component: Json) -> list[Json]:
    items = [item.get("media") for item in component.get("items") or []]
    return [
        m for m in (*items, component.get("media"), component.get("file")) if isinstance(m, dict)
    ]


def all_text(payload: Json) -> str:
    """All text of a message in which a mention counts."""
    texts = [c.get("content") or "" for c in components.walk(payload["components"])]
    return "\n".join([payload["content"], *texts])


def check(
    body: Json, flags: int, uploads: list[Upload], *, kept: list[Json], at: tuple[str | int, ...]
) -> None:
    """Raise 50035 or 50006 unless Discord would take this message."""
    form = Form()
    v2 = bool(flags & COMPONENTS_V2)
    content, embeds = body.get("content"), body.get("embeds") or []
    if v2:
        for key, value in (("content", content), ("embeds", embeds), ("poll", body.get("poll"))):
            if value:
                message = "The 'MESSAGE_IS_COMPONENTS_V2' flag cannot be used with this field"
                form.wrong(
                    (*at, key), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message
                )
    else:
        form.text((*at, "content"), content, MOST_CONTENT, needed=False)
        form.count((*at, "embeds"), len(embeds), 0, MOST_EMBEDS)
    if len(str(body.get("nonce") or "")) > MOST_NONCE:
        form.wrong(
            (*at, "nonce"), "NONCE_TYPE_TOO_LONG", f"Must be {MOST_NONCE} or fewer in length."
        )
    names = {upload.filename for upload in uploads} | {item["filename"] for item in kept}
    listed = body.get("components") or []
    if listed or v2:
        components.check_message(form, (*at, "components"), listed, v2=v2, files=names)
    if sum(len(upload.data) for upload in uploads) > payloads.ATTACHMENT_LIMIT:
        raise ApiError(413, 40005, "Request entity too large")
    form.check()
    if not (content or embeds or listed or uploads or kept or body.get("sticker_ids")):
        raise ApiError(400, 50006, "Cannot send an empty message")
