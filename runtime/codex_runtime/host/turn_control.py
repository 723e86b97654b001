"""Turns: accepted, claimed, given to Codex, followed to their ends (spec 06 §6, "Better").

May import the common parts, the steps, the protocol and the contract. The invariants: at most one
turn is in flight; a turn that was accepted ends, with a code where nobody can say how; and nothing
is ever sent to Codex twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.app_server import requests
from codex_runtime.contract.endpoints.runtime_owned import AcceptTurnSendArgs, FailTurnSendArgs
from codex_runtime.contract.functions.turns import (
    CancelDispatchArgs,
    ClaimArgs,
    DispatchFailedArgs,
    DispatchStartedArgs,
    OwnedArgs,
)
from codex_runtime.contract.limits import LEASE_DEFAULT
from codex_runtime.errors import AppServerError, CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.flows import Signal
from codex_runtime.host.steps import Ask, Keep, Sleep
from codex_runtime.host.turn_identity import dispatch_in, dispatch_of
from codex_runtime.protocol import params as p
from codex_runtime.protocol.terminal import TerminalStatus, terminal_status
from codex_runtime.protocol.values import TextInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.contract.functions.turns import Claimed
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.protocol.messages import Notification

LEASE_MS: Final = 4 * LEASE_DEFAULT
"""For how long a turn is claimed; while it runs the claim is renewed."""
INTERRUPT_SECONDS: Final = 5.0
"""How long to wait for the answer to an interrupt: for one turn there may never be one."""
ENDING_SECONDS: Final = 5.0
"""How long after an error the turn's own end may take."""


class TurnOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn is to run; Codex keeps what is given for the turns after it, too.

    Attributes:
        model: The model.
        cwd: The working folder.
        effort: How much the model thinks.
        approval_policy: When Codex asks.
        sandbox_policy: What commands may do.
    """

    model: str | None = None
    cwd: str | None = None
    effort: str | None = None
    approval_policy: Any = None
    sandbox_policy: Any = None


class SentTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that was accepted.

    Attributes:
        turn_id: Its persisted id.
        accepted: Always ``True``.
    """

    turn_id: str
    accepted: bool = True


@dataclass(slots=True, eq=False)
class InFlight:
    """The turn in flight.

    Attributes:
        turn_id: Its persisted id; Codex's own for a turn that somebody else began.
        claim: The claim under which it runs; ``None`` for a turn that somebody else began.
        runtime_id: Codex's id of it, once that is known.
        interrupt: Whether it is to be interrupted as soon as Codex has named it.
        failure: The error that was told before its end.
        settled: Fired when it is in flight no more.
    """

    turn_id: str
    claim: Claimed | None
    runtime_id: str | None = None
    interrupt: bool = False
    failure: TerminalStatus | None = None
    settled: Signal = field(default_factory=Signal)


