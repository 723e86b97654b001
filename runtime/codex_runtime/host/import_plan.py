"""Planning an import: from what Codex says of a thread to the chunks a deployment takes in.

May import the contract's limits and the error catalogue; no IO. The invariant: the same thread
gives the same events with the same ids, so that what was imported before is known when it is
imported again; and the manifest names exactly the messages that the events make (spec 06 §12,
"Better").
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.contract.limits import CHUNK_BYTES_MOST, IMPORT_CHUNK_EVENTS
from codex_runtime.errors import ContractError
from codex_runtime.host.turn_identity import persisted_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK_BYTES: Final = 512 * 1_024
"""UTF-8 bytes after which a chunk is closed; one event alone may be larger."""

_MESSAGES: Final = {
    "usermessage": "userMessage",
    "user_message": "userMessage",
    "agentmessage": "agentMessage",
    "agent_message": "agentMessage",
    "assistantmessage": "agentMessage",
    "assistant_message": "agentMessage",
    "systemmessage": "systemMessage",
    "system_message": "systemMessage",
    "toolmessage": "toolMessage",
    "tool_message": "toolMessage",
}
"""The types of items that people read as messages, in every spelling there was, and today's."""

_ENDINGS: Final = {
    "interrupted": "Turn interrupted during local thread import.",
    "failed": "Turn failed during local thread import.",
}
_STATUSES: Final = frozenset({"completed", "interrupted", "failed", "inProgress"})


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of what is to be imported.

    Attributes:
        index: Its place.
        payload_json: Its events, as a JSON array.
        message_count: How many of them are messages of the manifest.
        byte_size: Its length in UTF-16 units, as importers count it.
        digest: The SHA-256 of the payload.
    """

    index: int
    payload_json: str
    message_count: int
    byte_size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What is to be imported.

    Attributes:
        conversation_id: Into which conversation.
        chunks: The events, in parts.
        manifest: The turn and message of each message, each once, in order.
        turn_count: How many turns there are.
        warnings: What was mended or left out, as ``W_…:<count>``.
    """

    conversation_id: str
    chunks: tuple[Chunk, ...]
    manifest: tuple[tuple[str, str], ...]
    turn_count: int
    warnings: tuple[str, ...]

    @property
    def manifest_json(self) -> str:
        """The manifest as a deployment takes it."""
        return _compact([{"turnId": turn, "messageId": item} for turn, item in self.manifest])

    @property
    def checksum(self) -> str:
        """``<chunks>:<messages>:<size>``."""
        messages = sum(chunk.message_count for chunk in self.chunks)
        size = sum(chunk.byte_size for chunk in self.chunks)
        return f"{len(self.chunks)}:{messages}:{size}"

    @property
    def digest(self) -> str:
        """The SHA-256 in hex over the SHA-256 of each chunk's payload in order."""
        whole = hashlib.sha256()
        for chunk in self.chunks:
            whole.update(chunk.digest)
        return whole.hexdigest()


@dataclass(slots=True)
class _Counts:
    generated_ids: int = 0
    without_type: int = 0
    manifest: set[tuple[str, str]] = field(default_factory=set)


def plan_import(thread: dict[str, Any], conversation_id: str, now_ms: float) -> ImportPlan:
    """Plan the import of a thread.

    Args:
        thread: The thread as ``thread/read`` gives it, turns included.
        conversation_id: The conversation it is imported into.
        now_ms: The time, in milliseconds since the epoch, for turns that have none.

    Returns:
        The plan.

    Raises:
        ContractError: ``E_SYNC_SOURCE_CHUNK_TOO_LARGE``: one item is larger than a deployment
            takes.
    """
    counts = _Counts()
    turns = [turn for turn in _list(thread, "turns") if _text(turn, "id")]
    persisted = persisted_ids(turns)
    events: list[tuple[dict[str, Any], bool]] = []
    for turn in turns:
        told = {**turn, "id": persisted[turn["id"]]}
        events += _events_of(told, conversation_id, now_ms + len(events), counts)
    warnings = []
    if counts.generated_ids:
        warnings.append(f"W_IMPORT_THREAD_GENERATED_MESSAGE_IDS:{counts.generated_ids}")
    if counts.without_type:
        warnings.append(f"W_IMPORT_THREAD_SKIPPED_ITEMS_MISSING_TYPE:{counts.without_type}")
    return ImportPlan(
        conversation_id=conversation_id,
        chunks=tuple(_chunks(events)),
        manifest=tuple(sorted(counts.manifest, key=lambda entry: tuple(map(_units, entry)))),
        turn_count=len(turns),
        warnings=tuple(warnings),
    )


def _events_of(
    turn: dict[str, Any], conversation_id: str, created_at: float, counts: _Counts
) -> list[tuple[dict[str, Any], bool]]:
    """Make the events of a turn; each with whether it is a message of the manifest."""
    turn_id = turn["id"]
    status = turn.get("status")
    status = status if status in _STATUSES else "completed"
    told = {"id": turn_id, "items": [], "status": status, "error": _error(turn, status)}
    place = {"threadId": conversation_id, "turnId": turn_id}
    messages = [("turn/started", {"threadId": conversation_id, "turn": told}, False)]
    for index, item in enumerate(_list(turn, "items")):
        kind = _text(item, "type")
        if not kind:
            counts.without_type += 1
            continue
        readable = _MESSAGES.get(kind.strip().lower())
        item_id = _item_id(item)
        if item_id is None:
            item_id = f"generated:{turn_id}:{index}"
            counts.generated_ids += readable is not None
        if readable is not None:
            counts.manifest.add((turn_id, item_id))
        whole = {**item, "id": item_id, "type": readable or kind}
        messages.append(("item/completed", {**place, "item": whole}, readable is not None))
    if status != "inProgress":
        ended = {"threadId": conversation_id, "turn": told}
        messages.append(("turn/completed", ended, False))
    payloads = [_compact({"method": method, "params": params}) for method, params, _ in messages]
    # A turn that has changed since is another stream; one that has not is the same one.
    version = hashlib.sha256("\n".join(payloads).encode(errors="surrogatepass")).hexdigest()[:16]
    stream = f"thread-import:{version}:{conversation_id}:{turn_id}:import"
    return [
        (
            {
                "type": "stream_delta",
                "eventId": f"thread-import:{version}:{conversation_id}:{turn_id}:{sequence}",
                "turnId": turn_id,
                "streamId": stream,
                "kind": method,
                "payloadJson": payload,
                "cursorStart": sequence,
                "cursorEnd": sequence + 1,
                "createdAt": created_at + sequence,
            },
            readable,
        )
        for sequence, ((method, _, readable), payload) in enumerate(
            zip(messages, payloads, strict=True)
        )
    ]


def _error(turn: dict[str, Any], status: str) -> dict[str, Any] | None:
    if status not in _ENDINGS:
        return None
    error = turn.get("error")
    own = _text(error, "message") if isinstance(error, dict) else ""
    return {"message": own or _ENDINGS[status]}


def _item_id(item: dict[str, Any]) -> str | None:
    for key in ("id", "messageId", "message_id"):
        value = _text(item, key).strip()
        if value:
            return value
    return None


def _chunks(events: Iterable[tuple[dict[str, Any], bool]]) -> Iterator[Chunk]:
    part: list[str] = []
    messages = size = index = 0
    for event, readable in events:
        text = _compact(event)
        weight = len(text.encode(errors="surrogatepass")) + 1
        if weight > CHUNK_BYTES_MOST:
            raise ContractError(
                "E_SYNC_SOURCE_CHUNK_TOO_LARGE",
                f"An item of turn {event['turnId']} has {weight} bytes; "
                f"a chunk has at most {CHUNK_BYTES_MOST}.",
            )
        if part and (len(part) == IMPORT_CHUNK_EVENTS or size + weight > CHUNK_BYTES):
            yield _chunk(index, part, messages)
            part, messages, size, index = [], 0, 0, index + 1
        part.append(text)
        messages += readable
        size += weight
    if part:
        yield _chunk(index, part, messages)


def _chunk(index: int, part: list[str], messages: int) -> Chunk:
    payload = f"[{','.join(part)}]"
    digest = hashlib.sha256(payload.encode(errors="surrogatepass")).digest()
    return Chunk(index, payload, messages, len(_units(payload)) // 2, digest)


def _units(text: str) -> bytes:
    """The UTF-16 units of a text: how importers count and order."""
    return text.encode("utf-16-be", errors="surrogatepass")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _list(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = holder.get(key)
    if not isinstance(value, list | tuple):
        return []
    return [one for one in value if isinstance(one, dict)]


def _text(holder: dict[str, Any], key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""
