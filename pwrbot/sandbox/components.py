"""Discord's rules for the components of a message, answered as its 50035 errors.

https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from pwrbot.sandbox.errors import Form

Json = dict[str, Any]
Path = tuple[str | int, ...]

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 5, 6, 7, 8
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR = 9, 10, 11, 12, 13, 14
CONTAINER, LABEL = 17, 18
SELECTS = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)

IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
TOP_LEVEL = (*IN_CONTAINER, CONTAINER)

MOST_COMPONENTS = 40
MOST_TEXT = 4000
LINK_STYLE, PREMIUM_STYLE = 5, 6


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component, outer before inner, top to bottom."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for key in ("accessory", "component"):
            if isinstance(component.get(key), dict):
                yield from walk([component[key]])


def numbered(components: list[Json]) -> list[Json]:
    """A copy in which every component has an id, as Discord hands them out."""
    result = copy.deepcopy(components)
    taken = {component["id"] for component in walk(result) if component.get("id")}
    free = (number for number in range(1, 1_000) if number not in taken)
    for component in walk(result):
        if not component.get("id"):
            component["id"] = next(free)
    return result


def check_message(form: Form, at: Path, components: object, *, v2: bool, files: set[str]) -> None:
    """Note what is wrong with a message's components; ``files``: the names of its attachments."""
    if not isinstance(components, list):
        form.wrong(at, "BASE_TYPE_BAD_TYPE", "Only a list is allowed here")
        return
    every = list(walk(components))
    if v2:
        if not components:
            form.wrong(at, "BASE_TYPE_REQUIRED", "This field is required")
        if len(every) > MOST_COMPONENTS:
            message = f"The total number of components may not exceed {MOST_COMPONENTS}"
            form.wrong(at, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
        length = sum(len(c.get("content") or "") for c in every if c.get("type") == TEXT)
        if length > MOST_TEXT:
            message = f"The total text of all components may not exceed {MOST_TEXT} characters"
            form.wrong(at, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)
    else:
        form.count(at, len(components), 0, 5)
    allowed = TOP_LEVEL if v2 else (ROW,)
    for index, component in enumerate(components):
        _check(form, (*at, index), component, allowed, files)
    _check_unique(form, at, every)


def _check_unique(form: Form, at: Path, every: list[Json]) -> None:
    for key, code in (
        ("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"),
        ("id", "COMPONENT_ID_DUPLICATED"),
    ):
        given = [component[key] for component in every if component.get(key)]
        if len(given) != len(set(given)):
            form.wrong(at, code, f"Component {key} cannot be duplicated")


def _check(
    form: Form, at: Path, component: Json, allowed: tuple[int, ...], files: set[str]
) -> None:
    kind = component.get("type")
    if kind not in allowed:
        options = ", ".join(map(str, allowed))
        form.wrong((*at, "type"), "UNION_TYPE_CHOICES", f"Value must be one of ({options}).")
        return
    children = component.get("components") or []
    inner = (*at, "components")
    if kind == ROW:
        selects = [child for child in children if child.get("type") in SELECTS]
        form.count(inner, len(children), 1, 1 if selects else 5)
        for index, child in enumerate(children):
            _check(form, (*inner, index), child, (BUTTON, *SELECTS), files)
    elif kind == CONTAINER:
        form.count(inner, len(children), 1, MOST_COMPONENTS)
        for index, child in enumerate(children):
            _check(form, (*inner, index), child, IN_CONTAINER, files)
    elif kind == SECTION:
        form.count(inner, len(children), 1, 3)
        for index, child in enumerate(children):
            _check(form, (*inner, index), child, (TEXT,), files)
        accessory = component.get("accessory") or {}
        _check(form, (*at, "accessory"), accessory, (BUTTON, THUMBNAIL), files)
    else:
        _check_leaf(form, at, component, files)


def _check_leaf(form: Form, at: Path, component: Json, files: set[str]) -> None:
    kind = component["type"]
    if kind == TEXT:
        form.text((*at, "content"), component.get("content"), MOST_TEXT)
    elif kind == BUTTON:
        _check_button(form, at, component)
    elif kind in SELECTS:
        _check_select(form, at, component)
    elif kind == GALLERY:
        items = component.get("items") or []
        form.count((*at, "items"), len(items), 1, 10)
        for index, item in enumerate(items):
            _check_media(form, (*at, "items", index, "media"), item.get("media"), files)
    elif kind == THUMBNAIL:
        _check_media(form, (*at, "media"), component.get("media"), files)
    elif kind == FILE:
        _check_media(form, (*at, "file"), component.get("file"), files, attached=True)
    elif kind == SEPARATOR and component.get("spacing", 1) not in (1, 2):
        form.wrong((*at, "spacing"), "BASE_TYPE_CHOICES", "Value must be one of (1, 2).")


def _check_button(form: Form, at: Path, button: Json) -> None:
    style = button.get("style")
    if style not in range(1, 7):
        form.wrong((*at, "style"), "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6).")
        return
    form.text((*at, "label"), button.get("label"), 80, needed=False)
    if style == LINK_STYLE:
        form.text((*at, "url"), button.get("url"), 512)
    elif style != PREMIUM_STYLE:
        form.text((*at, "custom_id"), button.get("custom_id"), 100)
    if style != PREMIUM_STYLE and not button.get("label") and not button.get("emoji"):
        message = "A button must have a label or an emoji"
        form.wrong(at, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message)


def _check_select(form: Form, at: Path, select: Json) -> None:
    form.text((*at, "custom_id"), select.get("custom_id"), 100)
    form.text((*at, "placeholder"), select.get("placeholder"), 150, needed=False)
    if select["type"] != STRING_SELECT:
        return
    options = select.get("options") or []
    form.count((*at, "options"), len(options), 1, 25)
    for index, option in enumerate(options):
        place = (*at, "options", index)
        form.text((*place, "label"), option.get("label"), 100)
        form.text((*place, "value"), option.get("value"), 100)
        form.text((*place, "description"), option.get("description"), 100, needed=False)
    values = [option.get("value") for option in options]
    if len(set(values)) != len(values):
        message = "The specified option value is already used"
        form.wrong((*at, "options"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)


def _check_media(
    form: Form, at: Path, media: object, files: set[str], *, attached: bool = False
) -> None:
    url = media.get("url") if isinstance(media, dict) else None
    if not isinstance(url, str):
        form.wrong((*at, "url"), "BASE_TYPE_REQUIRED", "This field is required")
    elif url.startswith("attachment://"):
        if url.removeprefix("attachment://") not in files:
            message = "The referenced attachment was not uploaded"
            form.wrong((*at, "url"), "UNKNOWN_ATTACHMENT", message)
    elif attached or not url.startswith(("http://", "https://")):
        form.wrong((*at, "url"), "URL_TYPE_INVALID_SCHEME", "Not a supported media address")


def check_modal(form: Form, at: Path, data: Json) -> None:
    """Note what is wrong with a modal."""
    form.text((*at, "custom_id"), data.get("custom_id"), 100)
    form.text((*at, "title"), data.get("title"), 45)
    components = data.get("components") or []
    form.count((*at, "components"), len(components), 1, 5)
    for index, component in enumerate(components):
        if component.get("type") not in (ROW, TEXT, LABEL):
            place = (*at, "components", index, "type")
            form.wrong(place, "UNION_TYPE_CHOICES", "Value must be one of (1, 10, 18).")