class TurnControl:
    """The turn in flight, and those that wait.

    Args:
        common: What the parts share.
        changed: Called whenever what is shown of the turns has changed.
        ended: Called with the persisted id of a turn that is in flight no more.
    """

    def __init__(
        self, common: Common, changed: Callable[[], None], ended: Callable[[str], None]
    ) -> None:
        self._common = common
        self._changed = changed
        self._ended = ended
        self._reserved = False
        self._looking: Signal | None = None
        self._options: dict[str, TurnOptions] = {}
        self._persisted: dict[str, str] = {}
        self.slot: InFlight | None = None

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
        self._looking = None
        self._persisted.clear()
        if slot is not None:
            self._common.flows.fire(slot.settled)

    def check_unlocked(self) -> None:
        """Check that no turn is in flight.

        Raises:
            HostError: ``E_RUNTIME_THREAD_LOCKED``.
        """
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
        if common.bound.runtime_id is None:
            raise HostError(
                "E_RUNTIME_THREAD_NOT_OPEN", "Cannot send turn before opening a thread."
            )
        if self.in_flight:
            raise HostError("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT", "A turn is already in flight.")
        # From here on nobody else gets the slot, whatever is waited for.
        self._reserved = True
        try:
            while self._looking is not None:
                # Whether an older turn waits is being looked at; it would go first.
                yield self._looking
            yield from bind()
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
            except CodexRuntimeError as error:
                yield from self._fail_accepted(
                    accepted.turn_id, accepted.dispatch_id, "E_TURN_DISPATCH_CLAIM_FAILED", error
                )
                raise
        finally:
            self._reserved = False
            self._changed()
        return SentTurn(turn_id=accepted.turn_id)

    def dispatch_next(self) -> None:
        """Give the next accepted turn to Codex, if one waits and none is in flight."""
        if self.in_flight or self._looking or self._common.bound.thread_id is None:
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
                    claim_owner=settings.session_id,
                    lease_ms=LEASE_MS,
                ),
            )
            if claimed is None:
                return
            if claimed.attempt_count > 1:
                yield from self._recover(claimed)
            elif (yield from self._start(claimed)):
                return

    def _start(self, claimed: Claimed) -> Flow:
        """Give a claimed turn to Codex; whether Codex has taken it."""
        common = self._common
        slot = self.slot = InFlight(claimed.turn_id, claimed)
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
        try:
            started = yield Ask(call)
        except AppServerError:
            # Whether Codex has it is for whoever claims it next to find out.
            self._release(slot)
            raise
        except CodexRuntimeError as error:
            self._release(slot)
            yield from self._fail_accepted(
                claimed.turn_id, claimed.dispatch_id, "E_TURN_START_FAILED", error, claimed
            )
            return False
        if self.slot is slot:
            slot.runtime_id = started.turn.id
        self._persisted[started.turn.id] = slot.turn_id
        yield Keep("turn_started", self._started(slot, started.turn.id))
        if self.slot is slot:
            common.begin(self._renew(slot))
        return True

    def _started(self, slot: InFlight, runtime_id: str) -> DispatchStartedArgs:
        claim = slot.claim
        assert claim is not None  # noqa: S101 - only claimed turns are started
        return DispatchStartedArgs(
            actor=self._common.acting().actor,
            thread_id=self._thread(),
            dispatch_id=claim.dispatch_id,
            claim_token=claim.claim_token,
            runtime_thread_id=self._common.bound.runtime_id or "",
            runtime_turn_id=runtime_id,
            lease_ms=LEASE_MS,
        )

    def _renew(self, slot: InFlight) -> Flow:
        """Keep the claim of a running turn alive."""
        while self._common.outbox:
            yield Sleep(LEASE_MS / 3_000)
            if self.slot is not slot or slot.runtime_id is None:
                return
            yield Keep("turn_started", self._started(slot, slot.runtime_id))

    def _recover(self, claimed: Claimed) -> Flow:
        """Find out what became of a turn that somebody had claimed before, and fell silent."""
        common = self._common
        known = yield Ask(requests.thread_read(common.bound.runtime_id or "", include_turns=True))
        for turn in known.thread.turns:
            if dispatch_in(turn.items) == claimed.dispatch_id:
                self._persisted[turn.id] = claimed.turn_id
                yield from self._settle_as(claimed, turn.status)
                return
        error = HostError(
            "E_TURN_OUTCOME_UNKNOWN",
            "The turn was claimed before a crash, and Codex does not know it.",
        )
        yield from self._fail_accepted(
            claimed.turn_id, claimed.dispatch_id, error.code, error, claimed
        )

    def _settle_as(self, claimed: Claimed, status: str) -> Flow:
        if status == "completed":
            yield Keep("turn_completed", self._owned(claimed))
        elif status == "failed":
            yield Keep("turn_failed", self._failed(claimed, "E_TURN_FAILED", "It had failed."))
        else:
            # A turn that was going on when its Codex died goes on no more.
            yield Keep("turn_cancelled", self._cancelled(claimed, "interrupted by a restart"))

    def _fail_accepted(
        self,
        turn_id: str,
        dispatch_id: str,
        code: str,
        error: CodexRuntimeError,
        claimed: Claimed | None = None,
    ) -> Flow:
        if claimed is not None:
            yield Keep("turn_failed", self._failed(claimed, code, error.text))
        yield Keep(
            "fail_turn",
            FailTurnSendArgs(
                actor=self._common.acting().actor,
                thread_id=self._thread(),
                turn_id=turn_id,
                dispatch_id=dispatch_id,
                code=code,
                reason=error.text,
            ),
        )

    def _owned(self, claimed: Claimed) -> OwnedArgs:
        return OwnedArgs(
            actor=self._common.acting().actor,
            thread_id=self._thread(),
            dispatch_id=claimed.dispatch_id,
            claim_token=claimed.claim_token,
        )

    def _failed(self, claimed: Claimed, code: str, reason: str) -> DispatchFailedArgs:
        owned = self._owned(claimed)
        return DispatchFailedArgs(**msgspec.structs.asdict(owned), code=code, reason=reason)

    def _cancelled(self, claimed: Claimed, reason: str) -> CancelDispatchArgs:
        return CancelDispatchArgs(
            actor=self._common.acting().actor,
            thread_id=self._thread(),
            dispatch_id=claimed.dispatch_id,
            reason=reason,
        )

    def _thread(self) -> str:
        thread_id = self._common.bound.thread_id
        if thread_id is None:
            raise HostError(
                "E_RUNTIME_THREAD_NOT_OPEN",
                "Cannot accept turn send before thread binding is ready.",
            )
        return thread_id

    def started(self, runtime_id: str) -> None:
        """Take ``turn/started`` of the open thread."""
        slot = self.slot
        if slot is None:
            # Somebody else began it: another client, or Codex itself.
            self.slot = InFlight(self._persisted.get(runtime_id, runtime_id), None, runtime_id)
        elif slot.runtime_id is None:
            slot.runtime_id = runtime_id
            self._persisted[runtime_id] = slot.turn_id
            if slot.interrupt:
                self._common.begin(self._interrupt(slot))
        self._changed()

    def completed(self, message: Notification, runtime_id: str) -> None:
        """Take ``turn/completed`` of the open thread; the turn in flight ends with it."""
        slot = self.slot
        if slot is None or slot.runtime_id not in (None, runtime_id):
            return
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

    def _tell_end(self, claimed: Claimed, ending: TerminalStatus | None) -> Flow:
        """Say how a turn has ended, then give Codex the next one."""
        if ending is None or ending.status == "completed":
            yield Keep("turn_completed", self._owned(claimed))
        elif ending.status == "interrupted":
            yield Keep("turn_cancelled", self._cancelled(claimed, ending.error or "interrupted"))
        else:
            reason = ending.error or "turn/completed reported failed status"
            yield Keep("turn_failed", self._failed(claimed, "E_TURN_FAILED", reason))
        self.dispatch_next()

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
        if slot.runtime_id is None:
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
        if slot.runtime_id is None:
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
            yield Keep("turn_cancelled", self._cancelled(slot.claim, reason))
            self._release(slot)
