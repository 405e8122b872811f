"""A made-up community: who its members are, and 60 days of them coming and going in voice.

Seeded, so that every run tells the same story up to the present moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pwrbot.clock import ManualClock
from pwrbot.repository import Repository
from pwrbot.sandbox import Guild, Member, Sandbox
from pwrbot.services.settings import SettingsService
from pwrbot.services.voice import VoiceTracker
from pwrbot.services.voice_state import GuildVoice, VoiceState

DAYS: Final = 60
NAMES: Final = [
    "Ada",
    "Aki",
    "Amir",
    "Bela",
    "Bruno",
    "Chloé",
    "Dara",
    "Elif",
    "Emre",
    "Freya",
    "Goran",
    "Hana",
    "Ines",
    "Ivo",
    "Jonas",
    "Kaito",
    "Lena",
    "Lucía",
    "Mika",
    "Nadia",
    "Noor",
    "Olu",
    "Petra",
    "Quinn",
    "Rosa",
    "Sami",
    "Tariq",
    "Uma",
    "Vito",
    "Yuki",
]
CHANNELS: Final = ("Lounge", "Gaming", "Study", "Music")


def add_guild(sandbox: Sandbox) -> Guild:
    """The community's server, with its manager, its members and a bot that plays music."""
    guild = sandbox.add_guild(
        "The Hearth", members=NAMES, voice_channels=CHANNELS, afk_channel="Asleep"
    )
    guild.add_member("Jukebox", bot=True)
    return guild


async def seed(
    repository: Repository,
    guild: Guild,
    until: datetime,
    progress: Callable[[int], None],
) -> None:
    """Live the last 60 days through the tracker, the way the gateway would have told them.

    ``progress`` is called with the number of each day that is over.
    """
    clock = ManualClock(until - timedelta(days=DAYS))
    tracker = VoiceTracker(repository, clock, SettingsService(repository, clock, "UTC"))
    afk_id = guild.afk_channel.id if guild.afk_channel else None
    tracker.guild_seen(GuildVoice(guild.id, afk_id), clock.now())
    visits = _visits(guild, clock.now(), until)
    day = 1
    for moment, state in visits:
        while moment >= until - timedelta(days=DAYS - day):
            clock.set(until - timedelta(days=DAYS - day))
            await tracker.drain()
            progress(day)
            day += 1
        tracker.state_changed(state, moment)
    clock.set(until)
    await tracker.stop(until)
    progress(DAYS)


def _visits(guild: Guild, since: datetime, until: datetime) -> list[tuple[datetime, VoiceState]]:
    """Joins, moves and leaves in the order they happened; nobody is in two places."""
    chance = random.Random("The Hearth")
    channels = [guild.channel(name).id for name in CHANNELS]
    events: list[tuple[datetime, VoiceState]] = []
    for number, member in enumerate(guild.member(name) for name in NAMES):
        keenness = 0.15 + 0.8 / (1 + number % 10)
        favourite = chance.choice(channels)
        for day in range(DAYS):
            if chance.random() > keenness:
                continue
            moment = since + timedelta(days=day, minutes=chance.randrange(0, 600))
            for _ in range(chance.choice((1, 1, 2, 3))):
                channel = favourite if chance.random() < 0.7 else chance.choice(channels)
                events.append((moment, _state(guild, member, channel)))
                moment += timedelta(minutes=chance.randrange(10, 150), seconds=chance.random() * 60)
                if chance.random() < 0.6:
                    events.append((moment, _state(guild, member, None)))
                    moment += timedelta(minutes=chance.randrange(5, 120))
            events.append((moment, _state(guild, member, None)))
    return sorted((event for event in events if event[0] < until), key=lambda event: event[0])


def _state(guild: Guild, member: Member, channel_id: int | None) -> VoiceState:
    return VoiceState(guild_id=guild.id, user_id=member.id, channel_id=channel_id)
