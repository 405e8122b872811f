"""Which way text runs: the implicit part of the Unicode Bidirectional Algorithm.

https://www.unicode.org/reports/tr9/ rules P2-P3, W1-W7, N0-N2, I1-I2, L1-L2. Explicit embeddings,
overrides and isolates (X1-X8) are not needed: names are drawn one by one, without such characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby

_STRONG = {"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}
"""What a neutral sees in its neighbours: numbers count as right-to-left (N1)."""


def base_level(text: str) -> int:
    """0 where the first strong character runs left to right, or where there is none; else 1."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return 0 if kind == "L" else 1
    return 0


def levels(text: str) -> list[int]:
    """The embedding level of each character: even runs left to right, odd right to left."""
    base = base_level(text)
    kinds = [unicodedata.bidirectional(character) or "L" for character in text]
    # What an explicit character could do is ruled out above: it counts as nothing.
    kinds = ["BN" if kind in _EXPLICIT else kind for kind in kinds]
    original = list(kinds)
    _weak(kinds, base)
    _brackets(text, kinds, base)
    _neutral(kinds, base)
    result = [_implicit(kind, base) for kind in kinds]
    _trailing(result, original, base)
    return result


def visual_order(levels: Sequence[int]) -> list[int]:
    """The indices of things with these levels from left to right (L2)."""
    order = list(range(len(levels)))
    for level in range(max(levels, default=0), 0, -1):
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = order[start:end][::-1]
            start = max(end, start + 1)
    return order


_EXPLICIT = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_BRACKETS = "()[]{}⟨⟩⟦⟧❨❩❪❫❬❭❮❯❰❱❲❳❴❵「」『』【】〈〉《》〔〕（）［］｛｝｢｣"  # noqa: RUF001 - meant
_CLOSES = dict(zip(_BRACKETS[::2], _BRACKETS[1::2], strict=True))
_NEUTRAL = {"B", "S", "WS", "ON", "BN"}


def _weak(kinds: list[str], base: int) -> None:
    edge = "R" if base else "L"
    before, strong = edge, edge
    for index, kind in enumerate(kinds):
        if kind == "NSM":  # W1
            kinds[index] = kind = before
        if kind == "EN" and strong == "AL":  # W2
            kinds[index] = "AN"
        if kind in ("L", "R", "AL"):
            strong = kind
        if kind != "BN":
            before = kind
    for index, kind in enumerate(kinds):  # W3
        if kind == "AL":
            kinds[index] = "R"
    for index in range(1, len(kinds) - 1):  # W4
        left, kind, right = kinds[index - 1 : index + 2]
        if left == right and (
            (kind in ("ES", "CS") and left == "EN") or (kind == "CS" and left == "AN")
        ):
            kinds[index] = left
    start = 0
    for kind, run in groupby(list(kinds)):  # W5
        end = start + len(list(run))
        beside = (kinds[start - 1 : start] or [""])[0], (kinds[end : end + 1] or [""])[0]
        if kind == "ET" and "EN" in beside:
            kinds[start:end] = ["EN"] * (end - start)
        start = end
    strong = edge
    for index, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):  # W6
            kinds[index] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":  # W7
            kinds[index] = "L"


def _brackets(text: str, kinds: list[str], base: int) -> None:
    """A pair of brackets runs the way of what is in it (N0)."""
    edge = "R" if base else "L"
    for opening, closing in _pairs(text, kinds):
        inside = {_STRONG[kind] for kind in kinds[opening + 1 : closing] if kind in _STRONG}
        if edge in inside:
            found = edge
        elif inside:
            strong = (kind for kind in reversed(kinds[:opening]) if kind in _STRONG)
            found = edge if _STRONG[next(strong, edge)] == edge else inside.pop()
        else:
            continue
        kinds[opening] = kinds[closing] = found


def _pairs(text: str, kinds: Sequence[str]) -> list[tuple[int, int]]:
    """Where brackets open and close, in the order they open."""
    pairs: list[tuple[int, int]] = []
    waiting: list[tuple[str, int]] = []
    for index, character in enumerate(text):
        if kinds[index] != "ON":
            continue
        if character in _CLOSES:
            waiting.append((_CLOSES[character], index))
        for depth in range(len(waiting) - 1, -1, -1):
            if waiting[depth][0] == character:
                pairs.append((waiting[depth][1], index))
                del waiting[depth:]
                break
    return sorted(pairs)


def _neutral(kinds: list[str], base: int) -> None:
    edge = "R" if base else "L"
    start = 0
    for neutral, run in groupby(list(kinds), lambda kind: kind in _NEUTRAL):
        end = start + len(list(run))
        if neutral:
            before = _STRONG[kinds[start - 1]] if start else edge
            after = _STRONG[kinds[end]] if end < len(kinds) else edge
            kinds[start:end] = [before if before == after else edge] * (end - start)
        start = end


def _implicit(kind: str, base: int) -> int:
    if base % 2 == 0:
        return base + {"L": 0, "R": 1}.get(kind, 2)
    return base + (0 if kind == "R" else 1)


def _trailing(levels: list[int], kinds: list[str], base: int) -> None:
    """White space at the end, or before a separator, goes back to the base level (L1)."""
    at_end = True
    for index in range(len(kinds) - 1, -1, -1):
        if kinds[index] in ("S", "B"):
            levels[index], at_end = base, True
        elif at_end and kinds[index] in ("WS", "BN"):
            levels[index] = base
        else:
            at_end = False
