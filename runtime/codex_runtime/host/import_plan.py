"""Planning an import: from what Codex says of a thread to the chunks a deployment takes in.

May import the events of turns, the identities of turns, the contract's limits and the error
catalogue; no IO. The invariants: the manifest names exactly the messages that the events make
(spec 06 §12, "Better"); of a thread, however long, one chunk at a time is written out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from codex_runtime.contract.limits import (
    CHUNK_BYTES_MOST,
    IMPORT_CHUNK_EVENTS,
    MANIFEST_BYTES_MOST,
    MANIFEST_ID_BYTES_MOST,
)
from codex_runtime.errors import ContractError
from codex_runtime.host.import_events import ItemNames, events_of, items_of, typeless_items
from codex_runtime.host.turn_identity import persisted_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codex_runtime.host.import_events import TurnEvent

CHUNK_BYTES: Final = 512 * 1_024
"""UTF-8 bytes after which a chunk is closed; one event alone may be larger."""

Entry: TypeAlias = tuple[str, str]
"""The turn and the message of an entry of a manifest."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An event, written out.

    Attributes:
        text: It as JSON.
        weight: Its UTF-8 bytes.
        turn_id: Its turn.
        item_id: The item that it brings, if one.
        readable: Whether it brings a message of the manifest.
    """

    text: str
    weight: int
    turn_id: str
    item_id: str | None
    readable: bool


@dataclass(frozen=True)
class Chunk:
    """A part of what is to be imported.

    Attributes:
        pieces: Its events.
    """

    pieces: tuple[Piece, ...]

    @cached_property
    def payload_json(self) -> str:
        """Its events, as a JSON array."""
        return f"[{','.join(piece.text for piece in self.pieces)}]"

    @property
    def message_count(self) -> int:
        """How many of them bring a message of the manifest."""
        return sum(piece.readable for piece in self.pieces)

    @cached_property
    def byte_size(self) -> int:
        """Its length in UTF-16 units, as importers count it."""
        return len(_units(self.payload_json)) // 2

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of the payload."""
        return hashlib.sha256(self.payload_json.encode()).digest()

    @property
    def fits(self) -> bool:
        """Whether a deployment that keeps to the contract takes a chunk of this size."""
        # The brackets, and a comma between each two.
        weight = sum(piece.weight for piece in self.pieces) + len(self.pieces) + 1
        return weight <= CHUNK_BYTES_MOST

    def halves(self) -> tuple[Chunk, Chunk]:
        """Split it in two; only a chunk of more than one event can be."""
        middle = len(self.pieces) // 2
        return Chunk(self.pieces[:middle]), Chunk(self.pieces[middle:])


@dataclass(slots=True)
class Tally:
    """What a source holds: what its seal says of the chunks in it.

    Attributes:
        chunks: How many there are: the index of the next one, too.
        messages: How many messages of the manifest they bring.
        size: Their length in UTF-16 units.
    """

    chunks: int = 0
    messages: int = 0
    size: int = 0
    _digests: list[bytes] = field(default_factory=list)

    def add(self, chunk: Chunk) -> None:
        """Count a chunk that the source has."""
        self.chunks += 1
        self.messages += chunk.message_count
        self.size += chunk.byte_size
        self._digests.append(chunk.digest)

    @property
    def checksum(self) -> str:
        """``<chunks>:<messages>:<size>``."""
        return f"{self.chunks}:{self.messages}:{self.size}"

    @property
    def digest(self) -> str:
        """The SHA-256 in hex over the SHA-256 of each chunk's payload in order."""
        return hashlib.sha256(b"".join(self._digests)).hexdigest()


