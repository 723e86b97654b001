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
from codex_runtime.contract.limits import LEASE_DEFAULT
from codex_runtime.errors import AppServerError, CodexRuntimeError
from codex_runtime.host.claims import Claim
from codex_runtime.host.common import HostError
from codex_runtime.host.current_turn import CurrentTurn, fail_claimed
from codex_runtime.host.flows import Signal
from codex_runtime.host.reconciling import OUTCOME_UNKNOWN, UNKNOWN, Reconciling
from codex_runtime.host.steps import Ask, Keep, Sleep
from codex_runtime.host.turn_identity import dispatch_of
from codex_runtime.host.turn_records import InFlight, SentTurn, TurnOptions
from codex_runtime.protocol import params as p
from codex_runtime.protocol.terminal import TerminalStatus
from codex_runtime.protocol.values import TextInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_runtime.contract.endpoints.runtime_owned import AcceptedTurnSend
    from codex_runtime.contract.functions.turns import Claimed
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.holding import Holding
    from codex_runtime.host.ingest_queue import Note
    from codex_runtime.host.ingesting import Ingest

LEASE_MS: Final = 4 * LEASE_DEFAULT
"""For how long a turn is claimed; while it runs the claim is renewed."""
LEAVING_SECONDS: Final = 1.0
"""How long an interrupt may take when the runtime stops: what hangs does not keep it."""
AFTER_RESTART: Final = "interrupted by a restart"
"""Why a turn was interrupted that only a later Codex says it of."""
BEGINNING_SECONDS: Final = 30.0
"""How long a turn may take to begin whose sending nobody has acknowledged."""


