"""What is kept and what is lost, the same on both engines."""

# ruff: noqa: PT012  (what a block with several statements raises is what these tests are about)

import asyncio
from typing import Any

import pytest

from pwrbot.entities import BotMeta, FeedItem
from pwrbot.repository import Repository
from pwrbot.repository.engine import EngineOptions
from pwrbot.repository.errors import (
    DatabaseBusy,
    DatabaseError,
    DatabaseUnavailable,
    ForeignKeyViolation,
    InvalidValue,
    UniqueViolation,
)
from tests.repository.rows import AT

A, B, C = BotMeta("a", "1"), BotMeta("b", "2"), BotMeta("c", "3")
ORPHAN = FeedItem(99, "a", "A", None, AT, AT)
GIVEN_UP = "the transaction was given up after its earlier error; nothing of it is kept"
OVER = "this transaction has ended; use the repository, or begin another"


async def keys(repository: Any) -> str:
    return "".join(row.key for row in await repository.bot_meta.select_all())


async def test_a_block_that_ends_is_kept(repository: Repository) -> None:
    async with repository.transaction() as tx:
        await tx.bot_meta.insert(A)
        await tx.bot_meta.insert_many([B, C])
        assert await keys(tx) == "abc"
        assert await keys(repository) == ""
    assert await keys(repository) == "abc"


async def test_an_empty_block(repository: Repository) -> None:
    async with repository.transaction():
        pass
    await repository.bot_meta.insert(A)


async def test_a_block_that_raises_is_lost_and_its_error_passes_as_it_is(
    repository: Repository,
) -> None:
    async def fail(error: BaseException, *, first: bool) -> None:
        async with repository.transaction() as tx:
            if first:
                raise error
            await tx.bot_meta.insert(A)
            raise error

    for error in (RuntimeError("x"), TimeoutError("x"), ConnectionError("x"), SystemExit("x")):
        for first in (False, True):
            with pytest.raises(type(error)) as caught:
                await fail(error, first=first)
            assert caught.value is error
        assert await keys(repository) == ""
    await repository.bot_meta.insert(A)


async def test_cancelled_between_statements(repository: Repository) -> None:
    reached = asyncio.Event()

    async def work() -> None:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(A)
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await repository.bot_meta.insert(B)
    assert await keys(repository) == "b"


