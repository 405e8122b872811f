"""A local stand-in for Discord on loopback: REST and gateway, for the tests and the demo.

    async with Sandbox() as sandbox:
        guild = sandbox.add_guild("Home", members=["ada", "bob"], voice_channels=["Lounge"])
        ...  # start the bot with DISCORD_API_URL=sandbox.api_url, DISCORD_TOKEN=sandbox.token
        await sandbox.wait_ready()
        await guild.join("ada", "Lounge")
        reply = await sandbox.invoke(guild, "ada", "voice leaderboard", options={"range": "today"})
        print(reply.text)

It keeps to Discord's documented behaviour as far as a bot like pwrbot can see it; nothing of it
knows pwrbot's commands or tables.
"""

from pwrbot.sandbox.errors import NoAnswer, NotOffered, NotSeen, SandboxError
from pwrbot.sandbox.guild import Guild
from pwrbot.sandbox.model import (
    ADMINISTRATOR,
    MANAGE_GUILD,
    MANAGE_ROLES,
    Channel,
    Member,
    Role,
    User,
)
from pwrbot.sandbox.reply import Reply
from pwrbot.sandbox.sandbox import Sandbox
from pwrbot.sandbox.world import TOKEN

__all__ = [
    "ADMINISTRATOR",
    "MANAGE_GUILD",
    "MANAGE_ROLES",
    "TOKEN",
    "Channel",
    "Guild",
    "Member",
    "NoAnswer",
    "NotOffered",
    "NotSeen",
    "Reply",
    "Role",
    "Sandbox",
    "SandboxError",
    "User",
]
