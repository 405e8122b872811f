"""What every REST request goes through: faults, rate limits, the token, Discord's errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import BodyPartReader, web

from pwrbot.sandbox.errors import ApiError, unauthorized
from pwrbot.sandbox.faults import limited_body
from pwrbot.sandbox.messages import Upload

if TYPE_CHECKING:
    from pwrbot.sandbox.world import World

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Handler]

PREFIX = re.compile(r"^/api/v(?:9|10)(?=/)")
_OPEN = re.compile(r"^/(gateway$|webhooks/|interactions/|attachments/)")
_MAJOR = re.compile(r"/(channels|guilds|webhooks)/(\d+)(/[\w-]{20,})?")
_ID = re.compile(r"/(\d{15,20}|[\w-]{40,})(?=/|$)")


@dataclass(frozen=True)
class Request:
    """A REST request that was served, for tests to look at."""

    method: str
    path: str
    status: int


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON whose Content-Type is exactly ``application/json``: discord.py decodes no other."""
    data = msgspec.json.encode(body)
    response = web.Response(body=data, status=status, headers=headers)
    response.content_type = "application/json"
    return response


def nothing() -> web.Response:
    return web.Response(status=204)


class Rest:
    """Serves the routes and the gateway."""

    def __init__(self, world: World, routes: Sequence[Route]) -> None:
        self._world = world
        self._routes = routes

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._serve], client_max_size=64 * 1024 * 1024)
        app.router.add_get("/", self._gateway)
        for version in ("/api/v9", "/api/v10"):
            for method, path, handler in self._routes:
                app.router.add_route(method, version + path, handler)
        return app

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        return await self._world.gateway.handle(request)

    # What every request goes through

    @web.middleware
    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/":
            return await handler(request)
        path = PREFIX.sub("", request.path)
        fault = self._world.take_fault(request.method, path)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.status is not None:
            body, headers = fault.answer()
            response: web.StreamResponse = answer(body, fault.status, headers)
        else:
            response = await self._limited(request, path, handler)
        self._world.served(Request(request.method, path, response.status))
        if fault is not None and fault.lose_answer and request.transport is not None:
            request.transport.abort()
        return response

    async def _limited(
        self, request: web.Request, path: str, handler: Handler
    ) -> web.StreamResponse:
        headers: dict[str, str] = {}
        if not path.startswith(("/interactions/", "/gateway", "/attachments/")):
            major = _MAJOR.search(path)
            route = f"{request.method} {_ID.sub('/{}', path)}"
            bucket = f"{route}:{major[0] if major else ''}"
            wait, headers = self._world.limits.take(bucket)
            if wait is not None:
                return answer(limited_body(wait, False), 429, headers)
        try:
            token = request.headers.get("Authorization")
            if not _OPEN.match(path) and token != f"Bot {self._world.token}":
                raise unauthorized()
            response = await handler(request)
        except ApiError as error:
            response = answer(error.body, error.status)
        except web.HTTPException as error:
            said = f"{error.status}: {error.reason}"
            response = answer({"message": said, "code": 0}, error.status)
        response.headers.update(headers)
        return response


async def read_body(request: web.Request) -> tuple[Json, list[Upload]]:
    """The JSON of a request, and its files when it is a multipart form."""
    uploads: list[Upload] = []
    if not request.content_type.startswith("multipart/"):
        return as_object(await request.read()), uploads
    body: Json = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data, name = bytes(await part.read(decode=True)), part.name or ""
        if name == "payload_json":
            body = as_object(data)
        elif part.filename and (match := re.fullmatch(r"files\[(\d+)\]", name)):
            kind = part.headers.get("Content-Type", "application/octet-stream")
            uploads.append(Upload(int(match[1]), part.filename, kind, data))
    return body, uploads


def decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None


def as_object(data: bytes) -> Json:
    body = decoded(data) if data else {}
    if not isinstance(body, dict):
        raise ApiError(400, 50035, "Invalid Form Body", {})
    return body
