"""A web site on this machine with a feed, to which articles are added."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from typing import Final, Self
from xml.sax.saxutils import escape

from aiohttp import web

PATH: Final = "/feed.xml"


class Site:
    """``async with Site("The Hearth Gazette") as site`` serves it on loopback."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._articles: list[str] = []
        self._port = 0
        app = web.Application()
        app.router.add_get(PATH, self._feed)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """Of the feed."""
        return f"http://{self.host}{PATH}"

    def publish(self, title: str, summary: str, at: datetime) -> None:
        """Add an article, which comes first from now on."""
        number = len(self._articles) + 1
        self._articles.insert(
            0,
            f"<item><guid>article-{number}</guid><title>{escape(title)}</title>"
            f"<link>http://{self.host}/articles/{number}</link>"
            f"<description>{escape(summary)}</description>"
            f"<pubDate>{format_datetime(at)}</pubDate></item>",
        )

    async def _feed(self, request: web.Request) -> web.Response:
        text = (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
            f"<title>{escape(self._name)}</title><link>http://{self.host}/</link>"
            f"<description>News</description>{''.join(self._articles)}</channel></rss>"
        )
        return web.Response(text=text, content_type="application/rss+xml")
