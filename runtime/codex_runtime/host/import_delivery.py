"""Bringing the chunks of an import to a deployment, and taking them back.

May import the plan, the steps, the contract and persistence's failures. The invariants: what the
seal says of a source is what the deployment has acknowledged of it; a source that is given up ends
as a cancelled import, and is never one that goes on by itself.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codex_runtime.contract.functions.imports import (
    AppendChunkArgs,
    CancelJobArgs,
    SealSourceArgs,
)
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.import_plan import Chunk, Tally
from codex_runtime.host.steps import Keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.contract.actors import Actor
    from codex_runtime.contract.functions.imports import SealedSource
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.import_plan import ImportPlan

_TOO_LARGE: Final = frozenset({"E_SYNC_SOURCE_CHUNK_TOO_LARGE", "E_PERSISTENCE_TOO_LARGE"})
"""What a deployment refuses a chunk with that is too large for it."""
_PERHAPS_TOO_LARGE: Final = frozenset({"E_PERSISTENCE_FUNCTION_FAILED"})
"""What a transaction that is too large fails with, beside everything else that fails one."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A source, and what is in it.

    A chunk that is refused as too large is split in two, and each half is sent in its place; as
    chunks are numbered when they are taken in, the checksum and the digest of the seal are those of
    the chunks as the deployment has them. An event that is too large alone is left out and counted,
    unless it brings a message: then the import fails.

    Attributes:
        actor: Whose it is.
        source_id: The source.
        plan: What is to be brought.
        tally: What the deployment has acknowledged.
        left_out: How many items were left out because they are too large.
        job_id: The job that the seal has set going.
    """

    actor: Actor
    source_id: str
    plan: ImportPlan
    tally: Tally = field(default_factory=Tally)
    left_out: int = 0
    job_id: str | None = None
    _doubtful: Chunk | None = None

    def send(self, wanted: Callable[[], None], told: Callable[[], None]) -> Flow:
        """Send every chunk.

        Args:
            wanted: Raises when nobody wants the import any more; asked before each chunk.
            told: Called after each chunk that was taken in.

        Raises:
            HostError: ``E_SYNC_SOURCE_CHUNK_TOO_LARGE``: a message is larger than the deployment
                takes.
            CodexRuntimeError: What persistence refuses with.
        """
        for chunk in self.plan.chunks():
            parts = [chunk]
            while parts:
                wanted()
                part = parts.pop()
                refusal = yield from self._append(part)
                if refusal is None:
                    told()
                elif len(part.pieces) > 1:
                    parts += reversed(part.halves())
                else:
                    self._leave_out(part, refusal)

    def _append(self, chunk: Chunk) -> Flow:
        """Append a chunk; give what it was refused with, if that is for its size."""
        if not chunk.fits:
            return HostError("E_SYNC_SOURCE_CHUNK_TOO_LARGE", "The contract allows no such chunk.")
        args = AppendChunkArgs(
            actor=self.actor,
            source_id=self.source_id,
            chunk_index=self.tally.chunks,
            payload_json=chunk.payload_json,
            message_count=chunk.message_count,
            byte_size=chunk.byte_size,
        )
        try:
            yield Keep("append_chunk", args)
        except CodexRuntimeError as error:
            divisible = len(chunk.pieces) > 1 and error.code in _PERHAPS_TOO_LARGE
            if error.code in _TOO_LARGE or divisible:
                return error
            if error.code == "E_PERSISTENCE_OUTCOME_UNKNOWN":
                self._doubtful = chunk
            raise
        self.tally.add(chunk)
        return None

    def _leave_out(self, chunk: Chunk, refusal: CodexRuntimeError) -> None:
        (piece,) = chunk.pieces
        if piece.item_id is None:
            raise refusal
        if piece.readable:
            raise HostError(
                "E_SYNC_SOURCE_CHUNK_TOO_LARGE",
                f"Message {piece.item_id} of turn {piece.turn_id} has {piece.weight} bytes as an "
                f"event, which the deployment does not take: {refusal.text}",
            ) from refusal
        self.left_out += 1

    def seal(self) -> Flow:
        """Close the source and set the import going."""
        yield from self._seal(self.tally)

    def _seal(self, tally: Tally) -> Flow:
        sealed: SealedSource = yield Keep(
            "seal_source",
            SealSourceArgs(
                actor=self.actor,
                source_id=self.source_id,
                expected_manifest_json=self.plan.manifest_json,
                expected_checksum=tally.checksum,
                expected_message_count=len(self.plan.manifest),
                expected_digest=tally.digest,
            ),
        )
        self.job_id = sealed.job_id

    def give_up(self, code: str, why: str) -> Flow:
        """End the import as cancelled: at once its chunks are dropped, and its binding says so.

        A source that still collects is sealed with the whole manifest, because only a job can be
        cancelled; whatever a worker does of it before that, it is never found complete unless it
        is.

        Args:
            code: Why, as a code.
            why: Why, in words.

        Returns:
            Whether it is this call that has cancelled it.
        """
        if self.job_id is None:
            try:
                yield from self._seal(self.tally)
            except CodexRuntimeError as error:
                if self._doubtful is None or error.code != "E_SYNC_SOURCE_CHECKSUM_MISMATCH":
                    raise
                # The chunk whose answer was lost is there after all.
                with_doubtful = copy.deepcopy(self.tally)
                with_doubtful.add(self._doubtful)
                yield from self._seal(with_doubtful)
        args = CancelJobArgs(
            actor=self.actor, job_id=self.job_id or "", error_code=code, error_message=why
        )
        cancelled = yield Keep("cancel_job", args)
        return cancelled.cancelled
