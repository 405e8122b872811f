"""/voice: who spent how much time in voice channels, with whom, and whether one is counted now."""

# ruff: noqa: A002 - a range is called range, as members see it

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import discord
from discord import app_commands
from discord.ext import commands

from pwrbot.checks import guild_of
from pwrbot.cogs.range_option import RangeChoice
from pwrbot.cogs.voice_boards import VoiceBoardCommands
from pwrbot.cogs.voice_reset import VoiceResetCommands
from pwrbot.cogs.voice_rewards import VoiceRewardCommands
from pwrbot.commands import Refusal
from pwrbot.entities import VoicePartner, VoiceTotal
from pwrbot.people import Person
from pwrbot.pictures import Picture, chart_lines, week_lines, year_lines
from pwrbot.replies import Interaction, defer
from pwrbot.services.ranges import DEFAULT_RANGE, EPOCH, Range
from pwrbot.services.statistics import LeaderboardPage, MemberStats
from pwrbot.services.voice import Judgement
from pwrbot.services.voice_rules import Verdict
from pwrbot.views.boards import Board, BoardPage, Load
from pwrbot.views.cards import Cards, chart_of, named_in_picture, week_of, year_of
from pwrbot.views.sheet import sheet
from pwrbot.views.wording import count, duration, mention, moment, named, ordinal

if TYPE_CHECKING:
    from pwrbot.bot import Bot

User = discord.Member | discord.User


PageNumber = app_commands.Range[int, 1]


