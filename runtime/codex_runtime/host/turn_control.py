"""Turns: accepted, claimed, given to Codex, followed to their ends (spec 06 §6, "Better").

May import the common parts, the steps, the protocol and the contract. The invariants: at most one
turn is in flight; a turn that was accepted ends, with a code where nobody can say how; and nothing
is ever sent to Codex twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.app_server import requests
from codex_runtime.contract.endpoints.runtime_owned import AcceptTurnSendArgs, FailTurnSendArgs
from codex_runtime.contract.functions.turns import ClaimArgs
from codex_runtime.contract.limits import LEASE_DEFAULT, LEASE_LEAST
from codex_runtime.errors import AppServerError, CodexRuntimeError
from codex_runtime.host.claims import Claim
from codex_runtime.host.common import HostError
from codex_runtime.host.flows import Signal
from codex_runtime.host.reconciling import OUTCOME_UNKNOWN, UNKNOWN, Reconciling
from codex_runtime.host.steps import Ask, Keep, Sleep
from codex_runtime.host.turn_identity import dispatch_of
from codex_runtime.host.turn_records import InFlight, SentTurn, TurnOptions
from codex_runtime.protocol import params as p
from codex_runtime.protocol.terminal import TerminalStatus, terminal_status
from codex_runtime.protocol.values import TextInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_runtime.contract.functions.turns import Claimed
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.holding import Holding
    from codex_runtime.host.ingest_queue import Note
    from codex_runtime.host.ingesting import Ingest
    from codex_runtime.protocol.messages import Notification

LEASE_MS: Final = 4 * LEASE_DEFAULT
"""For how long a turn is claimed; while it runs the claim is renewed."""
INTERRUPT_SECONDS: Final = 5.0
"""How long to wait for the answer to an interrupt: for one turn there may never be one."""
AFTER_RESTART: Final = "interrupted by a restart"
"""Why a turn was interrupted that only a later Codex says it of."""
ENDING_SECONDS: Final = 5.0
"""How long after an error the turn's own end may take."""
BEGINNING_SECONDS: Final = 30.0
"""How long a turn may take to begin whose sending nobody has acknowledged."""


