"""Tools that end at the client: its own ones, questions to the user, permissions, the plan, goals.

May import calls, permissions, goals, items and the dialect. None of them is an item of its own save
a client's tool. What the model calls wrongly, or what nobody offers, leaves no trace on the wire:
only the model is told (FACTS §8, §9). The invariant: a request to the client is sent for a call
that is under way, and answered, withdrawn with its turn, or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.threads.items import Item, dynamic_tool_call
from codex_fakes.app_server.tools.permissions import (
    Permissions,
    PermissionsWanted,
    granted_writes,
    never_asks,
    shown_permissions,
    wants_anything,
)

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import Answer
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.tools.calls import Caller, Calls
    from codex_fakes.app_server.tools.goals import Goals
    from codex_fakes.script.steps import CallTool

ASKING_FEATURE: Final = "default_mode_request_user_input"
"""The feature that lets the model ask the user outside of plan mode."""
PERMISSIONS_FEATURE: Final = "request_permissions_tool"
"""The feature that lets the model ask for permissions."""


_GOAL_TOOLS: Final = frozenset({"create_goal", "update_goal"})

Wanted = TypeVar("Wanted")

# --- what the model may say ----------------------------------------------------------------------


class _Option(msgspec.Struct):
    label: str
    description: str


class _Question(msgspec.Struct, rename="camel"):
    id: str
    header: str
    question: str
    options: list[_Option]
    is_other: bool = True
    is_secret: bool = False


class _Questions(msgspec.Struct):
    questions: list[_Question]


class _PlanStep(msgspec.Struct, forbid_unknown_fields=True):
    step: str
    status: str


class _Plan(msgspec.Struct, forbid_unknown_fields=True):
    plan: list[_PlanStep]
    explanation: str | None = None


class _InputText(msgspec.Struct, tag="inputText", tag_field="type"):
    text: str


class _InputImage(msgspec.Struct, tag="inputImage", tag_field="type", rename="camel"):
    image_url: str


class _ToolAnswer(msgspec.Struct, rename="camel"):
    content_items: list[_InputText | _InputImage]
    success: bool


_PLAN_STATUS: Final = {
    "pending": "pending",
    "in_progress": "inProgress",
    "completed": "completed",
}


def _read(arguments: dict[str, Any] | str, wanted: type[Wanted]) -> Wanted | None:
    """Read a call's arguments; ``None`` for what only the model is told about."""
    try:
        if isinstance(arguments, str):
            return msgspec.json.decode(arguments, type=wanted)
        return msgspec.convert(arguments, wanted)
    except msgspec.MsgspecError:
        return None


# --- the tools -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pending:
    """A client's tool that the client has not answered for."""

    caller: Caller
    item: Item
    started_ms: int


