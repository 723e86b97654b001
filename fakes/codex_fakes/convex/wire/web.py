"""The web application: the routes of the HTTP API, and where the sockets come in.

May import starlette; everything it decides is decided in the other modules. The invariant: every
request is answered, a refused one with ``{"code", "message"}`` and its status, and only a fault
that was asked for cuts a connection.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from codex_fakes.convex.wire import client_versions, requests
from codex_fakes.convex.wire.api import HttpApi
from codex_fakes.convex.wire.credentials import from_headers
from codex_fakes.convex.wire.refusals import Kind, Refusal
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from codex_fakes.convex.wire.client_versions import ClientVersion
    from codex_fakes.convex.wire.server import ConvexServer

    Handler = Callable[[requests.Asked], Awaitable[bytes | None]]

GREETING: Final = "This Convex deployment is running. See https://docs.convex.dev/."
VERSION: Final = "unknown"
"""What ``/version`` says, as a backend that was built without one does."""

_METHODS: Final = ["GET", "POST", "OPTIONS", "PATCH", "DELETE", "PUT"]
_PREFLIGHT_SECONDS: Final = 86_400
_DEPRECATION_STATE: Final = "x-convex-deprecation-state"
_DEPRECATION_MESSAGE: Final = "x-convex-deprecation-message"


class ConnectionCut(Exception):  # noqa: N818 - it is what the client sees, not an error of ours
    """The connection ends without an answer; where nobody can cut it, the caller gets this."""


class _Cut:
    """The ASGI answer that is none."""

    def __init__(self, server: ConvexServer) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        if not self._server.cut(scope.get("client")):
            raise ConnectionCut("the reply was lost, as a fault asked for")


def build_app(server: ConvexServer) -> Starlette:
    """Build the application.

    Args:
        server: What it serves.

    Returns:
        An ASGI application.
    """
    api = HttpApi(server)

    def route(path: str, **handlers: Handler) -> Route:
        return Route(path, partial(_answer, server, handlers), methods=[*handlers])

    async def text(request: Request) -> Response:
        said = {"/": GREETING, "/instance_name": server.instance_name}
        return PlainTextResponse(said.get(request.url.path, VERSION))

    async def echo(request: Request) -> Response:
        body = await _body_of(request)
        if body is None:
            return Response(status_code=413)
        return Response(body, media_type="application/octet-stream")

    async def sync(websocket: WebSocket) -> None:
        await _serve_socket(server, websocket)

    routes = [
        route("/api/query", GET=api.query_get, POST=api.query),
        *(
            route(f"/api/{name}", POST=handler)
            for name, handler in {
                "mutation": api.mutation,
                "action": api.action,
                "query_ts": api.query_ts,
                "query_at_ts": api.query_at_ts,
                "query_batch": api.query_batch,
                "function": api.function,
                "run/{path:path}": api.run,
            }.items()
        ),
        WebSocketRoute("/api/sync", sync),
        WebSocketRoute("/api/{version}/sync", sync),
        *(Route(path, text) for path in ("/", "/version", "/instance_name", "/instance_version")),
        Route("/echo", echo, methods=["POST"]),
    ]
    if server.control:
        from codex_fakes.convex.wire.control import control_routes

        routes += control_routes(server)
    cors = Middleware(
        CORSMiddleware,
        allow_origin_regex=".*",
        allow_credentials=True,
        allow_methods=_METHODS,
        allow_headers=["*"],
        max_age=_PREFLIGHT_SECONDS,
    )
    return Starlette(
        routes=routes, middleware=[cors], exception_handlers={HTTPException: _bare_status}
    )


async def _answer(
    server: ConvexServer, handlers: Mapping[str, Handler], request: Request
) -> Response | _Cut:
    # A route that has GET has HEAD; the server leaves the body out.
    handler = handlers["GET" if request.method == "HEAD" else request.method]
    headers: dict[str, str] = {}
    try:
        client = _client_of(request, headers)
        asked = requests.Asked(
            client=client,
            credentials=from_headers(
                request.headers.get("authorization"), request.query_params.get("adminKey")
            ),
            content_type=request.headers.get("content-type"),
            body=await _body_of(request),
            query=dict(request.query_params),
            url_path=request.path_params.get("path", ""),
        )
        told = await handler(asked)
        server.settle()
    except ClientDisconnect:
        return Response(status_code=400)
    except Refusal as refusal:
        return _refused(refusal, headers)
    except CodexRuntimeError as error:
        server.report(error)
        return _refused(Refusal(Kind.INTERNAL, error.code, str(error)), headers)
    if told is None:
        return _Cut(server)
    return Response(told, media_type="application/json", headers=headers)


def _client_of(request: Request, headers: dict[str, str]) -> ClientVersion:
    header = request.headers.get("convex-client")
    client = client_versions.UNKNOWN if header is None else client_versions.from_header(header)
    deprecation = client.deprecation
    if deprecation is not None:
        headers[_DEPRECATION_STATE] = deprecation.state
        headers[_DEPRECATION_MESSAGE] = deprecation.message
    refusal = client_versions.check_supported(client)
    if refusal is not None:
        raise refusal
    return client


async def _body_of(request: Request) -> bytes | None:
    """Read the body; ``None`` when it is too long."""
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        length += len(part)
        if length <= requests.BODY_BYTES:
            parts.append(part)
    return b"".join(parts) if length <= requests.BODY_BYTES else None


def _refused(refusal: Refusal, headers: dict[str, str]) -> Response:
    return Response(
        requests.refusal_response(refusal),
        status_code=refusal.kind.value.status,
        media_type="application/json",
        headers=headers,
    )


async def _bare_status(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, HTTPException):
        raise error
    return Response(status_code=error.status_code, headers=error.headers)


async def _serve_socket(server: ConvexServer, websocket: WebSocket) -> None:
    version = websocket.path_params.get("version")
    header = websocket.headers.get("convex-client")
    try:
        if header is not None:
            client = client_versions.from_header(header)
        elif version is not None:
            client = client_versions.from_url(version)
        else:
            client = client_versions.UNKNOWN
        refusal = client_versions.check_supported(client)
    except Refusal as unreadable:
        refusal = unreadable
    if refusal is not None:
        await websocket.send_denial_response(_refused(refusal, {}))
        return
    await websocket.accept()
    await server.serve_socket(_StarletteSocket(server, websocket), client)


class _StarletteSocket:
    """A websocket of starlette, as the shell of a session has it."""

    def __init__(self, server: ConvexServer, websocket: WebSocket) -> None:
        self._server = server
        self._websocket = websocket

    async def receive(self) -> str | bytes | None:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        raw: bytes = message.get("bytes") or b""
        return raw if text is None else text

    async def send(self, text: str) -> bool:
        try:
            await self._websocket.send_text(text)
        except WebSocketDisconnect:
            return False
        return True

    async def close(self, code: int, reason: str) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            try:
                await self._websocket.close(code, reason)
            except WebSocketDisconnect:
                # It was gone already, which is what was wanted.
                return

    def abort(self) -> None:
        self._server.cut(self._websocket.scope.get("client"))
