"""YouTube channels and playlists, by the public Atom feed each has (its newest 15 videos).

A channel's other names (``/@handle``, ``/c/name``, ``/user/name``) and a video's page are asked for
the channel's id, which no rename changes.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from yarl import URL

from pwrbot.feeds.charset import decode
from pwrbot.feeds.errors import FeedUnreadable, LinkNotSupported
from pwrbot.feeds.fetch import Fetcher
from pwrbot.feeds.model import Followed, FoundFeed, Polled, Validators
from pwrbot.feeds.pace import HostLimit
from pwrbot.feeds.reading import find_document, poll_document
from pwrbot.feeds.urls import host_of, path_of


class YouTube:
    platform_id: ClassVar = "youtube"
    name: ClassVar = "YouTube"
    example: ClassVar = "https://www.youtube.com/@YouTube"
    endpoint: ClassVar = "https://www.youtube.com"
    limit: ClassVar[HostLimit | None] = None
    last_resort: ClassVar = False

    def __init__(self, base: str) -> None:
        self.base = base

    def matches(self, url: str) -> bool:
        return host_of(url) in ("youtube.com", "youtu.be", "music.youtube.com")

    def normalise(self, url: str) -> str:
        query = URL(url).query
        path = path_of(url)
        if host_of(url) == "youtu.be" and path:
            path = ["watch"]
            query = {"v": path_of(url)[0], **query}
        for key in ("channel_id", "playlist_id"):
            if path[:1] == ["feeds"] and key in query:
                path = ["channel" if key == "channel_id" else "playlist", query[key]]
        playlist = query.get("list", path[1] if path[:1] == ["playlist"] and path[1:] else "")
        if path[:1] == ["playlist"] and _PLAYLIST.fullmatch(playlist):
            return f"{self.endpoint}/playlist?list={playlist}"
        match path:
            case ["channel", channel, *_] if _CHANNEL.fullmatch(channel):
                return f"{self.endpoint}/channel/{channel}"
            case [handle, *_] if handle.startswith("@") and len(handle) > 1:
                return f"{self.endpoint}/{handle.lower()}"
            case ["c" | "user" as kind, name, *_]:
                return f"{self.endpoint}/{kind}/{name}"
            case ["watch"] if _VIDEO.fullmatch(query.get("v", "")):
                return f"{self.endpoint}/watch?v={query['v']}"
            case ["shorts" | "live", video, *_] if _VIDEO.fullmatch(video):
                return f"{self.endpoint}/watch?v={video}"
        raise LinkNotSupported(
            "Of YouTube, channels and playlists can be followed: give the link of one, such as"
            f" {self.example}"
        )

    async def find(self, url: str, fetch: Fetcher) -> FoundFeed:
        if "list" in URL(url).query:
            source_id = URL(url).query["list"]
        elif (match := _CHANNEL.search(url)) is not None:
            source_id = match[0]
        else:
            source_id = await self._channel_of(url, fetch)
        document, first_poll = await find_document(fetch, self._feed(source_id))
        is_channel = source_id.startswith("UC")
        page = f"channel/{source_id}" if is_channel else f"playlist?list={source_id}"
        return FoundFeed(
            platform_id=self.platform_id,
            source_id=source_id,
            items_id=source_id,
            name=document.name or self.name,
            description=document.description,
            source_url=f"{self.endpoint}/{page}",
            cover_url=document.image_url,
            tags=("video",),
            first_poll=first_poll,
        )

    async def poll(self, feed: Followed, validators: Validators, fetch: Fetcher) -> Polled:
        return await poll_document(fetch, self._feed(feed.items_id), validators)

    def _feed(self, source_id: str) -> str:
        key = "channel_id" if source_id.startswith("UC") else "playlist_id"
        return f"{self.base}/feeds/videos.xml?{key}={source_id}"

    async def _channel_of(self, url: str, fetch: Fetcher) -> str:
        response = await fetch.get(url.replace(self.endpoint, self.base, 1))
        if match := _IN_PAGE.search(decode(response.body, response.charset)):
            return match[1]
        raise FeedUnreadable(
            "api",
            "YouTube does not tell the bot which channel this is: open the channel, choose"
            ' "About", "Share channel", "Copy channel ID", and give'
            f" {self.endpoint}/channel/ followed by that.",
        )


_CHANNEL: Final = re.compile(r"UC[\w-]{22}")
_PLAYLIST: Final = re.compile(r"(?:PL|UU|FL|OL|LL)[\w-]{10,60}")
_VIDEO: Final = re.compile(r"[\w-]{11}")
# The page's own address and feed, else what the player is given. Not every channel id in the page
# is this channel's: the others are of channels it recommends.
_IN_PAGE: Final = re.compile(
    r'(?:<link rel="canonical" href="https://www\.youtube\.com/channel/'
    r'|videos\.xml\?channel_id=|itemprop="(?:identifier|channelId)" content="'
    r'|"externalId":"|"videoDetails":\{[^{}]{0,5000}?"channelId":")(UC[\w-]{22})'
)

SOURCE = YouTube
