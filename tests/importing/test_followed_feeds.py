"""What was imported of feeds goes on here: polled at once, told of from then on, in its channel."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pwrbot.entities import FeedSettings, FeedSubscription, Settings
from pwrbot.repository import Repository
from tests.importing.bringing import NOW, bring, make, numbers, stored
from tests.services.feed_scene import FeedScene, item
from tools import pwr_bot_database as made

GUILD, CHANNEL, OTHER = made.snowflake(1, 2), made.snowflake(1, 3), made.snowflake(2, 3)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A server and a member follow one feed, nobody the other."""

    def feed(number: int, name: str) -> tuple[object, ...]:
        url = f"https://mangadex.org/title/{name}"
        return number, name, None, "MangaDex", name, name, url, None, None

    return make(
        tmp_path / "source.db",
        8,
        {
            "feeds": [feed(1, "followed"), feed(2, "left")],
            "feed_items": [(1, 1, "1", made.rfc3339(NOW - timedelta(days=3)))],
            "subscribers": [(1, "guild", str(GUILD)), (2, "dm", "7")],
            "feed_subscriptions": [(1, 1, 1), (2, 1, 2)],
            "server_settings": [(GUILD, f'{{"feeds": {{"channel_id": "{CHANNEL}"}}}}')],
        },
    )


async def channels(url: str) -> list[int | None]:
    rows = (await stored(url))["feed_subscriptions"]
    return [one.channel_id for one in rows if isinstance(one, FeedSubscription)]


async def test_the_first_poll_announces_nothing_the_next_what_is_new(
    source: Path, migrated_url: str
) -> None:
    await bring(source, migrated_url)
    repository = await Repository.open(migrated_url)
    try:
        scene = FeedScene(repository)
        scene.clock.set(NOW)
        old = item("a", published_at=NOW - timedelta(days=3)), item("b"), item("c")
        scene.source.shows = {"followed": old, "left": old}

        assert await scene.poller.poll_due() == 1
        assert scene.source.names == ["followed"]
        assert await scene.deliveries() == []
        assert await scene.outbox.send_due() == 0

        feed = await repository.feeds.by_source(platform_id="mangadex", source_id="followed")
        assert feed is not None
        await scene.publish(feed, item("d"))
        assert await scene.states() == [("d", "pending", None)] * 2
        await scene.outbox.send_due()
        sent = {(one.kind, one.target_id, one.channel_id) for one in scene.discord.sent}
        assert sent == {("guild", GUILD, CHANNEL), ("dm", 7, None)}
    finally:
        await repository.close()


async def test_a_dry_run_has_nothing_polled(source: Path, migrated_url: str) -> None:
    before = await stored(migrated_url)
    await bring(source, migrated_url, dry=True)
    assert await stored(migrated_url) == before


async def test_a_second_import_leaves_the_polling_as_it_stands(
    source: Path, migrated_url: str
) -> None:
    await bring(source, migrated_url)
    repository = await Repository.open(migrated_url)
    try:
        scene = FeedScene(repository)
        scene.clock.set(NOW)
        scene.source.shows = {"followed": [item("a")]}
        await scene.poller.poll_due()
    finally:
        await repository.close()
    before = await stored(migrated_url)
    await bring(source, migrated_url, now=NOW + timedelta(minutes=1))
    assert await stored(migrated_url) == before


async def test_an_item_that_was_removed_in_time_does_not_come_back(
    source: Path, migrated_url: str
) -> None:
    await bring(source, migrated_url)
    repository = await Repository.open(migrated_url)
    (old,) = await repository.feed_items.select_all()
    await repository.feed_items.delete((old.feed_id, old.item_id))
    await repository.close()
    for dry in (True, False):
        report = await bring(source, migrated_url, dry=dry)
        assert numbers(report, "feed items") == (1, 0, 1, 0)
    assert (await stored(migrated_url))["feed_items"] == []


@pytest.mark.parametrize(
    ("here", "kept"),
    [
        (None, None),  # the server's settings come along, and name it
        (FeedSettings(channel_id=CHANNEL), None),  # as after an import that was interrupted
        (FeedSettings(channel_id=OTHER), CHANNEL),
        (FeedSettings(enabled=False), CHANNEL),
    ],
)
async def test_the_channel_is_kept_once(
    here: FeedSettings | None, kept: int | None, source: Path, migrated_url: str
) -> None:
    if here is not None:
        repository = await Repository.open(migrated_url)
        await repository.server_settings.save(
            guild_id=GUILD, settings=Settings(feeds=here), version=0, now=NOW
        )
        await repository.close()
    report = await bring(source, migrated_url)
    assert numbers(report, "server settings") == (1, here is None, here is not None, 0)
    assert await channels(migrated_url) == [kept, None]