@dataclass(frozen=True, slots=True)
class KnownTurn:
    """What is kept of a turn already.

    Attributes:
        names: Under which ids its items are kept, by the ids that Codex gives them now.
        latest: When the last of them was made, in milliseconds since the epoch.
    """

    names: ItemNames
    latest: float


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """A turn that is to be imported.

    Attributes:
        turn: It as ``thread/read`` gives it.
        turn_id: The id it is persisted with.
        created_at: When it began, in milliseconds since the epoch.
        names: Under which ids items of it are kept already.
    """

    turn: Mapping[str, Any]
    turn_id: str
    created_at: float
    names: ItemNames


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What is to be imported.

    Attributes:
        conversation_id: Into which conversation.
        turns: The turns, in order.
        manifest: The turn and message of each message, each once, in order.
        warnings: What was mended or left out, as ``W_…:<count>``.
    """

    conversation_id: str
    turns: tuple[PlannedTurn, ...]
    manifest: tuple[Entry, ...]
    warnings: tuple[str, ...]

    @property
    def manifest_json(self) -> str:
        """The manifest as a deployment takes it."""
        return _manifest_json(self.manifest)

    @property
    def last_stream(self) -> str | None:
        """The stream that brings the last turn; ``None`` without turns."""
        if not self.turns:
            return None
        return self._events(self.turns[-1])[0].delta.stream_id

    def chunks(self) -> Iterator[Chunk]:
        """Write the events out, chunk by chunk.

        Yields:
            Chunks of at most :data:`IMPORT_CHUNK_EVENTS` events and, where more than one is in
            them, :data:`CHUNK_BYTES` bytes.
        """
        part: list[Piece] = []
        size = 0
        for piece in self._pieces():
            if part and (len(part) == IMPORT_CHUNK_EVENTS or size + piece.weight > CHUNK_BYTES):
                yield Chunk(tuple(part))
                part, size = [], 0
            part.append(piece)
            size += piece.weight + 1
        if part:
            yield Chunk(tuple(part))

    def _pieces(self) -> Iterator[Piece]:
        for planned in self.turns:
            for event in self._events(planned):
                text = msgspec.json.encode(event.delta)
                turn_id, item_id = planned.turn_id, event.item_id
                yield Piece(text.decode(), len(text), turn_id, item_id, event.readable)

    def _events(self, planned: PlannedTurn) -> list[TurnEvent]:
        return events_of(
            planned.turn,
            planned.turn_id,
            self.conversation_id,
            planned.created_at,
            planned.names,
        )


def plan_import(
    thread: Mapping[str, Any],
    conversation_id: str,
    now_ms: float,
    *,
    streaming: bool = False,
    known: Mapping[str, KnownTurn] | None = None,
) -> ImportPlan:
    """Plan the import of a thread.

    Args:
        thread: The thread as ``thread/read`` gives it, turns included.
        conversation_id: The conversation it is imported into.
        now_ms: The time, in milliseconds since the epoch, for turns before the first whose
            beginning is known.
        streaming: Whether a turn that goes on is brought by its own stream, and so is left out.
        known: What is kept already of turns, by their persisted ids.

    Returns:
        The plan.

    Raises:
        ContractError: ``E_SYNC_MANIFEST_INVALID``: more messages, or longer ids, than a deployment
            takes.
    """
    every = turns_of(thread)
    persisted = persisted_ids(every)
    turns = [turn for turn in every if not (streaming and turn.get("status") == "inProgress")]
    manifest: dict[Entry, None] = {}
    planned = []
    unnamed = typeless = 0
    begins = next((began for turn in turns if (began := _began(turn))), now_ms)
    for turn in turns:
        turn_id = persisted[turn["id"]]
        before = (known or {}).get(turn_id, KnownTurn({}, 0))
        # What is kept of it was said before whatever is not.
        begins = max(begins, _began(turn) or 0, before.latest + 1)
        planned.append(PlannedTurn(turn, turn_id, begins, before.names))
        # A beginning, an end, and an event for each item: a millisecond for each.
        begins += 2 + len(turn.get("items") or ())
        typeless += typeless_items(turn)
        for item in items_of(turn, turn_id, before.names):
            unnamed += item.readable and not item.named
            if item.readable:
                manifest[turn_id, item.item_id] = None
    warnings = (
        ("W_IMPORT_THREAD_GENERATED_MESSAGE_IDS", unnamed),
        ("W_IMPORT_THREAD_SKIPPED_ITEMS_MISSING_TYPE", typeless),
        ("W_IMPORT_THREAD_SKIPPED_TURN_IN_FLIGHT", len(every) - len(turns)),
    )
    entries = tuple(sorted(manifest, key=lambda entry: tuple(map(_units, entry))))
    _check_manifest(entries)
    return ImportPlan(
        conversation_id=conversation_id,
        turns=tuple(planned),
        manifest=entries,
        warnings=tuple(f"{code}:{count}" for code, count in warnings if count),
    )


def turns_of(thread: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the turns of a thread that have an id; one without cannot be kept."""
    turns = thread.get("turns")
    return [
        turn
        for turn in (turns if isinstance(turns, list | tuple) else ())
        if isinstance(turn, dict) and isinstance(turn.get("id"), str) and turn["id"]
    ]


def _began(turn: Mapping[str, Any]) -> float | None:
    """When a turn began, in milliseconds since the epoch, where Codex knows it."""
    seconds = turn.get("startedAt")
    if not isinstance(seconds, int | float) or seconds <= 0:
        return None
    return float(int(seconds * 1_000))


def _check_manifest(entries: tuple[Entry, ...]) -> None:
    """Refuse before anything is sent what a deployment would refuse after it all was."""
    for name in (name for entry in entries for name in entry):
        if len(msgspec.json.encode(name)) > MANIFEST_ID_BYTES_MOST:
            raise ContractError(
                "E_SYNC_MANIFEST_INVALID",
                f"An id begins with {name[:40]!r} and has more than {MANIFEST_ID_BYTES_MOST} "
                "bytes.",
            )
    size = len(_manifest_json(entries).encode())
    if size > MANIFEST_BYTES_MOST:
        raise ContractError(
            "E_SYNC_MANIFEST_INVALID",
            f"The manifest of {len(entries)} messages has {size} bytes; "
            f"a deployment takes {MANIFEST_BYTES_MOST}.",
        )


def _manifest_json(entries: tuple[Entry, ...]) -> str:
    listed = [{"turnId": turn, "messageId": message} for turn, message in entries]
    return msgspec.json.encode(listed).decode()


def _units(text: str) -> bytes:
    """The UTF-16 units of a text: how importers count and order."""
    return text.encode("utf-16-be")
