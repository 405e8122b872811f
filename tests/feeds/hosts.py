"""Hosts on loopback that answer as told, and a name server of the test's own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

RESPONSES = Path(__file__).parent / "responses"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Host:
    """Answers by path and query; ``requests`` are those it got."""

    def __init__(self, port: int, scheme: str = "http", address: str = "127.0.0.1") -> None:
        self.port = port
        self.base = f"{scheme}://{address}:{port}"
        self.requests: list[web.BaseRequest] = []
        self.bodies: list[bytes] = []
        self._answers: dict[str, list[Handler]] = {}

    def url(self, path: str) -> str:
        return f"{self.base}{path}"

    def on(self, path: str, *handlers: Handler) -> None:
        """What a path answers, one after the other; the last stays."""
        self._answers[path] = list(handlers)

    def says(
        self,
        path: str,
        body: bytes | str = b"",
        *,
        status: int = 200,
        content_type: str = "application/xml",
        **headers: str,
    ) -> None:
        """What a path answers always; header names with _ for -."""
        self.on(path, answer(body, status=status, content_type=content_type, **headers))

    def recorded(self, path: str, name: str, *, status: int = 200, **headers: str) -> None:
        kind = "application/json" if name.endswith(".json") else "application/xml"
        kind = "text/html" if name.endswith(".html") else kind
        body = (RESPONSES / name).read_bytes()
        self.says(path, body, status=status, content_type=kind, **headers)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        handlers = self._answers.get(request.path_qs) or self._answers.get(request.path)
        if not handlers:
            return web.Response(status=404)
        handler = handlers.pop(0) if len(handlers) > 1 else handlers[0]
        return await handler(request)  # pyright: ignore[reportArgumentType]


def answer(
    body: bytes | str = b"",
    *,
    status: int = 200,
    content_type: str = "application/xml",
    **headers: str,
) -> Handler:
    data = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(
            body=data, status=status, headers={"Content-Type": content_type, **named}
        )

    return handler


@asynccontextmanager
async def serving(
    address: str = "127.0.0.1", *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Host]:
    listener = socket.create_server((address, port))
    host = Host(listener.getsockname()[1], "https" if tls else "http", address)
    runner = web.ServerRunner(web.Server(host.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=tls).start()
    try:
        yield host
    finally:
        await runner.cleanup()


class Names(AbstractResolver):
    """A name server: each name has answers, one after the other, the last stays."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError(socket.EAI_NONAME, "no such name")
        answers = self.answers[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass
