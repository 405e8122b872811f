"""The sources: each fits the protocol, and is picked up from its file."""

from __future__ import annotations

import pkgutil
from datetime import UTC, datetime

import pytest

from pwrbot.clock import ManualClock
from pwrbot.errors import ConfigError
from pwrbot.feeds import sources
from pwrbot.feeds.errors import LinkNotSupported
from pwrbot.feeds.feeds import Feeds
from pwrbot.feeds.source import Sources


def test_every_file_is_a_source() -> None:
    platforms = [source.platform_id for source in Sources()]

    assert (
        len(platforms) == len(set(platforms)) == len(list(pkgutil.iter_modules(sources.__path__)))
    )
    assert platforms[-1] == "feed"


@pytest.mark.parametrize("source", list(Sources()), ids=lambda source: source.platform_id)
def test_its_example_is_its_own(source: object) -> None:
    example = getattr(source, "example")  # noqa: B009

    found, url = Sources().of_link(example)

    assert type(found) is type(source)
    assert found.normalise(url) == url


def test_another_endpoint() -> None:
    found = Sources({"anilist": "http://127.0.0.1:1/x/"}).of_platform("anilist")

    assert found.base == "http://127.0.0.1:1/x"


def test_an_endpoint_of_nobody() -> None:
    with pytest.raises(ConfigError, match="FEED_ENDPOINTS names nosuch; there are anilist, "):
        Sources({"nosuch": "http://127.0.0.1/"})


def test_a_platform_of_another_version() -> None:
    with pytest.raises(LinkNotSupported):
        Sources().of_platform("nosuch")


async def test_closing_feeds_that_were_never_used() -> None:
    async with Feeds(ManualClock(datetime(2030, 1, 1, tzinfo=UTC))):
        pass
