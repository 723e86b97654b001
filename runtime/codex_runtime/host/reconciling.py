"""Bringing what is kept into step with what Codex knows, after a crash (spec 06 §6, §12, "Better").

May import the common parts, the ingest, the events and identities of turns, the steps, the protocol
and the contract. The invariants: what is kept is never taken back and never kept twice, whatever
Codex calls it by now; whatever lies in front of a turn that is whole is whole, too, because what
waits is kept in order; a turn that somebody else is running is left alone; a turn that nobody runs
and Codex does not know ends with a code.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.app_server import requests
from codex_runtime.contract.endpoints.runtime_owned import FailTurnSendArgs, TurnMessagesArgs
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.contract.functions.turns import ListDispatchesArgs
from codex_runtime.contract.limits import LEASE_LEAST, SNAPSHOT_TURNS
from codex_runtime.contract.shapes import UNSET
from codex_runtime.contract.states import TURN
from codex_runtime.errors import RequestFailedError
from codex_runtime.host.import_events import events_of
from codex_runtime.host.import_plan import turns_of
from codex_runtime.host.kept_items import names_of
from codex_runtime.host.steps import Ask, FindGone, Keep, Sleep
from codex_runtime.host.turn_identity import persisted_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from codex_runtime.contract.functions.reading import Message
    from codex_runtime.contract.functions.turns import Claimed, DispatchRead
    from codex_runtime.host.common import Bound, Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.ingesting import Ingest

ATTEMPTS: Final = 3
"""How often keeping what was missing may fail before that is reported to whoever waits for it."""

PAST_MOST: Final = 64
"""How many earlier connections are remembered; their claims do not last much longer."""

OUTCOME_UNKNOWN: Final = "E_TURN_OUTCOME_UNKNOWN"
UNKNOWN: Final = "The turn was claimed before a crash, and Codex does not know it."


@dataclass(frozen=True, slots=True)
class MissingTurn:
    """A turn of which something is not kept yet.

    Attributes:
        turn: The turn as ``thread/read`` gives it.
        turn_id: The id it is persisted with.
        kept: What is kept of it.
    """

    turn: Mapping[str, Any]
    turn_id: str
    kept: Sequence[Message]


@dataclass(frozen=True, slots=True)
class _Work:
    """The dispatches of a thread that were claimed and have not ended, by the ids of their turns.

    Attributes:
        held: Those of turns that somebody runs, or is about to.
        abandoned: Those of turns whose claimers are gone.
    """

    held: Mapping[str, DispatchRead]
    abandoned: Mapping[str, DispatchRead]


class Reconciling:
    """What brings the open thread into step.

    Args:
        common: What the parts share.
        ingest: Keeps what was missing.
        persisted: The persisted ids of turns by Codex's own; what is found out is added.
    """

    def __init__(self, common: Common, ingest: Ingest, persisted: dict[str, str]) -> None:
        self._common = common
        self._ingest = ingest
        self._persisted = persisted
        self._waiting_for_lease = False
        self._past: deque[str] = deque(maxlen=PAST_MOST)

    def reset(self) -> None:
        """Take note that the present connection has ended: nobody acts under its name any more."""
        if self._common.settings is not None:
            self._past.append(self._common.settings.claim_owner)

    def bring_into_step(self) -> Flow:
        """Keep what Codex knows of the open thread and nobody has kept; end what was abandoned.

        While it is under way no other thread is opened, and no turn is sent.

        Raises:
            HostError: ``E_RUNTIME_INGEST_FLUSH_FAILED``: it could not be kept; asked again, it goes
                on where it was.
        """
        bound = self._common.bound
        if bound.in_step or bound.thread_id is None or not self._common.durable:
            return
        # A thread that has no turn yet cannot be asked for them.
        turns = (yield from self._turns(bound)) if bound.begun else []
        work = yield from self._open_work(bound)
        known = self._named(turns, work)
        state = yield Keep("thread_state", self._conversation(bound))
        statuses = {} if state is None else {turn.turn_id: turn.status for turn in state.turns}
        missing: list[MissingTurn] = []
        for turn in reversed(turns):
            turn_id = known[turn["id"]]
            if turn_id in work.held or turn.get("status") == "inProgress":
                # It comes as it streams.
                continue
            if not turn.get("items"):
                # It was cut off before anybody had said anything; what is kept of it says nothing
                # about the turns before it.
                if turn_id in statuses and statuses[turn_id] not in TURN.terminal:
                    missing.append(MissingTurn(turn, turn_id, ()))
                continue
            kept: Sequence[Message] = ()
            if turn_id in statuses or len(statuses) >= SNAPSHOT_TURNS:
                kept = yield from self._kept(bound, turn_id)
            if _turn_has_ended(statuses, turn_id) and names_of(turn, turn_id, kept)[1]:
                # Everything before it was kept before it.
                break
            missing.append(MissingTurn(turn, turn_id, kept))
        yield from self._keep_all(bound, reversed(missing))
        there = set(known.values())
        for turn_id in self._given_up(statuses, work):
            if turn_id not in there:
                yield from self._give_up(bound, turn_id, work.abandoned.get(turn_id))
        bound.in_step = True

    def find(self, claimed: Claimed) -> Flow:
        """Ask Codex for a turn of the open thread that was claimed before.

        Args:
            claimed: The turn.

        Returns:
            The turn as ``thread/read`` gives it; ``None`` when Codex does not know it, or does not
            say.
        """
        try:
            turns = yield from self._turns(self._common.bound)
        except RequestFailedError:
            return None
        known = persisted_ids(turns)
        for turn in turns:
            if claimed.turn_id == known[turn["id"]] or turn["id"] == claimed.runtime_turn_id:
                self._persisted[turn["id"]] = claimed.turn_id
                return turn
        return None

    def keep_turn(self, turn: Mapping[str, Any], turn_id: str) -> Flow:
        """Keep whatever is missing of one turn of the open thread that has ended.

        Args:
            turn: The turn as ``thread/read`` gives it.
            turn_id: The id it is persisted with.
        """
        bound = self._common.bound
        kept = yield from self._kept(bound, turn_id)
        yield from self._keep_all(bound, [MissingTurn(turn, turn_id, kept)])

    def wait_for_leases(self, longest_ms: float, then: Callable[[], None]) -> Flow:
        """Have something done when the claims in the open thread have run out.

        Without a turn in flight they are those of others, or of a turn that Codex never answered
        for.

        Args:
            longest_ms: How long a claim lasts at most, in milliseconds.
            then: What is done; nothing where nobody has a claim.
        """
        if self._waiting_for_lease or not self._common.outbox:
            return
        claimed = yield from self._claimed(self._common.bound)
        ends = [one.lease_expires_at for one in claimed if one.lease_expires_at is not UNSET]
        if ends and not self._waiting_for_lease:
            self._waiting_for_lease = True
            # The deployment's clock may be another one than ours.
            left = max(max(ends) - self._common.outside.now_ms(), LEASE_LEAST)
            self._common.begin(self._wait(min(left, longest_ms) / 1_000, then))

    def _wait(self, seconds: float, then: Callable[[], None]) -> Flow:
        try:
            yield Sleep(seconds)
        finally:
            self._waiting_for_lease = False
        then()

    def _turns(self, bound: Bound) -> Flow:
        """Ask Codex for the turns of a thread."""
        read = yield Ask(requests.thread_read(bound.runtime_id or "", include_turns=True))
        return turns_of(msgspec.to_builtins(read.thread))

    def _named(self, turns: Sequence[Mapping[str, Any]], work: _Work) -> dict[str, str]:
        """Give the persisted ids of turns by Codex's own."""
        known = persisted_ids(turns)
        taken = set(known.values())
        for one in (*work.held.values(), *work.abandoned.values()):
            # Of a turn that was cut off before anybody had said anything Codex has not kept who
            # sent it; whoever sent it may have written down what Codex has called it.
            named = one.runtime_turn_id
            if named is not UNSET and known.get(named) == named and one.turn_id not in taken:
                known[named] = one.turn_id
        self._persisted.update(known)
        return known

    def _keep_all(self, bound: Bound, missing: Iterable[MissingTurn]) -> Flow:
        """Keep what is missing, in order."""
        latest = 0.0
        for one in missing:
            began = one.turn.get("startedAt")
            # What is kept later was said later than whatever is kept already.
            latest = max(
                latest,
                float(began) * 1_000 if isinstance(began, int | float) else 0.0,
                *(message.created_at + 1 for message in one.kept),
            )
            names, _ = names_of(one.turn, one.turn_id, one.kept)
            conversation = bound.conversation_id or ""
            events = events_of(one.turn, one.turn_id, conversation, latest, names)
            latest += len(events)
            self._ingest.bring([event.delta for event in events])
            yield from self._ingest.drain(ATTEMPTS)

    def _open_work(self, bound: Bound) -> Flow:
        claimed: list[DispatchRead] = yield from self._claimed(bound)
        own = self._common.acting().claim_owner
        owners = {str(one.claim_owner) for one in claimed} - {own, *self._past}
        gone = {*self._past}
        if owners:
            gone |= yield FindGone(frozenset(owners))
        return _Work(
            held={one.turn_id: one for one in claimed if one.claim_owner not in gone},
            abandoned={one.turn_id: one for one in claimed if one.claim_owner in gone},
        )

    def _claimed(self, bound: Bound) -> Flow:
        """List the dispatches of a thread that were claimed, and have not ended."""
        actor = self._common.acting().actor
        listed: list[DispatchRead] = yield Keep(
            "open_turns", ListDispatchesArgs(actor=actor, thread_id=bound.thread_id or "")
        )
        return [one for one in listed if one.status != "queued"]

    def _given_up(self, statuses: Mapping[str, str], work: _Work) -> list[str]:
        """List the turns that nobody runs, and that have not ended."""
        if not self._common.outbox:
            # Without leases nobody can tell who runs a turn: whoever opens the thread takes it.
            return [turn_id for turn_id, status in statuses.items() if status not in TURN.terminal]
        lost = [
            turn_id
            for turn_id, status in statuses.items()
            # One that is queued is for whoever claims it to begin with.
            if status == "inProgress" and turn_id not in work.held
        ]
        return list(dict.fromkeys((*work.abandoned, *lost)))

    def _kept(self, bound: Bound, turn_id: str) -> Flow:
        where = self._conversation(bound)
        args = TurnMessagesArgs(
            actor=where.actor, conversation_id=where.conversation_id, turn_id=turn_id
        )
        return (yield Keep("turn_messages", args))

    def _conversation(self, bound: Bound) -> ConversationArgs:
        return ConversationArgs(
            actor=self._common.acting().actor, conversation_id=bound.conversation_id or ""
        )

    def _give_up(self, bound: Bound, turn_id: str, dispatch: DispatchRead | None) -> Flow:
        """End a turn that nobody runs any more and that Codex does not know."""
        yield Keep(
            "fail_turn",
            FailTurnSendArgs(
                actor=self._common.acting().actor,
                thread_id=bound.thread_id or "",
                turn_id=turn_id,
                dispatch_id=UNSET if dispatch is None else dispatch.dispatch_id,
                code=OUTCOME_UNKNOWN,
                reason=UNKNOWN,
            ),
        )


def _turn_has_ended(statuses: Mapping[str, str], turn_id: str) -> bool:
    status = statuses.get(turn_id)
    # What is too old to be among the latest turns was ended by those behind it.
    return status in TURN.terminal or (status is None and len(statuses) >= SNAPSHOT_TURNS)
