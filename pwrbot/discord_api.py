"""Where the bot finds Discord: its own REST base and the gateway that base names.

``DISCORD_API_URL`` is for people behind a REST proxy and for the sandbox. discord.py keeps both
addresses in class attributes, so they are set for the whole process and before a client is made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import discord
import discord.http
import structlog
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from pwrbot.errors import ConfigError, PwrbotError

if TYPE_CHECKING:
    from discord.types.gateway import SessionStartLimit

log = structlog.get_logger(__name__)

_VERSION = re.compile(r"/v(9|10)\Z")
_ONE_SHARD: SessionStartLimit = {
    "total": 1000,
    "remaining": 1000,
    "reset_after": 0,
    "max_concurrency": 1,
}


class GatewayUnknown(PwrbotError):
    """Discord's API did not say where its gateway is: check DISCORD_API_URL and the proxy there."""


def api_base(url: str) -> str:
    """The REST base as discord.py wants it: no trailing slash.

    Raises ConfigError unless it is an http or https address that ends in a version of Discord's
    API that discord.py speaks (``/v9`` or ``/v10``). The message never repeats the address.
    """
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("DISCORD_API_URL is not an address. " + _EXAMPLE) from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise ConfigError("DISCORD_API_URL must begin with http:// or https://. " + _EXAMPLE)
    if parts.username is not None or parts.password is not None:
        raise ConfigError("DISCORD_API_URL must not hold a user name or password. " + _EXAMPLE)
    if parts.query or parts.fragment or re.search(r"[\s{}]", text):
        raise ConfigError("DISCORD_API_URL must be plain, without ?, # or {}. " + _EXAMPLE)
    if not _VERSION.search(parts.path):
        raise ConfigError("DISCORD_API_URL must end in the API's version, /v10. " + _EXAMPLE)
    return text


_EXAMPLE = "Give the REST base with its version, as http://127.0.0.1:8080/api/v10, or leave it out."


def use_api(base_url: str | None) -> None:
    """Send every later REST call of this process to ``base_url``; None or empty: leave Discord's.

    Call it before the client is made, and ``use_gateway`` before the client connects.
    Raises ConfigError for an address that cannot be one.
    """
    if not base_url:
        return
    base = api_base(base_url)
    # The version also goes into the gateway's query (?v=), which discord.py keeps apart.
    discord.http.INTERNAL_API_VERSION = int(base.rsplit("/v", 1)[1])
    Route.BASE = base


async def use_gateway(http: HTTPClient) -> None:
    """Ask the REST base in use for its gateway and make discord.py connect and reconnect there.

    Call it in ``setup_hook``: logged in, not yet connected. discord.py retries the call on 5xx and
    429. A session is still resumed where its READY said (``resume_gateway_url``).
    Raises GatewayUnknown when the answer is no gateway.
    """
    try:
        answer = await http.request(Route("GET", "/gateway"))
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
        raise GatewayUnknown(f"{GatewayUnknown.__doc__} ({type(error).__name__})") from None
    address = _address(answer)
    # Where discord.py goes for reconnects, and after an invalid session.
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(address)
    ask = http.get_bot_gateway

    async def get_bot_gateway() -> tuple[int, str, SessionStartLimit]:
        try:
            shards, _, limits = await ask()
        except discord.GatewayNotFound as error:
            if isinstance(error.__cause__, discord.NotFound):
                return 1, address, _ONE_SHARD  # a proxy that does not offer it: one will do
            raise
        return shards, address, limits

    # An AutoSharded client takes its first address from GET /gateway/bot, with the shard count.
    http.get_bot_gateway = get_bot_gateway
    log.info("gateway_found", host=DiscordWebSocket.DEFAULT_GATEWAY.host)


def _address(answer: object) -> str:
    url = answer.get("url") if isinstance(answer, dict) else None
    if not isinstance(url, str) or urlsplit(url).scheme not in ("ws", "wss"):
        raise GatewayUnknown
    return url
