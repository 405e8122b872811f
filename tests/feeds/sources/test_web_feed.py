"""RSS, Atom and JSON Feed from a host: found by the page or by the feed, polled, moved, gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pwrbot.feeds.errors import FeedError, FeedNotFound, FeedUnreadable
from pwrbot.feeds.feeds import Feeds
from pwrbot.feeds.model import Validators
from tests.feeds.hosts import Host, answer


def rss(*ids: str, name: str = "News", head: str = "") -> str:
    items = "".join(f"<item><guid>{i}</guid><title>{i}</title></item>" for i in ids)
    return f"<rss version='2.0'><channel><title>{name}</title>{head}{items}</channel></rss>"


PAGE = """<!doctype html><title>The blog</title>
<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments">
<link rel="alternate" type="application/rss+xml" href="/feed">"""


async def fails(feeds: Feeds, link: str) -> FeedError:
    with pytest.raises(FeedError) as caught:
        await feeds.find(link)
    return caught.value


async def test_a_feed(host: Host, feeds: Feeds) -> None:
    host.says("/feed", rss("b", "a"), ETag='"1"')

    found = await feeds.find(host.url("/feed#x"))

    assert found.platform_id == "feed"
    assert found.source_id == found.items_id == found.source_url == host.url("/feed")
    assert found.name == "News"
    assert found.first_poll is not None
    assert [item.item_id for item in found.first_poll.items] == ["a", "b"]
    assert found.first_poll.validators.etag == '"1"'


async def test_polls(host: Host, feeds: Feeds) -> None:
    host.says("/feed", rss("a", head="<ttl>30</ttl>"), Cache_Control="max-age=60")
    found = await feeds.find(host.url("/feed"))
    assert found.first_poll is not None
    assert found.first_poll.next_hint == timedelta(minutes=30)

    again = await feeds.poll(found, found.first_poll.validators)
    assert (again.not_modified, again.items) == (True, ())
    assert again.next_hint == timedelta(minutes=1)

    host.says("/feed", rss("c", "b", "a"))
    changed = await feeds.poll(found, again.validators)
    assert [item.item_id for item in changed.items] == ["a", "b", "c"]


async def test_a_page_leads_to_its_feed(host: Host, feeds: Feeds) -> None:
    host.says("/", PAGE, content_type="text/html")
    host.says("/feed", rss("a", name=""), content_type="text/html")

    found = await feeds.find(host.base)

    assert (found.source_id, found.name) == (host.url("/feed"), "The blog")


async def test_a_page_whose_best_feed_is_broken_leads_to_the_next(host: Host, feeds: Feeds) -> None:
    host.says("/", PAGE, content_type="text/html")
    host.says("/comments", rss("a"))

    assert (await feeds.find(host.base)).source_id == host.url("/comments")


async def test_pages_that_lead_nowhere(host: Host, feeds: Feeds) -> None:
    host.says("/none", "<html><body>hi", content_type="text/html")
    host.says("/circle", '<html><link rel=alternate type=application/rss+xml href="/circle">')
    host.says("/dead", '<html><link rel=alternate type=application/rss+xml href="/nothing">')

    for path, kind in (
        ("none", FeedUnreadable),
        ("circle", FeedUnreadable),
        ("dead", FeedNotFound),
    ):
        assert type(await fails(feeds, host.url(f"/{path}"))) is kind
    assert len(host.requests) == 5


async def test_a_page_cannot_lead_to_a_private_address(host: Host, feeds: Feeds) -> None:
    link = "<html><link rel=alternate type=application/rss+xml href='http://169.254.169.254/'>"
    host.says("/", link)

    assert (await fails(feeds, host.base)).reason == "address"


async def test_a_feed_that_has_moved_for_good(host: Host, feeds: Feeds) -> None:
    host.says("/new", rss("a"))
    host.says("/old", status=301, Location="/new")

    found = await feeds.find(host.url("/old"))

    assert found.source_id == host.url("/new")
    old = await feeds.poll(type(found)(**{**_fields(found), "items_id": host.url("/old")}))
    assert old.moved_to == host.url("/new")


def _fields(found: object) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__struct_fields__}  # type: ignore[attr-defined]


async def test_a_feed_that_turns_into_a_web_page(host: Host, feeds: Feeds) -> None:
    """It is not followed to another feed, which would announce that one's items."""
    host.on("/feed", answer(rss("a")), answer(PAGE, content_type="text/html"))
    host.says("/comments", rss("x"))
    found = await feeds.find(host.url("/feed"))

    with pytest.raises(FeedUnreadable) as caught:
        await feeds.poll(found)

    assert caught.value.reason == "not_a_feed"
    assert len(host.requests) == 2


async def test_of_a_feed_that_broke_off_the_rest_is_asked_for(host: Host, feeds: Feeds) -> None:
    whole = rss("b", "a")
    host.on("/feed", answer(whole[: whole.index("<guid>a")], ETag='"1"'), answer(whole))
    found = await feeds.find(host.url("/feed"))
    assert found.first_poll is not None
    assert found.first_poll.validators == Validators()

    rest = await feeds.poll(found, found.first_poll.validators)

    assert [item.item_id for item in rest.items] == ["a", "b"]


async def test_a_feed_whose_ids_are_the_sites_address_grows(host: Host, feeds: Feeds) -> None:
    """From its first item on, each has an identity of its own, and keeps it."""
    base = "https://blog.example"
    items = [
        f"<item><guid>{base}/</guid><link>{base}/{n}</link><title>T</title></item>" for n in "123"
    ]
    for count in (1, 2, 3, 2):
        host.says("/feed", f"<rss><channel>{''.join(items[:count])}</channel></rss>")
        found = await feeds.find(host.url("/feed"))
        assert found.first_poll is not None
        ids = {item.item_id for item in found.first_poll.items}
        assert ids == {f"{base}/{n}" for n in "123"[:count]}


async def test_items_without_ids_that_all_lead_to_one_page(host: Host, feeds: Feeds) -> None:
    items = [
        f"<item><link>https://x.example/changes</link><title>{n}</title></item>" for n in "321"
    ]
    seen: list[set[str]] = []
    for start in (1, 0):
        host.says("/feed", f"<rss><channel>{''.join(items[start:])}</channel></rss>")
        found = await feeds.find(host.url("/feed"))
        assert found.first_poll is not None
        seen.append({item.item_id for item in found.first_poll.items})
    assert [len(ids) for ids in seen] == [2, 3]
    assert seen[0] < seen[1], "who was there keeps its identity"


async def test_charset_of_the_host(host: Host, feeds: Feeds) -> None:
    host.says("/feed", rss("é").encode("cp1252"), content_type='text/xml; charset="windows-1252"')

    found = await feeds.find(host.url("/feed"))

    assert found.first_poll is not None
    assert found.first_poll.items[0].title == "é"


async def test_ten_thousand_items(host: Host, feeds: Feeds) -> None:
    host.says("/feed", rss(*(str(number) for number in range(10_000, 0, -1))))
    found = await feeds.find(host.url("/feed"))
    assert found.first_poll is not None
    assert [item.item_id for item in found.first_poll.items] == [str(n) for n in range(1, 10_001)]

    host.says("/feed", rss(*map(str, range(10_001))))
    assert (await fails(feeds, host.url("/feed"))).reason == "too_large"


async def test_json_feed(host: Host, feeds: Feeds) -> None:
    document = '{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":"1"}]}'
    host.says("/feed.json", document, content_type="application/feed+json")

    found = await feeds.find(host.url("/feed.json"))

    assert (found.name, found.first_poll and len(found.first_poll.items)) == ("J", 1)
