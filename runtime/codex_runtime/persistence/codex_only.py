"""Persistence that keeps nothing: Codex alone knows the conversations (spec 06 §11, "Better").

May import the contract and the exceptions. The invariant: what the runtime needs while it lives is
kept while it lives, each thread apart; what only a deployment can do is refused with a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from codex_runtime.contract.functions import ingest, reading, threads
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import ContractError
from codex_runtime.persistence.failures import PersistenceError
from codex_runtime.persistence.waiting_turns import WaitingTurns, system_now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.contract.endpoints import runtime_owned as owned
    from codex_runtime.contract.functions import imports, turns

_DISABLED: Final = "Durable sync/import APIs are unavailable when runtime mode is codex-only."


class CodexOnlyPersistence:
    """Keeps nothing beyond the life of the runtime; the default.

    Args:
        now_ms: The time, in milliseconds since the epoch.
    """

    def __init__(self, now_ms: Callable[[], float] = system_now_ms) -> None:
        self._threads: dict[str, str] = {}
        self._requests: dict[tuple[str, str, str], reading.PendingRequest] = {}
        self._turns = WaitingTurns(now_ms)

    @property
    def durable(self) -> bool:
        """Whether anything outlives the runtime: no."""
        return False

    @property
    def outbox(self) -> bool:
        """Whether accepted turns outlive the runtime: no."""
        return False

    async def ensure_thread(self, args: owned.OpenBindingArgs) -> threads.OpenedBinding:
        """Take the conversation for its own thread."""
        runtime_id = args.runtime_conversation_id
        bound = args.conversation_id if runtime_id is UNSET else runtime_id
        before = self._threads.get(args.conversation_id)
        self._threads[args.conversation_id] = bound
        return threads.OpenedBinding(
            thread_id=args.conversation_id,
            conversation_id=args.conversation_id,
            runtime_conversation_id=bound,
            created=False,
            rebind_applied=before not in (None, bound),
            sync_state="synced",
        )

    async def ensure_session(self, args: ingest.SessionArgs) -> ingest.EnsuredSession:
        """Take the session as given."""
        return ingest.EnsuredSession(
            session_id=args.session_id, thread_id=args.thread_id, status="active"
        )

    async def ingest(self, args: owned.IngestBatchArgs) -> ingest.IngestSafeResult:
        """Acknowledge everything; Codex itself has it."""
        ends: dict[str, float] = {}
        for event in args.deltas:
            if isinstance(event, ingest.StreamDelta):
                ends[event.stream_id] = max(ends.get(event.stream_id, 0), event.cursor_end)
        acked = [
            ingest.AckedStream(stream_id=name, ack_cursor_end=ends[name]) for name in sorted(ends)
        ]
        return ingest.IngestSafeResult(
            status="ok", ingest_status="ok", acked_streams=acked, errors=[]
        )

    async def mark_progress(self, args: threads.MarkProgressArgs) -> threads.MarkedProgress:
        """Acknowledge how far a conversation is in step: it always is."""
        return threads.MarkedProgress(
            thread_id=args.conversation_id,
            conversation_id=args.conversation_id,
            sync_state="synced",
            last_synced_cursor=args.cursor,
            stale_ignored=False,
        )

    async def upsert_server_request(self, args: reading.UpsertRequestArgs) -> None:
        """Keep a request that waits for an answer."""
        questions = (
            msgspec.json.decode(args.questions_json, type=list[reading.Question])
            if args.questions_json
            else UNSET
        )
        self._requests[self._key(args.thread_id, args.request_id)] = reading.PendingRequest(
            request_id=args.request_id,
            method=args.method,
            thread_id=args.thread_id,
            turn_id=args.turn_id,
            item_id=args.item_id,
            payload_json=args.payload_json,
            status="pending",
            reason=args.reason,
            questions=questions,
            created_at=args.requested_at,
            updated_at=args.requested_at,
        )

    async def resolve_server_request(self, args: reading.ResolveRequestArgs) -> None:
        """Let go of a request that was answered, or will never be.

        Raises:
            ContractError: ``E_SERVER_REQUEST_NOT_FOUND``.
        """
        if self._requests.pop(self._key(args.thread_id, args.request_id), None) is None:
            raise ContractError(
                "E_SERVER_REQUEST_NOT_FOUND", f"Server request not found: {args.request_id}"
            )

    async def list_server_requests(
        self, args: owned.ListConversationRequestsArgs
    ) -> list[reading.PendingRequest]:
        """List the requests of a conversation that wait for an answer, the latest first."""
        waiting = [
            request
            for request in self._requests.values()
            if request.thread_id == args.conversation_id
        ]
        waiting.sort(key=lambda request: request.updated_at, reverse=True)
        return waiting if args.limit is UNSET else waiting[: max(1, int(args.limit))]

    async def accept_turn(self, args: owned.AcceptTurnSendArgs) -> owned.AcceptedTurnSend:
        """Accept a turn; the same key in the same thread gives the same turn."""
        return self._turns.accept(args)

    async def fail_turn(self, args: owned.FailTurnSendArgs) -> None:
        """Let go of a turn that will not be run."""
        self._turns.fail(args)

    async def claim_turn(self, args: turns.ClaimArgs) -> turns.Claimed | None:
        """Take the next turn of a thread."""
        return self._turns.claim(args)

    async def open_turns(self, args: turns.ListDispatchesArgs) -> list[turns.DispatchRead]:
        """Nothing is kept of them."""
        del args
        return []

    async def thread_state(self, args: threads.ConversationArgs) -> threads.ThreadState | None:
        """Nothing is kept of it."""
        del args
        return None

    async def turn_messages(self, args: owned.TurnMessagesArgs) -> list[reading.Message]:
        """Nothing is kept of them."""
        del args
        return []

    async def turn_started(self, args: turns.DispatchStartedArgs) -> None:
        """Nothing is kept of it."""

    async def turn_completed(self, args: turns.OwnedArgs) -> None:
        """Let go of the turn."""
        self._turns.ended(args.thread_id, args.dispatch_id)

    async def turn_failed(self, args: turns.DispatchFailedArgs) -> None:
        """Let go of the turn."""
        self._turns.ended(args.thread_id, args.dispatch_id)

    async def turn_cancelled(self, args: turns.CancelDispatchArgs) -> None:
        """Let go of the turn."""
        self._turns.ended(args.thread_id, args.dispatch_id)

    async def upsert_token_usage(self, args: reading.UpsertUsageArgs) -> None:
        """Nothing is kept of it."""

    async def start_source(self, args: imports.StartSourceArgs) -> imports.StartedSource:
        """Refuse: ``E_PERSISTENCE_DISABLED``."""
        _refuse(args)

    async def append_chunk(self, args: imports.AppendChunkArgs) -> imports.AppendedChunk:
        """Refuse: ``E_PERSISTENCE_DISABLED``."""
        _refuse(args)

    async def seal_source(self, args: imports.SealSourceArgs) -> imports.SealedSource:
        """Refuse: ``E_PERSISTENCE_DISABLED``."""
        _refuse(args)

    async def cancel_job(self, args: imports.CancelJobArgs) -> imports.CancelledJob:
        """Refuse: ``E_PERSISTENCE_DISABLED``."""
        _refuse(args)

    async def get_job(self, args: imports.GetJobArgs) -> imports.Job | None:
        """Refuse: ``E_PERSISTENCE_DISABLED``."""
        _refuse(args)

    async def wait_for_job(
        self, args: imports.GetJobArgs, seen: Callable[[imports.Job], None] | None = None
    ) -> imports.Job:
        """Refuse: ``E_PERSISTENCE_DISABLED``."""
        _refuse((args, seen))

    async def aclose(self) -> None:
        """Nothing is held."""

    @staticmethod
    def _key(thread_id: str, request_id: str | float) -> tuple[str, str, str]:
        """A request's key: ``1`` and ``"1"`` are two."""
        return thread_id, type(request_id).__name__, str(request_id)


def _refuse(_args: object) -> NoReturn:
    raise PersistenceError("E_PERSISTENCE_DISABLED", _DISABLED)