class TurnControl:
    """The turn in flight, and those that wait.

    Args:
        common: What the parts share.
        changed: Called whenever what is shown of the turns has changed.
        ended: Called with the persisted id of a turn that is in flight no more.
        ingest: Keeps what Codex says: how a turn ended is told behind all of it.
        holding: Holds messages back while it is open which turn they are of.

    Attributes:
        slot: The turn in flight.
        switching: Whether a thread is being opened.
    """

    def __init__(
        self,
        common: Common,
        changed: Callable[[], None],
        ended: Callable[[str], None],
        ingest: Ingest,
        holding: Holding,
    ) -> None:
        self._common = common
        self._holding = holding
        self._ingest = ingest
        self._persisted: dict[str, str] = {}
        self._reconciling = Reconciling(common, ingest, self._persisted)
        self._changed = changed
        self._ended = ended
        self._reserved = False
        self._looking: Signal | None = None
        self._telling: Note | None = None
        self._later = False
        self._options: dict[str, TurnOptions] = {}
        self.slot: InFlight | None = None
        self.switching = False

    @property
    def in_flight(self) -> bool:
        """Whether a turn is in flight, or about to be."""
        return self.slot is not None or self._reserved

    def persisted(self, runtime_id: str | None) -> str | None:
        """Give the persisted id of a turn of Codex's; of none, that of the turn in flight."""
        if runtime_id is None:
            return None if self.slot is None else self.slot.turn_id
        slot = self.slot
        if slot is not None and slot.claim is not None and slot.runtime_id in (None, runtime_id):
            return slot.turn_id
        return self._persisted.get(runtime_id, runtime_id)

    def reset(self) -> None:
        """Forget the turns: the app-server that ran them is gone."""
        slot, self.slot = self.slot, None
        self._reserved = False
        self._looking = self._telling = None
        self._persisted.clear()
        self._reconciling.reset()
        if slot is not None:
            self._common.flows.fire(slot.settled)

    def check_unlocked(self) -> None:
        """Check that no turn is in flight, and no thread is being opened.

        Raises:
            HostError: ``E_RUNTIME_THREAD_LOCKED``.
        """
        if self.switching:
            raise HostError("E_RUNTIME_THREAD_LOCKED", "A thread is being opened.")
        if self.in_flight:
            raise HostError(
                "E_RUNTIME_THREAD_LOCKED",
                "Cannot change thread lifecycle while a turn is in flight.",
            )

    def send(self, text: str, options: TurnOptions, bind: Callable[[], Flow]) -> Flow:
        """Accept a turn and give it to Codex.

        Args:
            text: What the user says.
            options: How it is to run.
            bind: Binds the open thread, if it is not bound yet.

        Returns:
            The :class:`SentTurn`.
        """
        common = self._common
        settings = common.connected()
        if self.switching:
            raise HostError("E_RUNTIME_THREAD_LOCKED", "A thread is being opened.")
        if common.bound.runtime_id is None:
            raise HostError(
                "E_RUNTIME_THREAD_NOT_OPEN", "Cannot send turn before opening a thread."
            )
        self._check_free()
        if self._reserved:
            raise HostError("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT", "A turn is being sent already.")
        # From here on nobody else gets the slot, whatever is waited for.
        self._reserved = True
        try:
            yield from bind()
            yield from self._wait_for_end()
            while self._looking is not None:
                # Whether an older turn waits is being looked at; it would go first.
                yield self._looking
            # Somebody else may have begun one meanwhile.
            self._check_free()
            turn_id = common.outside.new_id()
            accepted = yield Keep(
                "accept_turn",
                AcceptTurnSendArgs(
                    actor=settings.actor,
                    thread_id=self._thread(),
                    turn_id=turn_id,
                    idempotency_key=common.outside.new_id(),
                    dispatch_id=dispatch_of(turn_id),
                    input_text=text,
                ),
            )
            self._options[accepted.dispatch_id] = options
            try:
                yield from self._dispatch()
            except AppServerError:
                # Codex may have it.
                raise
            except CodexRuntimeError as error:
                self._fail_accepted(
                    accepted.turn_id, accepted.dispatch_id, "E_TURN_DISPATCH_CLAIM_FAILED", error
                )
                raise
        finally:
            self._reserved = False
            self._changed()
        return SentTurn(turn_id=accepted.turn_id)

    def _check_free(self) -> None:
        if self.slot is not None:
            raise HostError("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT", "A turn is already in flight.")

    def _wait_for_end(self) -> Flow:
        """Wait until it is written down how the last turn ended: until then no other is claimed."""
        while self._telling is not None and self._ingest.queue.has(self._telling):
            if self._ingest.down is not None:
                raise HostError("E_RUNTIME_INGEST_FLUSH_FAILED", str(self._ingest.down))
            yield self._ingest.moved

    def dispatch_next(self) -> None:
        """Give the next accepted turn to Codex, if one waits and none is in flight."""
        if self.in_flight or self.switching or self._looking or not self._common.ready:
            return
        self._looking = Signal()
        self._common.begin(self._look(self._looking))

    def _look(self, looking: Signal) -> Flow:
        try:
            yield from self._dispatch()
        finally:
            if self._looking is looking:
                self._looking = None
            self._common.flows.fire(looking)

    def _dispatch(self) -> Flow:
        settings = self._common.acting()
        while self.slot is None:
            claimed: Claimed | None = yield Keep(
                "claim_turn",
                ClaimArgs(
                    actor=settings.actor,
                    thread_id=self._thread(),
                    claim_owner=settings.claim_owner,
                    lease_ms=LEASE_MS,
                ),
            )
            if claimed is None:
                yield from self._look_for_leases()
                return
            claim = Claim(settings.actor, self._thread(), claimed)
            if claimed.attempt_count > 1:
                yield from self._recover(claim)
            elif (yield from self._start(claim)):
                return

    def _start(self, claim: Claim) -> Flow:
        """Give a claimed turn to Codex; whether Codex has taken it."""
        common = self._common
        claimed = claim.claimed
        if self.slot is not None:
            # Somebody else has begun a turn meanwhile; this one would only say more in it.
            busy = HostError("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT", "A turn is already in flight.")
            self._fail_claimed(claim, busy.code, busy)
            raise busy
        slot = self.slot = InFlight(claimed.turn_id, claim)
        self._changed()
        options = self._options.pop(claimed.dispatch_id, TurnOptions())
        given = {
            name: value
            for name, value in msgspec.structs.asdict(options).items()
            if value is not None
        }
        call = requests.turn_start(
            p.TurnStartParams(
                thread_id=common.bound.runtime_id or "",
                input=(TextInput(text=claimed.input_text),),
                client_user_message_id=claimed.dispatch_id,
                **given,
            )
        )
        # What is said of the turn comes after the answer that names it.
        self._holding.begin()
        try:
            started = yield Ask(call)
            slot.runtime_id = started.turn.id
            self._persisted[started.turn.id] = slot.turn_id
            self._ingest.note(*self._lease(claim, started.turn.id))
            common.begin(self._renew(slot, claim))
        except AppServerError:
            # Codex may have it, and may still say so.
            common.begin(self._wait_for_beginning(slot))
            raise
        except CodexRuntimeError as error:
            self._release(slot)
            self._fail_claimed(claim, "E_TURN_START_FAILED", error)
            return False
        finally:
            self._holding.end()
        return True

    def _wait_for_beginning(self, slot: InFlight) -> Flow:
        """Keep the slot for a turn that Codex may have; what became of it is found out later."""
        yield Sleep(BEGINNING_SECONDS)
        if self.slot is slot and slot.runtime_id is None:
            self._release(slot)
            self.dispatch_next()

    def _lease(self, claim: Claim, runtime_id: str) -> tuple[str, Any]:
        return claim.started(self._common.bound.runtime_id or "", runtime_id, LEASE_MS)

    def _renew(self, slot: InFlight, claim: Claim) -> Flow:
        """Keep the claim of a running turn alive."""
        while self._common.outbox:
            yield Sleep(LEASE_MS / 3_000)
            if self.slot is not slot or slot.runtime_id is None:
                return
            self._ingest.note(*self._lease(claim, slot.runtime_id))

    def bring_into_step(self) -> Flow:
        """Keep what Codex knows of the open thread and nobody has kept, before it goes on."""
        yield from self._reconciling.bring_into_step()

    def _look_for_leases(self) -> Flow:
        """Look again when the claim of somebody who runs a turn of this thread has run out."""
        if self._later or not self._common.outbox:
            return
        ends = yield from self._reconciling.lease_end()
        if ends is None or self._later:
            return
        self._later = True
        # The deployment's clock may be another one than ours; a claim cannot last longer.
        left = min(max(ends - self._common.outside.now_ms(), LEASE_LEAST), LEASE_MS)
        self._common.begin(self._look_again(left / 1_000))

    def _look_again(self, seconds: float) -> Flow:
        try:
            yield Sleep(seconds)
        finally:
            self._later = False
        self.dispatch_next()

    def _recover(self, claim: Claim) -> Flow:
        """Find out what became of a turn that somebody had claimed before, and fell silent."""
        claimed = claim.claimed
        turn = yield from self._reconciling.find(claimed)
        if turn is None:
            self._fail_claimed(claim, OUTCOME_UNKNOWN, HostError(OUTCOME_UNKNOWN, UNKNOWN))
        elif turn["status"] == "inProgress":
            # It outlived whoever had claimed it: its Codex still runs it.
            self.slot = InFlight(claimed.turn_id, claim, turn["id"], begun=True, recognised=True)
            self._changed()
            self._common.begin(self._renew(self.slot, claim))
        else:
            yield from self._reconciling.keep_turn(turn, claimed.turn_id)
            self._ingest.note(*claim.ended(_ending_of(turn)))

    def _fail_claimed(self, claim: Claim, code: str, error: CodexRuntimeError) -> None:
        self._ingest.note(*claim.failed(code, error.text))
        self._fail_accepted(claim.claimed.turn_id, claim.claimed.dispatch_id, code, error)

    def _fail_accepted(
        self, turn_id: str, dispatch_id: str, code: str, error: CodexRuntimeError
    ) -> None:
        args = FailTurnSendArgs(
            actor=self._common.acting().actor,
            thread_id=self._thread(),
            turn_id=turn_id,
            dispatch_id=dispatch_id,
            code=code,
            reason=error.text,
        )
        self._ingest.note("fail_turn", args)

    def _thread(self) -> str:
        thread_id = self._common.bound.thread_id
        if thread_id is None:
            raise HostError(
                "E_RUNTIME_THREAD_NOT_OPEN",
                "Cannot accept turn send before thread binding is ready.",
            )
        return thread_id

    def started(self, runtime_id: str) -> None:
        """Take ``turn/started`` of the open thread.

        Args:
            runtime_id: Codex's id of the turn.
        """
        slot = self.slot
        if slot is None:
            # Somebody else began it: another client, or Codex itself.
            named = self._persisted.get(runtime_id, runtime_id)
            self.slot = InFlight(named, None, runtime_id, begun=True)
        elif slot.runtime_id in (None, runtime_id):
            slot.runtime_id = runtime_id
            slot.begun = True
            self._persisted[runtime_id] = slot.turn_id
            if slot.interrupt:
                slot.interrupt = False
                self._common.begin(self._interrupt(slot))
        self._changed()

    @property
    def unrecognised(self) -> bool:
        """Whether it is still to be seen that the turn in flight is the one that was sent."""
        return self.slot is not None and self.slot.claim is not None and not self.slot.recognised

    def said(self, runtime_id: str, client_id: str | None) -> None:
        """Take the first message of a user in a turn of the open thread.

        Two clients may begin a turn at the same time: then Codex takes what the second one says as
        something more in the turn of the first one, and tells both the same turn.

        Args:
            runtime_id: Codex's id of the turn.
            client_id: What the message was sent as.
        """
        slot = self.slot
        if slot is None or slot.claim is None or slot.runtime_id != runtime_id:
            return
        slot.recognised = True
        claim = slot.claim
        if client_id == claim.claimed.dispatch_id:
            return
        self._persisted[runtime_id] = runtime_id
        self._release(slot)
        self.slot = InFlight(runtime_id, None, runtime_id, begun=True, recognised=True)
        self._changed()
        error = HostError("E_TURN_STEERED", f"It was said in turn {runtime_id} of somebody else.")
        self._fail_claimed(claim, error.code, error)
        self._common.fail(error, "[runtime:turn/start]")

    def completed(self, message: Notification, runtime_id: str) -> None:
        """Take ``turn/completed`` of the open thread: the turn in flight ends, if it is this one.

        Args:
            message: The message.
            runtime_id: Codex's id of the turn.
        """
        slot = self.slot
        if slot is not None and slot.runtime_id == runtime_id:
            self._end(slot, terminal_status(message) or slot.failure)

    def erred(self, message: Notification, runtime_id: str | None) -> None:
        """Take ``error`` of the open thread: the turn's own end follows, or nothing ever does."""
        slot = self.slot
        ending = terminal_status(message)
        if slot is None or ending is None or runtime_id not in (None, slot.runtime_id):
            return
        if slot.failure is None:
            slot.failure = ending
            self._common.begin(self._end_later(slot))

    def _end_later(self, slot: InFlight) -> Flow:
        yield Sleep(ENDING_SECONDS)
        if self.slot is slot:
            self._end(slot, slot.failure)

    def _end(self, slot: InFlight, ending: TerminalStatus | None) -> None:
        self._release(slot)
        if slot.claim is not None:
            self._common.begin(self._tell_end(slot.claim, ending))
        else:
            self.dispatch_next()

    def _tell_end(self, claim: Claim, ending: TerminalStatus | None) -> Flow:
        """Say how a turn has ended, behind all that was said in it; then look for the next one."""
        told = self._telling = self._ingest.note(*claim.ended(ending))
        while told is not None and self._ingest.queue.has(told):
            yield self._ingest.moved
        self.dispatch_next()

    def lost(self, reason: str) -> None:
        """End the turn in flight because its Codex is gone, behind all that it has said.

        A turn that this runtime has not sent is left: whoever opens the thread the next time sees
        how it ended.

        Args:
            reason: Why, in words.
        """
        slot = self.slot
        if slot is not None and slot.claim is not None:
            code = OUTCOME_UNKNOWN if slot.runtime_id is None else "E_APP_SERVER_GONE"
            self._ingest.note(*slot.claim.failed(code, reason))

    def _release(self, slot: InFlight) -> None:
        if self.slot is slot:
            self.slot = None
            self._common.flows.fire(slot.settled)
            self._ended(slot.turn_id)
            self._changed()

    def steer(self, text: str, expected: str | None) -> Flow:
        """Say more while a turn is in flight.

        Raises:
            HostError: ``E_RUNTIME_NO_TURN_IN_FLIGHT``, ``E_RUNTIME_TURN_ID_UNKNOWN`` or
                ``E_RUNTIME_STEER_MISMATCH``.
        """
        common = self._common
        common.connected()
        slot = self.slot
        if slot is None:
            raise HostError(
                "E_RUNTIME_NO_TURN_IN_FLIGHT",
                "Cannot steer turn because no turn is currently in flight.",
            )
        if slot.runtime_id is None or not slot.begun:
            raise HostError(
                "E_RUNTIME_TURN_ID_UNKNOWN",
                "Cannot steer turn before runtime turn id is known.",
            )
        if expected not in (None, slot.turn_id):
            raise HostError(
                "E_RUNTIME_STEER_MISMATCH",
                f"Cannot steer turn {expected}; active turn is {slot.turn_id}.",
            )
        yield Ask(requests.turn_steer_text(common.bound.runtime_id or "", slot.runtime_id, text))

    def interrupt(self) -> Flow:
        """Interrupt the turn in flight; without one nothing happens, now or later."""
        slot = self.slot
        if slot is None:
            return
        if not slot.begun:
            # Codex refuses to interrupt what has not begun.
            slot.interrupt = True
            return
        yield from self._interrupt(slot)

    def _interrupt(self, slot: InFlight) -> Flow:
        call = requests.turn_interrupt(self._common.bound.runtime_id or "", slot.runtime_id or "")
        try:
            yield Ask(call, INTERRUPT_SECONDS)
        except AppServerError as error:
            # For a turn that was interrupted before no answer ever comes; its end does.
            if error.code != "E_APP_SERVER_REQUEST_TIMEOUT":
                raise

    def give_up(self, reason: str) -> Flow:
        """End the turn in flight because the runtime stops; Codex dies with it."""
        slot = self.slot
        if slot is None or slot.claim is None:
            return
        yield from self.interrupt()
        if self.slot is slot:
            self._ingest.note(*slot.claim.cancelled(reason))
            self._release(slot)


def _ending_of(turn: Mapping[str, Any]) -> TerminalStatus:
    """Say how a turn has ended, as its own message would have said it."""
    error = turn.get("error") or {}
    if turn["status"] == "interrupted":
        # A turn that was going on when its Codex died goes on no more.
        return TerminalStatus("interrupted", error=error.get("message") or AFTER_RESTART)
    return TerminalStatus(turn["status"], error=error.get("message"))
