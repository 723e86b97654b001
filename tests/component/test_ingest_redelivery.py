"""Whatever is delivered again, in whatever order, with whatever else: each event counts once."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.campaign import examples
from support.host import Host, Stream, patched, ran, said

# To shrink a history that fails takes longer than the backstop of a test.
pytestmark = pytest.mark.timeout(600)

DAY = 24 * 60 * 60 * 1_000
DRAIN = 300_000
CONVERSED = ("codex_turns", "codex_messages", "codex_reasoning_segments", "codex_approvals")
STORED = ("turn/started", "turn/completed", "item/started", "item/completed")

words = st.sampled_from(["a", "bc", " ", "ü", "🌍", "d\n"])
items = st.sampled_from(["m", "n"])
happenings = st.one_of(
    st.tuples(st.just("text"), items, words),
    st.tuples(st.just("text"), items, words),
    st.tuples(st.just("item_started"), st.builds(said, items, st.just(""))),
    st.tuples(st.just("item_completed"), st.builds(said, items, words)),
    st.tuples(st.just("summary"), st.just("r"), words),
    st.tuples(st.just("raw_reasoning"), st.just("r"), words),
    st.tuples(st.just("asks_for_command"), st.just("x")),
    st.tuples(
        st.just("item_completed"),
        st.sampled_from([ran("x"), ran("x", "declined"), ran("y", "failed"), patched("z")]),
    ),
    st.tuples(st.just("event"), st.just("vendor/signal"), st.just({})),
)
endings = st.sampled_from([(), (), ("completed",), ("interrupted", "stop"), ("failed", "boom")])
pauses = st.sampled_from([0, 0, 1, 10_000, DRAIN, DAY + DRAIN])


@st.composite
def flows(draw, place):
    """The events of the streams of one turn; each stream has items of its own."""
    made = []
    for name in range(draw(st.integers(1, 2))):
        # No two events have the same time, so that a batch has one order, however it is shuffled.
        stream = Stream(f"t{place}", f"t{place}.{name}", clock=1_000 + place / 4 + name / 8)
        events = [stream.turn_started()] if draw(st.booleans()) else []
        for method, first, *rest in draw(st.lists(happenings, max_size=8)):
            if isinstance(first, dict):
                first = {**first, "id": f"{first['id']}{name}"}
            elif method != "event":
                first = f"{first}{name}"
            events.append(getattr(stream, method)(first, *rest))
        last = draw(endings)
        if last:
            events.append(stream.turn_completed(*last))
        made.append(events)
    return made


@st.composite
def batches(draw):
    """The events of one to three turns, their streams interleaved and cut at random."""
    streams = [events for place in range(draw(st.integers(1, 3))) for events in draw(flows(place))]
    made, batch = [], []
    while going := [events for events in streams if events]:
        batch.append(draw(st.sampled_from(going)).pop(0))
        if draw(st.booleans()):
            made.append(batch)
            batch = []
    return [one for one in [*made, batch] if one]


runtimes = st.fixed_dictionaries(
    {
        "saveStreamDeltas": st.booleans(),
        "saveReasoningDeltas": st.booleans(),
        "exposeRawReasoningDeltas": st.just(value=True),
    }
)


def broken(draw, past):
    """An event that no batch can be taken in with."""
    fresh = Stream("t9", "t9.0", clock=9_000)
    faults = [
        fresh.text("m", "x", payloadJson="{"),
        fresh.text("m", "x", turnId="t8"),
        fresh.text("m", "x", cursorStart=3, cursorEnd=3),
    ]
    if past:
        theirs = draw(st.sampled_from(past))["streamId"]
        faults.append(Stream("t9", theirs, start=99, clock=9_000).turn_started())
    return draw(st.sampled_from(faults))


def some(draw, events):
    """Some of the events, some of them more than once, in any order."""
    return draw(st.lists(st.sampled_from(events), min_size=1, max_size=8))


def conversed(host):
    """What was said and decided, without ids and times, which two deployments do not share."""
    kept = host.kept()
    return {
        table: [
            {
                name: value
                for name, value in row.items()
                if not name.startswith("_") and not name.endswith(("Ref", "At"))
            }
            for row in sorted(kept[table], key=lambda row: row["_creationTime"])
        ]
        for table in CONVERSED
    }


def texts_of(events):
    """What each message says, read from the events of turns that nothing has ended."""
    texts, ended = {}, set()
    for event in events:
        params = json.loads(event["payloadJson"])["params"]
        item = params.get("item", {})
        message = (event["turnId"], params.get("itemId", item.get("id")))
        if event["kind"] == "item/agentMessage/delta" and message not in ended:
            texts[message] = texts.get(message, "") + params["delta"]
        if item.get("type") == "agentMessage" and event["kind"] == "item/started":
            texts.setdefault(message, "")
        if item.get("type") == "agentMessage" and event["kind"] == "item/completed":
            texts[message] = item["text"]
            ended.add(message)
    open_turns = {event["turnId"] for event in events} - {
        event["turnId"] for event in events if event["kind"] == "turn/completed"
    }
    return {message: text for message, text in texts.items() if message[0] in open_turns}


@settings(max_examples=examples(30, 2_000))
@given(batches=batches().filter(bool), data=st.data())
def test_each_event_counts_once_whatever_is_delivered_again_or_rejected(batches, data):
    asyncio.run(_delivered_with_noise(batches, data.draw))


async def _delivered_with_noise(batches, draw):
    host, plain = Host(), Host()
    thread, straight = host.conversation(), plain.conversation()
    past, aged = [], False
    for batch in batches:
        runtime = draw(runtimes)
        if draw(st.booleans()):
            before = host.tables()
            spoiled = draw(st.permutations([*batch, broken(draw, past)]))
            assert host.ingest(thread, *spoiled, runtime=runtime)["status"] == "rejected"
            assert host.tables() == before
        overlap = some(draw, past) if past and draw(st.booleans()) else []
        told = host.ingest(thread, *draw(st.permutations(batch + overlap)), runtime=runtime)
        if aged and told["status"] == "rejected":
            # What was delivered a day ago is not known any more: it is refused, never doubled.
            assert told["errors"][0]["code"] == "OUT_OF_ORDER"
            told = host.ingest(thread, *batch, runtime=runtime)
        assert told["status"] == plain.ingest(straight, *batch, runtime=runtime)["status"]
        past += batch
        for _ in range(draw(st.integers(0, 2))):
            before = host.kept()
            again = host.ingest(thread, *some(draw, past), runtime=draw(runtimes))
            assert host.kept() == before
            assert again["status"] == "ok" or (aged and again["status"] == "rejected")
        pause = draw(pauses)
        aged = aged or pause >= DAY
        for one in (host, plain):
            await one.advance(pause)
    for one in (host, plain):
        await one.settle()
    assert conversed(host) == conversed(plain)
    said_now = {
        (row["turnId"], row["messageId"]): row["text"] for row in host.rows("codex_messages")
    }
    expected = texts_of(past)
    assert {message: said_now[message] for message in expected} == expected
    assert host.rows("codex_stream_checkpoints") == []


@settings(max_examples=examples(20, 1_000))
@given(batches=batches().filter(bool), data=st.data())
def test_the_whole_history_delivered_again_changes_nothing(batches, data):
    asyncio.run(_delivered_over_again(batches, data.draw))


async def _delivered_over_again(batches, draw):
    host = Host()
    thread = host.conversation()
    for batch in batches:
        host.ingest(thread, *batch, runtime=draw(runtimes))
        await host.settle()
    before = host.kept()
    everything = [event for batch in batches for event in batch]
    assert host.ingest(thread, *draw(st.permutations(everything)))["status"] == "ok"
    for begin in range(len(everything)):
        host.ingest(thread, *everything[: begin + 1])
    await host.settle()
    assert host.kept() == before


def follow(host, cursors, most):
    """One look of a reader at all its streams; it remembers how far it has come."""
    wanted = [{"streamId": name, "cursor": cursor} for name, cursor in cursors.items()]
    told = host.page(
        size=1,
        streamArgs={"kind": "deltas", "cursors": wanted},
        runtime={"maxDeltasPerStreamRead": most},
    )["streams"]
    cursors |= {row["streamId"]: row["cursor"] for row in told["nextCheckpoints"]}
    return [(row["streamId"], row["cursorStart"], row["payloadJson"]) for row in told["deltas"]]


@settings(max_examples=examples(30, 2_000))
@given(batches=batches().filter(bool), data=st.data())
def test_a_reader_gets_every_stored_event_once_and_moves_its_checkpoint_itself(batches, data):
    asyncio.run(_followed(batches, data.draw))


async def _followed(batches, draw):
    host = Host()
    thread = host.conversation()
    names = sorted({event["streamId"] for batch in batches for event in batch})
    cursors, acknowledged = dict.fromkeys(names, 0), {}
    seen, expected, past = [], [], []
    for batch in batches:
        saved = draw(st.booleans())
        host.ingest(thread, *batch, runtime={"saveStreamDeltas": saved})
        past += batch
        kinds = (*STORED, "item/reasoning/summaryTextDelta")
        kinds += ("item/agentMessage/delta",) if saved else ()
        expected += [
            (event["streamId"], event["cursorStart"], event["payloadJson"])
            for event in batch
            if event["kind"] in kinds
        ]
        if draw(st.booleans()):
            host.ingest(thread, *some(draw, past))
        if draw(st.booleans()):
            seen += follow(host, cursors, draw(st.integers(1, 5)))
        if draw(st.booleans()):
            name = draw(st.sampled_from(past))["streamId"]
            acknowledged[name] = max(acknowledged.get(name, 0), cursors[name])
            host.call("acknowledgeStream", threadId=thread, streamId=name, cursor=cursors[name])
        told = host.call("listStreamCheckpoints", threadId=thread)
        assert {row["streamId"]: row["cursor"] for row in told} == acknowledged
        await host.settle()
    while found := follow(host, cursors, 3):
        seen += found
    for name in names:
        assert [one for one in seen if one[0] == name] == [
            one for one in expected if one[0] == name
        ]
