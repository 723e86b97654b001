"""Miniatures that import wrongly.

May import what alters runtimes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_conformance.miniatures.runtimes.altering import RuntimeMiniature, built, does, wired
from codex_conformance.wire.messages import array_at, at
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_conformance.miniatures.runtimes.altering import Methods
    from codex_conformance.targets.runtimes import HostRuntime, Surroundings
    from codex_conformance.wire.messages import Message

_replace: Final = msgspec.structs.replace
_IMPORT: Final = "import_local_thread_to_persistence"


def _with(**members: Any) -> Methods:
    async def run(inner: HostRuntime, handle: str, **how: Any) -> Any:
        result = await inner.import_local_thread_to_persistence(handle, **how)
        return _replace(result, **members)

    return {_IMPORT: run}


async def _one_more(inner: HostRuntime, handle: str, **how: Any) -> Any:
    result = await inner.import_local_thread_to_persistence(handle, **how)
    return _replace(result, imported_turn_count=result.imported_turn_count + 1)


async def _elsewhere(inner: HostRuntime, handle: str, **how: Any) -> Any:
    if how.get("conversation_id") is None:
        how["conversation_id"] = f"import-of-{handle}"
    return await inner.import_local_thread_to_persistence(handle, **how)


async def _silent(inner: HostRuntime, handle: str, **how: Any) -> Any:
    how.pop("on_progress", None)
    return await inner.import_local_thread_to_persistence(handle, **how)


async def _not_now(inner: HostRuntime, handle: str, **how: Any) -> Any:
    if inner.get_state().turn_in_flight:
        raise CodexRuntimeError("E_RUNTIME_THREAD_LOCKED", "a turn is in flight")
    return await inner.import_local_thread_to_persistence(handle, **how)


async def _content(inner: HostRuntime, handle: str, **how: Any) -> Any:
    try:
        return await inner.import_local_thread_to_persistence(handle, **how)
    except CodexRuntimeError:
        return None


async def _under_its_own_name(inner: HostRuntime, strategy: str = "start", **how: Any) -> Any:
    if strategy == "resume":
        how["persisted_conversation_id"] = None
    return await inner.open_thread(strategy, **how)


def _reading(change: Callable[[int, list[Any]], list[Any]]) -> Any:
    """Have the turns of a thread that is imported be read otherwise.

    Args:
        change: Makes other turns of them; it is told how many threads were imported before.
    """

    def build(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
        importing: list[str] = []
        under_way: list[str] = []

        def answer(message: Message) -> tuple[Message]:
            turns = array_at(message, "result", "thread", "turns")
            if not under_way or not turns:
                return (message,)
            thread = at(message, "result", "thread")
            changed = {**thread, "turns": change(len(importing), turns)}
            return ({**message, "result": {**message["result"], "thread": changed}},)

        async def run(inner: HostRuntime, handle: str, **how: Any) -> Any:
            under_way.append(handle)
            try:
                return await inner.import_local_thread_to_persistence(handle, **how)
            finally:
                importing.append(under_way.pop())

        return wired(surroundings, incoming={"answer": answer}), {_IMPORT: run}

    return build


def _halved(_before: int, turns: list[Any]) -> list[Any]:
    return [{**turn, "items": turn["items"][:1]} for turn in turns]


def _renamed(before: int, turns: list[Any]) -> list[Any]:
    """Give turns and messages other ids than those they were imported with before."""
    if not before:
        return turns
    return [
        {
            **turn,
            "id": f"{turn['id'][:-1]}{before}",
            "items": [
                {**one, "id": f"{one['id']}-{before}", "clientId": None} for one in turn["items"]
            ],
        }
        for turn in turns
    ]


IMPORTS: Final[tuple[RuntimeMiniature, ...]] = (
    built(
        "imports-one-side",
        "Of each turn only the first item is imported.",
        _reading(_halved),
        "lifecycle.import.words",
        "lifecycle.import.own-name",
        "lifecycle.import.result",
        "lifecycle.import.again",
        "lifecycle.import.then-live",
        "lifecycle.import.beside-a-turn",
        "fail_closed.convex.import-fails",
    ),
    does(
        "imports-elsewhere",
        "A conversation of its own is called otherwise.",
        {_IMPORT: _elsewhere},
        "lifecycle.import.own-name",
    ),
    does(
        "imports-miscounted",
        "The result says one turn more.",
        {_IMPORT: _one_more},
        "lifecycle.import.result",
    ),
    does(
        "imports-nameless",
        "The result names another job.",
        _with(sync_job_id="none"),
        "lifecycle.import.job",
    ),
    does(
        "imports-in-silence",
        "Nobody hears how far an import is.",
        {_IMPORT: _silent},
        "lifecycle.import.progress",
    ),
    built(
        "imports-anew",
        "A second import makes messages of its own.",
        _reading(_renamed),
        "lifecycle.import.again",
    ),
    does(
        "resumes-under-its-own-name",
        "Resuming a thread lets go of the conversation it was to be kept in.",
        {"open_thread": _under_its_own_name},
        "lifecycle.import.then-live",
    ),
    does(
        "imports-later",
        "Nothing is imported while a turn is in flight.",
        {_IMPORT: _not_now},
        "lifecycle.import.beside-a-turn",
    ),
    does(
        "imports-content",
        "An import that is refused says nothing of it.",
        {_IMPORT: _content},
        "fail_closed.unconnected.import",
        "fail_closed.import.unnamed",
        "fail_closed.import.no-uuid",
        "fail_closed.import.unreadable",
        "fail_closed.import.nowhere",
        "fail_closed.convex.import-fails",
    ),
    does(
        "always-synced",
        "Every import is said to be synced.",
        _with(sync_state="synced", sync_job_state="synced"),
        "fail_closed.convex.import-not-verified",
    ),
)
