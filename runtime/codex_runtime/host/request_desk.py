"""Requests of the app-server: registered, written down, answered once (spec 06 §9, "Better").

May import the common parts, the steps, the protocol and the contract. The invariant: a request that
can be answered is in memory whether or not it could be written down; an answer goes to Codex first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.contract.functions.reading import ResolveRequestArgs, UpsertRequestArgs
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError, Tell
from codex_runtime.host.projecting import payload_of
from codex_runtime.host.steps import Decline, Keep, Reply, RunTool, Sleep
from codex_runtime.protocol.messages import decode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.protocol.answers import Answer
    from codex_runtime.protocol.messages import Request

COMMAND: Final = "item/commandExecution/requestApproval"
FILES: Final = "item/fileChange/requestApproval"
QUESTION: Final = "item/tool/requestUserInput"
TOOL: Final = "item/tool/call"
REFRESH: Final = "account/chatgptAuthTokens/refresh"
MANAGED: Final = frozenset({COMMAND, FILES, QUESTION, TOOL})
"""The methods whose requests are written down."""
HELD: Final = MANAGED | {REFRESH, "item/permissions/requestApproval"}
"""The methods whose requests wait for the host's answer."""

ATTEMPTS: Final = 20
"""How often to try to write a request down whose turn is not there yet."""
PAUSE_SECONDS: Final = 0.15


@dataclass(slots=True, eq=False)
class Pending:
    """A request that waits for an answer.

    Attributes:
        request: The request.
        thread_id: The persisted thread.
        turn_id: The persisted turn; ``None`` for a request that belongs to none.
        kept: Whether it is written down.
    """

    request: Request
    thread_id: str | None
    turn_id: str | None
    kept: bool = False


class RequestDesk:
    """The requests that wait.

    Args:
        common: What the parts share.
        changed: Called whenever how many wait has changed.
        tools: The names of the tools that the host has registered.
    """

    def __init__(
        self, common: Common, changed: Callable[[], None], tools: Container[str] = ()
    ) -> None:
        self._common = common
        self._changed = changed
        self._tools = tools
        self._pending: dict[tuple[str, str], Pending] = {}

    def __len__(self) -> int:
        """How many requests of turns wait."""
        return sum(one.turn_id is not None for one in self._pending.values())

    def reset(self) -> None:
        """Forget the requests: the app-server that made them is gone."""
        self._pending.clear()

    def arrived(self, request: Request, turn_id: str | None) -> None:
        """Take a request.

        Args:
            request: The request.
            turn_id: The persisted turn it belongs to, if to any.
        """
        if request.method not in HELD:
            self._common.begin(self._decline(request))
            return
        params: Any = {} if request.params is None else decode_json(request.params)
        tool = params.get("tool") if request.method == TOOL else None
        pending = Pending(request, self._common.bound.thread_id, turn_id)
        self._pending[_key(request.id)] = pending
        self._changed()
        if request.method in MANAGED:
            self._common.begin(self._write_down(pending, params))
        if isinstance(tool, str) and tool in self._tools:
            self._common.begin(self._run_tool(pending, tool, params.get("arguments")))
        else:
            self._common.out.append(Tell("request", request))

    def resolved(self, request_id: Any) -> None:
        """Take ``serverRequest/resolved``: nobody waits for an answer any more."""
        pending = self._pending.pop(_key(request_id), None)
        if pending is not None:
            self._changed()
            self._common.begin(self._settle(pending, "expired", None))

    def turn_ended(self, turn_id: str) -> None:
        """Expire the requests of a turn that has ended."""
        for key, pending in list(self._pending.items()):
            if pending.turn_id == turn_id:
                del self._pending[key]
                self._common.begin(self._settle(pending, "expired", None))
        self._changed()

    def expire_all(self) -> Flow:
        """Expire every request, because the runtime stops."""
        waiting = list(self._pending.values())
        self._pending.clear()
        for pending in waiting:
            yield from self._settle(pending, "expired", None)

    def respond(self, request_id: Any, method: str, answer: Answer) -> Flow:
        """Answer a request.

        Args:
            request_id: Its id, of its own type.
            method: The method it must be of.
            answer: The answer.

        Raises:
            HostError: ``E_RUNTIME_SERVER_REQUEST_UNKNOWN`` or ``E_RUNTIME_SERVER_REQUEST_KIND``.
        """
        self._common.connected()
        pending = self._pending.get(_key(request_id))
        if pending is None:
            raise HostError(
                "E_RUNTIME_SERVER_REQUEST_UNKNOWN",
                f"No pending server request found for id {request_id}",
            )
        actual = pending.request.method
        if actual != method:
            raise HostError(
                "E_RUNTIME_SERVER_REQUEST_KIND",
                f"Server request {request_id} is {actual}, expected {method}",
            )
        del self._pending[_key(request_id)]
        self._changed()
        yield Reply(pending.request, answer)
        told = msgspec.json.encode(answer).decode()
        yield from self._settle(pending, "answered", told)

    def _write_down(self, pending: Pending, params: dict[str, Any]) -> Flow:
        settings = self._common.acting()
        request = pending.request
        if pending.turn_id is None or pending.thread_id is None:
            return
        questions = params.get("questions")
        args = UpsertRequestArgs(
            actor=settings.actor,
            request_id=request.id,
            thread_id=pending.thread_id,
            turn_id=pending.turn_id,
            item_id=str(params.get("callId" if request.method == TOOL else "itemId", "")),
            method=request.method,  # type: ignore[arg-type]  # one of the managed methods
            payload_json=payload_of(request, pending.turn_id),
            reason=params["reason"] if isinstance(params.get("reason"), str) else UNSET,
            questions_json=UNSET if questions is None else json.dumps(questions),
            requested_at=self._common.outside.now_ms(),
        )
        for _ in range(ATTEMPTS):
            try:
                yield Keep("upsert_server_request", args)
            except CodexRuntimeError as error:
                last = error
                if error.code != "E_TURN_NOT_FOUND":
                    break
            else:
                pending.kept = True
                return
            if self._pending.get(_key(request.id)) is not pending:
                return
            yield Sleep(PAUSE_SECONDS)
        failure = HostError(
            "E_RUNTIME_SERVER_REQUEST_NOT_KEPT",
            f"Dropped pending server request after retry budget exhausted: "
            f"requestId={request.id} turnId={pending.turn_id} reason={last}",
        )
        self._common.report(str(failure), args.payload_json)

    def _settle(self, pending: Pending, status: Any, response: str | None) -> Flow:
        """Write down what became of a request that was written down."""
        settings = self._common.settings
        if not pending.kept or settings is None or pending.thread_id is None:
            return
        yield Keep(
            "resolve_server_request",
            ResolveRequestArgs(
                actor=settings.actor,
                thread_id=pending.thread_id,
                request_id=pending.request.id,
                status=status,
                resolved_at=self._common.outside.now_ms(),
                response_json=UNSET if response is None else response,
            ),
        )

    def _run_tool(self, pending: Pending, tool: str, arguments: Any) -> Flow:
        answer = yield RunTool(tool, arguments)
        if self._pending.get(_key(pending.request.id)) is pending:
            yield from self.respond(pending.request.id, TOOL, answer)

    def _decline(self, request: Request) -> Flow:
        yield Decline(request, f"this client does not answer {request.method}")


def _key(request_id: Any) -> tuple[str, str]:
    """A request's key: ``1`` and ``"1"`` are two."""
    return type(request_id).__name__, str(request_id)
