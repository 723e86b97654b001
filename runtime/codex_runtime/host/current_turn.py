"""The turn in flight: whose it is, how far it is, and what is asked of it (spec 06 §6, "Better").

May import the common parts, the ingest, the steps, the app-server's builders, the protocol and the
contract. The invariants: there is at most one; what Codex says of another turn changes nothing of
it; only a turn that has begun is steered and interrupted, and only under the id that Codex gave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.app_server import requests
from codex_runtime.contract.endpoints.runtime_owned import FailTurnSendArgs
from codex_runtime.errors import AppServerError, RequestFailedError
from codex_runtime.host.common import HostError
from codex_runtime.host.reconciling import OUTCOME_UNKNOWN
from codex_runtime.host.steps import Ask, Sleep
from codex_runtime.host.turn_records import InFlight
from codex_runtime.protocol.terminal import TerminalStatus, terminal_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.host.claims import Claim
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.ingest_queue import Note
    from codex_runtime.host.ingesting import Ingest
    from codex_runtime.protocol.messages import Notification

INTERRUPT_SECONDS: Final = 5.0
"""How long to wait for the answer to an interrupt: for one turn there may never be one."""
ENDING_SECONDS: Final = 5.0
"""How long after an error the turn's own end may take."""


def fail_claimed(ingest: Ingest, claim: Claim, code: str, reason: str) -> Note | None:
    """Write down that a turn has failed which Codex does not run, behind all that waits.

    Args:
        ingest: Writes it down.
        claim: The turn.
        code: Why, as a code of the catalogue.
        reason: Why, in words.

    Returns:
        What the queue has of it until it is written down.
    """
    ingest.note(*claim.failed(code, reason))
    args = FailTurnSendArgs(
        actor=claim.actor,
        thread_id=claim.thread_id,
        turn_id=claim.claimed.turn_id,
        dispatch_id=claim.claimed.dispatch_id,
        code=code,
        reason=reason,
    )
    return ingest.note("fail_turn", args)


class CurrentTurn:
    """The turn in flight.

    Args:
        common: What the parts share.
        ingest: Keeps what Codex says.
        changed: Called whenever what is shown of it has changed.
        ended: Called with the persisted id of a turn that is in flight no more.
        over: Called with a turn that Codex has ended, and how it has.

    Attributes:
        slot: The turn; ``None`` when none is in flight.
        persisted: The persisted ids of turns, by Codex's own where they are others.
    """

    def __init__(
        self,
        common: Common,
        ingest: Ingest,
        changed: Callable[[], None],
        ended: Callable[[str], None],
        over: Callable[[InFlight, TerminalStatus | None], None],
    ) -> None:
        self._common = common
        self._ingest = ingest
        self._changed = changed
        self._ended = ended
        self._over = over
        self.slot: InFlight | None = None
        self.persisted: dict[str, str] = {}

    def named(self, runtime_id: str | None) -> str | None:
        """Give the persisted id of a turn of Codex's; of none, that of the turn in flight.

        Args:
            runtime_id: Codex's id of it.
        """
        if runtime_id is None:
            return None if self.slot is None else self.slot.turn_id
        return self.persisted.get(runtime_id, runtime_id)

    def take(self, slot: InFlight) -> InFlight:
        """Have a turn be the one in flight.

        Args:
            slot: The turn.
        """
        self.slot = slot
        self._changed()
        return slot

    def release(self, slot: InFlight) -> None:
        """Have a turn be in flight no more, if it is.

        Args:
            slot: The turn.
        """
        if self.slot is slot:
            self.slot = None
            self._ended(slot.turn_id)
            self._changed()

    def reset(self) -> None:
        """Forget the turns: the app-server that ran them is gone."""
        self.slot = None
        self.persisted.clear()

    def started(self, runtime_id: str) -> None:
        """Take ``turn/started`` of the open thread.

        Args:
            runtime_id: Codex's id of the turn.
        """
        slot = self.slot
        if slot is None:
            # Somebody else began it: another client, or Codex itself.
            named = self.persisted.get(runtime_id, runtime_id)
            self.take(InFlight(named, None, runtime_id, begun=True))
        elif slot.runtime_id in (None, runtime_id):
            slot.runtime_id = runtime_id
            slot.begun = True
            self.persisted[runtime_id] = slot.turn_id
            if slot.interrupt:
                slot.interrupt = False
                self._common.begin(self.interrupt_now(slot))

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
        error = HostError("E_TURN_STEERED", f"It was said in turn {runtime_id} of somebody else.")
        self._common.fail(error, "[runtime:turn/start]")
        fail_claimed(self._ingest, claim, error.code, error.text)
        self.persisted[runtime_id] = runtime_id
        self.release(slot)
        self.take(InFlight(runtime_id, None, runtime_id, begun=True, recognised=True))

    def completed(self, message: Notification, runtime_id: str | None) -> None:
        """Take ``turn/completed`` of the open thread: the turn in flight ends, if it is this one.

        Args:
            message: The message.
            runtime_id: Codex's id of the turn; one that is not named is the one in flight.
        """
        slot = self.slot
        if slot is not None and runtime_id in (None, slot.runtime_id):
            self._end(slot, terminal_status(message) or slot.failure)

    def erred(self, message: Notification, runtime_id: str) -> None:
        """Take ``error`` of the open thread: the turn's own end follows, or nothing ever does.

        Args:
            message: The message; after one with ``willRetry`` the turn goes on.
            runtime_id: Codex's id of the turn.
        """
        slot = self.slot
        ending = terminal_status(message)
        if slot is None or ending is None or slot.runtime_id != runtime_id:
            return
        if slot.failure is None:
            slot.failure = ending
            self._common.begin(self._end_later(slot))

    def _end_later(self, slot: InFlight) -> Flow:
        yield Sleep(ENDING_SECONDS)
        if self.slot is slot:
            self._end(slot, slot.failure)

    def _end(self, slot: InFlight, ending: TerminalStatus | None) -> None:
        self.release(slot)
        self._over(slot, ending)

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
        yield from self.interrupt_now(slot)

    def interrupt_now(self, slot: InFlight, seconds: float = INTERRUPT_SECONDS) -> Flow:
        """Interrupt a turn that has begun.

        Args:
            slot: The turn.
            seconds: How long to wait for the answer.
        """
        call = requests.turn_interrupt(self._common.bound.runtime_id or "", slot.runtime_id or "")
        try:
            yield Ask(call, seconds)
        except RequestFailedError:
            if self.slot is slot:
                raise
        except AppServerError as error:
            # For a turn that was interrupted before no answer ever comes; its end does.
            if error.code != "E_APP_SERVER_REQUEST_TIMEOUT":
                raise
