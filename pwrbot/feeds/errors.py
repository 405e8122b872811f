"""What can go wrong with a feed. Every message may be shown to a member: it quotes no page."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

from pwrbot.errors import PwrbotError


class FeedError(PwrbotError):
    """The feed could not be read. Try again later."""

    reason: str = "feed"
    """One word for logs and for the record of a feed's health."""


class LinkNotSupported(FeedError):
    """This is not a link that can be followed: give the full address, beginning with https://."""

    reason = "link"


class FeedNotFound(FeedError):
    """There is nothing at this address (any more): check the link in a browser."""

    reason = "not_found"


class AddressRefused(FeedError):
    """This address is not on the public internet, so it is not fetched: give a public link.
    Who runs the bot can allow hosts of their own with FEED_ALLOWED_HOSTS."""

    reason = "address"


Unreadable = Literal[
    "not_a_feed", "truncated", "too_large", "too_complex", "redirects", "forbidden", "api"
]


class FeedUnreadable(FeedError):
    """An answer came, and is of no use; ``reason`` says why."""

    _SAYS: ClassVar[dict[Unreadable, str]] = {
        "not_a_feed": "There is a page at this address, but no feed: look for a link called"
        " RSS, Atom or feed on the site, and give that.",
        "truncated": "The feed breaks off before its first item ends: try again later.",
        "too_large": "The feed is too large to be read: look for a shorter one on the site.",
        "too_complex": "The feed is built in a way no honest feed is, so it is not read:"
        " look for another feed on the site.",
        "redirects": "The address leads in circles: open it in a browser and give the address"
        " you end at.",
        "forbidden": "The site does not let the bot read this: it may need a sign-in,"
        " or not want bots. Look for a public feed on the site.",
        "api": "The site answered in a way the bot does not understand: try again later.",
    }

    def __init__(self, reason: Unreadable, message: str | None = None) -> None:
        super().__init__(message or self._SAYS[reason])
        self.reason: str = reason


Unreachable = Literal["dns", "refused", "timeout", "tls", "broken", "server_error"]


class HostUnreachable(FeedError):
    """No useful answer came; ``reason`` says how far it got."""

    _SAYS: ClassVar[dict[Unreachable, str]] = {
        "dns": "There is no host of that name: check the link for typing errors.",
        "refused": "The host cannot be reached: check the link, or try again later.",
        "timeout": "The host does not answer in time: try again later.",
        "tls": "The host's certificate is not valid, so nothing it says can be trusted:"
        " try again later, its owner has to renew it.",
        "broken": "The host's answer broke off: try again later.",
        "server_error": "The host has trouble of its own and answers with an error:"
        " try again later.",
    }

    def __init__(self, reason: Unreachable) -> None:
        super().__init__(self._SAYS[reason])
        self.reason: str = reason


class HostBusy(FeedError):
    """The host asks for fewer requests: try again in a few minutes."""

    reason = "busy"

    def __init__(self, retry_after: timedelta | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after
        """How long the host asks to be left alone; None where it does not say."""


class HostQueue(HostBusy):
    """This host is asked slowly, and others come first: try again in a few minutes."""

    reason = "queue"
