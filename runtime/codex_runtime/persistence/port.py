"""The port between the runtime and whatever keeps what it does (spec 06 §13).

May import the contract. The invariant: the runtime knows persistence by these calls alone.
Arguments and results are the contract's; a call that fails says by its code whether it may have
happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.contract.endpoints import runtime_owned as owned
    from codex_runtime.contract.functions import imports, ingest, reading, threads, turns


class HostPersistence(Protocol):
    """What keeps the conversations of a runtime.

    Attributes:
        durable: Whether anything outlives the runtime: imports need it.
        outbox: Whether turns that were accepted outlive the runtime, and are claimed one by one.
    """

    @property
    def durable(self) -> bool:
        """Whether anything outlives the runtime."""
        ...

    @property
    def outbox(self) -> bool:
        """Whether accepted turns outlive the runtime."""
        ...

    async def ensure_thread(self, args: owned.OpenBindingArgs) -> threads.OpenedBinding:
        """Bind a conversation to the runtime's thread."""
        ...

    async def ensure_session(self, args: ingest.SessionArgs) -> ingest.EnsuredSession:
        """Make a session, or bind the one there is to this thread."""
        ...

    async def ingest(self, args: owned.IngestBatchArgs) -> ingest.IngestSafeResult:
        """Take in events of streams; a rejected batch has written nothing."""
        ...

    async def mark_progress(self, args: threads.MarkProgressArgs) -> threads.MarkedProgress:
        """Write down how far a conversation is in step."""
        ...

    async def upsert_server_request(self, args: reading.UpsertRequestArgs) -> None:
        """Write down a request that waits for an answer."""
        ...

    async def resolve_server_request(self, args: reading.ResolveRequestArgs) -> None:
        """Write down that a request was answered, or will never be."""
        ...

    async def list_server_requests(
        self, args: owned.ListConversationRequestsArgs
    ) -> list[reading.PendingRequest]:
        """List the requests of a conversation that wait for an answer."""
        ...

    async def accept_turn(self, args: owned.AcceptTurnSendArgs) -> owned.AcceptedTurnSend:
        """Accept a turn: from now on it reaches an end, whatever happens."""
        ...

    async def fail_turn(self, args: owned.FailTurnSendArgs) -> None:
        """End an accepted turn as failed."""
        ...

    async def claim_turn(self, args: turns.ClaimArgs) -> turns.Claimed | None:
        """Claim the next turn of a thread."""
        ...

    async def open_turns(self, args: turns.ListDispatchesArgs) -> list[turns.DispatchRead]:
        """List the turns of a thread that wait or run; none where there is no outbox."""
        ...

    async def thread_state(self, args: threads.ConversationArgs) -> threads.ThreadState | None:
        """Show a conversation at a glance: how far its latest turns are; ``None`` without one."""
        ...

    async def turn_messages(self, args: owned.TurnMessagesArgs) -> list[reading.Message]:
        """List the messages of a turn, in order; none of one that is not kept."""
        ...

    async def turn_started(self, args: turns.DispatchStartedArgs) -> None:
        """Say that Codex has the turn, or that it still has."""
        ...

    async def turn_completed(self, args: turns.OwnedArgs) -> None:
        """Say that the turn has been completed."""
        ...

    async def turn_failed(self, args: turns.DispatchFailedArgs) -> None:
        """Say that the turn has failed."""
        ...

    async def turn_cancelled(self, args: turns.CancelDispatchArgs) -> None:
        """Say that the turn was interrupted."""
        ...

    async def upsert_token_usage(self, args: reading.UpsertUsageArgs) -> None:
        """Write down what a turn has used."""
        ...

    async def start_source(self, args: imports.StartSourceArgs) -> imports.StartedSource:
        """Begin to collect what is to be imported."""
        ...

    async def append_chunk(self, args: imports.AppendChunkArgs) -> imports.AppendedChunk:
        """Add a chunk to a source."""
        ...

    async def seal_source(self, args: imports.SealSourceArgs) -> imports.SealedSource:
        """Close a source and set the import going."""
        ...

    async def cancel_job(self, args: imports.CancelJobArgs) -> imports.CancelledJob:
        """Cancel an import that has not ended."""
        ...

    async def get_job(self, args: imports.GetJobArgs) -> imports.Job | None:
        """Say how far an import has come."""
        ...

    async def wait_for_job(
        self, args: imports.GetJobArgs, seen: Callable[[imports.Job], None] | None = None
    ) -> imports.Job:
        """Wait until an import has ended; ``E_SYNC_JOB_TIMEOUT`` when that takes too long."""
        ...

    async def aclose(self) -> None:
        """Let go of what it needs."""
        ...