@app_commands.guild_only()
class Voice(commands.GroupCog, group_name="voice"):
    """Time in voice channels."""

    def __init__(self, bot: Bot) -> None:
        super().__init__()
        self._bot = bot
        self._statistics = bot.statistics
        group = self.app_command
        assert isinstance(group, app_commands.Group)
        for part in (VoiceRewardCommands(bot), VoiceBoardCommands(bot)):
            group.add_command(part)
        VoiceResetCommands(bot).add_to(group)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        guild_of(interaction)
        return True

    @app_commands.command()
    @app_commands.describe(range="What to look back on", page="Which page to open")
    async def leaderboard(
        self,
        interaction: Interaction,
        range: RangeChoice = DEFAULT_RANGE,
        page: PageNumber = 1,
    ) -> None:
        """Who spent the most time in this server's voice channels."""
        guild_id, viewer_id = guild_of(interaction), interaction.user.id

        async def load(range: Range, page: int) -> BoardPage:
            found, people = await self._leaderboard(guild_id, range, page, viewer_id)
            note = None
            if found.own is not None:
                note = (
                    f"You are {ordinal(found.own.place)} of {found.members:,} "
                    f"with {duration(found.own.total)}."
                )
            elif found.rows:
                note = "You have no time in this range yet."

            async def picture(cards: Cards) -> Picture:
                longest = found.rows[0].total if found.rows else timedelta()
                if found.page > 1:
                    first = await self._statistics.leaderboard(guild_id, range, per_page=1)
                    longest = first.rows[0].total if first.rows else longest
                return await cards.leaderboard(guild_id, found, longest, viewer_id)

            return BoardPage(
                title="Voice leaderboard",
                when=_when(found.range, found.since, found.until, found.zone),
                lines=[_line(row, people) for row in found.rows]
                or ["Nobody has spent time in a voice channel in this range yet."],
                note=note,
                page=found.page,
                pages=found.pages,
                picture=self._drawn(picture),
            )

        await self._open(interaction, load, range, page)

    @app_commands.command()
    @app_commands.describe(
        member="Whose company, yours if left out",
        range="What to look back on",
        page="Which page to open",
    )
    async def partners(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        range: RangeChoice = DEFAULT_RANGE,
        page: PageNumber = 1,
    ) -> None:
        """With whom a member spent time in the same voice channel."""
        guild_id, who = guild_of(interaction), _counted(member or interaction.user)

        async def load(range: Range, page: int) -> BoardPage:
            found = await self._statistics.partners(guild_id, who.id, range, page)
            people = await self._bot.people.of(guild_id, [row.user_id for row in found.rows])
            return BoardPage(
                title=f"Voice partners of {_name(who, await self._left(guild_id, who))}",
                when=_when(found.range, found.since, found.until, found.zone),
                lines=[_line(row, people) for row in found.rows]
                or ["No time in a voice channel together with anybody in this range yet."],
                note=f"{count(found.members, 'partner')} in all." if found.rows else None,
                page=found.page,
                pages=found.pages,
            )

        await self._open(interaction, load, range, page)

    @app_commands.command()
    @app_commands.describe(member="Whose time, yours if left out", range="What to look back on")
    async def stats(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        range: RangeChoice = DEFAULT_RANGE,
    ) -> None:
        """A member's time in voice channels in figures."""
        guild_id, who = guild_of(interaction), _counted(member or interaction.user)

        async def load(range: Range, page: int) -> BoardPage:
            found = await self._statistics.stats(guild_id, who.id, range)
            return BoardPage(
                title=f"Voice statistics of {_name(who, await self._left(guild_id, who))}",
                when=_when(found.range, found.since, found.until, found.zone),
                lines=_figures(found),
            )

        views = {"Figures": load, **self._calendar(guild_id, who)}
        await self._open(interaction, views, range, 1)

    @app_commands.command()
    @app_commands.describe(range="What to look back on")
    async def server(self, interaction: Interaction, range: RangeChoice = DEFAULT_RANGE) -> None:
        """Where and when this server's members spend their time in voice, all together."""
        guild_id = guild_of(interaction)

        async def channels(range: Range, page: int) -> BoardPage:
            found = await self._statistics.channels(guild_id, range, page)
            return BoardPage(
                title="Voice channels",
                when=_when(found.range, found.since, found.until, found.zone),
                lines=[
                    f"{row.place}. <#{row.channel_id}> · {duration(row.total)}"
                    for row in found.rows
                ]
                or ["Nobody has spent time in a voice channel in this range yet."],
                note=f"{count(found.channels, 'channel')} in all." if found.rows else None,
                page=found.page,
                pages=found.pages,
            )

        views = {"Channels": channels, **self._calendar(guild_id, None)}
        await self._open(interaction, views, range, 1)

    @app_commands.command()
    async def why(self, interaction: Interaction) -> None:
        """Whether your time is being counted right now, and if not, why."""
        await defer(interaction, private=True)
        judgement = await self._bot.tracker.why(guild_of(interaction), interaction.user.id)
        counted = judgement.verdict is Verdict.COUNTED
        title = "You are being counted" if counted else "You are not being counted"
        note = (
            None
            if judgement.in_contact
            else "Discord doesn't tell me who is in voice at the moment: this is the last I heard."
        )
        await interaction.edit_original_response(view=sheet(title, [_reason(judgement)], note))

    async def _leaderboard(
        self, guild_id: int, range: Range, page: int, viewer_id: int
    ) -> tuple[LeaderboardPage, Mapping[int, Person]]:
        """A page and who is on it; asked for once more where the server hides those who left and
        one of them is found on it."""
        hides = (await self._bot.settings.get(guild_id)).voice.hide_left
        found = await self._statistics.leaderboard(guild_id, range, page, viewer_id=viewer_id)
        people = await self._bot.people.of(guild_id, [row.user_id for row in found.rows])
        if hides and any(who.left for who in people.values()):
            found = await self._statistics.leaderboard(guild_id, range, page, viewer_id=viewer_id)
            people = await self._bot.people.of(guild_id, [row.user_id for row in found.rows])
        return found, people

    def _calendar(self, guild_id: int, who: User | None) -> dict[str, Load]:
        """The views of a member's days and hours, or of the whole server's."""
        calendar, who_id = self._bot.voice_calendar, None if who is None else who.id

        async def titles() -> tuple[str, str]:
            """Of the text and of the picture."""
            if who is None:
                return "Voice statistics of this server", "The whole server"
            left = await self._left(guild_id, who)
            title = f"Voice statistics of {_name(who, left)}"
            return title, named_in_picture(who.display_name, left)

        async def days(range: Range, page: int) -> BoardPage:
            year = year_of(await calendar.days(guild_id, who_id))
            title, drawn = await titles()
            return BoardPage(
                title=title,
                when=year.when,
                lines=year_lines(year),
                picture=self._drawn(lambda cards: cards.year(drawn, year)),
                ranged=False,
            )

        async def hours(range: Range, page: int) -> BoardPage:
            week = week_of(await calendar.hours(guild_id, range, who_id), range)
            title, drawn = await titles()
            return BoardPage(
                title=title,
                when=week.when,
                lines=week_lines(week),
                picture=self._drawn(lambda cards: cards.week(drawn, week)),
            )

        async def earlier(range: Range, page: int) -> BoardPage:
            chart = chart_of(await calendar.periods(guild_id, range, who_id))
            title, drawn = await titles()
            return BoardPage(
                title=title,
                when=chart.when,
                lines=chart_lines(chart),
                picture=self._drawn(lambda cards: cards.chart(drawn, chart)),
            )

        return {
            "Days of the year": days,
            "Hours of the week": hours,
            "Beside earlier times": earlier,
        }

    async def _left(self, guild_id: int, user: User) -> bool:
        """Who is no member has left if they were one: others' accounts can be asked for too."""
        is_member = isinstance(user, discord.Member)
        return not is_member and await self._statistics.knows(guild_id, user.id)

    def _drawn(
        self, picture: Callable[[Cards], Awaitable[Picture]]
    ) -> Callable[[], Awaitable[Picture]] | None:
        """The picture of a page, None where the bot draws none."""
        cards = self._bot.cards
        return None if cards is None else lambda: picture(cards)

    async def _open(
        self, interaction: Interaction, views: Load | Mapping[str, Load], range: Range, page: int
    ) -> None:
        await defer(interaction)
        name = interaction.command.qualified_name if interaction.command else "voice"
        user_id, preferences = interaction.user.id, self._bot.preferences
        board = Board(
            views,
            user_id,
            name,
            range,
            page,
            plain=await preferences.plain_text(user_id),
            choose_plain=lambda plain: preferences.choose_plain_text(user_id, plain),
        )
        await self._bot.boards.open(interaction, board)


