"""The outbox through random histories of several owners: one owner at a time, one end for all."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.campaign import examples
from support.host import Host, Stream

# To shrink a history that fails takes longer than the backstop of a test.
pytestmark = pytest.mark.timeout(600)

LEASE = 15_000
OWNERS = ("one", "two", "three")
MARKS = {
    "started": "markTurnDispatchStarted",
    "completed": "markTurnDispatchCompleted",
    "failed": "markTurnDispatchFailed",
}
TERMINAL = {"completed", "failed", "cancelled"}
OF_TURN = {"completed": "completed", "failed": "failed", "interrupted": "cancelled"}

turns = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("accept"), turns),
    st.tuples(st.just("claim"), st.sampled_from(OWNERS)),
    st.tuples(st.just("race"), st.permutations(OWNERS).map(lambda order: order[:2])),
    st.tuples(st.just("mark"), st.sampled_from(OWNERS), st.sampled_from(sorted(MARKS))),
    st.tuples(st.just("cancel"), turns),
    st.tuples(st.just("end"), turns, st.sampled_from(sorted(OF_TURN))),
    st.tuples(st.just("pause"), st.sampled_from([1, LEASE - 1, LEASE])),
)


class History:
    """A deployment, and what its outbox must be by the steps that were taken."""

    def __init__(self):
        self.host = Host()
        self.thread = self.host.conversation()
        self.order = []
        self.status = {}
        self.claims = {}
        """What each owner believes to own: the turn and the token of the latest claim."""
        self.token = {}
        self.lease = {}

    def now(self):
        return self.host.backend.clock.now_ms()

    def claimable(self):
        """The turn that the next claim must get, or ``None``."""
        going = [turn for turn in self.order if self.status[turn] not in TERMINAL]
        owned = [turn for turn in going if self.status[turn] != "queued"]
        assert len(owned) <= 1
        if owned:
            return owned[0] if self.lease[owned[0]] <= self.now() else None
        return going[0] if going else None

    def accept(self, turn):
        name = f"t{turn}"
        told = self.host.call(
            "acceptTurnSend",
            threadId=self.thread,
            turnId=name,
            idempotencyKey=f"k{turn}",
            inputText=name,
        )
        assert told["turnId"] == name
        if name not in self.status:
            self.order.append(name)
            self.status[name] = "queued"

    def claim(self, owner):
        wanted = self.claimable()
        self.took(owner, wanted, self.host.call("claimTurnDispatch", **self.by(owner)))

    def race(self, owners):
        """Two claims under way at once; the second one to be committed comes too late."""
        wanted = self.claimable()
        first, second = (self.host.begin("claimTurnDispatch", **self.by(one)) for one in owners)
        self.took(owners[0], wanted, first.commit().unwrap())
        assert second.commit().unwrap() is None

    def by(self, owner):
        return {"threadId": self.thread, "claimOwner": owner}

    def took(self, owner, wanted, told):
        if wanted is None:
            assert told is None
            return
        assert told["turnId"] == wanted
        before = self.status[wanted]
        self.status[wanted] = "started" if before == "started" else "claimed"
        assert told["status"] == self.status[wanted]
        self.token[wanted] = told["claimToken"]
        self.lease[wanted] = self.now() + LEASE
        self.claims[owner] = (wanted, told["claimToken"])

    def mark(self, owner, event):
        if owner not in self.claims:
            return
        turn, token = self.claims[owner]
        args = {"threadId": self.thread, "dispatchId": turn, "claimToken": token}
        if event == "failed":
            args |= {"code": "E_TEST", "reason": "why"}
        status = self.status[turn]
        if token != self.token[turn]:
            assert self.host.refusal(MARKS[event], **args) == "E_DISPATCH_FENCED"
        elif status in TERMINAL and status != event:
            assert self.host.refusal(MARKS[event], **args) == "E_DISPATCH_SETTLED"
        else:
            assert self.host.call(MARKS[event], **args)["status"] == event
            self.status[turn] = event
            if event == "started":
                self.lease[turn] = self.now() + LEASE

    def cancel(self, turn):
        args = {"threadId": self.thread, "dispatchId": f"t{turn}"}
        status = self.status.get(f"t{turn}")
        if status is None:
            assert self.host.refusal("cancelTurnDispatch", **args) == "E_DISPATCH_NOT_FOUND"
        elif status in TERMINAL - {"cancelled"}:
            assert self.host.refusal("cancelTurnDispatch", **args) == "E_DISPATCH_SETTLED"
        else:
            assert self.host.call("cancelTurnDispatch", **args)["status"] == "cancelled"
            self.status[f"t{turn}"] = "cancelled"

    def end(self, turn, ending):
        """The turn ends as Codex says; its dispatch ends with it, unless it has ended before."""
        name = f"t{turn}"
        if name not in self.status:
            return
        place = len(self.host.rows("codex_stream_deltas_ttl"))
        event = Stream(name, f"{name}.{place}").turn_completed(ending, "why")
        assert self.host.ingest(self.thread, event)["status"] == "ok"
        if self.status[name] not in TERMINAL:
            self.status[name] = OF_TURN[ending]

    async def check(self):
        await self.host.settle()
        rows = {row["turnId"]: row for row in self.host.rows("codex_turn_dispatches")}
        assert {turn: row["status"] for turn, row in rows.items()} == self.status
        told = self.host.call("listOpenTurnDispatches", threadId=self.thread)
        assert [row["turnId"] for row in told] == [
            turn for turn in self.order if self.status[turn] not in TERMINAL
        ]
        for row in self.host.rows("codex_turns"):
            ended = row["status"] in OF_TURN
            assert ended == (self.status[row["turnId"]] in TERMINAL)


async def live_through(history):
    outbox = History()
    for name, *args in history:
        if name == "pause":
            await outbox.host.advance(args[0])
        else:
            getattr(outbox, name)(*args)
        await outbox.check()


@settings(max_examples=examples(50, 2_000))
@given(st.lists(steps, min_size=1, max_size=25))
def test_whatever_owners_do_each_turn_has_one_owner_and_one_end(history):
    asyncio.run(live_through(history))
