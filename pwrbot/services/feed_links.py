"""The links in what a member typed."""

from __future__ import annotations

import re
from typing import Final

from pwrbot.errors import PwrbotError

MOST_LINKS: Final = 10
"""How many links one command takes; more come by a file."""


class NoLinks(PwrbotError):
    """There is no link in that: give the address of a site or a feed, such as example.org/news."""


class TooManyLinks(PwrbotError):
    """That is more than 10 links: take them in turns, or put them into an OPML file and use
    /feed import."""


def split_links(text: str) -> list[str]:
    """Up to ten links, each once, in the order they were typed.

    They may be separated by white space, by commas before white space or a new link, or both; a
    comma inside of a link belongs to it. Raises NoLinks, TooManyLinks.
    """
    parts = (part.strip(",;") for part in _BETWEEN.split(text))
    links = list(dict.fromkeys(part for part in parts if part))
    if not links:
        raise NoLinks
    if len(links) > MOST_LINKS:
        raise TooManyLinks
    return links


_BETWEEN: Final = re.compile(
    # After a comma: the next scheme, or something that looks like a host.
    r"\s+|[,;](?=\s|$|<?[a-z][a-z0-9+.-]*://|<?[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/:,;?\s>]|$))",
    re.IGNORECASE,
)
