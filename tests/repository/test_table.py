"""What every table can do, on both engines, for every table of the bot."""

from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from pwrbot.entities import (
    BotMeta,
    Entity,
    FeedItem,
    FeedSubscription,
    Key,
    OpenVoiceSession,
    ServerSettings,
    Settings,
    Subscriber,
    VoiceSession,
)
from pwrbot.repository import Repository, Tables
from pwrbot.repository.errors import (
    CheckViolation,
    ConstraintViolation,
    ForeignKeyViolation,
    InvalidValue,
    NoResult,
    NotNullViolation,
    UniqueViolation,
)
from pwrbot.repository.table import Table
from tests.repository.declaring import scratch
from tests.repository.rows import AT, HOUR, changed, feed, key_of, three_rows

TABLES = sorted(Tables.__annotations__)
PARTITIONS = {"voice_member_totals": "voice_member_year_totals_pkey"}
"""The constraint by which PostgreSQL knows a row that is in a part of its table."""


@pytest.mark.parametrize("name", TABLES)
async def test_a_table_from_empty_to_empty(repository: Repository, name: str) -> None:
    table = getattr(repository, name)
    rows = await three_rows(repository, name)

    assert await table.insert_many([]) == 0
    with pytest.raises(UniqueViolation):
        await table.insert_many([*rows, rows[0]])
    assert await table.count() == 0
    assert await table.select_all() == []
    stored = [await table.insert(row) for row in reversed(rows)]
    stored.sort(key=key_of)
    for row, kept in zip(rows, stored, strict=True):
        generated = {"id": kept.id} if hasattr(kept, "id") else {}
        if not generated:
            assert kept == row
        assert type(kept) is type(row)
    assert await table.count() == 3
    assert await table.select_all() == stored

    one, two, three = stored
    keys = [key_of(row) for row in stored]
    assert await table.select(keys[1]) == two
    assert await table.select_many([keys[2], keys[0], keys[2]]) == [one, three]
    assert await table.select_many([]) == []
    assert await table.select_many(iter(keys)) == stored

    assert await table.update(changed(two)) is True
    assert await table.select(keys[1]) == changed(two)
    assert await table.update(two) is True
    assert await table.replace(changed(two)) == changed(two)
    assert await table.select_all() == [one, changed(two), three]

    assert await table.delete(keys[1]) is True
    assert await table.delete(keys[1]) is False
    assert await table.update(two) is False
    assert await table.select(keys[1]) is None
    assert await table.select_many(keys) == [one, three]
    assert await table.count() == 2

    if hasattr(two, "id"):
        with pytest.raises(NoResult, match="no row has this key"):
            await table.replace(two)
        new = await table.replace(msgspec.structs.replace(two, id=0))
        assert new.id not in keys
    else:
        assert await table.replace(two) == two
        with pytest.raises(UniqueViolation) as caught:
            await table.insert(two)
        on_postgres = repository.engine_name == "postgres"
        key = f"{name}_pkey"
        assert caught.value.constraint == (PARTITIONS.get(name, key) if on_postgres else key)
    assert await table.count() == 3

    for row in await table.select_all():
        await table.delete(key_of(row))
    assert await table.insert_many(row for row in rows) == 3
    assert await table.count() == 3


async def test_the_row_of_another_table_is_refused(repository: Repository) -> None:
    for method in (repository.feeds.insert, repository.feeds.update, repository.feeds.replace):
        with pytest.raises(TypeError, match="Feed expected, not BotMeta"):
            await method(BotMeta("a", "b"))  # type: ignore[arg-type]


async def test_keys_that_do_not_fit(repository: Repository) -> None:
    sessions = repository.voice_sessions
    for key in (5, (1, 2), (1, 2, AT, 3), ("1", 2, AT)):
        for method in (sessions.select, sessions.delete):
            with pytest.raises(InvalidValue, match="voice_sessions"):
                await method(key)  # type: ignore[arg-type]
        for keys in ([key], [(1, 2, AT), key], [key, (1, 2, AT)]):
            with pytest.raises(InvalidValue, match=r"voice_sessions\.select_many: "):
                await sessions.select_many(keys)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="must be an int"):
        await repository.feeds.select(None)  # type: ignore[arg-type]


async def test_five_thousand_keys(repository: Repository) -> None:
    sessions = [OpenVoiceSession(1, user, 2, AT) for user in range(5_000)]
    assert await repository.open_voice_sessions.insert_many(sessions) == 5_000
    keys = [(1, user) for user in reversed(range(10_000))]
    assert await repository.open_voice_sessions.select_many(keys) == sessions
    user_ids = list(range(9_999))
    removed = await repository.open_voice_sessions.remove(
        guild_ids=[1] * len(user_ids), user_ids=user_ids
    )
    assert removed == 5_000


async def test_a_key_of_text_and_numbers_finds_only_its_own(repository: Repository) -> None:
    made = await repository.feeds.insert(feed(1))
    items = [FeedItem(made.id, i, "t", None, AT, AT) for i in ("", "1", "01", "1.0", "null", '"')]
    await repository.feed_items.insert_many(items)
    for item in items:
        assert await repository.feed_items.select((made.id, item.item_id)) == item
        assert await repository.feed_items.select_many([(made.id, item.item_id)]) == [item]


