"""The web application around a scripted model.

The one module that imports starlette. The invariant: it decides nothing about the model; it reads
requests, hands them to a :class:`ScriptedModel`, and carries out what that says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from codex_fakes.responses.exchange import Outcome
from codex_fakes.responses.streaming import carry_out
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send

    from codex_fakes.responses.exchange import Exchange
    from codex_fakes.responses.model import ScriptedModel


class _Played:
    """The ASGI answer that plays one exchange."""

    def __init__(self, model: ScriptedModel, exchange: Exchange, stopping: asyncio.Event) -> None:
        self._model = model
        self._exchange = exchange
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        outcome = Outcome.STOPPED
        try:
            outcome = await carry_out(
                self._model.actions(self._exchange),
                gates=self._model.gates,
                stopping=self._stopping,
                receive=receive,
                send=send,
            )
        finally:
            self._model.ended(self._exchange, outcome)


def build_app(model: ScriptedModel, stopping: asyncio.Event, *, control: bool) -> Starlette:
    """Build the application.

    Args:
        model: The scripted model.
        stopping: Set when the server stops; streams then end.
        control: Whether the control door ``/_fake/`` is there.

    Returns:
        An ASGI application.
    """

    async def responses(request: Request) -> _Played | Response:
        headers = dict(request.headers)
        try:
            raw = await request.body()
        except ClientDisconnect:
            # Half a request is none; nobody is there to hear the answer.
            model.asked_otherwise(request.method, _path(request), headers, b"")
            return Response(status_code=400)
        return _Played(model, model.asked(headers, raw), stopping)

    async def anything_else(request: Request) -> JSONResponse:
        try:
            raw = await request.body()
        except ClientDisconnect:
            raw = b""
        model.asked_otherwise(request.method, _path(request), dict(request.headers), raw)
        text = f"the scripted model has no {request.method} {request.url.path}"
        return JSONResponse({"error": {"message": text}}, status_code=404)

    async def state(_request: Request) -> JSONResponse:
        return JSONResponse(model.state())

    async def requests(_request: Request) -> JSONResponse:
        return JSONResponse([_said(exchange) for exchange in model.exchanges])

    async def open_gate(request: Request) -> JSONResponse:
        try:
            model.gates.open(request.path_params["gate"])
        except CodexRuntimeError as error:
            said = {"error": {"code": error.code, "message": error.text}}
            return JSONResponse(said, status_code=404)
        return JSONResponse(model.state())

    door = [
        Route("/_fake/state", state, methods=["GET"]),
        Route("/_fake/requests", requests, methods=["GET"]),
        Route("/_fake/gates/{gate:path}/open", open_gate, methods=["POST"]),
    ]
    every_method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[
            Route("/v1/responses", responses, methods=["POST"]),
            *(door if control else []),
            Route("/{path:path}", anything_else, methods=every_method),
        ]
    )


def _path(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _said(exchange: Exchange) -> dict[str, Any]:
    return {
        "number": exchange.request.number,
        "thread": exchange.request.thread_id,
        "outcome": exchange.outcome.value,
        "response": None if exchange.planned is None else exchange.planned.id,
        "body": dict(exchange.request.body),
    }
