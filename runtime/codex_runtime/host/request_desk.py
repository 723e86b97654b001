"""Requests of the app-server: registered, written down, answered once (spec 06 §9, "Better").

May import the common parts, the ingest, the steps, the protocol and the contract. The invariants: a
request that can be answered is in memory whether or not it could be written down; an answer goes to
Codex first; what became of a request is written down behind the request, and that behind its turn.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from codex_runtime.contract.endpoints.runtime_owned import ListConversationRequestsArgs
from codex_runtime.contract.functions.reading import ResolveRequestArgs, UpsertRequestArgs
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import CodexRuntimeError, LocalProtocolError, RemoteProtocolError
from codex_runtime.host.common import HostError, Tell
from codex_runtime.host.projecting import payload_of
from codex_runtime.host.steps import AbandonTool, Decline, Keep, Reply, RunTool
from codex_runtime.protocol.answers import DynamicToolResult, InputText
from codex_runtime.protocol.messages import decode_json
from codex_runtime.protocol.server_requests import (
    SERVER_REQUESTS,
    ToolCallRequest,
    read_server_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from codex_runtime.contract.actors import Actor
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.ingesting import Ingest
    from codex_runtime.protocol.answers import Answer
    from codex_runtime.protocol.messages import Request

COMMAND: Final = "item/commandExecution/requestApproval"
FILES: Final = "item/fileChange/requestApproval"
QUESTION: Final = "item/tool/requestUserInput"
TOOL: Final = "item/tool/call"
REFRESH: Final = "account/chatgptAuthTokens/refresh"
PERMISSIONS: Final = "item/permissions/requestApproval"
ELICITATION: Final = "mcpServer/elicitation/request"
MANAGED: Final = frozenset({COMMAND, FILES, QUESTION, TOOL})
"""The methods whose requests are written down."""

LISTED_MOST: Final = 100
"""How many of the requests that are written down are listed."""
REMEMBERED: Final = 256
"""Of how many requests that wait no more it is remembered why."""

Why: TypeAlias = Literal[
    "answered", "turnEnded", "resolvedElsewhere", "askedAnew", "runtimeStopped", "codexExited"
]
"""Why a request does not wait any more; written down with those that expired."""


@dataclass(slots=True, eq=False)
class Pending:
    """A request that waits for an answer.

    Attributes:
        request: The request.
        turn_id: The persisted turn, or Codex's id of one that is not kept here; ``None`` for a
            request that belongs to none.
        kept: Whose it is and in which persisted thread; ``None`` when it is not written down.
        call: The call of the registered tool that works on an answer.
        answering: Whether an answer is on its way to Codex.
        over: Why it waits no more, if that came while the answer was on its way.
    """

    request: Request
    turn_id: str | None
    kept: tuple[Actor, str] | None = None
    call: int | None = None
    answering: bool = False
    over: Why | None = None


class RequestDesk:
    """The requests that wait.

    Args:
        common: What the parts share.
        changed: Called whenever how many wait has changed.
        ingest: Writes things down, behind what was said before them.
        tools: The names of the tools that the host has registered.
    """

    def __init__(
        self,
        common: Common,
        changed: Callable[[], None],
        ingest: Ingest,
        tools: Container[str] = (),
    ) -> None:
        self._common = common
        self._changed = changed
        self._ingest = ingest
        self._tools = tools
        self._calls = 0
        self._pending: dict[_Key, Pending] = {}
        self._settled: OrderedDict[_Key, Why] = OrderedDict()

    def __len__(self) -> int:
        """How many requests wait for a person or a tool."""
        return sum(
            one.request.method != REFRESH and not one.answering for one in self._pending.values()
        )

    def arrived(self, request: Request, turn_id: str | None, *, kept: bool) -> None:
        """Take a request.

        Args:
            request: The request. One that still waits is told anew when its thread is resumed.
            turn_id: The turn it belongs to, if to any.
            kept: Whether it is one of the open thread.

        Raises:
            RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``: it was refused.
        """
        if request.method not in SERVER_REQUESTS:
            why = f"this client does not answer {request.method}"
            self._common.begin(self._decline(request, why))
            return
        try:
            asked = read_server_request(request)
        except RemoteProtocolError as error:
            # Codex waits for an answer, and has no bound of its own.
            self._common.begin(self._decline(request, error.text))
            raise
        key = _key(request.id)
        before = self._pending.get(key)
        if before is not None:
            if (before.request.method, before.turn_id) == (request.method, turn_id):
                before.request = request
                return
            self._expire(key, before, "askedAnew")
        pending = self._pending[key] = Pending(request, turn_id)
        self._settled.pop(key, None)
        self._changed()
        if kept and request.method in MANAGED:
            self._write_down(pending)
        if isinstance(asked, ToolCallRequest) and self._is_registered(asked):
            self._calls += 1
            pending.call = self._calls
            self._common.begin(self._run_tool(key, pending, asked))
        else:
            self._common.out.append(Tell("request", request))

    def resolved(self, request_id: Any) -> None:
        """Take ``serverRequest/resolved``: Codex waits no more; for us, when we have not answered.

        Args:
            request_id: The request's id, of its own type.
        """
        key = _key(request_id)
        pending = self._pending.get(key)
        if pending is not None:
            self._end(key, pending, "resolvedElsewhere")

    def turn_ended(self, turn_id: str) -> None:
        """Expire the requests of a turn that has ended.

        Args:
            turn_id: The turn, as they were registered with.
        """
        for key, pending in list(self._pending.items()):
            if pending.turn_id == turn_id:
                self._end(key, pending, "turnEnded")

    def expire_all(self, why: Why) -> None:
        """Expire every request.

        Args:
            why: Why.
        """
        for key, pending in list(self._pending.items()):
            self._expire(key, pending, why)

    def respond(self, request_id: Any, method: str, answer: Answer) -> Flow:
        """Answer a request.

        Args:
            request_id: Its id, of its own type.
            method: The method it must be of.
            answer: The answer.

        Raises:
            HostError: ``E_RUNTIME_SERVER_REQUEST_UNKNOWN`` or ``E_RUNTIME_SERVER_REQUEST_KIND``.
            LocalProtocolError: ``E_PROTOCOL_OUTBOUND_INVALID``: the method has no such answer; the
                request waits on.
        """
        self._common.connected()
        key = _key(request_id)
        pending = self._pending.get(key)
        if pending is None or pending.answering:
            why = "answered" if pending is not None else self._settled.get(key)
            raise HostError(
                "E_RUNTIME_SERVER_REQUEST_UNKNOWN",
                f"No pending server request found for id {request_id}"
                + ("" if why is None else f" ({why})"),
            )
        actual = pending.request.method
        if actual != method:
            raise HostError(
                "E_RUNTIME_SERVER_REQUEST_KIND",
                f"Server request {request_id} is {actual}, expected {method}",
            )
        yield from self._answer(key, pending, answer)

    def listed(self) -> Flow:
        """List the requests of the open conversation that are written down and wait.

        Returns:
            The requests; none without a conversation.
        """
        settings = self._common.settings
        conversation = self._common.bound.conversation_id
        if settings is None or conversation is None:
            return []
        args = ListConversationRequestsArgs(
            actor=settings.actor, conversation_id=conversation, limit=LISTED_MOST
        )
        return (yield Keep("list_server_requests", args))

    def _answer(self, key: _Key, pending: Pending, answer: Answer) -> Flow:
        pending.answering = True
        self._changed()
        try:
            yield Reply(pending.request, answer)
        except LocalProtocolError as error:
            pending.answering = False
            over = pending.over
            if error.code == "E_PROTOCOL_REQUEST_UNKNOWN":
                # Codex has said that it waits no more; that may still be in the mailbox.
                over = over or "resolvedElsewhere"
            if over is not None and self._pending.get(key) is pending:
                self._expire(key, pending, over)
            self._changed()
            raise
        if self._pending.get(key) is pending:
            self._close(key, "answered")
            self._note(pending, "answered", msgspec.json.encode(answer).decode())

    def _end(self, key: _Key, pending: Pending, why: Why) -> None:
        """Expire a request, unless it is being answered: then what comes of that counts."""
        if pending.answering:
            pending.over = why
        else:
            self._expire(key, pending, why)

    def _expire(self, key: _Key, pending: Pending, why: Why) -> None:
        self._close(key, why)
        if pending.call is not None:
            self._common.out.append(AbandonTool(pending.call))
        self._note(pending, "expired", json.dumps({"reason": why}))

    def _close(self, key: _Key, why: Why) -> None:
        del self._pending[key]
        self._settled[key] = why
        if len(self._settled) > REMEMBERED:
            self._settled.popitem(last=False)
        self._changed()

    def _write_down(self, pending: Pending) -> None:
        settings, thread_id = self._common.settings, self._common.bound.thread_id
        request = pending.request
        if settings is None or thread_id is None or pending.turn_id is None:
            return
        params: Any = decode_json(request.params or b"{}")
        questions = params.get("questions")
        pending.kept = (settings.actor, thread_id)
        self._ingest.note(
            "upsert_server_request",
            UpsertRequestArgs(
                actor=settings.actor,
                request_id=request.id,
                thread_id=thread_id,
                turn_id=pending.turn_id,
                item_id=params["callId" if request.method == TOOL else "itemId"],
                method=request.method,  # type: ignore[arg-type]  # one of the managed methods
                payload_json=payload_of(request, pending.turn_id),
                reason=params["reason"] if isinstance(params.get("reason"), str) else UNSET,
                questions_json=UNSET if questions is None else _questions(questions),
                requested_at=self._common.outside.now_ms(),
            ),
        )

    def _note(
        self, pending: Pending, status: Literal["answered", "expired"], response: str
    ) -> None:
        if pending.kept is None:
            return
        actor, thread_id = pending.kept
        self._ingest.note(
            "resolve_server_request",
            ResolveRequestArgs(
                actor=actor,
                thread_id=thread_id,
                request_id=pending.request.id,
                status=status,
                resolved_at=self._common.outside.now_ms(),
                response_json=response,
            ),
        )

    def _is_registered(self, asked: ToolCallRequest) -> bool:
        return asked.namespace is None and asked.tool in self._tools

    def _run_tool(self, key: _Key, pending: Pending, asked: ToolCallRequest) -> Flow:
        try:
            answer = yield RunTool(pending.call or 0, asked.tool, asked.arguments)
        except CodexRuntimeError as error:
            answer = DynamicToolResult(content_items=(InputText(text=error.text),), success=False)
        if self._pending.get(key) is pending and not pending.answering:
            yield from self._answer(key, pending, answer)

    def _decline(self, request: Request, why: str) -> Flow:
        yield Decline(request, why)


_Key: TypeAlias = tuple[str, str]


def _key(request_id: Any) -> _Key:
    """A request's key: ``1`` and ``"1"`` are two, ``1`` and what Convex makes of it are one."""
    if isinstance(request_id, int | float):
        return "number", f"{request_id:.17g}"
    return type(request_id).__name__, str(request_id)


def _questions(questions: list[dict[str, Any]]) -> str:
    """Write questions down: a question without options says so."""
    return json.dumps([{"options": None, **question} for question in questions])
