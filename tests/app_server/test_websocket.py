"""An app-server behind a websocket: one frame is one line, and every failure has a code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from websockets.asyncio.server import Request as HttpRequest
from websockets.asyncio.server import Response as HttpResponse
from websockets.asyncio.server import ServerConnection, serve

from codex_runtime.app_server.websocket import WebSocketTransport
from codex_runtime.errors import CodexRuntimeError

pytestmark = pytest.mark.anyio

WAIT = 10.0


@contextlib.asynccontextmanager
async def listening(handler: object, **options: object) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def echo(connection: ServerConnection) -> None:
    async for frame in connection:
        await connection.send(frame)


async def test_one_line_is_one_text_frame_in_both_directions() -> None:
    frames: list[object] = []

    async def listen(connection: ServerConnection) -> None:
        async for frame in connection:
            frames.append(frame)
            await connection.send('{"method":"pong"}')

    async with listening(listen) as url:
        transport = await WebSocketTransport.open(url)
        await transport.send(b'{"id":1}\n{"id":2}\n')
        async with asyncio.timeout(WAIT):
            assert await transport.receive() == b'{"method":"pong"}\n'
            assert await transport.receive() == b'{"method":"pong"}\n'
        await transport.close()
    assert frames == ['{"id":1}', '{"id":2}']


async def test_a_frame_of_many_mib_passes() -> None:
    async with listening(echo, max_size=None) as url:
        transport = await WebSocketTransport.open(url)
        line = b'"' + b"x" * (20 * 1024 * 1024) + b'"\n'
        sending = asyncio.create_task(transport.send(line))
        async with asyncio.timeout(WAIT):
            assert await transport.receive() == line
            await sending
        await transport.close()


async def test_the_token_goes_with_the_handshake_and_no_origin() -> None:
    seen: dict[str, str | None] = {}

    def look(_connection: ServerConnection, request: HttpRequest) -> None:
        seen["authorization"] = request.headers.get("Authorization")
        seen["origin"] = request.headers.get("Origin")

    async with listening(echo, process_request=look) as url:
        transport = await WebSocketTransport.open(url, token="secret")
        await transport.close()
    assert seen == {"authorization": "Bearer secret", "origin": None}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (HTTPStatus.UNAUTHORIZED, "E_APP_SERVER_UNAUTHORIZED"),
        (HTTPStatus.FORBIDDEN, "E_APP_SERVER_UNREACHABLE"),
        (HTTPStatus.BAD_GATEWAY, "E_APP_SERVER_UNREACHABLE"),
    ],
)
async def test_a_refused_handshake_has_a_code(status: HTTPStatus, code: str) -> None:
    def refuse(connection: ServerConnection, _request: HttpRequest) -> HttpResponse:
        return connection.respond(status, "no\n")

    async with listening(echo, process_request=refuse) as url:
        with pytest.raises(CodexRuntimeError) as caught:
            await WebSocketTransport.open(url, token="wrong")
    assert caught.value.code == code


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    async with listening(echo) as url:
        pass
    with pytest.raises(CodexRuntimeError, match=url) as caught:
        await WebSocketTransport.open(url)
    assert caught.value.code == "E_APP_SERVER_UNREACHABLE"


@contextlib.asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[str]:
    """A server that says the same to everybody, and nothing at all if there are no words."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if words:
            writer.write(words)
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with saying(b"") as url:
        with pytest.raises(CodexRuntimeError, match=r"within 0\.1 s") as caught:
            await WebSocketTransport.open(url, timeout=0.1)
    assert caught.value.code == "E_APP_SERVER_UNREACHABLE"


async def test_a_server_that_is_no_websocket_is_unreachable() -> None:
    async with saying(b"SSH-2.0-nonsense\r\n") as url:
        with pytest.raises(CodexRuntimeError) as caught:
            await WebSocketTransport.open(url)
    assert caught.value.code == "E_APP_SERVER_UNREACHABLE"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "not a url", ""])
async def test_what_is_no_websocket_url_is_the_callers_mistake(url: str) -> None:
    with pytest.raises(CodexRuntimeError) as caught:
        await WebSocketTransport.open(url)
    assert caught.value.code == "E_APP_SERVER_URL_INVALID"


async def test_the_end_of_the_connection_is_the_end_of_the_bytes() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.send("{}")

    async with listening(leave) as url:
        transport = await WebSocketTransport.open(url)
        async with asyncio.timeout(WAIT):
            assert await transport.receive() == b"{}\n"
            assert await transport.receive() == b""
        with pytest.raises(ConnectionError):
            await transport.send(b"{}\n")
        assert "websocket was closed" in (await transport.close()).reason


async def test_a_connection_that_is_cut_ends_the_bytes() -> None:
    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with listening(cut) as url:
        transport = await WebSocketTransport.open(url)
        async with asyncio.timeout(WAIT):
            assert await transport.receive() == b""
        await transport.close()


async def test_aborting_cuts_the_connection() -> None:
    ended = asyncio.Event()

    async def hold(connection: ServerConnection) -> None:
        await connection.wait_closed()
        ended.set()

    async with listening(hold) as url:
        transport = await WebSocketTransport.open(url)
        transport.abort()
        async with asyncio.timeout(WAIT):
            await ended.wait()
            assert await transport.receive() == b""
        await transport.close()
