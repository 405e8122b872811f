"""Feeds as members live them: six kinds followed by command, published to, and read where they
arrive. ``pytest -s`` shows every screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pwrbot.sandbox import MANAGE_GUILD, Channel, Guild, Reply, Sandbox, User
from pwrbot.sandbox.render import render
from tests.acceptance.process import of_sandbox, running
from tests.feeds.hosts import RESPONSES, Host, serving

ANIME = "https://anilist.co/anime/21170"
MANGA = "https://mangadex.org/title/a1c7c817-4e59-43b7-9365-09675a149a6f"
COMIC = "https://comick.dev/comic/tonikaku-kawaii"


class Published:
    """What a path answers now, and how often it was asked."""

    def __init__(self, host: Host, path: str, body: str, kind: str) -> None:
        self.url = host.url(path)
        self.body = body
        self._kind = kind
        self._polls = 0
        self._asked = asyncio.Condition()
        host.on(path, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        async with self._asked:
            self._polls += 1
            self._asked.notify_all()
        return web.Response(text=self.body, content_type=self._kind)

    async def polled(self) -> None:
        """Return once one poll that began after this has been stored: the next has begun."""
        async with self._asked:
            wanted = self._polls + 2
            async with asyncio.timeout(30):
                await self._asked.wait_for(lambda: self._polls >= wanted)


def recorded(name: str) -> dict[str, Any]:
    return json.loads((RESPONSES / name).read_text())


def rss(*titles: str) -> str:
    date = format_datetime(datetime.now(UTC))
    items = "".join(
        f"<item><guid>{title}</guid><title>{title}</title><link>https://site.example/{n}</link>"
        f"<description>All about it: &lt;b&gt;bold&lt;/b&gt; @everyone</description>"
        f"<pubDate>{date}</pubDate></item>"
        for n, title in enumerate(titles)
    )
    return f'<rss version="2.0"><channel><title>The RSS</title>{items}</channel></rss>'


def atom(*titles: str) -> str:
    entries = "".join(
        f"<entry><id>urn:{title}</id><title>{title}</title><author><name>Ada</name></author>"
        f'<link href="https://site.example/a/{n}"/><updated>2026-01-0{n + 1}T00:00:00Z</updated>'
        "</entry>"
        for n, title in enumerate(titles)
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>The Atom</title>{entries}</feed>'


def json_feed(*titles: str) -> str:
    items = [
        {"id": title, "title": title, "url": f"https://site.example/j/{n}", "content_text": "Text"}
        for n, title in enumerate(titles)
    ]
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps({"version": version, "title": "The JSON", "items": items})


class Screens:
    """Runs commands and looks at channels, and prints what a member sees."""

    def __init__(self, sandbox: Sandbox, guild: Guild) -> None:
        self._sandbox = sandbox
        self._guild = guild

    async def ask(self, who: str, command: str, said: str, **options: Any) -> Reply:
        """``said``: what the answer says once it is complete."""
        reply = await self._sandbox.invoke(self._guild, who, command, options=options)
        await reply.until(lambda now: said in now.text, within=30)
        typed = " ".join([f"/{command}", *(f"{name}:{_shown(v)}" for name, v in options.items())])
        private = " (only they see it)" if reply.ephemeral else ""
        self.show(f"{who}: {typed}{private}", reply.text)
        return reply

    async def arrives(self, where: Channel | User, said: str) -> dict[str, Any]:
        """The message with these words, once it is there."""

        def found() -> list[dict[str, Any]]:
            return [m for m in self._sandbox.sent(where) if said in self.text(m)]

        await self._sandbox.until(lambda: bool(found()), within=30)
        [message] = found()
        kind = "direct message to" if isinstance(where, User) else f"in the {where.kind}"
        self.show(f"{kind} {where.name}", self.text(message))
        return message

    def text(self, message: dict[str, Any]) -> str:
        return render(message, lambda sign, id_: self._sandbox.name(sign, id_, self._guild))

    @staticmethod
    def show(title: str, text: str) -> None:
        print(f"\n== {title}\n" + "\n".join(f"   │ {line}" for line in text.splitlines()))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return str(value[0])
    return str(getattr(value, "name", value))


@pytest.fixture
async def sites() -> AsyncIterator[list[Host]]:
    """One for feeds, and one for each of three platforms, which have limits of their own."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(serving()) for _ in range(4)]


async def test_what_is_published_arrives(
    migrated_url: str, sites: list[Host], tmp_path: Path
) -> None:
    web_host, anilist, mangadex, comick = sites
    feeds = {
        "rss": Published(web_host, "/rss", rss("Old news"), "application/rss+xml"),
        "atom": Published(web_host, "/atom", atom("Old post"), "application/atom+xml"),
        "json": Published(web_host, "/json", json_feed("Old note"), "application/feed+json"),
    }
    airing, chapters, comic = (
        recorded("anilist_airing.json"),
        recorded("mangadex_chapters.json"),
        recorded("comick_chapters.json"),
    )
    new_airing = airing["data"]["Page"]["airingSchedules"].pop(0)
    new_chapter, new_comic = chapters["data"].pop(0), comic["chapters"].pop(0)
    episodes = Anime(anilist, airing)
    manga_id = MANGA.rpartition("/")[2]
    mangadex.recorded(f"/manga/{manga_id}", "mangadex_manga.json")
    manga = Published(mangadex, f"/manga/{manga_id}/feed", json.dumps(chapters), "application/json")
    comick.recorded("/comic/tonikaku-kawaii", "comick_comic.json")
    comics = Published(comick, "/comic/DqrXZDbr/chapters", json.dumps(comic), "application/json")

    async with Sandbox(reaction=0.0) as sandbox:
        guild = sandbox.add_guild("Home", members=["ada", "bob"])
        guild.add_member("boss", permissions=MANAGE_GUILD)
        general, news = guild.channel("general"), guild.add_channel("news", "news")
        thread, forum = guild.add_thread("reading", general), guild.add_channel("board", "forum")
        fans = guild.add_role("fans")
        environ = of_sandbox(
            sandbox,
            migrated_url,
            FEED_ALLOWED_HOSTS=f"127.0.0.1:{web_host.port}",
            FEED_ENDPOINTS=f"anilist={anilist.base},mangadex={mangadex.base},comick={comick.base}",
            FEED_MIN_INTERVAL_SECONDS="1",
            FEED_MAX_INTERVAL_SECONDS="2",
        )
        screens = Screens(sandbox, guild)
        ask, arrives = screens.ask, screens.arrives
        async with running(environ, tmp_path) as bot:
            await bot.connected(sandbox)
            await sandbox.wait_for_commands()
            subscribe, ada = "feed subscribe", guild.member("ada").user
            rss_url, atom_url, json_url = (feeds[name].url for name in ("rss", "atom", "json"))
            await ask("boss", "feed preview", "Old news", link=rss_url)
            await ask("boss", subscribe, "1 subscribed", links=rss_url)
            await ask("boss", subscribe, "1 subscribed", links=atom_url, channel=thread)
            await ask("boss", subscribe, "1 subscribed", links=json_url, channel=forum)
            await ask("boss", "feed settings", "In force now", channel=news)
            links = f"{MANGA} {COMIC} {web_host.url('/nothing')}"
            await ask("boss", subscribe, "2 subscribed, 1 failed", links=links, to="server")
            await ask("ada", subscribe, "1 subscribed", links=ANIME, to="me")
            await ask("boss", "feed ping", "is pinged", feed="The RSS", role=fans)
            await ask("boss", "feed template set", "In force", feed="The Atom", template="{title}!")
            every = (*feeds.values(), episodes, manga, comics)
            await asyncio.gather(*(source.polled() for source in every))

            feeds["rss"].body = rss("**Fresh** news", "Old news")
            feeds["atom"].body = atom("Old post", "Fresh post")
            feeds["json"].body = json_feed("Fresh note", "Old note")
            airing["data"]["Page"]["airingSchedules"].insert(0, new_airing)
            episodes.body = json.dumps(airing)
            manga.body = json.dumps(chapters | {"data": [new_chapter, *chapters["data"]]})
            comics.body = json.dumps(comic | {"chapters": [new_comic, *comic["chapters"]]})

            message = await arrives(general, "**Fresh** news")
            assert message["mention_roles"] == [str(fans.id)]
            assert not message["mention_everyone"]
            assert message["mentions"] == []
            message = await arrives(thread, "Fresh post!")
            assert screens.text(message) == "Fresh post!"
            await sandbox.until(lambda: len(posts(guild, forum)) > 0, within=30)
            [post] = posts(guild, forum)
            assert post.name == "Fresh note"
            await arrives(post, "Fresh note")
            await arrives(news, "Chapter 105: Bear & friends")
            await arrives(news, "Chapter 333: Moon")
            await arrives(ada, "Episode 12")

            board = await ask("boss", "feed list", "5 feeds")
            await board.press("Remove")
            screens.show("boss: [Remove]", board.text)
            await board.press("Undo")
            screens.show("boss: [Undo]", board.text)
            await ask(
                "boss",
                "feed filter add",
                "would be posted",
                feed="The RSS",
                rule="does not contain",
                text="old n",
                only_try=True,
            )
            await ask("ada", "feed health", "1 sent")
            exported = await ask("boss", "feed export", "5 feeds")
            [(name, content)] = exported.files.items()
            await ask("bob", "feed import", "5 subscribed", file=(name, content), to="me")
            await ask("bob", "feed list", "Your feeds", whose="mine")

        # What was there before is never told, and nothing is told twice.
        told = [message for place in (thread, post, news, ada) for message in sandbox.sent(place)]
        assert len(told) == 5
        assert sandbox.sent(guild.member("bob").user) == []


def posts(guild: Guild, forum: Channel) -> list[Channel]:
    return [channel for channel in guild.channels.values() if channel.parent_id == forum.id]


class Anime(Published):
    """AniList, which has one address for all that can be asked."""

    def __init__(self, host: Host, airing: dict[str, Any]) -> None:
        super().__init__(host, "/", json.dumps(airing), "application/json")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if b"coverImage" in await request.read():
            return web.json_response(recorded("anilist_media.json"))
        return await super()._answer(request)
