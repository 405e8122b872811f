"""Bytes of a document as text, whatever its labels say."""

from __future__ import annotations

import codecs
import re
from typing import Final


def decode(body: bytes, http_charset: str | None) -> str:
    """The text of a document: never fails, bytes that fit nothing become U+FFFD.

    Labels lie more often than bytes do: a byte order mark counts first; bytes that are UTF-8 (which
    other text beyond ASCII hardly ever is by chance) next; then what the document says of itself,
    and last what the host says, which is often just the server's default.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for start, name in _WIDE:
        if body.startswith(start):
            return body.decode(name, "replace")
    declared = _DECLARED.search(body[:1024])
    labels = [_codec(declared[1].decode("ascii")) if declared else None, _codec(http_charset)]
    if b"\x1b$" in body or b"\x1b(" in body:  # ISO 2022 is ASCII to look at
        for label in labels:
            if label is not None and label.startswith("iso2022"):
                return body.decode(label, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    fitting = [label for label in labels if label not in (None, "utf-8")]
    for label in fitting:
        try:
            return body.decode(label or "")
        except UnicodeDecodeError:
            continue
    if fitting:
        return body.decode(fitting[0] or "", "replace")
    # Said to be UTF-8, or nothing: a few broken bytes, or the old Western default in disguise.
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    high = sum(1 for character in text if character > "\x7f")
    return text if broken * 2 < high else body.decode("cp1252", "replace")


def _codec(label: str | None) -> str | None:
    """Python's name of a text encoding, None if it knows none; web browsers' reading of labels."""
    if label is None:
        return None
    try:
        found = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    if not getattr(found, "_is_text_encoding", True) or found.name in _NEVER:
        return None
    return _READ_AS.get(found.name, found.name)


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE: Final = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"), (b"{\0", "utf-16-le"))
_DECLARED: Final = re.compile(
    rb"<(?:\?xml|meta)[^>]{0,200}?(?:encoding|charset)\s*=\s*[\"']?([\w.:-]+)"
)
# Not text as anybody meant it, or a way to hide markup.
_NEVER: Final = frozenset(
    {"utf-7", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}
)
# https://encoding.spec.whatwg.org/#names-and-labels
_READ_AS: Final = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    # The bytes were neither: a document that could be read thus far is not wide.
    "utf-16": "utf-8",
    "utf-32": "utf-8",
}
