"""A message as plain text, the way a member sees it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pwrbot.sandbox import components as kinds
from pwrbot.sandbox.messages import LOADING

Json = dict[str, Any]
Names = Callable[[str, int], str]
"""Gives the name behind a mention: ``names("@", user_id)``, ``"#"`` a channel, ``"@&"`` a role."""

RULE = "─" * 24


def render(payload: Json, names: Names) -> str:
    """The text of a message: mentions as names, times in UTC, buttons as ``[Label]``.

    A control that cannot be used reads ``[Label (off)]``; a select lists its options, the chosen
    ones starred.
    """
    if payload["flags"] & LOADING:
        return "(thinking…)"
    lines = [plain(payload["content"], names)] if payload["content"] else []
    for embed in payload["embeds"]:
        lines += _embed(embed, names)
    for component in payload["components"]:
        lines += _component(component, names)
    shown = {m.get("url") for c in kinds.walk(payload["components"]) for m in _files(c)}
    lines += [f"(file: {a['filename']})" for a in payload["attachments"] if a["url"] not in shown]
    return "\n".join(lines)


def _files(component: Json) -> list[Json]:
    items = [item["media"] for item in component.get("items") or []]
    return [m for m in (*items, component.get("media"), component.get("file")) if m]


def _embed(embed: Json, names: Names) -> Iterator[str]:
    for key in ("title", "description"):
        if embed.get(key):
            yield plain(embed[key], names)
    for field in embed.get("fields") or []:
        yield f"{plain(field['name'], names)}: {plain(field['value'], names)}"
    if embed.get("footer"):
        yield embed["footer"]["text"]


def _component(component: Json, names: Names) -> Iterator[str]:
    kind = component["type"]
    if kind == kinds.CONTAINER:
        for child in component["components"]:
            yield from _component(child, names)
    elif kind == kinds.ROW:
        yield " ".join(
            line for child in component["components"] for line in _component(child, names)
        )
    elif kind == kinds.SECTION:
        yield from (line for child in component["components"] for line in _component(child, names))
        yield from _component(component["accessory"], names)
    elif kind == kinds.TEXT:
        yield plain(component["content"], names)
    elif kind == kinds.SEPARATOR:
        yield RULE if component.get("divider", True) else ""
    elif kind == kinds.BUTTON:
        yield f"[{label(component)}{' (off)' if component.get('disabled') else ''}]"
    elif kind in kinds.SELECTS:
        yield _select(component)
    elif kind == kinds.GALLERY:
        for item in component["items"]:
            yield f"(picture: {item.get('description') or _last(item['media'])})"
    elif kind == kinds.THUMBNAIL:
        yield f"(picture: {component.get('description') or _last(component['media'])})"
    elif kind == kinds.FILE:
        yield f"(file: {_last(component['file'])})"


def _last(media: Json) -> str:
    return str(media["url"]).rsplit("/", 1)[-1]


def label(button: Json) -> str:
    """What is written on a button."""
    emoji = (button.get("emoji") or {}).get("name") or ""
    return " ".join(part for part in (emoji, button.get("label") or "") if part)


def _select(select: Json) -> str:
    head = select.get("placeholder") or "Make a selection"
    options = [
        f"*{option['label']}" if option.get("default") else option["label"]
        for option in select.get("options") or []
    ]
    off = " (off)" if select.get("disabled") else ""
    return f"[{head}{off}: {' | '.join(options)}]" if options else f"[{head}{off}]"


# Markdown

_TOKEN = re.compile(
    r"```(?:\w*\n)?(?P<fence>.*?)```|`(?P<code>[^`]+)`|\\(?P<escaped>[^A-Za-z0-9\s])"
    r"|<@&(?P<role>\d+)>|<@!?(?P<user>\d+)>|<#(?P<channel>\d+)>|<a?:(?P<emoji>\w+):\d+>"
    r"|<t:(?P<time>-?\d+)(?::(?P<style>[tTdDfFsSR]))?>|</(?P<command>[^:>]+):\d+>"
    r"|\[(?P<link>(?:\\.|[^\]\\])+)\]\(<?(?P<url>https?://[^)>]+)>?\)",
    re.DOTALL,
)
_EMPHASIS = re.compile(r"\*{1,3}(?=\S)(.+?)(?<=\S)\*{1,3}|__(.+?)__|~~(.+?)~~|\|\|(.+?)\|\|")
_ITALIC = re.compile(r"(?<!\w)_(?=\S)([^_]+)(?<=\S)_(?!\w)")
_PREFIX = re.compile(r"^(?:#{1,3} |-# |>>> |> )", re.MULTILINE)


def plain(text: str, names: Names) -> str:
    """Markdown without its marks, mentions and times as a member reads them."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(_read(match, names))
        return f"\0{len(held) - 1}\0"

    text = _PREFIX.sub("", _TOKEN.sub(hold, text))
    for _ in range(2):  # Bold around italics.
        text = _EMPHASIS.sub(lambda m: next(g for g in m.groups() if g is not None), text)
    text = _ITALIC.sub(r"\1", text)
    return re.sub(r"\0(\d+)\0", lambda m: held[int(m[1])], text)


def _read(match: re.Match[str], names: Names) -> str:
    found = {key: value for key, value in match.groupdict().items() if value is not None}
    if "fence" in found:
        return found["fence"].strip("\n")
    for key, sign in (("user", "@"), ("role", "@&"), ("channel", "#")):
        if key in found:
            return sign[0] + names(sign, int(found[key]))
    if "time" in found:
        return moment(int(found["time"]), found.get("style", "f"))
    if "emoji" in found:
        return f":{found['emoji']}:"
    if "command" in found:
        return f"/{found['command']}"
    if "link" in found:
        return f"{plain(found['link'], names)} ({found['url']})"
    return found.get("code") or found.get("escaped") or ""


_STYLES = {
    "t": "%H:%M",
    "T": "%H:%M:%S",
    "d": "%d/%m/%Y",
    "D": "%d %B %Y",
    "f": "%d %B %Y %H:%M",
    "F": "%A, %d %B %Y %H:%M",
    "s": "%d/%m/%Y, %H:%M",
    "S": "%d/%m/%Y, %H:%M:%S",
}
_UNITS = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("day", 86_400),
    ("hour", 3600),
    ("minute", 60),
)


def moment(seconds: int, style: str) -> str:
    """A ``<t:...>`` as Discord shows it to a reader in UTC."""
    if style != "R":
        return datetime.fromtimestamp(seconds, UTC).strftime(_STYLES[style])
    away = seconds - int(time.time())
    unit, size = next(((u, s) for u, s in _UNITS if abs(away) >= s), ("second", 1))
    number = abs(away) // size
    words = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"in {words}" if away > 0 else f"{words} ago"