def _counted(user: User) -> User:
    if user.bot:
        raise Refusal("Bots are never counted: choose a person.")
    return user


def _name(user: User, left: bool) -> str:
    return f"{mention(user.id)} (left the server)" if left else mention(user.id)


def _line(row: VoiceTotal | VoicePartner, people: Mapping[int, Person]) -> str:
    who = named(row.user_id, people[row.user_id])
    return f"{row.place}. {who} · {duration(row.total)}"


def _when(range: Range, since: datetime, until: datetime, zone: ZoneInfo) -> str:
    begins = "" if since <= EPOCH else f"from {moment(since)} "
    return f"{range.label}: {begins}to {moment(until)}, days by {zone.key}"


def _figures(stats: MemberStats) -> list[str]:
    streak = f"**Current streak**: {count(stats.current_streak, 'day')}"
    if not stats.sessions:
        return ["No time in a voice channel in this range yet.", streak]
    return [
        f"**Total**: {duration(stats.total)}",
        f"**Sessions**: {stats.sessions:,}",
        f"**Days active**: {stats.days_active:,}",
        f"**Average per active day**: {duration(stats.average_per_active_day)}",
        f"**Longest session**: {duration(stats.longest_session)}",
        f"**Longest stretch without a pause**: {duration(stats.longest_stretch)}",
        streak,
        f"**Longest streak**: {count(stats.longest_streak, 'day')}",
    ]


def _reason(judgement: Judgement) -> str:
    where = f"<#{judgement.channel_id}>"
    match judgement.verdict:
        case Verdict.COUNTED:
            since = f" since {moment(judgement.since, 'R')}" if judgement.since else ""
            return f"Your time in {where} counts{since}."
        case Verdict.TRACKING_OFF:
            return "This server has turned voice tracking off."
        case Verdict.BOT:
            return "Bots are never counted."
        case Verdict.NOT_IN_VOICE:
            return "You are in none of this server's voice channels."
        case Verdict.IGNORED_CHANNEL:
            return f"This server ignores the channel {where}."
        case Verdict.IGNORED_ROLE:
            return "This server ignores members with a role that you have."
        case Verdict.AFK_CHANNEL:
            return f"{where} is the AFK channel, and time there doesn't count in this server."
        case Verdict.SELF_DEAFENED:
            return f"You have deafened yourself in {where}, and such time doesn't count here."
        case Verdict.MUTED:
            return f"You are muted in {where}, and such time doesn't count in this server."
        case Verdict.ALONE:
            return f"Nobody else is in {where}, and time alone doesn't count in this server."
