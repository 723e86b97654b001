"""The endpoints that do more than forward: safe reads, ingest, the acceptance of turns.

May import the answers, the calls and the contract. The invariant: one function for each such
endpoint, found by its name; every other endpoint forwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.host.answers import (
    data_hygiene,
    durable_history_stats,
    persistence_stats,
    safely,
)
from codex_runtime.contract.classification import is_thread_missing
from codex_runtime.contract.endpoints import EXTENDED_VERSION, RUNTIME_EXTENDED
from codex_runtime.errors import ContractError
from codex_runtime.values import ConvexError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_fakes.component.host.calls import Call
    from codex_fakes.component.rows import Row


def _ensure_conversation_binding(call: Call) -> Row:
    if not call.args["conversationId"]:
        raise ContractError(
            "E_CONVERSATION_ID_REQUIRED", "ensureConversationBinding requires conversationId."
        )
    resolved = call.forward()
    return {"threadId": resolved["threadId"], "created": resolved["created"]}


def _archive(call: Call) -> Row:
    done = call.forward(threadId=call.thread_or_refuse())
    return {"conversationId": done["conversationId"], "status": done["status"]}


def _ingest_event(call: Call) -> Any:
    event = call.args["event"]
    if event["type"] != "stream_delta":
        raise _not_accepted("ingestEvent")
    return call.forward(streamDeltas=[event], lifecycleEvents=[])


def _ingest_batch(call: Call) -> Any:
    deltas = call.args["deltas"]
    if any(event["type"] != "stream_delta" for event in deltas):
        raise _not_accepted("ingestBatch")
    if not deltas:
        raise ContractError("E_SYNC_EMPTY_BATCH", "ingestBatch requires at least one delta")
    return call.forward(streamDeltas=deltas, lifecycleEvents=[])


def _not_accepted(name: str) -> ContractError:
    return ContractError(
        "E_INGEST_LIFECYCLE_NOT_ACCEPTED",
        f"{name}(streamOnly) does not accept lifecycle events",
    )


def _accept_turn_send(call: Call) -> Row:
    text = call.args["inputText"]
    accepted: Row = call.forward(input=[{"type": "text", "text": text}])
    return accepted


def _in_thread(call: Call) -> Any:
    return call.forward(threadId=call.thread_or_refuse())


def _snapshot(call: Call) -> Row:
    return safely(call, {}, lambda thread: {"data": call.forward(threadId=thread)})


def _counted(count: Callable[[Row], Row]) -> Callable[[Call], Row]:
    def read(call: Call) -> Row:
        return safely(call, count({}), lambda thread: count(call.forward(threadId=thread)))

    return read


def _messages(call: Call) -> Row:
    wanted = call.args.get("streamArgs")
    empty: Row = _empty_page(call)
    if wanted is not None:
        empty["streams"] = _streams_shown(wanted, {})

    def read(thread: str) -> Row:
        page: Row = call.forward(threadId=thread)
        if wanted is None:
            return page
        cursors = wanted["cursors"] if wanted["kind"] == "deltas" else []
        options = {"runtime": call.args["runtime"]} if "runtime" in call.args else {}
        replayed = call.ask("sync.replay", threadId=thread, streamCursorsById=cursors, **options)
        return {**page, "streams": _streams_shown(wanted, replayed)}

    return safely(call, empty, read)


def _streams_shown(wanted: Row, replayed: Row) -> Row:
    shown = {"kind": wanted["kind"], "streams": replayed.get("streams", [])}
    if wanted["kind"] == "deltas":
        for name in ("deltas", "streamWindows", "nextCheckpoints"):
            shown[name] = replayed.get(name, [])
    return shown


def _turn_messages(call: Call) -> Row:
    return safely(call, {"data": []}, lambda thread: {"data": call.forward(threadId=thread)})


def _reasoning(call: Call) -> Row:
    def read(thread: str) -> Row:
        page: Row = call.forward(threadId=thread)
        return page

    return safely(call, _empty_page(call), read)


def _empty_page(call: Call) -> Row:
    cursor = call.args["paginationOpts"]["cursor"]
    return {"page": [], "isDone": True, "continueCursor": cursor or ""}


def _list_or_nothing(call: Call) -> Any:
    """List something of a conversation: nothing where there is no conversation, or no thread."""
    try:
        thread_id = call.thread()
        return [] if thread_id is None else call.forward(threadId=thread_id)
    except ConvexError as error:
        if is_thread_missing(error):
            return []
        raise


def _manifest(_call: Call) -> Row:
    return {
        "version": EXTENDED_VERSION,
        "endpoints": [endpoint.name for endpoint in RUNTIME_EXTENDED],
    }


SPECIAL: Final[Mapping[str, Callable[[Call], Any]]] = {
    "ensureConversationBinding": _ensure_conversation_binding,
    "archiveConversation": _archive,
    "unarchiveConversation": _archive,
    "ingestEvent": _ingest_event,
    "ingestBatch": _ingest_batch,
    "deleteThread": _in_thread,
    "scheduleDeleteThread": _in_thread,
    "deleteTurn": _in_thread,
    "scheduleDeleteTurn": _in_thread,
    "respondApproval": _in_thread,
    "interruptTurn": _in_thread,
    "acceptTurnSend": _accept_turn_send,
    "threadSnapshotByConversation": _snapshot,
    "persistenceStats": _counted(persistence_stats),
    "durableHistoryStats": _counted(durable_history_stats),
    "dataHygiene": _counted(data_hygiene),
    "listThreadMessagesByConversation": _messages,
    "listTurnMessagesByConversation": _turn_messages,
    "listTokenUsageByConversation": _list_or_nothing,
    "listPendingServerRequestsByConversation": _list_or_nothing,
    "listThreadReasoningByConversation": _reasoning,
    "extendedManifest": _manifest,
}
"""What each endpoint does that does not just forward."""
