"""The control door ``/_fake/``: time, faults, tokens and snapshots for tests in other processes.

May import starlette, the server and the coded errors. The invariant: it is there only when it was
asked for, listens where the server does (loopback), and answers a mistake with its code and 400.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from codex_fakes.convex.wire.faults import FAULTS
from codex_runtime.errors import CodexRuntimeError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from codex_fakes.convex.wire.server import ConvexServer


class _Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    milliseconds: float


class _Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    subject: str = "user"
    expires_in: float = 3600.0
    claims: dict[str, Any] = {}


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    snapshot: str


def control_routes(server: ConvexServer) -> list[Route]:
    """Make the routes of the control door.

    Args:
        server: What it controls.

    Returns:
        The routes.
    """

    async def state(body: bytes) -> Any:
        del body
        return state_of(server)

    async def advance(body: bytes) -> Any:
        await server.backend.advance(_read(body, _Advance).milliseconds)
        return state_of(server)

    async def idle(body: bytes) -> Any:
        del body
        await server.backend.run_until_idle()
        return state_of(server)

    async def reset(body: bytes) -> Any:
        del body
        server.reset()
        return state_of(server)

    async def token(body: bytes) -> Any:
        asked = _read(body or b"{}", _Token)
        return {
            "token": server.tokens.issue(
                asked.subject, expires_in=asked.expires_in, claims=asked.claims
            )
        }

    async def snapshot(body: bytes) -> Any:
        del body
        return {"snapshot": base64.b64encode(server.snapshot()).decode()}

    async def restore(body: bytes) -> Any:
        server.restore(_decoded(_read(body, _Snapshot).snapshot))
        return state_of(server)

    async def list_faults(body: bytes) -> Any:
        del body
        return {
            name: {"place": kind.place.value, "options": sorted(kind.options), "does": kind.does}
            for name, kind in FAULTS.items()
        }

    def route(method: str, path: str, act: Callable[[bytes], Awaitable[Any]]) -> Route:
        return Route(f"/_fake/{path}", partial(_answer, act), methods=[method])

    async def inject(request: Request) -> Response:
        async def act(body: bytes) -> Any:
            server.inject(request.path_params["name"], **_read(body or b"{}", dict[str, Any]))
            return state_of(server)

        return await _answer(act, request)

    return [
        route("GET", "state", state),
        route("POST", "advance", advance),
        route("POST", "run_until_idle", idle),
        route("POST", "reset", reset),
        route("POST", "token", token),
        route("GET", "snapshot", snapshot),
        route("POST", "restore", restore),
        route("GET", "faults", list_faults),
        Route("/_fake/faults/{name}", inject, methods=["POST"]),
    ]


def state_of(server: ConvexServer) -> dict[str, Any]:
    """Say how the server stands.

    Args:
        server: The server.

    Returns:
        An object for JSON: the time in milliseconds, the latest timestamp in nanoseconds as text,
        when the next scheduled function is due, open sockets, followed queries, faults
        to come, problems.
    """
    return {
        "nowMs": server.backend.clock.now_ms(),
        "ts": str(server.backend.ts),
        "nextDueMs": server.backend.next_due(),
        "sockets": server.socket_count,
        "queries": server.query_count,
        "faults": server.faults.waiting(),
        "problems": [str(problem) for problem in server.problems],
    }


async def _answer(act: Callable[[bytes], Awaitable[Any]], request: Request) -> Response:
    try:
        told, status = await act(await request.body()), 200
    except CodexRuntimeError as error:
        told, status = {"error": {"code": error.code, "message": error.text}}, 400
    return Response(msgspec.json.encode(told), status_code=status, media_type="application/json")


def _read(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _invalid(str(error)) from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise _invalid("a snapshot is base64") from None


def _invalid(why: str) -> ConfigurationError:
    return ConfigurationError(
        "E_FAKE_CONVEX_REQUEST_INVALID", f"the control door reads JSON: {why}"
    )
