"""The outbox under several claimers: order, leases, fencing, races."""

from __future__ import annotations

import pytest

from support.host import Host

pytestmark = pytest.mark.anyio

LEASE = 15_000


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def thread(host):
    return host.conversation()


def accept(host, thread, *turns):
    for turn in turns:
        host.call(
            "acceptTurnSend", threadId=thread, turnId=turn, idempotencyKey=turn, inputText=turn
        )


def claim(host, thread, owner="one", **more):
    return host.call("claimTurnDispatch", threadId=thread, claimOwner=owner, **more)


def owned(thread, claimed):
    return {
        "threadId": thread,
        "dispatchId": claimed["dispatchId"],
        "claimToken": claimed["claimToken"],
    }


def open_turns(host, thread, **more):
    rows = host.call("listOpenTurnDispatches", threadId=thread, **more)
    return [(row["turnId"], row["status"]) for row in rows]


async def test_turns_are_handed_out_one_at_a_time_in_the_order_they_were_accepted(host, thread):
    accept(host, thread, "b", "a", "c")
    seen = []
    while (claimed := claim(host, thread)) is not None:
        assert claim(host, thread, "two") is None
        seen.append(claimed["turnId"])
        host.call("markTurnDispatchCompleted", **owned(thread, claimed))
    assert seen == ["b", "a", "c"]


def test_threads_do_not_wait_for_each_other(host, thread):
    other = host.conversation("d", session="s2")
    accept(host, thread, "a")
    host.call("acceptTurnSend", threadId=other, turnId="b", idempotencyKey="b", inputText="b")
    assert claim(host, thread)["turnId"] == "a"
    assert claim(host, other)["turnId"] == "b"


def test_a_claim_says_everything_its_owner_needs(host, thread):
    accept(host, thread, "a")
    claimed = claim(host, thread)
    token = claimed.pop("claimToken")
    assert len(token) == 36
    assert claimed == {
        "dispatchId": "a",
        "turnId": "a",
        "idempotencyKey": "a",
        "inputText": "a",
        "leaseExpiresAt": host.backend.clock.now_ms() + LEASE,
        "attemptCount": 1,
        "status": "claimed",
    }


@pytest.mark.parametrize(
    ("wanted", "lease"),
    [(5_000, 5_000), (1, 1_000), (-1, 1_000), (1e12, 600_000), (2_000.9, 2_000)],
)
def test_the_lease_can_be_chosen_within_bounds(host, thread, wanted, lease):
    accept(host, thread, "a")
    claimed = claim(host, thread, leaseMs=wanted)
    assert claimed["leaseExpiresAt"] == host.backend.clock.now_ms() + lease
    told = host.call("markTurnDispatchStarted", **owned(thread, claimed), leaseMs=wanted)
    assert told["leaseExpiresAt"] == host.backend.clock.now_ms() + lease


async def test_a_lease_ends_at_its_moment_and_not_before(host, thread):
    accept(host, thread, "a")
    claim(host, thread)
    await host.advance(LEASE - 1)
    assert claim(host, thread, "two") is None
    await host.advance(1)
    again = claim(host, thread, "two")
    assert (again["turnId"], again["attemptCount"]) == ("a", 2)


async def test_saying_started_again_extends_the_lease(host, thread):
    accept(host, thread, "a")
    claimed = claim(host, thread)
    for _ in range(4):
        await host.advance(LEASE - 1)
        host.call("markTurnDispatchStarted", **owned(thread, claimed))
        assert claim(host, thread, "two") is None


async def test_a_started_turn_whose_owner_fell_silent_is_handed_out_as_started(host, thread):
    accept(host, thread, "a")
    first = claim(host, thread)
    told = {"runtimeThreadId": "rt", "runtimeTurnId": "ct"}
    host.call("markTurnDispatchStarted", **owned(thread, first), **told)
    await host.advance(LEASE)
    second = claim(host, thread, "two")
    assert second["status"] == "started"
    assert (second["runtimeThreadId"], second["runtimeTurnId"]) == ("rt", "ct")


@pytest.mark.parametrize(
    "name",
    ["markTurnDispatchStarted", "markTurnDispatchCompleted", "markTurnDispatchFailed"],
)
@pytest.mark.parametrize("settled", [False, True])
async def test_a_late_owner_is_fenced_and_changes_nothing(host, thread, name, settled):
    accept(host, thread, "a")
    late = claim(host, thread)
    await host.advance(LEASE)
    present = claim(host, thread, "two")
    if settled:
        host.call("markTurnDispatchCompleted", **owned(thread, present))
        await host.settle()
    before = host.tables()
    more = {"code": "E_X", "reason": "x"} if name == "markTurnDispatchFailed" else {}
    assert host.refusal(name, **owned(thread, late), **more) == "E_DISPATCH_FENCED"
    assert host.tables() == before


