"""The servers' settings: those that choose something, where none are stored yet."""

from __future__ import annotations

from datetime import datetime

from pwrbot.entities import Settings
from pwrbot.importing.report import Report
from pwrbot.importing.rules import Rule
from pwrbot.importing.server_choices import read_choices
from pwrbot.importing.source import Source
from pwrbot.importing.target import Stage
from pwrbot.importing.values import snowflake


async def import_settings(
    source: Source, stage: Stage, report: Report, now: datetime
) -> dict[int, int]:
    """Add what servers chose; gives those channels for feeds that settings here do not name."""
    channels: dict[int, int] = {}
    tally = report.tally("server settings")
    silent = feeds_off = 0
    async for server, document in source.rows("server_settings"):
        tally.read += 1
        guild_id, choices = snowflake(server), read_choices(document)
        if guild_id is None or choices is None:
            tally.left_out += 1
            report.found(Rule.BAD_SETTINGS, f"server {server}")
            continue
        report.without_counterpart.update(choices.unknown)
        if choices.settings == Settings():
            tally.left_out += 1
            report.found(Rule.NOTHING_CHOSEN)
        elif await stage.add_settings(guild_id, choices.settings, now):
            tally.added += 1
            silent += not choices.settings.voice.enabled
            feeds_off += not choices.settings.feeds.enabled
        else:
            tally.there += 1
            channel_id = choices.settings.feeds.channel_id
            if channel_id is not None and channel_id != await stage.feed_channel(guild_id):
                channels[guild_id] = channel_id
    if tally.there:
        report.notes.append("Where a server has settings in pwrbot already, those stand.")
    if silent:
        report.notes.append(
            f"Voice time is switched off in {silent:,} of the servers, as it was in pwr-bot, which"
            " also did that by itself when another feature was switched: /settings turns it on."
        )
    if feeds_off:
        report.notes.append(
            f"Feeds are switched off in {feeds_off:,} of the servers, as in pwr-bot, which sent"
            " them all the same, and also switched them off by itself when another feature was"
            " switched: /feed settings turns them on."
        )
    return channels