class TurnControl:
    """The turns that wait, and their way into flight.

    Args:
        common: What the parts share.
        changed: Called whenever what is shown of the turns has changed.
        ended: Called with the persisted id of a turn that is in flight no more.
        ingest: Keeps what Codex says: how a turn ended is told behind all of it.
        holding: Holds messages back while it is open which turn they are of.

    Attributes:
        current: The turn in flight.
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
        self._changed = changed
        self.current = CurrentTurn(common, ingest, changed, ended, self._over)
        self._reconciling = Reconciling(common, ingest, self.current.persisted)
        self._reserved = False
        self._looking: Signal | None = None
        self._telling: Note | None = None
        self._options: dict[str, TurnOptions] = {}
        self.switching = False

    @property
    def in_flight(self) -> bool:
        """Whether a turn is in flight, or about to be."""
        return self.current.slot is not None or self._reserved

    def reset(self) -> None:
        """Forget the turns: the app-server that ran them is gone."""
        self.current.reset()
        self._reserved = False
        self._looking = self._telling = None
        self._reconciling.reset()

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
            yield from self._dispatch(accepted)
        finally:
            self._reserved = False
            self._changed()
        return SentTurn(turn_id=accepted.turn_id)

    def _check_free(self) -> None:
        if self.current.slot is not None:
            raise HostError("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT", "A turn is already in flight.")

    def _wait_for_end(self) -> Flow:
        """Wait until it is written down how the last turn ended: until then no other is claimed."""
        while self._telling is not None and self._ingest.queue.has(self._telling):
            if self._ingest.down is not None:
                raise HostError("E_RUNTIME_INGEST_FLUSH_FAILED", str(self._ingest.down))
            yield self._ingest.moved

    def dispatch_next(self) -> None:
        """Give the next accepted turn to Codex, if one waits and none is in flight."""
        common = self._common
        if self.in_flight or self.switching or self._looking or not common.ready:
            return
        if not common.serving:
            # What is accepted waits for the next connection.
            return
        self._looking = Signal()
        common.begin(self._look(self._looking))

    def look_first(self) -> Flow:
        """Wait until it is known whether an accepted turn waits in the open thread.

        Raises:
            HostError: ``E_RUNTIME_THREAD_LOCKED``: one did, and is in flight now.
        """
        while self._looking is not None:
            yield self._looking
        if self.current.slot is not None:
            raise HostError("E_RUNTIME_THREAD_LOCKED", "A turn that had waited is in flight.")

    def _look(self, looking: Signal) -> Flow:
        try:
            yield from self._dispatch()
        finally:
            if self._looking is looking:
                self._looking = None
            self._common.flows.fire(looking)

    def _dispatch(self, own: AcceptedTurnSend | None = None) -> Flow:
        """Claim what waits and give it to Codex, until that has a turn.

        Args:
            own: The turn that whoever waits for this has sent: they are told why it was refused.
        """
        settings = self._common.acting()
        while self.current.slot is None:
            # Until it is written down how the last one ended nobody gets another one.
            yield from self._wait_for_end()
            args = ClaimArgs(
                actor=settings.actor,
                thread_id=self._thread(),
                claim_owner=settings.claim_owner,
                lease_ms=LEASE_MS,
            )
            try:
                claimed: Claimed | None = yield Keep("claim_turn", args)
            except CodexRuntimeError as error:
                if own is not None:
                    self._fail_unclaimed(own, error)
                raise
            if claimed is None:
                yield from self._reconciling.wait_for_leases(LEASE_MS, self.dispatch_next)
                return
            claim = Claim(settings.actor, self._thread(), claimed)
            if claimed.attempt_count > 1:
                yield from self._recover(claim)
            else:
                refused = yield from self._start(claim)
                if refused is not None and own is not None and own.turn_id == claimed.turn_id:
                    raise refused

    def _start(self, claim: Claim) -> Flow:
        """Give a claimed turn to Codex; why Codex has refused it, if it has."""
        common = self._common
        claimed = claim.claimed
        if self.current.slot is not None:
            # Somebody else has begun a turn meanwhile; this one would only say more in it.
            busy = HostError("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT", "A turn is already in flight.")
            self._telling = fail_claimed(self._ingest, claim, busy.code, busy.text)
            raise busy
        slot = self.current.take(InFlight(claimed.turn_id, claim))
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
            self.current.persisted[started.turn.id] = slot.turn_id
            self._ingest.note(*self._lease(claim, started.turn.id))
            common.begin(self._renew(slot, claim))
        except AppServerError:
            # Codex may have it, and may still say so.
            common.begin(self._wait_for_beginning(slot))
            raise
        except CodexRuntimeError as error:
            self.current.release(slot)
            refused = HostError("E_TURN_START_FAILED", error.text)
            self._telling = fail_claimed(self._ingest, claim, refused.code, refused.text)
            return refused
        finally:
            self._holding.end()
        return None

    def _wait_for_beginning(self, slot: InFlight) -> Flow:
        """Keep the slot for a turn that Codex may have; what became of it is found out later."""
        yield Sleep(BEGINNING_SECONDS)
        if self.current.slot is slot and slot.runtime_id is None:
            self.current.release(slot)
            self.dispatch_next()

    def _lease(self, claim: Claim, runtime_id: str) -> tuple[str, Any]:
        return claim.started(self._common.bound.runtime_id or "", runtime_id, LEASE_MS)

    def _renew(self, slot: InFlight, claim: Claim) -> Flow:
        """Keep the claim of a running turn alive."""
        while self._common.outbox:
            yield Sleep(LEASE_MS / 3_000)
            if self.current.slot is not slot or slot.runtime_id is None:
                return
            self._ingest.note(*self._lease(claim, slot.runtime_id))

    def bring_into_step(self) -> Flow:
        """Keep what Codex knows of the open thread and nobody has kept, before it goes on."""
        yield from self._reconciling.bring_into_step()

    def _recover(self, claim: Claim) -> Flow:
        """Find out what became of a turn that somebody had claimed before, and fell silent."""
        claimed = claim.claimed
        turn = yield from self._reconciling.find(claimed)
        if turn is None:
            self._telling = fail_claimed(self._ingest, claim, OUTCOME_UNKNOWN, UNKNOWN)
        elif turn["status"] == "inProgress":
            # It outlived whoever had claimed it: its Codex still runs it.
            slot = InFlight(claimed.turn_id, claim, turn["id"], begun=True, recognised=True)
            self._common.begin(self._renew(self.current.take(slot), claim))
        else:
            yield from self._reconciling.keep_turn(turn, claimed.turn_id)
            self._telling = self._ingest.note(*claim.ended(_ending_of(turn)))

    def _fail_unclaimed(self, accepted: AcceptedTurnSend, error: CodexRuntimeError) -> None:
        self._options.pop(accepted.dispatch_id, None)
        args = FailTurnSendArgs(
            actor=self._common.acting().actor,
            thread_id=self._thread(),
            turn_id=accepted.turn_id,
            dispatch_id=accepted.dispatch_id,
            code="E_TURN_DISPATCH_CLAIM_FAILED",
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

    def _over(self, slot: InFlight, ending: TerminalStatus | None) -> None:
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

    def give_up(self, reason: str) -> Flow:
        """End the turn in flight because the runtime stops; Codex dies with it."""
        slot = self.current.slot
        if slot is None or slot.claim is None:
            return
        if slot.begun:
            try:
                yield from self.current.interrupt_now(slot, LEAVING_SECONDS)
            except CodexRuntimeError as error:
                # It ends with its Codex.
                self._common.report(f"The turn was not interrupted: {error}", "[runtime:stop]")
        if self.current.slot is slot:
            # Only an outbox can end a turn as interrupted that Codex has not said it of.
            ended = slot.claim.cancelled(reason) if self._common.outbox else None
            self._ingest.note(*(ended or slot.claim.failed("E_RUNTIME_STOPPED", reason)))
            self.current.release(slot)


def _ending_of(turn: Mapping[str, Any]) -> TerminalStatus:
    """Say how a turn has ended, as its own message would have said it."""
    error = turn.get("error") or {}
    if turn["status"] == "interrupted":
        # A turn that was going on when its Codex died goes on no more.
        return TerminalStatus("interrupted", error=error.get("message") or AFTER_RESTART)
    return TerminalStatus(turn["status"], error=error.get("message"))
