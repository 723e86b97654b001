"""What Codex says as events that are kept: their ids, their places, what stands in them."""

import json

import pytest

from codex_runtime.host.ingest_queue import Place
from codex_runtime.host.projecting import Projection, payload_of
from codex_runtime.protocol.messages import decode_message
from support.persistence_world import ACTOR

PLACE = Place(ACTOR, "c", "t")


def _message(method, **params):
    return decode_message(json.dumps({"method": method, "params": params}).encode())


def _events(projection, *turns):
    message = _message("item/agentMessage/delta", turnId="R", itemId="i", delta="a")
    return [projection.event(message, place=PLACE, turn_id=turn, now_ms=0) for turn in turns]


def test_no_two_events_have_one_id_whatever_the_turn_and_the_session():
    events = [
        *_events(Projection("session one"), "T", "T", "U"),
        *_events(Projection("session two"), "T", "T", "U"),
    ]
    assert len({event.event_id for event in events}) == len(events)


def test_a_stream_is_numbered_without_gaps_from_nought():
    events = _events(Projection("s"), "T", "U", "T", "T", "U")
    places = [(event.turn_id, event.cursor_start, event.cursor_end) for event in events]
    assert places == [("T", 0, 1), ("U", 0, 1), ("T", 1, 2), ("T", 2, 3), ("U", 1, 2)]


@pytest.mark.parametrize("method", ["turn/started", "turn/completed"])
def test_the_beginning_and_the_end_of_a_turn_name_the_persisted_one(method):
    message = _message(method, threadId="x", turn={"id": "R", "items": []})
    assert json.loads(payload_of(message, "T"))["params"]["turn"] == {"id": "T", "items": []}


@pytest.mark.parametrize("text", ["", "grüße 🎉", 'a "quote" \\ and\nmore', "\u2028 \x00 \x7f"])
def test_everything_else_is_kept_as_it_was_said(text):
    message = _message("item/agentMessage/delta", turnId="R", delta=text, extra=[1.5, None, {}])
    assert json.loads(payload_of(message, "T")) == {
        "method": "item/agentMessage/delta",
        "params": {"turnId": "T", "delta": text, "extra": [1.5, None, {}]},
    }


def test_a_request_is_kept_with_its_id():
    raw = {"id": 7, "method": "item/tool/call", "params": {"turnId": "R"}}
    message = decode_message(json.dumps(raw).encode())
    assert json.loads(payload_of(message, "T"))["id"] == 7
