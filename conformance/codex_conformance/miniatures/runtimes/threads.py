"""Miniatures that mix threads and conversations up.

May import what alters runtimes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_conformance.miniatures.runtimes.altering import (
    RuntimeMiniature,
    built,
    calls,
    does,
    given,
    hears,
    showing,
    shows,
)
from codex_conformance.targets.convex_line import success
from codex_conformance.wire.messages import at
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from codex_conformance.miniatures.runtimes.altering import Around, Carry, Change, Methods
    from codex_conformance.targets.runtimes import HostRuntime, Surroundings
    from codex_conformance.wire.messages import Message

_replace: Final = msgspec.structs.replace
_BIND: Final = "syncOpenConversationBinding"


def _named_otherwise(state: Any) -> Any:
    if state.conversation_id is None or state.conversation_id != state.runtime_conversation_id:
        return state
    return _replace(state, conversation_id=f"conversation-{state.conversation_id}")


def _unpinned(state: Any) -> Any:
    return _replace(state, conversation_id=state.runtime_conversation_id)


async def _detour(inner: HostRuntime, strategy: str = "start", **how: Any) -> Any:
    if strategy == "resume":
        pin = how.get("persisted_conversation_id")
        await inner.open_thread("start", persisted_conversation_id=pin)
    return await inner.open_thread(strategy, **how)


def _binding_once() -> Mapping[str, Around]:
    first: list[httpx.Response] = []

    async def bind(args: dict[str, Any], carry: Carry) -> httpx.Response:
        if not first:
            response = await carry(args)
            await response.aread()
            if response.is_success:
                first.append(response)
            return response
        return success(first[0].json().get("value"))

    return {_BIND: bind}


async def _resume_pinned(inner: HostRuntime, thread: str) -> Any:
    pin = inner.get_state().conversation_id
    return await inner.open_thread("resume", conversation_id=thread, persisted_conversation_id=pin)


async def _fork_and_return(inner: HostRuntime, thread: str) -> Any:
    await inner.fork_thread(thread)
    return await inner.resume_thread(thread)


def _bound_elsewhere(args: dict[str, Any]) -> dict[str, Any]:
    return {**args, "runtimeConversationId": "elsewhere"}


def _ahead_of_itself(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    pins: list[str] = []

    async def open_thread(inner: HostRuntime, strategy: str = "start", **how: Any) -> Any:
        pins[:] = [how["persisted_conversation_id"]] if "persisted_conversation_id" in how else []
        opened = await inner.open_thread(strategy, **how)
        pins.clear()
        return opened

    def change(state: Any) -> Any:
        return _replace(state, conversation_id=pins[0]) if pins and pins[0] else state

    return surroundings, {"open_thread": open_thread, **showing(change)}


def _all_here() -> Mapping[str, Change]:
    threads: list[str] = []

    def note(message: Message) -> tuple[Message]:
        opened = at(message, "result", "thread", "id")
        if isinstance(opened, str):
            threads[:] = [opened]
        return (message,)

    def move(message: Message) -> tuple[Message]:
        if not threads or at(message, "params", "threadId") is None:
            return (message,)
        return ({**message, "params": {**message["params"], "threadId": threads[0]}},)

    return {"answer": note, "*": move}


async def _another_instead(inner: HostRuntime, strategy: str = "start", **how: Any) -> Any:
    try:
        return await inner.open_thread(strategy, **how)
    except CodexRuntimeError as error:
        if strategy == "start" or inner.get_state().phase != "running" or _is_locked(error):
            raise
        pin = how.get("persisted_conversation_id")
        return await inner.open_thread("start", persisted_conversation_id=pin)


def _is_locked(error: CodexRuntimeError) -> bool:
    return error.code == "E_RUNTIME_THREAD_LOCKED"


async def _resume_another(inner: HostRuntime, thread: str) -> Any:
    return await _another_instead(inner, "resume", conversation_id=thread)


async def _fork_another(inner: HostRuntime, thread: str) -> Any:
    return await _another_instead(inner, "fork", conversation_id=thread)


THREADS: Final[tuple[RuntimeMiniature, ...]] = (
    shows(
        "names-of-its-own",
        "A conversation without a pin is not called as Codex's thread.",
        _named_otherwise,
        "lifecycle.identity.first",
        "lifecycle.identity.same",
        "lifecycle.identity.switch",
        "lifecycle.identity.resume-unpins",
        "lifecycle.identity.fork",
    ),
    shows(
        "pins-unread",
        "A pinned conversation is called as Codex's thread.",
        _unpinned,
        "lifecycle.identity.first-pinned",
        "lifecycle.identity.same-pinned",
        "lifecycle.identity.switch-pinned",
        "lifecycle.identity.resume-unpins",
    ),
    does(
        "takes-a-detour",
        "Before a thread is resumed a new one is opened.",
        {"open_thread": _detour},
        "lifecycle.identity.same",
        "lifecycle.identity.same-pinned",
        "lifecycle.identity.failed-open",
    ),
    calls(
        "binds-once",
        "Only the first thread is bound.",
        _binding_once,
        "lifecycle.identity.switch",
        "lifecycle.identity.switch-pinned",
        "lifecycle.import.beside-a-turn",
    ),
    does(
        "pins-for-ever",
        "Resuming a thread keeps the pin.",
        {"resume_thread": _resume_pinned},
        "lifecycle.identity.resume-unpins",
    ),
    does(
        "forks-and-returns",
        "After a fork the original is open.",
        {"fork_thread": _fork_and_return},
        "lifecycle.identity.fork",
    ),
    calls(
        "binds-elsewhere",
        "The deployment is told another thread of Codex.",
        lambda: {_BIND: given(_bound_elsewhere)},
        "lifecycle.identity.bound",
    ),
    built(
        "ahead-of-itself",
        "The state shows the conversation of a thread that could not be opened.",
        _ahead_of_itself,
        "lifecycle.identity.failed-open",
    ),
    hears(
        "all-threads-are-one",
        "What Codex says of any thread is taken for the open one's.",
        _all_here,
        "lifecycle.identity.other-threads",
        "lifecycle.dispatch.own-end",
        "lifecycle.import.beside-a-turn",
    ),
    does(
        "opens-another-instead",
        "Where an old thread cannot be opened, a new one is.",
        {
            "open_thread": _another_instead,
            "resume_thread": _resume_another,
            "fork_thread": _fork_another,
        },
        "lifecycle.identity.failed-open",
        "fail_closed.thread.unnamed",
        "fail_closed.thread.no-uuid",
        "fail_closed.thread.unknown",
    ),
)
