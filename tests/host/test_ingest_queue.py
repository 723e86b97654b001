"""The ingest queue: nothing is lost or out of order, and what is out comes again as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.host.ingest_queue import TEXT_DELTA, IngestQueue, Waiting


def _event(number, *, text="x", item="m", thread="t", turn="T", stream="s", kind=TEXT_DELTA):
    params = {"threadId": thread, "turnId": turn, "itemId": item, "delta": text}
    return Waiting(
        event_id=f"e{number}",
        thread_id=thread,
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
        {"kind": "item/completed"},
    ],
)
def test_text_of_something_else_is_never_merged(other):
    queue = IngestQueue()
    queue.put(_event(0))
    queue.put(_event(1, **other))
    assert len(queue.take().events) == 2


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
    assert (first.thread_id, len(first.events)) == ("t", 1)
    queue.acknowledge(first)
    assert queue.take().thread_id == "u"


def test_the_end_of_a_turn_and_a_whole_batch_are_given_out_at_once():
    queue = IngestQueue(batch_events=2)
    assert not queue.put(_event(0))
    assert queue.put(_event(1, kind="turn/completed"))
    queue.acknowledge(queue.take())
    assert not queue.put(_event(2, item="a"))
    assert queue.put(_event(3, item="b"))


def test_a_full_queue_says_so_until_something_is_kept():
    queue = IngestQueue(memory_most=200)
    queue.put(_event(0, text="x" * 200))
    assert queue.full
    queue.acknowledge(queue.take())
    assert not queue.full


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
        kept.setdefault(batch.thread_id, []).extend(batch.events)
        queue.acknowledge(batch)
    while (batch := queue.take()) is not None:
        kept.setdefault(batch.thread_id, []).extend(batch.events)
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
