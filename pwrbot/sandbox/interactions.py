"""Interactions: each is answered once, within three seconds, then edited and followed up.

https://discord.com/developers/docs/interactions/receiving-and-responding
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pwrbot.sandbox import components
from pwrbot.sandbox.errors import ApiError, Form, not_found
from pwrbot.sandbox.guild import Guild
from pwrbot.sandbox.messages import EPHEMERAL, Message, Messages, Upload
from pwrbot.sandbox.model import Channel, Member, User

Json = dict[str, Any]

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE_MESSAGE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9

ANSWER_WITHIN = 3.0
"""Seconds Discord waits for the first answer."""
TOKEN_LIVES = 15 * 60.0
"""Seconds in which an interaction can be followed up."""


@dataclass(eq=False)
class Interaction:
    """Something a member did that the bot is to answer. Times are of ``time.monotonic``."""

    id: int
    kind: int
    user: User
    member: Member | None
    guild: Guild | None
    channel: Channel
    name: str
    source: Message | None = None
    """The message whose component was used."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    sent_at: float = field(default_factory=time.monotonic)
    answered_at: float | None = None
    answer: int | None = None
    """The type of the first answer."""
    original: Message | None = None
    """What ``@original`` stands for."""
    created: list[Message] = field(default_factory=list)
    """The follow-up messages."""
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None

    @property
    def answered_after(self) -> float:
        """Seconds from sending it to its first answer."""
        return (self.answered_at or time.monotonic()) - self.sent_at


_ALLOWED = {
    COMMAND: {MESSAGE, DEFERRED_MESSAGE, MODAL},
    COMPONENT: {MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE_MESSAGE, MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL_SUBMIT: {MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE_MESSAGE},
}


class Interactions:
    """All interactions, and what the bot may do with each."""

    def __init__(self, messages: Messages, changed: Callable[[], None]) -> None:
        self._messages = messages
        self._changed = changed
        self._by_token: dict[str, Interaction] = {}

    def add(self, interaction: Interaction) -> None:
        self._by_token[interaction.token] = interaction

    def respond(
        self, interaction_id: int, token: str, body: Json, uploads: list[Upload]
    ) -> tuple[Interaction, Json]:
        """The first answer: what to give back when it was asked ``with_response``.

        Raises 10062 for an unknown or late one, 40060 for a second answer, 50035 for a bad one.
        """
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise not_found("interaction", 10062)
        if interaction.answer is not None:
            raise ApiError(400, 40060, "Interaction has already been acknowledged.")
        if time.monotonic() - interaction.sent_at > ANSWER_WITHIN:
            raise not_found("interaction", 10062)
        kind = body.get("type")
        if kind not in _ALLOWED[interaction.kind] or (
            kind in (DEFERRED_UPDATE, UPDATE_MESSAGE) and interaction.source is None
        ):
            form = Form()
            form.wrong(("type",), "BASE_TYPE_CHOICES", "This response type is not allowed here.")
            form.check()
        assert isinstance(kind, int)  # _ALLOWED holds nothing else.
        self._act(interaction, kind, body.get("data") or {}, uploads)
        interaction.answer = kind
        interaction.answered_at = time.monotonic()
        self._changed()
        return interaction, self._response(interaction, kind)

    def _act(self, interaction: Interaction, kind: int, data: Json, uploads: list[Upload]) -> None:
        if kind in (MESSAGE, DEFERRED_MESSAGE):
            loading = kind == DEFERRED_MESSAGE
            interaction.original = self._create(interaction, data, uploads, loading, at=("data",))
        elif kind == DEFERRED_UPDATE:
            interaction.original = interaction.source
        elif kind == UPDATE_MESSAGE and interaction.source is not None:
            self._messages.edit(interaction.source, data, uploads, at=("data",))
            interaction.original = interaction.source
        elif kind == CHOICES:
            choices = data.get("choices") or []
            form = Form()
            form.count(("data", "choices"), len(choices), 0, 25)
            for index, choice in enumerate(choices):
                form.text(("data", "choices", index, "name"), choice.get("name"), 100)
            form.check()
            interaction.choices = choices
        elif kind == MODAL:
            form = Form()
            components.check_modal(form, ("data",), data)
            form.check()
            interaction.modal = data

    def _create(
        self,
        interaction: Interaction,
        data: Json,
        uploads: list[Upload],
        loading: bool = False,
        at: tuple[str | int, ...] = (),
    ) -> Message:
        metadata: Json = {
            "id": str(interaction.id),
            "type": interaction.kind,
            "name": interaction.name,
            "user": {
                "id": str(interaction.user.id),
                "username": interaction.user.name,
                "discriminator": "0",
                "avatar": None,
                "global_name": interaction.user.global_name,
            },
            "authorizing_integration_owners": {
                "0": str(interaction.guild.id) if interaction.guild else "0"
            },
        }
        return self._messages.create(
            interaction.channel,
            data,
            uploads,
            webhook=True,
            loading=loading,
            extra={"interaction_metadata": metadata},
            at=at,
        )

    @staticmethod
    def _response(interaction: Interaction, kind: int) -> Json:
        facts: Json = {"id": str(interaction.id), "type": interaction.kind}
        answer: Json = {"interaction": facts}
        message = interaction.original
        if message is not None:
            facts |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.loading,
                "response_message_ephemeral": message.ephemeral,
            }
            if kind != DEFERRED_UPDATE:
                answer["resource"] = {"type": kind, "message": message.payload}
        return answer

    # The webhook of an interaction

    def _open(self, token: str) -> Interaction:
        interaction = self._by_token.get(token)
        if interaction is None or interaction.answer is None:
            raise not_found("Webhook", 10015)
        if time.monotonic() - interaction.sent_at > TOKEN_LIVES:
            raise ApiError(401, 50027, "Invalid Webhook Token")
        return interaction

    def follow_up(self, token: str, body: Json, uploads: list[Upload]) -> Message:
        """A further message; the first one after "thinking" fills that message instead, and its
        wish to be ephemeral has no effect."""
        interaction = self._open(token)
        original = interaction.original
        if original is not None and original.loading and not original.deleted:
            body = body | {"flags": int(body.get("flags") or 0) & ~EPHEMERAL}
            return self._messages.edit(original, body, uploads)
        message = self._create(interaction, body, uploads)
        interaction.created.append(message)
        self._changed()
        return message

    def message(self, token: str, which: str) -> Message:
        """``@original`` or one of the follow-ups by its id. Raises 10008."""
        interaction = self._open(token)
        mine = [m for m in (interaction.original, *interaction.created) if m is not None]
        for message in mine:
            wanted = which == "@original" and message is interaction.original
            if (wanted or which == str(message.id)) and not message.deleted:
                return message
        raise not_found("Message", 10008)

    def edit(self, token: str, which: str, body: Json, uploads: list[Upload]) -> Message:
        return self._messages.edit(self.message(token, which), body, uploads)

    def delete(self, token: str, which: str) -> None:
        self._messages.delete(self.message(token, which))
