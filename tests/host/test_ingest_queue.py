"""The ingest queue: nothing is lost or out of order, and what is out comes again as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.contract.actors import Actor
from codex_runtime.host.ingest_queue import (
    MERGED_CHARACTERS,
    TEXT_DELTA,
    Batch,
    IngestQueue,
    Note,
    Place,
    Waiting,
)


def _place(thread="t", actor="u"):
    return Place(Actor(user_id=actor), f"conversation of {thread}", thread)


def _event(number, *, text="x", item="m", thread="t", turn="T", stream="s", kind=TEXT_DELTA):
    params = {"threadId": thread, "turnId": turn, "itemId": item, "delta": text}
    return Waiting(
        event_id=f"e{number}",
        place=_place(thread),
        turn_id=turn,
        stream_id=stream,
        kind=kind,
        payload_json=json.dumps({"method": kind, "params": params}),
        cursor_start=number,
        cursor_end=number + 1,
        created_at=number,
        item_id=item,
        text=text if kind == TEXT_DELTA else None,
    )


def _text_of(event):
    return json.loads(event.payload_json)["params"]["delta"]


def test_text_that_goes_on_where_it_ended_becomes_one_event():
    queue = IngestQueue()
    for number, text in enumerate(["Hel", "lo", "!"]):
        queue.put(_event(number, text=text))
    (event,) = queue.take().events
    assert _text_of(event) == "Hello!"
    assert (event.event_id, event.cursor_start, event.cursor_end) == ("e2", 0, 3)
    assert event.created_at == 2


@pytest.mark.parametrize(
    "other",
    [
        {"item": "n"},
        {"turn": "U"},
        {"stream": "r"},
        {"thread": "u"},
        {"kind": "item/completed"},
    ],
)
def test_text_of_something_else_is_never_merged(other):
    queue = IngestQueue()
    queue.put(_event(0))
    queue.put(_event(1, **other))
    assert len(queue) == 2


def test_text_behind_a_gap_is_never_merged():
    queue = IngestQueue()
    queue.put(_event(0))
    queue.put(_event(2))
    assert len(queue.take().events) == 2


def test_a_batch_stays_in_the_queue_until_it_is_acknowledged():
    queue = IngestQueue()
    queue.put(_event(0))
    batch = queue.take()
    assert len(queue) == 1
    assert queue.weight > 0
    assert queue.take() is None
    queue.acknowledge(batch)
    assert (len(queue), queue.weight) == (0, 0)


def test_only_the_batch_that_is_out_can_be_acknowledged_or_put_back():
    queue = IngestQueue()
    queue.put(_event(0))
    batch = queue.take()
    queue.acknowledge(batch)
    for settle in (queue.acknowledge, queue.put_back):
        with pytest.raises(ValueError, match="batch 1 is not out"):
            settle(batch)


def test_what_was_out_comes_again_as_it_was_because_it_may_have_been_kept():
    queue = IngestQueue()
    queue.put(_event(0, text="a"))
    batch = queue.take()
    queue.put_back(batch)
    queue.put(_event(1, text="b"))
    again = queue.take()
    assert again.events[0] == batch.events[0]
    assert [_text_of(event) for event in again.events] == ["a", "b"]


def test_a_batch_that_was_put_back_can_come_in_smaller_parts():
    queue = IngestQueue()
    for number in range(4):
        queue.put(_event(number, item=f"m{number}"))
    queue.put_back(queue.take())
    first = queue.take(most=1)
    assert [event.event_id for event in first.events] == ["e0"]
    queue.acknowledge(first)
    assert [event.event_id for event in queue.take(most=99).events] == ["e1", "e2", "e3"]


def test_a_batch_holds_events_of_one_thread():
    queue = IngestQueue()
    queue.put(_event(0, thread="t"))
    queue.put(_event(1, thread="u"))
    first = queue.take()
    assert (first.place, len(first.events)) == (_place("t"), 1)
    queue.acknowledge(first)
    assert queue.take().place == _place("u")


def test_the_end_of_a_turn_and_a_whole_batch_are_given_out_at_once():
    queue = IngestQueue(batch_events=2)
    assert not queue.put(_event(0))
    assert queue.put(_event(1, kind="turn/completed"))
    queue.acknowledge(queue.take())
    assert not queue.put(_event(2, item="a"))
    assert queue.put(_event(3, item="b"))


def test_a_full_queue_says_so_until_something_is_kept():
    queue = IngestQueue(memory_most=1_000)
    queue.put(_event(0))
    assert queue.full
    queue.acknowledge(queue.take())
    assert not queue.full


def test_a_queue_that_was_full_has_room_again_when_half_of_it_is_free():
    queue = IngestQueue(batch_events=1, memory_most=10 * _event(0, item="m0").weight)
    for number in range(10):
        queue.put(_event(number, item=f"m{number}"))
    seen = []
    while (batch := queue.take()) is not None:
        seen.append(queue.full)
        queue.acknowledge(batch)
    assert seen == [True] * 5 + [False] * 5


def test_many_short_pieces_take_the_memory_that_is_told():
    queue = IngestQueue()
    for number in range(10_000):
        queue.put(_event(number, text="é"))
    assert len(queue) == 1
    # A piece alone takes more than fifty bytes; put together they take little more than one each.
    assert 10_000 < queue.weight < 50_000
    (event,) = queue.take().events
    assert _text_of(event) == "é" * 10_000


def test_a_merged_text_stays_small_enough_for_a_transaction():
    queue = IngestQueue()
    piece = "x" * 1_000
    for number in range(200):
        queue.put(_event(number, text=piece))
    texts = []
    while (batch := queue.take()) is not None:
        texts += [_text_of(event) for event in batch.events]
        queue.acknowledge(batch)
    assert "".join(texts) == piece * 200
    assert max(map(len, texts)) <= MERGED_CHARACTERS
    assert len(texts) == 4


def test_a_batch_takes_no_more_memory_than_it_may_unless_it_is_one_event():
    one = _event(0, text="x" * 1_000, kind="item/completed")
    queue = IngestQueue(batch_bytes=3 * one.weight)
    for number in range(7):
        queue.put(_event(number, text="x" * 1_000, kind="item/completed"))
    queue.put(_event(7, text="x" * 100_000, kind="item/completed"))
    sizes = []
    while (batch := queue.take()) is not None:
        sizes.append(len(batch.events))
        queue.acknowledge(batch)
    assert sizes == [3, 3, 1, 1]


def test_a_batch_is_ready_when_it_has_its_bytes():
    queue = IngestQueue(batch_bytes=50_000)
    assert not queue.put(_event(0))
    assert queue.put(_event(1, text="x" * 50_000, kind="item/completed"))


def test_a_note_comes_out_where_it_was_put_in_and_parts_what_is_beside_it():
    queue = IngestQueue()
    note = Note(_place(), "upsert_token_usage", "args")
    queue.put(_event(0))
    queue.note(note)
    queue.put(_event(1))
    assert len(queue) == 3
    given = []
    while (one := queue.take()) is not None:
        given.append(len(one.events) if isinstance(one, Batch) else one)
        queue.acknowledge(one)
    assert given == [1, note, 1]
    assert (len(queue), queue.weight) == (0, 0)


def test_a_note_that_was_put_back_comes_again_first():
    queue = IngestQueue()
    note = Note(_place(), "upsert_token_usage", "args")
    queue.note(note)
    queue.put(_event(0))
    queue.put_back(queue.take())
    with pytest.raises(ValueError, match="upsert_token_usage is not out"):
        queue.acknowledge(note)
    assert queue.take() is note


def test_a_queue_knows_the_places_it_holds_something_of():
    queue = IngestQueue()
    queue.put(_event(0, thread="t"))
    queue.note(Note(_place("u"), "upsert_token_usage", "args"))
    assert [queue.holds(_place(thread)) for thread in "tuv"] == [True, True, False]
    assert not queue.holds(_place("t", actor="somebody else"))
    queue.take()
    assert queue.holds(_place("t"))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(["a", "b"]), st.text(max_size=3)),
        st.tuples(st.just("other"), st.sampled_from(["a", "b"]), st.just("")),
        st.tuples(st.sampled_from(["keep", "put back"]), st.integers(1, 40), st.just("")),
    ),
    max_size=60,
)


@given(steps)
def test_whatever_is_kept_or_put_back_everything_is_kept_once_and_in_order(program):
    queue, put, kept, number = IngestQueue(batch_events=3), {}, {}, 0
    for action, what, text in program:
        if action in ("put", "other"):
            kind = TEXT_DELTA if action == "put" else "item/completed"
            queue.put(_event(number, text=text, thread=what, stream=what, item=what, kind=kind))
            put.setdefault(what, []).append((number, text if action == "put" else None))
            number += 1
            continue
        batch = queue.take(most=what)
        if batch is None:
            continue
        if action == "put back":
            queue.put_back(batch)
            continue
        kept.setdefault(batch.place.thread_id, []).extend(batch.events)
        queue.acknowledge(batch)
    while (batch := queue.take()) is not None:
        kept.setdefault(batch.place.thread_id, []).extend(batch.events)
        queue.acknowledge(batch)
    assert (len(queue), queue.weight) == (0, 0)
    assert set(kept) == set(put)
    for thread, entries in put.items():
        events = kept[thread]
        ends = [event.cursor_end for event in events]
        assert ends == sorted(ends)
        assert events[-1].cursor_end == entries[-1][0] + 1
        said = "".join(_text_of(event) for event in events if event.kind == TEXT_DELTA)
        assert said == "".join(text for _, text in entries if text is not None)
        others = [event.event_id for event in events if event.kind != TEXT_DELTA]
        assert others == [f"e{at}" for at, text in entries if text is None]