class ClientTools:
    """Plays calls of tools by name.

    Args:
        calls: The shared part of all tools.
        goals: Keeps the goals that the model sets and ends.
    """

    def __init__(self, calls: Calls, goals: Goals) -> None:
        self._calls = calls
        self._goals = goals
        self._world = calls.world
        self._pending: list[_Pending] = []
        self._built_in = {
            "request_user_input": self._ask_user,
            "request_permissions": self._ask_permissions,
            "update_plan": self._update_plan,
            "create_goal": self._create_goal,
            "update_goal": self._update_goal,
        }

    def take_up(self, caller: Caller, call: CallTool) -> None:
        """Play a call of a tool."""
        if not caller.goes_on:
            return
        built_in = self._built_in.get(call.tool) if call.namespace is None else None
        if built_in is not None and self._offers(caller.thread, call.tool):
            built_in(caller, call.arguments)
        elif (call.namespace, call.tool) in caller.thread.tools:
            self._call_client(caller, call)
        else:
            self._calls.finish(caller)

    def _offers(self, thread: Thread, tool: str) -> bool:
        """Whether the model is offered a tool of Codex's own."""
        own, server = thread.settings, self._world.settings
        plans = own.collaboration_mode()["mode"] == "plan"
        features = own.features_with(server)
        if tool == "request_user_input":
            return plans or ASKING_FEATURE in features
        if tool == "request_permissions":
            return PERMISSIONS_FEATURE in features
        if tool in _GOAL_TOOLS:
            return not thread.ephemeral
        return (server.plan_tool if own.plan_tool is None else own.plan_tool) and not plans

    # --- the client's own tools ----------------------------------------------------------------

    def _call_client(self, caller: Caller, call: CallTool) -> None:
        arguments: Any = call.arguments
        if isinstance(arguments, str):
            try:
                arguments = dialect.decode(arguments.encode())
            except ValueError:
                self._calls.finish(caller)
                return
        thread, turn = caller.thread, caller.turn
        item = dynamic_tool_call(caller.call_id, call.namespace, call.tool, arguments)
        pending = _Pending(caller, item, self._calls.writing.start_item(thread, turn.id, item))
        self._pending.append(pending)
        params = {
            "threadId": thread.id,
            "turnId": turn.id,
            "callId": caller.call_id,
            "namespace": call.namespace,
            "tool": call.tool,
            "arguments": arguments,
        }
        # Of these requests nobody is told that they are resolved.
        answered = partial(self._client_answered, pending)
        self._world.ask(thread, turn.id, "item/tool/call", params, answered, quiet=True)

    def _client_answered(self, pending: _Pending, answer: Answer) -> None:
        said, content, success = _tool_answer(answer)
        if said is not None:
            content = [{"type": "inputText", "text": said}]
        self._complete(pending, content, success=success)
        self._calls.finish(pending.caller)

    def _complete(self, pending: _Pending, content: list[dict[str, Any]], *, success: bool) -> None:
        self._pending.remove(pending)
        caller = pending.caller
        item = {
            **pending.item,
            "status": "completed" if success else "failed",
            "contentItems": content,
            "success": success,
            "durationMs": self._world.clock.now_ms() - pending.started_ms,
        }
        self._calls.writing.complete_item(caller.thread, caller.turn.id, item, pending.started_ms)

    def abandon(self, turn: Turn) -> None:
        """Complete what a turn that ends has called and the client has not answered for."""
        for pending in [pending for pending in self._pending if pending.caller.turn is turn]:
            self._complete(pending, [], success=False)

    # --- goals ---------------------------------------------------------------------------------

    def _create_goal(self, caller: Caller, arguments: dict[str, Any] | str) -> None:
        self._goals.create(caller.thread, caller.turn, arguments)
        self._calls.finish(caller)

    def _update_goal(self, caller: Caller, arguments: dict[str, Any] | str) -> None:
        self._goals.update(caller.thread, caller.turn, arguments)
        self._calls.finish(caller)

    # --- questions -----------------------------------------------------------------------------

    def _ask_user(self, caller: Caller, arguments: dict[str, Any] | str) -> None:
        wanted = _read(arguments, _Questions)
        if wanted is None or not all(question.options for question in wanted.questions):
            self._calls.finish(caller)
            return
        thread, turn = caller.thread, caller.turn
        self._calls.asking(thread, asks=True)
        params = {
            "threadId": thread.id,
            "turnId": turn.id,
            "itemId": caller.call_id,
            "questions": [_shown_question(question) for question in wanted.questions],
            "isBlocking": thread.settings.collaboration_mode()["mode"] == "plan",
            "autoResolutionMs": None,
        }
        method = "item/tool/requestUserInput"
        self._world.ask(thread, turn.id, method, params, partial(self._user_answered, caller))

    def _user_answered(self, caller: Caller, _: Answer) -> None:
        # Whatever was answered, a refusal included, only the model sees it.
        self._calls.asking(caller.thread, asks=False)
        self._calls.finish(caller)

    # --- permissions ---------------------------------------------------------------------------

    def _ask_permissions(self, caller: Caller, arguments: dict[str, Any] | str) -> None:
        thread, turn = caller.thread, caller.turn
        wanted = _read(arguments, PermissionsWanted)
        if (
            wanted is None
            or wanted.environment_id != "local"
            or not wants_anything(wanted.permissions)
            or never_asks(thread.settings.approval_policy)
        ):
            self._calls.finish(caller)
            return
        cwd = thread.settings.cwd
        self._calls.waiting(thread, 1)
        params = {
            "threadId": thread.id,
            "turnId": turn.id,
            "itemId": caller.call_id,
            "environmentId": wanted.environment_id,
            "startedAtMs": self._world.clock.now_ms(),
            "cwd": cwd,
            "reason": wanted.reason,
            "permissions": shown_permissions(wanted.permissions, cwd),
        }
        method = "item/permissions/requestApproval"
        answered = partial(self._permissions_answered, caller, wanted.permissions)
        self._world.ask(thread, turn.id, method, params, answered)

    def _permissions_answered(self, caller: Caller, wanted: Permissions, answer: Answer) -> None:
        # What else is granted, only the model is told.
        thread, turn = caller.thread, caller.turn
        granted = granted_writes(wanted, answer, thread.settings.cwd)
        (thread.writable if granted.for_session else turn.writable).update(granted.writable)
        self._calls.waiting(thread, -1)
        self._calls.finish(caller)

    # --- the plan ------------------------------------------------------------------------------

    def _update_plan(self, caller: Caller, arguments: dict[str, Any] | str) -> None:
        wanted = _read(arguments, _Plan)
        if wanted is not None and all(step.status in _PLAN_STATUS for step in wanted.plan):
            thread, turn = caller.thread, caller.turn
            steps = [
                {"step": step.step, "status": _PLAN_STATUS[step.status]} for step in wanted.plan
            ]
            self._world.tell_subscribers(
                thread,
                "turn/plan/updated",
                {
                    "threadId": thread.id,
                    "turnId": turn.id,
                    "explanation": wanted.explanation,
                    "plan": steps,
                },
            )
        self._calls.finish(caller)


# --- forms ---------------------------------------------------------------------------------------


def _tool_answer(answer: Answer) -> tuple[str | None, list[dict[str, Any]], bool]:
    """Understand what a client answered for its tool.

    Returns:
        What is said in place of a result, when there is none; the result; whether it succeeded.
    """
    if answer.failed:
        return "dynamic tool request failed", [], False
    try:
        given = msgspec.convert(answer.result, _ToolAnswer)
    except msgspec.ValidationError:
        return "dynamic tool response was invalid", [], False
    return None, msgspec.to_builtins(given.content_items), given.success


def _shown_question(question: _Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "header": question.header,
        "question": question.question,
        # Codex always lets the user answer something else.
        "isOther": True,
        "isSecret": question.is_secret,
        "options": msgspec.to_builtins(question.options),
    }
