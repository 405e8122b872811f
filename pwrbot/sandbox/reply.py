"""What a member sees of the bot's answer, and what the member can do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pwrbot.sandbox import components as kinds
from pwrbot.sandbox.errors import NoAnswer, NotOffered, NotSeen
from pwrbot.sandbox.interactions import (
    ANSWER_WITHIN,
    DEFERRED_MESSAGE,
    DEFERRED_UPDATE,
    Interaction,
)
from pwrbot.sandbox.messages import Message
from pwrbot.sandbox.model import Channel, Member, Role, User
from pwrbot.sandbox.render import label, render

if TYPE_CHECKING:
    from pwrbot.sandbox.sandbox import Sandbox

Json = dict[str, Any]


class Reply:
    """The answer to one interaction; it shows the message as it is now, edits included."""

    def __init__(self, sandbox: Sandbox, interaction: Interaction, message: Message | None) -> None:
        self._sandbox = sandbox
        self.interaction = interaction
        self._message = message

    @property
    def message(self) -> Json:
        """The message's payload as it is now. Raises NoAnswer for an answer without a message."""
        return self._shown().payload

    @property
    def ephemeral(self) -> bool:
        """Whether only whoever asked can see it."""
        return self._message is not None and self._message.ephemeral

    @property
    def deleted(self) -> bool:
        return self._message is not None and self._message.deleted

    @property
    def text(self) -> str:
        """The message as plain text, the way a member sees it."""
        return render(self.message, self._names)

    @property
    def modal(self) -> Json | None:
        """The form the bot opened instead of a message."""
        return self.interaction.modal

    @property
    def answered_after(self) -> float:
        """Seconds from the interaction to the bot's first answer."""
        return self.interaction.answered_after

    @property
    def follow_ups(self) -> list[Reply]:
        """Further messages the bot sent to this interaction."""
        made = (message for message in self.interaction.created if message is not self._message)
        return [Reply(self._sandbox, self.interaction, message) for message in made]

    @property
    def files(self) -> dict[str, bytes]:
        """The attached files by name."""
        media = self._sandbox.messages.media
        return {a["filename"]: media[int(a["id"])] for a in self.message["attachments"]}

    @property
    def controls(self) -> list[Json]:
        """The buttons and selects, top to bottom."""
        wanted = (kinds.BUTTON, *kinds.SELECTS)
        return [c for c in kinds.walk(self.message["components"]) if c["type"] in wanted]

    def shows(self, message: Message) -> bool:
        return self._message is message

    async def until(self, seen: Callable[[Reply], bool], *, within: float = 10.0) -> Reply:
        """Wait until this reply looks as ``seen`` says. Raises NotSeen."""
        await self._sandbox.until(lambda: seen(self), within=within)
        return self

    async def press(
        self, button: str, *, by: Member | User | None = None, force: bool = False
    ) -> Reply:
        """Press a button, named by its label, emoji or custom id.

        Returns once the bot has updated this message (this reply shows it) or sent another one.
        Raises NotOffered for a button that is not there or is off (``force`` presses it all the
        same), NoAnswer when the bot does nothing.
        """
        control = self._control(button, (kinds.BUTTON,))
        return await self._use(control, {}, by, force)

    async def choose(
        self,
        select: str,
        *values: str | Member | User | Channel | Role,
        by: Member | User | None = None,
        force: bool = False,
    ) -> Reply:
        """Choose in a select, named by its placeholder or custom id ("" for the only one)."""
        control = self._control(select, kinds.SELECTS)
        filling = self._sandbox.filling(self.interaction.guild)
        chosen = [
            self._value(control, value) if isinstance(value, str) else filling.resolve(value)
            for value in values
        ]
        data: Json = {"values": chosen}
        if filling.resolved:
            data["resolved"] = filling.resolved
        return await self._use(control, data, by, force)

    async def submit(
        self, values: dict[str, str], *, by: Member | User | None = None, force: bool = False
    ) -> Reply:
        """Send the form the bot opened, its fields named by label or custom id."""
        if self.modal is None:
            raise NotOffered("The bot opened no form.")
        sent = [_filled(component, values) for component in self.modal["components"]]
        data = {"custom_id": self.modal["custom_id"], "components": sent}
        await self._sandbox.reaction(self.interaction.answered_at or 0.0)
        return await self._sandbox.submit(self.interaction, data, by, force=force)

    def _shown(self) -> Message:
        if self._message is None:
            raise NoAnswer("The bot's answer was no message.")
        return self._message

    def _names(self, sign: str, item_id: int) -> str:
        return self._sandbox.name(sign, item_id, self.interaction.guild)

    def _control(self, name: str, types: tuple[int, ...]) -> Json:
        of_type = [control for control in self.controls if control["type"] in types]
        for control in of_type:
            names = (control.get("custom_id"), control.get("placeholder"), control.get("label"))
            if name.lower() in [str(n).lower() for n in (*names, label(control)) if n]:
                return control
        emoji = [c for c in of_type if (c.get("emoji") or {}).get("name") == name]
        if emoji or (not name and len(of_type) == 1):
            return (emoji or of_type)[0]
        there = ", ".join(c.get("label") or c.get("placeholder") or "?" for c in of_type)
        raise NotOffered(f"There is no {name!r} to use; there is: {there or 'nothing'}.")

    @staticmethod
    def _value(control: Json, value: str) -> str:
        for option in control.get("options") or []:
            if value in (option["value"], option["label"]):
                return option["value"]
        raise NotOffered(f"There is no option {value!r} to choose.")

    async def _use(self, control: Json, data: Json, by: Member | User | None, force: bool) -> Reply:
        message = self._shown()
        if control.get("disabled") and not force:
            raise NotOffered(f"{label(control) or 'The control'!r} is off.")
        if message.deleted:
            raise NotOffered("The message is gone.")
        if message.ephemeral and by is not None and by.id != self.interaction.user.id:
            raise NotOffered("Nobody else can see an ephemeral message.")
        body = {
            "component_type": control["type"],
            "custom_id": control["custom_id"],
            "id": control["id"],
            **data,
        }
        return await self._sandbox.use(self, message, body, by)


