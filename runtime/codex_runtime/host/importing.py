"""Importing a thread of the local Codex into its conversation (spec 06 §12, "Better").

May import the common parts, the ingest, the steps, the other modules about imports, the protocol
and the contract. The invariants: an import is said to be synced only when the deployment says so;
one that fails or is cancelled on the way leaves nothing that goes on by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.app_server.requests import Call
from codex_runtime.contract.endpoints.runtime_owned import OpenBindingArgs
from codex_runtime.contract.functions.imports import CancelJobArgs, GetJobArgs, StartSourceArgs
from codex_runtime.contract.functions.ingest import SessionArgs
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.flows import Signal
from codex_runtime.host.import_delivery import Delivery
from codex_runtime.host.import_known import has_brought, is_renumbered, known_turns
from codex_runtime.host.import_plan import plan_import
from codex_runtime.host.import_records import ImportOrder, ImportProgress, imported_by
from codex_runtime.host.reconciling import ATTEMPTS
from codex_runtime.host.steps import Ask, Follow, Keep, Sleep
from codex_runtime.persistence.failures import PersistenceError
from codex_runtime.protocol import params as p
from codex_runtime.protocol.outbound import check_thread_id

if TYPE_CHECKING:
    from codex_runtime.contract.actors import Actor
    from codex_runtime.contract.functions.imports import CancelledJob, Job
    from codex_runtime.contract.functions.threads import OpenedBinding
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.import_plan import ImportPlan
    from codex_runtime.host.import_records import Imported
    from codex_runtime.host.ingesting import Ingest

GIVE_UP_SECONDS: Final = 10.0
"""How long the runtime waits for an import to be given up before it stops."""

CANCELLED: Final = "E_IMPORT_THREAD_CANCELLED"
_CANCELLED: Final = "The import was cancelled."
_DISABLED: Final = "Durable sync/import APIs are unavailable when runtime mode is codex-only."


@dataclass(slots=True, eq=False)
class _Import:
    """An import under way.

    Attributes:
        order: What is wanted.
        runtime_id: The thread.
        conversation_id: The conversation.
        actor: Whose it is.
        progress: What was told last.
        delivery: Its source, once there is one.
        job_id: The deployment's job, once it is sealed.
        unwanted: Why it is to end, once nobody wants it any more.
        ended: Fired when it is under way no more.
    """

    order: ImportOrder
    runtime_id: str
    conversation_id: str
    actor: Actor
    progress: ImportProgress
    delivery: Delivery | None = None
    job_id: str | None = None
    unwanted: HostError | None = None
    ended: Signal = field(default_factory=Signal)

    def tell(self, **changes: Any) -> None:
        """Tell how far it has come, if it has come any further."""
        if self.unwanted is not None and changes.get("state") != "cancelled":
            changes["state"] = "cancelling"
        progress = msgspec.structs.replace(self.progress, **changes)
        if progress != self.progress:
            self.progress = progress
            self.order.tell(progress)

    def withdraw(self, code: str, why: str) -> None:
        """Have it end at its next step."""
        self.unwanted = HostError(code, why)
        self.tell()

    def check_wanted(self) -> None:
        """Check that somebody still wants it."""
        if self.unwanted is not None:
            raise self.unwanted


class Imports:
    """The imports under way: one for a conversation at most.

    Args:
        common: What the parts of the runtime share.
        ingest: Keeps what is streamed.
    """

    def __init__(self, common: Common, ingest: Ingest) -> None:
        self._common = common
        self._ingest = ingest
        self._under_way: dict[str, _Import] = {}

    def run(self, order: ImportOrder) -> Flow:
        """Import a thread of the local Codex.

        Args:
            order: Which, and into which conversation.

        Returns:
            The :class:`.Imported`.
        """
        common = self._common
        settings = common.settings
        if settings is None or common.lifecycle not in ("running", "troubled"):
            raise HostError(
                "E_IMPORT_THREAD_BRIDGE_NOT_READY", "Bridge not started. Connect runtime first."
            )
        runtime_id = order.handle.strip()
        if not runtime_id:
            raise HostError("E_IMPORT_THREAD_HANDLE_REQUIRED", "runtimeThreadHandle is required.")
        if not common.durable:
            raise PersistenceError("E_PERSISTENCE_DISABLED", _DISABLED)
        conversation = (order.conversation_id or "").strip() or runtime_id
        if conversation in self._under_way:
            raise HostError(
                "E_IMPORT_THREAD_UNDER_WAY", f"Conversation {conversation} is being imported."
            )
        one = _Import(
            order,
            runtime_id,
            conversation,
            settings.actor,
            ImportProgress(conversation_id=conversation, state="reading"),
        )
        self._under_way[conversation] = one
        try:
            return (yield from self._run(one))
        except CodexRuntimeError:
            one.tell(state="failed" if one.unwanted is None else "cancelled")
            raise
        finally:
            del self._under_way[conversation]
            common.flows.fire(one.ended)

    def _run(self, one: _Import) -> Flow:
        one.order.tell(one.progress)
        thread = yield from self._read(one)
        bound = self._common.bound
        streaming = (bound.runtime_id, bound.conversation_id) == (
            one.runtime_id,
            one.conversation_id,
        )
        now = self._common.outside.now_ms()
        plan = plan_import(thread, one.conversation_id, now, streaming=streaming)
        one.check_wanted()
        one.tell(message_count=len(plan.manifest))
        before: Job | None = yield Keep(
            "get_job", GetJobArgs(actor=one.actor, conversation_id=one.conversation_id)
        )
        if before is not None and _may_be_of(before, one, plan):
            one.tell(sent_chunks=before.total_chunks, sent_messages=len(plan.manifest))
            job = yield from self._wait_for(one, before.job_id)
            if job.state != "synced" or (yield from has_brought(one.actor, plan)):
                return _imported(job, plan, plan.warnings, resumed=True)
            one.job_id = None
        opened: OpenedBinding = yield Keep(
            "ensure_thread",
            OpenBindingArgs(
                actor=one.actor,
                conversation_id=one.conversation_id,
                runtime_conversation_id=one.runtime_id,
            ),
        )
        if not opened.created:
            renumbered = is_renumbered(thread)
            if streaming and renumbered:
                # What was streamed is kept under its own ids before others are looked up for it.
                yield from self._ingest.drain(ATTEMPTS)
            known = yield from known_turns(one.actor, plan, renumbered=renumbered)
            plan = plan_import(thread, one.conversation_id, now, streaming=streaming, known=known)
        delivery = yield from self._collect(one, opened.thread_id, plan)
        try:
            yield from self._bring(one, delivery)
        except CodexRuntimeError as error:
            yield from self._give_up(delivery, error)
            raise
        job = yield from self._wait_for(one, delivery.job_id or "")
        left_out = f"W_IMPORT_THREAD_SKIPPED_ITEMS_TOO_LARGE:{delivery.left_out}"
        warnings = (*plan.warnings, *((left_out,) if delivery.left_out else ()))
        return _imported(job, plan, warnings, resumed=False)

    def _read(self, one: _Import) -> Flow:
        """Read the thread as it is told: a status that is not known yet is no reason to refuse."""
        try:
            check_thread_id(one.runtime_id)
            params = p.ThreadReadParams(thread_id=one.runtime_id, include_turns=True)
            read = yield Ask(Call("thread/read", params, dict[str, Any]))
        except CodexRuntimeError as error:
            raise HostError("E_IMPORT_THREAD_READ_FAILED", error.text) from error
        thread = read.get("thread")
        if not isinstance(thread, dict):
            raise HostError(
                "E_IMPORT_THREAD_READ_FAILED", "The answer to thread/read has no thread."
            )
        return thread

    def _collect(self, one: _Import, thread_id: str, plan: ImportPlan) -> Flow:
        """Begin to collect."""
        actor = one.actor
        session = (one.order.session_id or "").strip()
        yield Keep(
            "ensure_session",
            SessionArgs(
                actor=actor,
                session_id=session or f"thread-import-{self._common.outside.new_id()}",
                thread_id=thread_id,
                last_event_cursor=0,
            ),
        )
        one.check_wanted()
        source = yield Keep(
            "start_source",
            StartSourceArgs(
                actor=actor,
                conversation_id=one.conversation_id,
                runtime_conversation_id=one.runtime_id,
            ),
        )
        one.delivery = Delivery(actor, source.source_id, plan)
        return one.delivery

    def _bring(self, one: _Import, delivery: Delivery) -> Flow:
        """Send everything, and set the import going."""
        tally = delivery.tally

        def told() -> None:
            one.tell(state="sending", sent_chunks=tally.chunks, sent_messages=tally.messages)

        yield from delivery.send(one.check_wanted, told)
        one.check_wanted()
        yield from delivery.seal()
        one.check_wanted()

    def _give_up(self, delivery: Delivery, error: CodexRuntimeError) -> Flow:
        try:
            yield from delivery.give_up(error.code, error.text)
        except CodexRuntimeError as failure:
            # Nothing goes on by itself: a source that nobody feeds is given up by the deployment.
            self._common.report(
                f"Import could not be cancelled after {error.code}: {failure}", "[runtime:import]"
            )

    def _wait_for(self, one: _Import, job_id: str) -> Flow:
        """Wait until a job has ended, as long as it comes further."""
        one.job_id = job_id
        changed: float | None = None

        def seen(job: Job) -> None:
            nonlocal changed
            changed = job.updated_at
            if job.state in ("synced", "failed"):
                # Whoever does not want it any more is too late: what became of it stands.
                one.unwanted = None
            one.tell(
                state="verifying" if job.state == "syncing" else job.state,
                processed_chunks=job.processed_chunk_index,
                processed_messages=job.processed_message_count,
                total_chunks=job.total_chunks,
            )

        args = GetJobArgs(actor=one.actor, conversation_id=one.conversation_id, job_id=job_id)
        while True:
            before = changed
            try:
                ended: Job = yield Follow(args, seen)
            except CodexRuntimeError as error:
                if error.code != "E_SYNC_JOB_TIMEOUT" or changed == before:
                    raise
            else:
                one.check_wanted()
                return ended

    def cancel(self, conversation_id: str) -> Flow:
        """Cancel the import of a conversation: one of this runtime, or one set going before it.

        Args:
            conversation_id: The conversation.

        Returns:
            Whether there was one to cancel.
        """
        conversation = conversation_id.strip()
        one = self._under_way.get(conversation)
        if one is not None:
            # Perhaps it has outlived its Codex.
            return (yield from self._withdraw(one, CANCELLED, _CANCELLED))
        settings = self._common.connected()
        if not self._common.durable:
            raise PersistenceError("E_PERSISTENCE_DISABLED", _DISABLED)
        args = GetJobArgs(actor=settings.actor, conversation_id=conversation)
        job: Job | None = yield Keep("get_job", args)
        if job is None or job.state != "syncing":
            return False
        return (yield from self._cancel_job(settings.actor, job.job_id, CANCELLED, _CANCELLED))

    def abandon(self, order: ImportOrder) -> Flow:
        """Cancel an import whose caller does not wait for it any more."""
        for one in list(self._under_way.values()):
            if one.order is order:
                yield from self._withdraw(one, CANCELLED, "Whoever wanted the import is gone.")

    def give_up(self) -> Flow:
        """Cancel what is not yet sealed, because the runtime stops; a sealed one is the server's.

        An import that was sealed goes on without the runtime, and is waited for when it is wanted
        again. This takes a bounded time: a source that nobody feeds is given up by the deployment.
        """
        unsealed = [
            one
            for one in self._under_way.values()
            if one.delivery is not None and one.delivery.job_id is None
        ]
        lost = False

        def lose_patience() -> Flow:
            nonlocal lost
            yield Sleep(GIVE_UP_SECONDS)
            lost = True
            for one in unsealed:
                self._common.flows.fire(one.ended)

        for one in unsealed:
            one.withdraw("E_RUNTIME_STOPPING", "The runtime was stopped.")
        if unsealed:
            self._common.begin(lose_patience(), lasting=True)
        for one in unsealed:
            if self._goes_on(one) and not lost:
                yield one.ended

    def _cancel_job(self, actor: Actor, job_id: str, code: str, why: str) -> Flow:
        args = CancelJobArgs(actor=actor, job_id=job_id, error_code=code, error_message=why)
        cancelled: CancelledJob = yield Keep("cancel_job", args)
        return cancelled.cancelled

    def _withdraw(self, one: _Import, code: str, why: str) -> Flow:
        """Have an import end, and wait until it has; give whether it was cancelled by this."""
        if not self._goes_on(one):
            return False
        one.withdraw(code, why)
        cancelled = True
        if one.job_id is not None:
            cancelled = False
            try:
                cancelled = yield from self._cancel_job(one.actor, one.job_id, code, why)
            finally:
                if not cancelled:
                    # It goes on, or it had ended before: what becomes of it stands.
                    one.unwanted = None
        if self._goes_on(one):
            yield one.ended
        return cancelled

    def _goes_on(self, one: _Import) -> bool:
        return self._under_way.get(one.conversation_id) is one


def _may_be_of(job: Job, one: _Import, plan: ImportPlan) -> bool:
    """Tell whether a job that is still going on brings as much of the same thread."""
    return (
        job.state == "syncing"
        and job.runtime_conversation_id == one.runtime_id
        and job.expected_message_count == len(plan.manifest)
    )


def _imported(job: Job, plan: ImportPlan, warnings: tuple[str, ...], *, resumed: bool) -> Imported:
    return imported_by(
        job,
        turns=len(plan.turns),
        messages=len(plan.manifest),
        warnings=warnings,
        resumed=resumed,
    )