async def test_an_owner_whose_lease_ran_out_goes_on_while_nobody_else_has_claimed(host, thread):
    accept(host, thread, "a")
    claimed = claim(host, thread)
    await host.advance(10 * LEASE)
    assert host.call("markTurnDispatchStarted", **owned(thread, claimed))["status"] == "started"
    assert claim(host, thread, "two") is None


def test_of_two_claimers_at_once_one_gets_the_turn(host, thread):
    accept(host, thread, "a")
    first = host.begin("claimTurnDispatch", threadId=thread, claimOwner="one")
    second = host.begin("claimTurnDispatch", threadId=thread, claimOwner="two")
    won, lost = second.commit().unwrap(), first.commit().unwrap()
    assert won["turnId"] == "a"
    assert lost is None
    (row,) = host.rows("codex_turn_dispatches")
    assert (row["claimOwner"], row["claimToken"]) == ("two", won["claimToken"])
    assert row["attemptCount"] == 1


async def test_of_two_claimers_at_an_expired_lease_one_gets_the_turn(host, thread):
    accept(host, thread, "a")
    claim(host, thread, "dead")
    await host.advance(LEASE)
    first = host.begin("claimTurnDispatch", threadId=thread, claimOwner="one")
    second = host.begin("claimTurnDispatch", threadId=thread, claimOwner="two")
    results = [first.commit().unwrap(), second.commit().unwrap()]
    assert [result is None for result in results] == [False, True]


async def test_an_owner_and_a_claimer_at_an_expired_lease_do_not_both_win(host, thread):
    accept(host, thread, "a")
    dead = claim(host, thread, "dead")
    await host.advance(LEASE)
    late = host.begin("markTurnDispatchStarted", **owned(thread, dead))
    taken = host.begin("claimTurnDispatch", threadId=thread, claimOwner="two")
    assert taken.commit().unwrap()["turnId"] == "a"
    outcome = late.commit()
    assert outcome.error.data["code"] == "E_DISPATCH_FENCED"


def test_a_cancel_and_a_claim_at_once_leave_a_cancelled_turn(host, thread):
    accept(host, thread, "a")
    claiming = host.begin("claimTurnDispatch", threadId=thread, claimOwner="one")
    cancelling = host.begin("cancelTurnDispatch", threadId=thread, dispatchId="a")
    assert cancelling.commit().unwrap()["status"] == "cancelled"
    assert claiming.commit().unwrap() is None


def test_two_acceptances_of_one_key_at_once_are_one_turn(host, thread):
    given = {"threadId": thread, "idempotencyKey": "k", "inputText": "x"}
    first = host.begin("acceptTurnSend", turnId="a", **given)
    second = host.begin("acceptTurnSend", turnId="b", **given)
    assert second.commit().unwrap()["turnId"] == "b"
    assert first.commit().unwrap()["turnId"] == "b"
    assert len(host.rows("codex_turns")) == len(host.rows("codex_turn_dispatches")) == 1


def test_accepting_a_turn_waits_for_nobody_in_another_thread(host, thread):
    other = host.conversation("d", session="s2")
    given = {"idempotencyKey": "k", "inputText": "x"}
    first = host.begin("acceptTurnSend", threadId=thread, turnId="a", **given)
    host.call("acceptTurnSend", threadId=other, turnId="b", **given)
    assert first.commit().ok


def test_open_turns_are_listed_oldest_first_as_many_as_wanted(host, thread):
    accept(host, thread, "a", "b", "c")
    claim(host, thread)
    assert open_turns(host, thread) == [("a", "claimed"), ("b", "queued"), ("c", "queued")]
    for limit, count in ((2, 2), (0, 1), (-1, 1), (2.5, 2), (1e9, 3)):
        assert len(open_turns(host, thread, limit=limit)) == count


def test_the_listing_shows_no_token(host, thread):
    accept(host, thread, "a")
    claim(host, thread)
    (row,) = host.call("listOpenTurnDispatches", threadId=thread)
    assert "claimToken" not in row
    assert row["claimOwner"] == "one"
