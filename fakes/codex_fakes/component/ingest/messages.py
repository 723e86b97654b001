"""The messages of a batch: what is there, what the batch makes of it, what is written.

May import the rows, long texts and the contract's states. The invariant: a message is read at most
once and written at most once in a batch; one that has ended keeps its text; more than a transaction
can rewrite is refused with a code (spec 02 §8.1-8.2).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component import long_texts
from codex_fakes.component.rows import one, select
from codex_runtime.contract.limits import INGEST_READ_MOST, INGEST_WRITTEN_MOST
from codex_runtime.contract.states import MESSAGE, Stay
from codex_runtime.errors import ContractError

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.rows import Row
    from codex_runtime.protocol.items import ItemMessage, TextDelta

FAILED_TEXT: Final = "item failed"
"""The error of a message whose item failed (``E_ITEM_FAILED``)."""

_TEXTS: Final = ("text", "payloadJson")
_EVENTS: Final = {
    "streaming": "started",
    "completed": "completed",
    "interrupted": "interrupted",
    "failed": "failed",
}


@dataclass(slots=True)
class _Entry:
    """A message while the batch works on it.

    Attributes:
        before: The row as it is stored; ``None`` for a new one.
        now: The row as it is to be.
        parts: The ids of the parts that its long texts are stored in.
        pieces: Text that was added and is not yet in the row.
    """

    before: Row | None
    now: Row
    parts: dict[str, list[str]] = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)


class Messages:
    """The messages of a batch.

    Args:
        ctx: The function's context.
        caller: Whose they are.
        thread: Their thread.
        written: The bytes that the batch writes beside its messages.
    """

    def __init__(self, ctx: Any, caller: Caller, thread: Row, written: int) -> None:
        self._ctx = ctx
        self._caller = caller
        self._thread = thread
        self._entries: dict[tuple[str, str], _Entry | None] = {}
        self._orders: dict[str, int] = {}
        self._read = 0
        self._written = written

    def take(self, turn: Row, message: ItemMessage, created_at: float) -> None:
        """Take in that an item was started or completed."""
        entry = self._entry(turn, message.message_id)
        told = {
            "role": message.role,
            "text": message.text,
            "sourceItemType": message.source_item_type,
            "payloadJson": message.payload_json,
        }
        if entry is None:
            self._insert(turn, message.message_id, created_at, message.status, told)
            return
        event = _EVENTS[message.status]
        status = entry.now["status"]
        if isinstance(MESSAGE.outcome(status, event), Stay):
            return
        entry.pieces.clear()
        entry.now |= told
        self._set_status(entry, MESSAGE.move(status, event, f"Message {message.message_id}"))

    def append(self, turn: Row, delta: TextDelta, created_at: float) -> None:
        """Take in a piece of text; one that comes after the message's end is left out."""
        entry = self._entry(turn, delta.message_id)
        if entry is None:
            told = {"role": "assistant", "text": "", "sourceItemType": "agentMessage"}
            entry = self._insert(turn, delta.message_id, created_at, "streaming", told)
        elif isinstance(MESSAGE.outcome(entry.now["status"], "delta"), Stay):
            return
        entry.pieces.append(delta.delta)

    def flush(self) -> None:
        """Write what has changed."""
        now = self._ctx.now()
        for entry in self._entries.values():
            if entry is None:
                continue
            if entry.pieces:
                text = entry.now["text"] + "".join(entry.pieces)
                payload = {"type": "agentMessage", "id": entry.now["messageId"], "text": text}
                entry.now["text"] = text
                entry.now["payloadJson"] = json.dumps(
                    payload, ensure_ascii=False, separators=(",", ":")
                )
            if entry.before is None:
                self._weigh_write(entry)
                row = {**entry.now, "updatedAt": now}
                long_texts.insert(self._ctx, "codex_messages", row, *_TEXTS)
                continue
            changes = {
                name: value
                for name, value in entry.now.items()
                if entry.before.get(name) != value and name != "longFields"
            }
            if changes:
                self._weigh_write(entry)
                changes |= {name: entry.now[name] for name in _TEXTS}
                stored = {**entry.before, **dict.fromkeys(entry.before.get("longFields", []), "")}
                changes["updatedAt"] = now
                long_texts.patch(self._ctx, stored, changes, *_TEXTS, parts=entry.parts)

    def _entry(self, turn: Row, message_id: str) -> _Entry | None:
        key = (turn["turnId"], message_id)
        if key not in self._entries:
            where = {
                "userScope": self._caller.scope,
                "threadId": self._thread["threadId"],
                "turnId": turn["turnId"],
                "messageId": message_id,
            }
            row = one(self._ctx.db, "codex_messages", where)
            if row is not None:
                row, parts = long_texts.read(self._ctx, row)
                self._weigh_read(row)
                self._entries[key] = _Entry(row, dict(row), parts)
            else:
                self._entries[key] = None
        return self._entries[key]

    def _weigh_read(self, row: Row) -> None:
        self._read += long_texts.bytes_of(row, *_TEXTS)
        _check(row, "reads", self._read, INGEST_READ_MOST)

    def _weigh_write(self, entry: _Entry) -> None:
        if entry.before is not None and entry.parts:
            self._weigh_read(entry.before)
        self._written += long_texts.bytes_of(entry.now, *_TEXTS)
        _check(entry.now, "writes", self._written, INGEST_WRITTEN_MOST)

    def _insert(
        self, turn: Row, message_id: str, created_at: float, status: str, told: Row
    ) -> _Entry:
        row = {
            **self._caller.owner,
            "threadId": self._thread["threadId"],
            "threadRef": self._thread["_id"],
            "turnId": turn["turnId"],
            "turnRef": turn["_id"],
            "messageId": message_id,
            "status": status,
            "orderInTurn": self._next_order(turn["turnId"]),
            "createdAt": created_at,
            **told,
        }
        entry = _Entry(None, row)
        self._set_status(entry, status)
        self._entries[turn["turnId"], message_id] = entry
        return entry

    def _set_status(self, entry: _Entry, status: str) -> None:
        entry.now["status"] = status
        if status == "failed":
            entry.now["error"] = FAILED_TEXT
        if status != "streaming":
            entry.now.setdefault("completedAt", self._ctx.now())

    def _next_order(self, turn_id: str) -> int:
        if turn_id not in self._orders:
            where = {
                "userScope": self._caller.scope,
                "threadId": self._thread["threadId"],
                "turnId": turn_id,
            }
            last = select(self._ctx.db, "codex_messages", where, "orderInTurn").order("desc")
            row = last.first()
            self._orders[turn_id] = 0 if row is None else int(row["orderInTurn"]) + 1
        order = self._orders[turn_id]
        self._orders[turn_id] += 1
        return order


def _check(message: Row, does: str, size: int, most: int) -> None:
    if size > most:
        raise ContractError(
            "E_SYNC_MESSAGE_TOO_LARGE",
            f"With message {message['messageId']} of turn {message['turnId']} the batch {does} "
            f"{size:,} bytes; one transaction {does} at most {most:,}.",
        )