def _filled(component: Json, values: dict[str, str]) -> Json:
    if component["type"] == kinds.ROW:
        fields = component["components"]
        return {
            "type": kinds.ROW,
            "components": [_field(f, f.get("label"), values) for f in fields],
        }
    if component["type"] == kinds.LABEL:
        field = _field(component["component"], component.get("label"), values)
        return {"type": kinds.LABEL, "id": component.get("id", 0), "component": field}
    return component


def _field(field: Json, name: str | None, values: dict[str, str]) -> Json:
    value = values.get(field["custom_id"], values.get(name or "", field.get("value") or ""))
    body = {"type": field["type"], "custom_id": field["custom_id"], "id": field.get("id", 0)}
    return body | ({"values": [value]} if field["type"] in kinds.SELECTS else {"value": value})


async def settled(sandbox: Sandbox, interaction: Interaction, within: float) -> Message | None:
    """Wait for the answer and for what it defers; the message that came of it, if one did.

    A bot that takes "thinking" back has answered once it sent what it says instead.

    Raises NoAnswer when there is no answer in three seconds, or none of what was deferred in
    ``within`` seconds.
    """
    source, before = interaction.source, interaction.source and interaction.source.revision

    def done() -> Message | bool:
        original = interaction.original
        if interaction.answer == DEFERRED_UPDATE:
            if source is not None and (source.revision != before or source.deleted):
                return source
            return interaction.created[0] if interaction.created else False
        if interaction.answer == DEFERRED_MESSAGE and original is not None:
            if original.deleted:  # what takes the place of "thinking" comes with a call of its own
                return original if interaction.created else False
            return False if original.loading else original
        return interaction.answer is not None

    try:
        await sandbox.until(lambda: interaction.answer is not None, within=ANSWER_WITHIN)
    except NotSeen:
        raise NoAnswer(f"The bot did not answer {interaction.name!r}.") from None
    try:
        await sandbox.until(lambda: bool(done()), within=within)
    except NotSeen:
        raise NoAnswer(f"The bot deferred {interaction.name!r} and did no more.") from None
    result = done()
    return result if isinstance(result, Message) else interaction.original
