"""Importing a thread of the local Codex into its conversation (spec 06 §12, "Better").

May import the common parts, the steps, the plan, the delivery, the protocol and the contract. The
invariants: an import is said to be synced only when the deployment says so; one that fails or is
cancelled on the way leaves nothing that goes on by itself; what was streamed, or imported before,
is found again under the ids that it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.app_server.requests import Call
from codex_runtime.contract.endpoints.runtime_owned import OpenBindingArgs, TurnMessagesArgs
from codex_runtime.contract.functions.imports import CancelJobArgs, GetJobArgs, StartSourceArgs
from codex_runtime.contract.functions.ingest import SessionArgs
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.flows import Signal
from codex_runtime.host.import_delivery import Delivery
from codex_runtime.host.import_plan import KnownTurn, plan_import
from codex_runtime.host.import_records import Imported, ImportOrder, ImportProgress
from codex_runtime.host.reconciling import ATTEMPTS, names_of
from codex_runtime.host.steps import Ask, Follow, Keep, Sleep
from codex_runtime.persistence.failures import PersistenceError
from codex_runtime.protocol import params as p
from codex_runtime.protocol.outbound import check_thread_id

if TYPE_CHECKING:
    from codex_runtime.contract.actors import Actor
    from codex_runtime.contract.functions.imports import CancelledJob, Job
    from codex_runtime.contract.functions.reading import Message
    from codex_runtime.contract.functions.threads import OpenedBinding, ThreadState
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.import_plan import ImportPlan
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
            The :class:`Imported`.
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
            if job.state != "synced" or (yield from self._has_brought(one, plan)):
                return _imported(plan, job, plan.warnings, resumed=True)
        opened: OpenedBinding = yield Keep(
            "ensure_thread",
            OpenBindingArgs(
                actor=one.actor,
                conversation_id=one.conversation_id,
                runtime_conversation_id=one.runtime_id,
            ),
        )
        if not opened.created:
            if streaming and _is_renumbered(thread):
                # What was streamed is kept under its own ids before others are looked up for it.
                yield from self._ingest.drain(ATTEMPTS)
            known = yield from self._known(one, plan, thread)
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
        return _imported(plan, job, warnings, resumed=False)

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

    def _known(self, one: _Import, plan: ImportPlan, thread: dict[str, Any]) -> Flow:
        """Find out what is kept already of turns that may be kept in part, or in other words."""
        where = ConversationArgs(actor=one.actor, conversation_id=one.conversation_id)
        state: ThreadState | None = yield Keep("thread_state", where)
        latest = {turn.turn_id for turn in state.turns} if state else set()
        known: dict[str, KnownTurn] = {}
        for planned in plan.turns:
            # What is not among the latest turns was kept whole before them.
            if planned.turn_id not in latest and not _is_renumbered(thread):
                continue
            args = TurnMessagesArgs(
                actor=one.actor, conversation_id=one.conversation_id, turn_id=planned.turn_id
            )
            kept: list[Message] = yield Keep("turn_messages", args)
            if kept:
                names, _ = names_of(planned.turn, planned.turn_id, kept)
                known[planned.turn_id] = KnownTurn(
                    names, max(message.created_at for message in kept)
                )
        return known

    def _has_brought(self, one: _Import, plan: ImportPlan) -> Flow:
        """Tell whether an import of earlier has brought the thread as it is now.

        Its last turn is what changes; the stream that brought it is named after what it held.
        """
        where = ConversationArgs(actor=one.actor, conversation_id=one.conversation_id)
        state: ThreadState | None = yield Keep("thread_state", where)
        brought = {stream.stream_id for stream in state.all_streams} if state else set()
        last = plan.last_stream
        return last is None or last in brought

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
        for one in unsealed:
            one.withdraw("E_RUNTIME_STOPPING", "The runtime was stopped.")
            self._common.begin(self._lose_patience(one), lasting=True)
            yield one.ended

    def _lose_patience(self, one: _Import) -> Flow:
        yield Sleep(GIVE_UP_SECONDS)
        self._common.flows.fire(one.ended)

    def _cancel_job(self, actor: Actor, job_id: str, code: str, why: str) -> Flow:
        args = CancelJobArgs(actor=actor, job_id=job_id, error_code=code, error_message=why)
        cancelled: CancelledJob = yield Keep("cancel_job", args)
        return cancelled.cancelled

    def _withdraw(self, one: _Import, code: str, why: str) -> Flow:
        """Have an import end, and wait until it has; give whether it was cancelled by this."""
        if self._under_way.get(one.conversation_id) is not one:
            return False
        one.withdraw(code, why)
        cancelled = True
        if one.job_id is not None:
            cancelled = yield from self._cancel_job(one.actor, one.job_id, code, why)
            if not cancelled:
                # It had ended before: what became of it stands.
                one.unwanted = None
        if self._under_way.get(one.conversation_id) is one:
            yield one.ended
        return cancelled


def _may_be_of(job: Job, one: _Import, plan: ImportPlan) -> bool:
    """Tell whether a job that is still going on brings as much of the same thread."""
    return (
        job.state == "syncing"
        and job.runtime_conversation_id == one.runtime_id
        and job.expected_message_count == len(plan.manifest)
    )


def _is_renumbered(thread: dict[str, Any]) -> bool:
    """Tell whether a thread's history is of the older kind, which numbers its items anew."""
    return thread.get("historyMode") == "legacy"


def _imported(plan: ImportPlan, job: Job, warnings: tuple[str, ...], *, resumed: bool) -> Imported:
    synced = job.state == "synced"
    code = job.last_error_code or None
    failure = () if synced else (f"{code}:{job.last_error_message or ''}",)
    return Imported(
        conversation_id=plan.conversation_id,
        thread_id=job.thread_id,
        sync_job_id=job.job_id,
        sync_job_policy_version=job.policy_version,
        sync_job_state=job.state,
        last_cursor=job.last_cursor,
        imported_turn_count=len(plan.turns),
        imported_message_count=len(plan.manifest),
        sync_state="synced" if synced else "partial",
        resumed=resumed,
        warnings=(*warnings, *failure),
        error_code=None if synced else code,
    )
