"""From a chosen response to what the server does: the script in the words of the Responses API.

May import the script language, the events and the actions. The invariant: pure; the same response
to the same request gives the same actions, and every call among them is listed in
:attr:`Rendering.calls` exactly as it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from codex_fakes.responses.actions import (
    Action,
    AwaitGate,
    OpenStream,
    Pause,
    Refuse,
    Send,
    StaySilent,
)
from codex_fakes.responses.events import EventStream, MessageEvents, compact_json
from codex_fakes.script.steps import (
    Ask,
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Incomplete,
    Patch,
    Run,
    Say,
    Stall,
    Step,
    Think,
    TypeInto,
    Usage,
    Wait,
    pieces,
)
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codex_fakes.script.playing import PlannedResponse


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A call the model made.

    Attributes:
        call_id: Its id.
        kind: The type of its item: ``function_call`` or ``custom_tool_call``.
        name: The name of what is called.
        payload: Its arguments or its input, as sent.
    """

    call_id: str
    kind: str
    name: str
    payload: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a response becomes.

    Attributes:
        actions: What the server does, in order.
        calls: The calls among it.
        regular: Whether it ends with ``response.completed``.
    """

    actions: tuple[Action, ...]
    calls: tuple[MadeCall, ...]
    regular: bool


def render(planned: PlannedResponse, *, model: str, sessions: Mapping[str, int]) -> Rendering:
    """Say a chosen response in the words of the Responses API.

    Args:
        planned: The response, ids filled in.
        model: The model the request names.
        sessions: The session of each command that the request knows to be running, by call id.

    Returns:
        The actions and the calls among them.

    Raises:
        ConfigurationError: ``E_SCRIPT_UNPLAYABLE`` when a step types into a command that is not
            running.
    """
    renderer = _Renderer(planned, model, sessions)
    for step in planned.steps:
        renderer.step(step)
    return renderer.end()


class _Renderer:
    def __init__(self, planned: PlannedResponse, model: str, sessions: Mapping[str, int]) -> None:
        self._planned = planned
        self._sessions = sessions
        self._events = EventStream(planned.id, model)
        self._actions: list[Action] = []
        self._calls: list[MadeCall] = []
        self._message: MessageEvents | None = None
        self._usage = Usage()
        self._opened = False
        self._created = False
        self._ended = False

    def step(self, step: Step) -> None:
        match step:
            case Say():
                self._say(step)
            case Think():
                self._think(step)
            case Run() | TypeInto() | Patch() | CallTool() | Ask():
                self._call(step)
            case Usage():
                self._usage = step
            case Wait():
                if not self._refused():
                    self._create()
                self._actions.append(AwaitGate(step.gate))
            case Garbage():
                self._open()
                self._actions.append(Send(step.text.encode()))
            case FailHttp() | FailResponse() | Incomplete() | Drop() | Stall():
                self._end_early(step)
            case _:
                assert_never(step)

    def end(self) -> Rendering:
        if not self._ended:
            self._create()
            self._close_message()
            self._send([self._events.completed(usage_json(self._usage))])
        return Rendering(tuple(self._actions), tuple(self._calls), regular=not self._ended)

    def _refused(self) -> bool:
        steps = self._planned.steps
        return bool(steps) and isinstance(steps[-1], FailHttp)

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            self._actions.append(OpenStream(self._planned.headers))

    def _create(self) -> None:
        # Not at once: garbage or an end as the first step comes before the first event.
        self._open()
        if not self._created:
            self._created = True
            self._send([self._events.created()])

    def _send(self, events: Iterable[bytes]) -> None:
        self._actions.extend(Send(event) for event in events)

    def _close_message(self) -> None:
        if self._message is not None:
            self._send(self._message.closed())
            self._message = None

    def _say(self, step: Say) -> None:
        self._create()
        if self._message is None:
            self._message = self._events.message(step.item_id, step.phase)
            self._send(self._message.opened())
        for number, delta in enumerate(pieces(step.text)):
            if number and step.pause_ms:
                self._actions.append(Pause(step.pause_ms))
            self._send([self._message.delta(delta)])
        if not step.left_open:
            self._close_message()

    def _think(self, step: Think) -> None:
        self._create()
        self._close_message()
        summary = [pieces(part) for part in step.summary]
        self._send(self._events.reasoning(step.item_id, summary, step.raw))

    def _call(self, step: Run | TypeInto | Patch | CallTool | Ask) -> None:
        self._create()
        self._close_message()
        call_id = step.call_id or ""
        if isinstance(step, Patch):
            lines = step.patch.splitlines(keepends=True)
            self._send(self._events.custom_call(call_id, "apply_patch", lines))
            made = MadeCall(call_id, "custom_tool_call", "apply_patch", step.patch)
        else:
            name, arguments = self._function(step)
            text = arguments if isinstance(arguments, str) else compact_json(arguments)
            namespace = step.namespace if isinstance(step, CallTool) else None
            self._send(self._events.call(call_id, name, text, namespace))
            made = MadeCall(call_id, "function_call", name, text)
        self._calls.append(made)

    def _function(self, step: Run | TypeInto | CallTool | Ask) -> tuple[str, dict[str, Any] | str]:
        match step:
            case Run():
                return "exec_command", _run_arguments(step)
            case TypeInto():
                arguments: dict[str, Any] = {
                    "session_id": self._session_of(step),
                    "chars": step.text,
                }
                if step.yield_ms is not None:
                    arguments["yield_time_ms"] = step.yield_ms
                return "write_stdin", arguments
            case CallTool():
                return step.tool, step.arguments
            case Ask():
                return "request_user_input", {"questions": msgspec.to_builtins(step.questions)}

    def _session_of(self, step: TypeInto) -> int:
        session = self._sessions.get(step.into)
        if session is None:
            running = ", ".join(self._sessions) or "none"
            raise ConfigurationError(
                "E_SCRIPT_UNPLAYABLE",
                f"response {self._planned.number + 1} types into the command of call "
                f"{step.into!r}, which is not running; Codex says of these calls that they are: "
                f"{running}",
            )
        return session

    def _end_early(self, step: FailHttp | FailResponse | Incomplete | Drop | Stall) -> None:
        self._ended = True
        match step:
            case FailHttp():
                self._actions.append(Refuse(step.status, _error_body(step), step.headers))
            case FailResponse():
                self._create()
                self._send([self._events.failed(step.code, step.message)])
            case Incomplete():
                self._create()
                self._send([self._events.incomplete(step.reason)])
            case Drop():
                self._open()
            case Stall():
                self._open()
                self._actions.append(StaySilent())


def usage_json(usage: Usage) -> dict[str, Any]:
    """Say the use of tokens as the Responses API does."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def _run_arguments(step: Run) -> dict[str, Any]:
    arguments: dict[str, Any] = {"cmd": step.command}
    if step.tty:
        arguments["tty"] = True
    if step.yield_ms is not None:
        arguments["yield_time_ms"] = step.yield_ms
    if step.escalate is not None:
        arguments["sandbox_permissions"] = "require_escalated"
        arguments["justification"] = step.escalate
    return arguments


def _error_body(step: FailHttp) -> bytes:
    error: dict[str, Any] = {"message": step.message}
    if step.type is not None:
        error["type"] = step.type
    if step.code is not None:
        error["code"] = step.code
    return compact_json({"error": {**error, **step.details}}).encode()
