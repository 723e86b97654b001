"""How far each conversation is in step: what is counted, and what is said of it.

May import the queue, the keeping of one batch, the steps and the contract. The invariants: what is
said never goes back; a conversation is said to be in step only when one of its turns has ended,
nothing of it waits, and nothing of it was set aside (spec 03 §4, 06 §10, "Better"). That an import
still runs is for the deployment to know: it takes no word for it from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.contract.functions.threads import MarkProgressArgs
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.ingest_queue import URGENT
from codex_runtime.host.keeping import Fate, Verdict, of_note
from codex_runtime.host.steps import Keep

if TYPE_CHECKING:
    from codex_runtime.contract.tables.conversations import SyncState
    from codex_runtime.host.common import Settings
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.ingest_queue import Batch, IngestQueue, Place

REJECTED: Final = "E_RUNTIME_INGEST_REJECTED"


class Progress:
    """How far each conversation of a runtime is in step."""

    def __init__(self) -> None:
        self._marks: dict[Place, bool] = {}
        self._kept: dict[Place, int] = {}
        self._bases: dict[Place, float] = {}
        self._lacking: set[Place] = set()
        self._gone: set[Place] = set()

    @property
    def waits(self) -> bool:
        """Whether anything is to be said."""
        return bool(self._marks)

    def kept(self, batch: Batch, *, gap: bool) -> None:
        """Count a batch that is kept; with the end of a turn in it there is something to say.

        Args:
            batch: The batch.
            gap: Whether something is missing in front of it.
        """
        place = batch.place
        self._gone.discard(place)
        self._kept[place] = self._kept.get(place, 0) + len(batch.events)
        if any(event.kind in URGENT for event in batch.events):
            self._marks[place] = gap

    def lacks(self, place: Place) -> None:
        """Take note that something of a conversation was set aside."""
        self._lacking.add(place)
        self._marks[place] = True

    def gone(self, place: Place) -> bool:
        """Take note that a conversation is deleted; tell whether that is new."""
        self._marks.pop(place, None)
        if place in self._gone:
            return False
        self._gone.add(place)
        return True

    def write(self, settings: Settings, queue: IngestQueue) -> Flow:
        """Say how far one conversation is in step.

        Args:
            settings: Which session feeds it.
            queue: What still waits.

        Returns:
            The :class:`Verdict`.
        """
        place, gap = next(iter(self._marks.items()))
        del self._marks[place]
        try:
            if place not in self._bases:
                # Where it was before this runtime: its cursor goes on from there.
                marked = yield Keep("mark_progress", self._args(settings, place, 0, "syncing"))
                self._bases[place] = marked.last_synced_cursor
            state: SyncState = "syncing" if gap or queue.holds(place) else "synced"
            cursor = self._bases[place] + self._kept.get(place, 0)
            yield Keep("mark_progress", self._args(settings, place, cursor, state))
        except CodexRuntimeError as error:
            verdict = of_note(error)
            if verdict.fate is Fate.AGAIN:
                self._marks.setdefault(place, gap)
            return verdict
        return Verdict(Fate.KEPT)

    def _args(
        self, settings: Settings, place: Place, cursor: float, state: SyncState
    ) -> MarkProgressArgs:
        lacking = place in self._lacking
        return MarkProgressArgs(
            actor=place.actor,
            conversation_id=place.conversation_id,
            session_id=settings.session_id,
            cursor=cursor,
            sync_state="drifted" if lacking else state,
            error_code=REJECTED if lacking else UNSET,
        )
