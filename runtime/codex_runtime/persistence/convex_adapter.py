"""Persistence in a Convex deployment, through the endpoints of its host (spec 06 §10, "Better").

May import the contract, the host client and the exceptions. The invariant: what the deployment has
not acknowledged is not reported as kept, and nothing is remembered here that must outlive the
process.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.contract.endpoints import runtime_owned as owned
from codex_runtime.contract.limits import SYNC_POLL_INTERVAL, SYNC_POLL_TIMEOUT
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import ContractError
from codex_runtime.persistence.failures import PersistenceError
from codex_runtime.persistence.waiting_turns import WaitingTurns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_runtime.contract.functions import imports, ingest, reading, threads, turns
    from codex_runtime.contract.shapes import UnsetType
    from codex_runtime.persistence.host_client import HostClient

ENDED: Final = frozenset({"synced", "failed", "cancelled"})
"""The states of an import that it stays in."""


class ConvexPersistence:
    """Keeps the conversations of a runtime in a Convex deployment.

    Args:
        client: Calls the endpoints of the deployment's host.
        outbox: Whether the deployment has the manifest ``runtimeExtended``; ask
            :func:`has_outbox` when that is not known. Without it accepted turns wait in this
            object's memory: after a crash they end with a code when their thread is opened again.
        runtime: How the deployment is to keep and replay streams; its defaults when left out.
        poll_interval_ms: How long to wait between two looks at an import.
        poll_timeout_ms: How long to wait for an import at most.
        pause: Waits; a test that brings its own needs no time.
    """

    def __init__(
        self,
        client: HostClient,
        *,
        outbox: bool,
        runtime: ingest.RuntimeOptions | UnsetType = UNSET,
        poll_interval_ms: float = SYNC_POLL_INTERVAL,
        poll_timeout_ms: float = SYNC_POLL_TIMEOUT,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._runtime = runtime
        self._interval = poll_interval_ms
        self._timeout = poll_timeout_ms
        self._pause = pause
        self._turns = WaitingTurns()

    @property
    def durable(self) -> bool:
        """Whether anything outlives the runtime: yes."""
        return True

    @property
    def outbox(self) -> bool:
        """Whether accepted turns outlive the runtime."""
        return self._outbox

    async def ensure_thread(self, args: owned.OpenBindingArgs) -> threads.OpenedBinding:
        """Bind a conversation to the runtime's thread; see :class:`HostPersistence`."""
        opened: threads.OpenedBinding = await self._call("syncOpenConversationBinding", args)
        return opened

    async def ensure_session(self, args: ingest.SessionArgs) -> ingest.EnsuredSession:
        """Make a session, or bind the one there is to this thread."""
        ensured: ingest.EnsuredSession = await self._call("ensureSession", args)
        return ensured

    async def ingest(self, args: owned.IngestBatchArgs) -> ingest.IngestSafeResult:
        """Take in events of streams; a rejected batch has written nothing."""
        told = msgspec.structs.replace(args, runtime=self._runtime)
        result: ingest.IngestSafeResult = await self._call("ingestBatch", told)
        return result

    async def mark_progress(self, args: threads.MarkProgressArgs) -> threads.MarkedProgress:
        """Write down how far a conversation is in step."""
        marked: threads.MarkedProgress = await self._call("markConversationSyncProgress", args)
        return marked

    async def upsert_server_request(self, args: reading.UpsertRequestArgs) -> None:
        """Write down a request that waits for an answer."""
        await self._call("upsertPendingServerRequest", args)

    async def resolve_server_request(self, args: reading.ResolveRequestArgs) -> None:
        """Write down that a request was answered, or will never be."""
        await self._call("resolvePendingServerRequest", args)

    async def list_server_requests(
        self, args: owned.ListConversationRequestsArgs
    ) -> list[reading.PendingRequest]:
        """List the requests of a conversation that wait for an answer."""
        name = "listPendingServerRequestsByConversation"
        listed: list[reading.PendingRequest] = await self._call(name, args)
        return listed

    async def accept_turn(self, args: owned.AcceptTurnSendArgs) -> owned.AcceptedTurnSend:
        """Accept a turn."""
        accepted: owned.AcceptedTurnSend = await self._call("acceptTurnSend", args)
        return accepted if self._outbox else self._turns.accept(args, accepted)

    async def fail_turn(self, args: owned.FailTurnSendArgs) -> None:
        """End an accepted turn as failed."""
        await self._call("failAcceptedTurnSend", args)
        self._turns.fail(args)

    async def claim_turn(self, args: turns.ClaimArgs) -> turns.Claimed | None:
        """Claim the next turn of a thread: from the outbox, or from memory where there is none."""
        if self._outbox:
            claimed: turns.Claimed | None = await self._call("claimTurnDispatch", args)
            return claimed
        return self._turns.claim(args)

    async def open_turns(self, args: turns.ListDispatchesArgs) -> list[turns.DispatchRead]:
        """List the turns of a thread that wait or run; none where there is no outbox."""
        if not self._outbox:
            return []
        listed: list[turns.DispatchRead] = await self._call("listOpenTurnDispatches", args)
        return listed

    async def thread_state(self, args: threads.ConversationArgs) -> threads.ThreadState | None:
        """Show a conversation at a glance: how far its latest turns are; ``None`` without one."""
        snapshot = await self._call("threadSnapshotByConversation", args)
        return None if snapshot.data is UNSET else snapshot.data

    async def turn_messages(self, args: owned.TurnMessagesArgs) -> list[reading.Message]:
        """List the messages of a turn, in order; none of one that is not kept."""
        try:
            read = await self._call("listTurnMessagesByConversation", args)
        except ContractError as error:
            if error.code != "E_TURN_NOT_FOUND":
                raise
            return []
        listed: list[reading.Message] = read.data
        return listed

    async def turn_started(self, args: turns.DispatchStartedArgs) -> None:
        """Say that Codex has the turn, or that it still has."""
        if self._outbox:
            await self._call("markTurnDispatchStarted", args)

    async def turn_completed(self, args: turns.OwnedArgs) -> None:
        """Say that the turn has been completed."""
        if self._outbox:
            await self._call("markTurnDispatchCompleted", args)
        self._turns.ended(args.thread_id, args.dispatch_id)

    async def turn_failed(self, args: turns.DispatchFailedArgs) -> None:
        """Say that the turn has failed; without an outbox that is written down at the turn."""
        turn_id = self._turns.running(args.thread_id, args.dispatch_id)
        if self._outbox:
            await self._call("markTurnDispatchFailed", args)
        elif turn_id is not None:
            await self.fail_turn(
                owned.FailTurnSendArgs(
                    actor=args.actor,
                    thread_id=args.thread_id,
                    turn_id=turn_id,
                    dispatch_id=args.dispatch_id,
                    code=args.code,
                    reason=args.reason,
                )
            )
        self._turns.ended(args.thread_id, args.dispatch_id)

    async def turn_cancelled(self, args: turns.CancelDispatchArgs) -> None:
        """Say that the turn was interrupted."""
        if self._outbox:
            await self._call("cancelTurnDispatch", args)
        self._turns.ended(args.thread_id, args.dispatch_id)

    async def upsert_token_usage(self, args: reading.UpsertUsageArgs) -> None:
        """Write down what a turn has used."""
        await self._call("upsertTokenUsage", args)

    async def start_source(self, args: imports.StartSourceArgs) -> imports.StartedSource:
        """Begin to collect what is to be imported."""
        started: imports.StartedSource = await self._call("startConversationSyncSource", args)
        return started

    async def append_chunk(self, args: imports.AppendChunkArgs) -> imports.AppendedChunk:
        """Add a chunk to a source."""
        name = "appendConversationSyncSourceChunk"
        appended: imports.AppendedChunk = await self._call(name, args)
        return appended

    async def seal_source(self, args: imports.SealSourceArgs) -> imports.SealedSource:
        """Close a source and set the import going."""
        sealed: imports.SealedSource = await self._call("sealConversationSyncSource", args)
        return sealed

    async def cancel_job(self, args: imports.CancelJobArgs) -> imports.CancelledJob:
        """Cancel an import that has not ended."""
        cancelled: imports.CancelledJob = await self._call("cancelConversationSyncJob", args)
        return cancelled

    async def get_job(self, args: imports.GetJobArgs) -> imports.Job | None:
        """Say how far an import has come."""
        job: imports.Job | None = await self._call("getConversationSyncJob", args)
        return job

    async def wait_for_job(
        self, args: imports.GetJobArgs, seen: Callable[[imports.Job], None] | None = None
    ) -> imports.Job:
        """Wait until an import has ended.

        Args:
            args: Which import.
            seen: Called with the job whenever it was looked at.

        Returns:
            The job as it ended.

        Raises:
            ContractError: ``E_SYNC_JOB_NOT_FOUND``.
            PersistenceError: ``E_SYNC_JOB_TIMEOUT``: it goes on, and can be asked for later.
        """
        waited = 0.0
        while True:
            job = await self.get_job(args)
            if job is None:
                raise ContractError("E_SYNC_JOB_NOT_FOUND", f"Sync job not found: {args.job_id}")
            if seen is not None:
                seen(job)
            if job.state in ENDED:
                return job
            if waited >= self._timeout:
                raise PersistenceError(
                    "E_SYNC_JOB_TIMEOUT",
                    f"Sync job {job.job_id} did not reach terminal state within "
                    f"{self._timeout:g}ms.",
                )
            await self._pause(self._interval / 1_000)
            waited += self._interval

    async def aclose(self) -> None:
        """Let go of the deployment."""
        await self._client.aclose()

    async def _call(self, name: str, args: Any) -> Any:
        return await self._client.call(name, args)


async def has_outbox(client: HostClient, actor: Any) -> bool:
    """Ask a deployment whether it has the manifest ``runtimeExtended``.

    Args:
        client: Calls the endpoints of the deployment's host.
        actor: As whom to ask.

    Returns:
        Whether it has; a deployment without the endpoint has not.

    Raises:
        PersistenceError: The deployment could not be asked.
    """
    from codex_runtime.contract.endpoints import EXTENDED_VERSION
    from codex_runtime.contract.endpoints.runtime_extended import ManifestArgs

    try:
        manifest = await client.call("extendedManifest", ManifestArgs(actor=actor))
    except PersistenceError as error:
        if error.code == "E_PERSISTENCE_ENDPOINT_MISSING":
            return False
        raise
    version: int = manifest.version
    return version >= EXTENDED_VERSION
