"""What is more than a transaction takes is refused with a code, and what is not is taken in.

The limits of the batch are ours; those of the transaction are Convex's, and the engine has them.
"""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.component.ingest.events import understand
from codex_fakes.component.ingest.weighing import lookups_of
from codex_runtime.contract.limits import (
    INGEST_BYTES_MOST,
    INGEST_ENDINGS_MOST,
    INGEST_LOOKUPS_MOST,
)
from support.component_growth import Meter
from support.host import Host, Stream, ran, rejected_with, said

MIB = 1_024 * 1_024


@pytest.fixture
def host():
    return Host()


def many(streams, each):
    """A batch of so many streams, each of a turn of its own, with so many messages."""
    batch = []
    for number in range(streams):
        stream = Stream(f"turn-{number}")
        batch += [stream.turn_started()]
        batch += [stream.item_completed(said(f"m-{item}", "x")) for item in range(each)]
    return batch


def weight(batch):
    return lookups_of(understand(batch, []))


def largest(batch_of):
    """The largest batch of a kind that needs no more lookups than one may."""
    sizes = range(1, INGEST_LOOKUPS_MOST + 1)
    return bisect_right(sizes, INGEST_LOOKUPS_MOST, key=lambda size: weight(batch_of(size)))


KINDS = {
    "streams of their own": lambda size: many(size, 1),
    "messages of one turn": lambda size: many(1, size),
    "pieces of one message": lambda size: pieces(size),
    "approvals": lambda size: approvals(size),
}


def pieces(size):
    stream = Stream()
    return [stream.text("m", "x") for _ in range(size)]


def approvals(size):
    stream = Stream()
    asked = [stream.asks_for_command(f"c-{item}") for item in range(size)]
    return asked + [stream.item_completed(ran(f"c-{item}")) for item in range(size)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_batch_is_taken_in_and_again_and_one_more_is_refused(host, kind):
    thread = host.conversation()
    size = largest(KINDS[kind])
    batch = KINDS[kind](size)
    assert host.ingest(thread, *batch)["status"] == "ok"
    before = host.kept()
    assert host.ingest(thread, *batch)["status"] == "ok"
    assert host.kept() == before
    refused = host.ingest(thread, *KINDS[kind](size + 1))
    assert rejected_with(refused) == ("UNKNOWN", "E_SYNC_BATCH_TOO_LARGE")
    assert host.kept() == before


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["text", "item", "ask", "done", "end"])),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_no_batch_reads_more_than_it_was_weighed(told, again):
    host = Host()
    thread = host.conversation()
    streams = [Stream(f"turn-{number}") for number in range(4)]
    makes = {
        "text": lambda s: s.text(f"m-{s.cursor % 3}", "x"),
        "item": lambda s: s.item_completed(said(f"m-{s.cursor % 3}", "y")),
        "ask": lambda s: s.asks_for_command(f"c-{s.cursor % 2}"),
        "done": lambda s: s.item_completed(ran(f"c-{s.cursor % 2}")),
        "end": lambda s: s.turn_completed(),
    }
    batch = [makes[what](streams[number]) for number, what in told]
    if again:
        host.ingest(thread, *batch)
    args = {"sessionId": "s", "threadId": thread, "streamDeltas": batch, "lifecycleEvents": []}
    cost = Meter(host.backend).cost("sync.ingest", host.actor, args)
    assert cost.ranges <= weight(batch)


def test_a_batch_of_too_many_bytes_leaves_nothing(host):
    thread = host.conversation()
    before = host.kept()
    stream = Stream()
    halves = [stream.text(f"m-{n}", "x" * (INGEST_BYTES_MOST // 2)) for n in range(2)]
    refused = host.ingest(thread, *halves)
    assert rejected_with(refused) == ("UNKNOWN", "E_SYNC_BATCH_TOO_LARGE")
    assert host.kept() == before
    assert [host.ingest(thread, half)["status"] for half in halves] == ["ok", "ok"]


def test_as_many_turns_may_end_in_a_batch_as_one_transaction_can_schedule(host):
    thread = host.conversation()
    # Their lookups alone are too many: the bound on ends is for hosts whose lookups cost less.
    ends = [Stream(f"turn-{n}", "one").turn_completed() for n in range(INGEST_ENDINGS_MOST + 1)]
    refused = host.ingest(thread, *ends)
    assert rejected_with(refused) == ("UNKNOWN", "E_SYNC_BATCH_TOO_LARGE")


def test_a_message_that_grows_past_what_can_be_rewritten_is_refused_and_stays(host):
    thread = host.conversation()
    stream = Stream()
    grown = 0
    while True:
        piece = stream.text("m", "x" * MIB)
        taken = host.ingest(thread, piece)
        if taken["status"] == "rejected":
            break
        grown += 1
    assert rejected_with(taken) == ("UNKNOWN", "E_SYNC_MESSAGE_TOO_LARGE")
    assert grown >= 3
    assert host.messages()["m"]["text"] == "x" * (grown * MIB)


def test_messages_that_are_too_large_together_are_taken_in_one_by_one(host):
    thread = host.conversation()
    stream = Stream()
    for number in range(3):
        for _ in range(2):
            host.ingest(thread, stream.text(f"m-{number}", "x" * MIB))
    again = [stream.text(f"m-{number}", "!") for number in range(3)]
    refused = host.ingest(thread, *again)
    assert rejected_with(refused) == ("UNKNOWN", "E_SYNC_MESSAGE_TOO_LARGE")
    assert [host.ingest(thread, one)["status"] for one in again] == ["ok"] * 3


@pytest.mark.parametrize("mebibytes", range(1, 6))
@pytest.mark.parametrize("unit", ["x", "é", '"'], ids=["1", "2", "quoted"])
def test_a_message_is_taken_in_however_often_it_is_told_or_refused_with_a_code(
    host, unit, mebibytes
):
    thread = host.conversation()
    stream = Stream()
    text = unit * (mebibytes * MIB // len(unit.encode()))
    whole = stream.item_completed(said("m", text))
    first = host.ingest(thread, whole)
    if first["status"] == "rejected":
        assert rejected_with(first)[1] in {"E_SYNC_MESSAGE_TOO_LARGE", "E_SYNC_BATCH_TOO_LARGE"}
        assert mebibytes > 2
        assert "m" not in host.messages()
        return
    kept = host.kept()
    assert host.ingest(thread, whole)["status"] == "ok"
    assert host.kept() == kept
    assert host.ingest(thread, stream.text("m", "late"))["status"] == "ok"
    assert host.ingest(thread, stream.turn_completed())["status"] == "ok"
    assert host.messages()["m"]["text"] == text
