"""Pictures of what the services found, with members' names and faces."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pwrbot.people import People
from pwrbot.pictures import AvatarCache, Leaderboard, Picture, Row, Studio
from pwrbot.services.ranges import EPOCH
from pwrbot.services.statistics import LeaderboardPage
from pwrbot.views.wording import duration

AVATAR_SECONDS: Final = 1.0
"""How long a card waits for avatars; who has none by then gets initials."""


class Cards:
    """Draws cards, which takes at most some two seconds more than the drawing itself."""

    def __init__(self, studio: Studio, avatars: AvatarCache, people: People) -> None:
        self._studio = studio
        self._avatars = avatars
        self._people = people

    async def leaderboard(
        self, guild_id: int, page: LeaderboardPage, longest: timedelta, viewer_id: int
    ) -> Picture:
        """``longest`` is the time of the first. Raises PictureUnavailable."""
        people = await self._people.of(guild_id, [row.user_id for row in page.rows])
        urls = [each.avatar_url for each in people.values() if each.avatar_url is not None]
        faces = await self._avatars.get(urls, AVATAR_SECONDS)
        rows: list[Row] = []
        for row in page.rows:
            who = people[row.user_id]
            rows.append(
                Row(
                    place=row.place,
                    name=f"{who.name} (left)" if who.left else who.name,
                    time=row.total,
                    words=duration(row.total),
                    face=faces.get(who.avatar_url or ""),
                    seed=row.user_id >> 22,  # the lower bits of an id are nearly always the same
                    marked=row.user_id == viewer_id,
                )
            )
        when = f"{page.range.label}: {span(page.since, page.until, page)}"
        return await self._studio.leaderboard(Leaderboard("Voice leaderboard", when, rows, longest))


def span(since: datetime, until: datetime, page: LeaderboardPage) -> str:
    """From when to when, in the server's zone: a picture is the same for every reader."""
    last = f"{until.astimezone(page.zone):%d %b %Y %H:%M}"
    begins = "" if since <= EPOCH else f"{since.astimezone(page.zone):%d %b %Y %H:%M} "
    return f"{begins}to {last}, {page.zone.key}"