@pytest.mark.parametrize("nested", [False, True])
async def test_cancelled_while_a_statement_runs(repository: Repository, nested: bool) -> None:
    """Cancelled after so many turns of the event loop, wherever that is."""

    async def work() -> None:
        async with repository.transaction() as tx:
            if nested:
                async with tx.transaction() as part:
                    await part.bot_meta.insert(A)
                    await part.bot_meta.insert(B)
                    await asyncio.Event().wait()
            await tx.bot_meta.insert(A)
            await tx.bot_meta.insert(B)
            await asyncio.Event().wait()

    for turns in (*range(12), 20, 40):
        task = asyncio.create_task(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await keys(repository) == ""
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(C)
        assert await keys(repository) == "c"
        await repository.bot_meta.delete("c")


async def test_a_part_that_fails_is_lost_by_itself(repository: Repository) -> None:
    async with repository.transaction() as tx:
        await tx.bot_meta.insert(A)
        with pytest.raises(UniqueViolation):
            async with tx.transaction() as part:
                await part.bot_meta.insert(B)
                await part.bot_meta.insert(A)
        assert "a" in await keys(tx)
        async with tx.transaction() as part:
            await part.bot_meta.insert(C)
            with pytest.raises(RuntimeError):
                async with part.transaction() as inner:
                    await inner.bot_meta.delete("c")
                    raise RuntimeError
        await tx.bot_meta.insert(B)
    assert await keys(repository) == "abc"


async def test_a_part_that_was_kept_is_lost_with_the_whole(repository: Repository) -> None:
    with pytest.raises(RuntimeError):
        async with repository.transaction() as tx:
            async with tx.transaction() as part:
                await part.bot_meta.insert(A)
            raise RuntimeError
    assert await keys(repository) == ""


async def test_after_an_error_nothing_of_the_transaction_is_kept(repository: Repository) -> None:
    with pytest.raises(DatabaseError) as caught:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(A)
            with pytest.raises(UniqueViolation):
                await tx.bot_meta.insert(A)
            for attempt in (tx.bot_meta.count, tx.bot_meta.select_all):
                with pytest.raises(DatabaseError, match=GIVEN_UP):
                    await attempt()
            with pytest.raises(DatabaseError, match=GIVEN_UP):
                async with tx.transaction():
                    pytest.fail("a savepoint in a transaction that was given up")
    assert str(caught.value) == GIVEN_UP
    assert await keys(repository) == ""


async def test_a_part_that_swallows_its_error_is_not_kept(repository: Repository) -> None:
    async with repository.transaction() as tx:
        with pytest.raises(DatabaseError, match=GIVEN_UP):
            async with tx.transaction() as part:
                await part.bot_meta.insert(A)
                with pytest.raises(ForeignKeyViolation):
                    await part.feed_items.insert(ORPHAN)
        await tx.bot_meta.insert(B)
    assert await keys(repository) == "b"


async def test_many_at_once_in_a_transaction(repository: Repository) -> None:
    with pytest.raises(UniqueViolation):
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(A)
            await tx.bot_meta.insert_many([B, C, B])
    assert await keys(repository) == ""
    async with repository.transaction() as tx:
        with pytest.raises(UniqueViolation):
            async with tx.transaction() as part:
                await part.bot_meta.insert_many([B, C, B])
        await tx.bot_meta.insert(A)
    assert await keys(repository) == "a"


async def test_a_value_that_is_refused_does_not_end_the_transaction(
    repository: Repository,
) -> None:
    async with repository.transaction() as tx:
        with pytest.raises(InvalidValue):
            await tx.bot_meta.insert(BotMeta("a\0", ""))
        await tx.bot_meta.insert(A)
    assert await keys(repository) == "a"


async def test_two_tasks_may_use_one_transaction(repository: Repository) -> None:
    async with repository.transaction() as tx:
        await asyncio.gather(*(tx.bot_meta.insert(BotMeta(key, "")) for key in "fedcba"))
        assert await asyncio.gather(*(tx.bot_meta.count() for _ in range(5))) == [6] * 5
    assert await keys(repository) == "abcdef"


async def test_a_transaction_that_ended_cannot_be_used(repository: Repository) -> None:
    async with repository.transaction() as used:
        await used.bot_meta.insert(A)
    async with repository.transaction() as unused:
        pass
    with pytest.raises(RuntimeError):
        async with repository.transaction() as lost:
            raise RuntimeError

    async def all_refuse() -> None:
        for ended in (used, unused, lost):
            for attempt in (
                ended.bot_meta.select_all(),
                ended.bot_meta.insert(B),
                ended.bot_meta.delete("a"),
                ended.bot_meta.insert_many([B]),
            ):
                with pytest.raises(DatabaseError) as caught:
                    await attempt
                assert str(caught.value) == OVER
            with pytest.raises(DatabaseError, match=OVER):
                async with ended.transaction():
                    pytest.fail("a savepoint in a transaction that ended")

    await all_refuse()
    with pytest.raises(RuntimeError):
        async with repository.transaction() as other:
            await other.bot_meta.insert(C)
            await all_refuse()
            raise RuntimeError
    assert await keys(repository) == "a"


async def test_others_read_and_write_while_a_transaction_is_open(migrated_url: str) -> None:
    repository = await Repository.open(migrated_url, EngineOptions(pool_max=5))
    try:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(A)
            assert await asyncio.gather(*(keys(repository) for _ in range(10))) == [""] * 10
            writes = [
                asyncio.create_task(repository.bot_meta.insert(BotMeta(k, ""))) for k in "bcd"
            ]
            assert "a" in await keys(tx)
        await asyncio.gather(*writes)
        assert await keys(repository) == "abcd"
    finally:
        await repository.close()


async def test_no_turn_and_no_connection_in_time(migrated_url: str) -> None:
    options = EngineOptions(pool_max=1, timeout=1)
    repository = await Repository.open(migrated_url, options)
    try:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(A)
            waiting = (repository.bot_meta.insert(B), begin(repository), begin(repository))
            for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(outcome, DatabaseBusy)
        assert await keys(repository) == "a"
        await repository.bot_meta.insert(B)
    finally:
        await repository.close()


async def begin(repository: Repository) -> None:
    async with repository.transaction() as tx:
        await tx.bot_meta.insert(C)


async def test_nobody_waits_for_ever_behind_one_that_waited(migrated_url: str) -> None:
    """A turn that is passed on to one who waited is no turn that is free."""
    options = EngineOptions(pool_max=1, timeout=2)
    repository = await Repository.open(migrated_url, options)
    hold, held = asyncio.Event(), asyncio.Event()

    async def long() -> None:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(A)
            held.set()
            await hold.wait()

    try:
        async with repository.transaction() as tx:
            await tx.bot_meta.count()
            second = asyncio.create_task(long())
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(
            *(repository.bot_meta.insert(BotMeta(k, "")) for k in "bc"),
            begin(repository),
            return_exceptions=True,
        )
        async with asyncio.timeout(20):
            await held.wait()
        hold.set()
        await second
        assert all(o is None or isinstance(o, DatabaseBusy | BotMeta) for o in outcomes)
        assert "a" in await keys(repository)
    finally:
        await repository.close()


async def test_after_close_everything_says_so(migrated_url: str) -> None:
    repository = await Repository.open(migrated_url)
    await repository.bot_meta.insert(A)
    await repository.close()
    await repository.close()
    for attempt in (
        repository.bot_meta.select("a"),
        repository.bot_meta.insert(B),
        repository.bot_meta.insert_many([B]),
        begin(repository),
    ):
        with pytest.raises(DatabaseUnavailable, match="the database is closed"):
            await attempt


async def test_a_transaction_under_way_ends_before_the_database_closes(
    migrated_url: str,
) -> None:
    repository = await Repository.open(migrated_url)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with repository.transaction() as tx:
            await tx.bot_meta.insert(A)
            begun.set()
            await go_on.wait()
            await tx.bot_meta.insert(B)

    task = asyncio.create_task(work())
    await begun.wait()
    closing = asyncio.create_task(repository.close())
    await asyncio.sleep(0)
    go_on.set()
    await task
    await closing
    again = await Repository.open(migrated_url)
    assert await keys(again) == "ab"
    await again.close()
