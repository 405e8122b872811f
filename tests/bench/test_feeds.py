"""The measurement of feeds runs, and counts what it says it counts. No times."""

from __future__ import annotations

from bench.feed_hosts import ITEMS, document, has_etag
from bench.feeds import fan_out_table, fanned_out, measure, table
from pwrbot.feeds.document import Document
from pwrbot.feeds.reading import parse_document

FEEDS = 120
WITHOUT_ETAG = 30


def test_a_feed_is_read_as_what_it_is() -> None:
    before, after = (parse_document(document(7, n), None, "http://feed/") for n in (0, 1))
    assert isinstance(before, Document)
    assert isinstance(after, Document)
    assert len(before.items) == len(after.items) == ITEMS
    new = {item.item_id for item in after.items} - {item.item_id for item in before.items}
    assert new == {f"tag:feed7.example,2026:{ITEMS + 1}"}
    assert sum(not has_etag(feed) for feed in range(FEEDS)) == WITHOUT_ETAG


def test_a_measurement() -> None:
    measured = measure(FEEDS, hosts=4, rounds=1)
    names = ["`reader`, 1 worker", "pwrbot, SQLite", "pwrbot, PostgreSQL"]
    for kind, unchanged in (("first", 0), ("quiet", 90), ("news", 88)):
        assert list(measured[kind]) == names
        for name in names:
            (one,) = measured[kind][name]
            assert one.spent.polled == FEEDS, (kind, name)
            # Feeds 0 and 100 have news: both have an ETag.
            assert (one.asked.requests, one.asked.unchanged) == (FEEDS, unchanged), (kind, name)
    for name in names[1:]:
        quiet, news = (measured[kind][name][0].spent.statements for kind in ("quiet", "news"))
        # A claim and a finish; a claim that finds nothing more; renewals where it takes long.
        assert quiet is not None
        assert 3 <= quiet < 10
        # Each feed with news: name, ids, items known before, the new one, outbox, queues.
        assert news is not None
        assert 12 < news < 30
    assert table(FEEDS, measured).count("\n") == 10


def test_one_item_for_thousands() -> None:
    measured = fanned_out(rounds=1)
    assert list(measured) == ["pwrbot, SQLite", "pwrbot, PostgreSQL"]
    for (one,) in measured.values():
        assert (one.deliveries, one.statements) == (5_000, 1)
    assert fan_out_table(measured).count("\n") == 3