async def test_a_replaced_row_keeps_what_refers_to_it(repository: Repository) -> None:
    made = await repository.feeds.insert(feed(1))
    await repository.feed_items.insert(FeedItem(made.id, "a", "A", None, AT, AT))
    await repository.feeds.replace(msgspec.structs.replace(made, name="Other"))
    assert await repository.feed_items.count() == 1
    await repository.feeds.delete(made.id)
    assert await repository.feed_items.count() == 0


async def test_a_deleted_row_takes_along_what_refers_to_it(repository: Repository) -> None:
    rows = await three_rows(repository, "feed_subscriptions")
    await repository.feed_subscriptions.insert_many(rows)
    assert await repository.subscribers.delete(rows[0].subscriber_id)
    assert await repository.feed_subscriptions.select_all() == rows[2:]


async def test_generated_keys_are_not_used_again(repository: Repository) -> None:
    first = await repository.subscribers.insert(Subscriber("dm", 1))
    await repository.subscribers.delete(first.id)
    second = await repository.subscribers.insert(Subscriber("dm", 1, id=first.id))
    assert second.id > first.id


async def constraint(repository: Repository, row: object, table: str) -> ConstraintViolation:
    with pytest.raises(ConstraintViolation) as caught:
        await getattr(repository, table).insert(row)
    return caught.value


async def test_constraints_have_the_same_names_and_messages(repository: Repository) -> None:
    made = await repository.feeds.insert(feed(1))
    other = feed(2)
    dm = await repository.subscribers.insert(Subscriber("dm", 1))
    await repository.feed_subscriptions.insert(FeedSubscription(dm.id, made.id, None, AT))
    same_source = msgspec.structs.replace(other, source_id=made.source_id)
    same_url = msgspec.structs.replace(other, source_url=made.source_url)
    expected: list[tuple[str, object, type[ConstraintViolation], str, str]] = [
        ("feeds", same_source, UniqueViolation, "feeds_platform_id_source_id_key", "there already"),
        ("feeds", same_url, UniqueViolation, "feeds_source_url_key", "there already"),
        (
            *("subscribers", Subscriber("dm", 1), UniqueViolation),
            *("subscribers_kind_target_id_key", "there already"),
        ),
        (
            *("feed_items", FeedItem(99, "a", "A", None, AT, AT), ForeignKeyViolation),
            *("feed_items_feed_id_fkey", "the row it refers to is not there"),
        ),
        (
            *("feed_subscriptions", FeedSubscription(99, made.id, None, AT), ForeignKeyViolation),
            *("feed_subscriptions_subscriber_id_fkey", "the row it refers to is not there"),
        ),
        (
            *("feed_subscriptions", FeedSubscription(dm.id, 99, None, AT), ForeignKeyViolation),
            *("feed_subscriptions_feed_id_fkey", "the row it refers to is not there"),
        ),
        (
            *("voice_sessions", VoiceSession(1, 1, AT, 1, AT - HOUR), CheckViolation),
            *("voice_sessions_left_after_joined", "breaks the rule"),
        ),
        (
            *("server_settings", ServerSettings(1, Settings(), 0, AT), CheckViolation),
            *("server_settings_version_positive", "breaks the rule"),
        ),
    ]
    for table, row, kind, name, message in expected:
        found = await constraint(repository, row, table)
        assert (type(found), found.constraint) == (kind, name)
        assert str(found).startswith(f"{table}.insert: ")
        assert message in str(found)
        with pytest.raises(kind) as caught:
            await getattr(repository, table).insert_many([row])
        assert caught.value.constraint == name
        async with repository.transaction() as tx:
            with pytest.raises(kind) as caught:
                async with tx.transaction() as part:
                    await getattr(part, table).replace(row)
            if kind is not UniqueViolation:
                assert caught.value.constraint == name
            assert await tx.feeds.count() == 1
    assert await repository.feeds.count() == 1


class Lax(Entity, frozen=True, gc=False):
    id: Key[int]
    size: int | None


class Laxes(Table[Lax, int], Protocol): ...


async def test_a_column_left_without_a_value(database_url: str, tmp_path: Path) -> None:
    ddl = "CREATE TABLE laxes (id BIGINT PRIMARY KEY, size BIGINT NOT NULL)"
    both = {"sqlite": ddl, "postgres": ddl}
    async with scratch(database_url, tmp_path, both, laxes=Laxes) as repository:
        with pytest.raises(NotNullViolation) as caught:
            await repository.laxes.insert(Lax(1, None))
        assert await repository.laxes.count() == 0
    assert str(caught.value) == "laxes.insert: laxes.size must have a value"
    assert caught.value.constraint is None


async def test_no_error_holds_the_values_of_the_row(repository: Repository) -> None:
    secret = "hunter2"
    row = msgspec.structs.replace(feed(1), name=secret, source_id=secret)
    await repository.feeds.insert(row)
    with pytest.raises(UniqueViolation) as caught:
        await repository.feeds.insert(row)
    error: BaseException | None = caught.value
    while error is not None:
        assert secret not in str(error)
        error = error.__cause__
