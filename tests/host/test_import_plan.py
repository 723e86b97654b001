"""Import plans: what Codex says of a thread becomes events, a manifest and chunks (spec 06 §12)."""

import hashlib
import json
from dataclasses import replace

import pytest

from codex_runtime.contract.limits import CHUNK_BYTES_MOST, IMPORT_CHUNK_EVENTS
from codex_runtime.host.import_plan import CHUNK_BYTES, Chunk, Tally, plan_import


def _said(item_id, text="hi", kind="agentMessage"):
    return {"type": kind, "id": item_id, "text": text}


def _thread(*turns):
    return {"id": "rt", "turns": list(turns)}


def _turn(turn_id="T", *items, status="completed", **more):
    return {"id": turn_id, "status": status, "items": list(items), **more}


def _events(plan):
    return [event for chunk in plan.chunks() for event in json.loads(chunk.payload_json)]


def _tally(plan):
    tally = Tally()
    for chunk in plan.chunks():
        tally.add(chunk)
    return tally


def test_one_turn_becomes_one_stream_of_contiguous_events():
    user = {"type": "userMessage", "id": "u", "content": [{"type": "text", "text": "hello"}]}
    plan = plan_import(_thread(_turn("T", user, _said("a"))), "conv-thread-1", 1_000)
    events = _events(plan)
    assert [event["kind"] for event in events] == [
        "turn/started",
        "item/completed",
        "item/completed",
        "turn/completed",
    ]
    assert [(event["cursorStart"], event["cursorEnd"]) for event in events] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
    ]
    assert len({event["streamId"] for event in events}) == 1
    assert (len(plan.turns), plan.manifest) == (1, (("T", "a"), ("T", "u")))
    assert [event["createdAt"] for event in events] == [1_000, 1_001, 1_002, 1_003]


def test_many_turns_become_chunks_that_are_never_too_large():
    turns = [_turn(f"T{n:03}", _said("u", kind="userMessage"), _said("a")) for n in range(80)]
    plan = plan_import(_thread(*turns), "c", 0)
    assert (len(plan.turns), len(plan.manifest)) == (80, 160)
    sizes = [len(json.loads(chunk.payload_json)) for chunk in plan.chunks()]
    assert len(sizes) > 1
    assert max(sizes) <= IMPORT_CHUNK_EVENTS
    assert _tally(plan).messages == 160


def test_the_checksum_and_the_digest_are_those_of_the_chunks():
    plan = plan_import(_thread(_turn("T", _said("a", "grüße 🎉"))), "c", 0)
    (chunk,) = plan.chunks()
    units = len(chunk.payload_json.encode("utf-16-le")) // 2
    tally = _tally(plan)
    assert tally.checksum == f"1:1:{units}"
    inner = hashlib.sha256(chunk.payload_json.encode()).digest()
    assert tally.digest == hashlib.sha256(inner).hexdigest()
    assert json.loads(plan.manifest_json) == [{"turnId": "T", "messageId": "a"}]


def test_a_thread_without_turns_is_imported_as_nothing():
    plan = plan_import(_thread(), "c", 0)
    assert (list(plan.chunks()), plan.manifest_json) == ([], "[]")
    assert _tally(plan).checksum == "0:0:0"


def test_an_item_without_an_id_gets_one_that_is_the_same_every_time():
    thread = _thread(_turn("T", _said("a"), {"type": "agentMessage", "text": "who"}))
    plan = plan_import(thread, "c", 0)
    assert ("T", "generated:T:1") in plan.manifest
    assert plan.warnings == ("W_IMPORT_THREAD_GENERATED_MESSAGE_IDS:1",)
    assert plan_import(thread, "c", 0).manifest == plan.manifest


def test_an_item_with_an_older_name_for_its_id_keeps_it():
    item = {"type": "agentMessage", "message_id": " old ", "text": "x"}
    plan = plan_import(_thread(_turn("T", item)), "c", 0)
    assert plan.manifest == (("T", "old"),)
    assert plan.warnings == ()


def test_an_item_without_a_type_is_left_out_and_counted():
    plan = plan_import(_thread(_turn("T", {"id": "x"}, _said("a"))), "c", 0)
    assert plan.warnings == ("W_IMPORT_THREAD_SKIPPED_ITEMS_MISSING_TYPE:1",)
    assert plan.manifest == (("T", "a"),)


def test_an_older_spelling_of_a_message_is_imported_as_todays():
    item = {"type": "assistant_message", "id": "a", "text": "x"}
    (_, message, _) = _events(plan_import(_thread(_turn("T", item)), "c", 0))
    assert json.loads(message["payloadJson"])["params"]["item"]["type"] == "agentMessage"


def test_other_items_are_imported_and_are_no_messages_of_the_manifest():
    command = {"type": "commandExecution", "id": "x", "command": "ls", "status": "completed"}
    plan = plan_import(_thread(_turn("T", command)), "c", 0)
    assert plan.manifest == ()
    assert len(_events(plan)) == 3


def test_a_turn_that_is_not_over_gets_no_end():
    events = _events(plan_import(_thread(_turn("T", status="inProgress")), "c", 0))
    assert [event["kind"] for event in events] == ["turn/started"]
    assert json.loads(events[0]["payloadJson"])["params"]["turn"]["error"] is None


@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (_turn("T"), None),
        (_turn("T", status="odd"), None),
        (_turn("T", status="failed"), "Turn failed during local thread import."),
        (_turn("T", status="interrupted"), "Turn interrupted during local thread import."),
        (_turn("T", status="failed", error={"message": "boom"}), "boom"),
    ],
)
def test_a_turn_ends_as_codex_says_it_did(turn, error):
    ended = json.loads(_events(plan_import(_thread(turn), "c", 0))[-1]["payloadJson"])
    told = ended["params"]["turn"]
    assert told["error"] == (None if error is None else {"message": error})
    assert told["status"] in ("completed", "failed", "interrupted")


def test_the_same_thread_has_the_same_events_and_a_turn_that_has_grown_another_stream():
    before = _turn("T", _said("a"))
    first = _events(plan_import(_thread(before), "c", 0))
    again = _events(plan_import(_thread(before), "c", 5_000))
    assert [event["eventId"] for event in again] == [event["eventId"] for event in first]
    grown = _events(plan_import(_thread(_turn("T", _said("a"), _said("b"))), "c", 0))
    assert grown[0]["streamId"] != first[0]["streamId"]


def test_turns_without_an_id_are_left_out():
    assert plan_import(_thread({"items": [_said("a")]}), "c", 0).turns == ()


def test_a_chunk_is_closed_when_it_has_enough_bytes():
    items = [_said(f"m{n}", "x" * 200_000) for n in range(5)]
    chunks = list(plan_import(_thread(_turn("T", *items)), "c", 0).chunks())
    assert [len(chunk.pieces) for chunk in chunks] == [3, 2, 2]
    assert all(len(chunk.payload_json) <= CHUNK_BYTES + 100 for chunk in chunks)


def test_an_event_that_no_deployment_takes_is_a_chunk_that_does_not_fit():
    plan = plan_import(_thread(_turn("T", _said("m", "x" * CHUNK_BYTES_MOST))), "c", 0)
    fits = [(len(chunk.pieces), chunk.fits) for chunk in plan.chunks()]
    assert fits == [(1, True), (1, False), (1, True)]


def test_the_size_that_fits_is_that_of_the_payload_to_the_byte():
    (_, chunk, _) = plan_import(_thread(_turn("T", _said("m", "x" * 600_000))), "c", 0).chunks()
    (piece,) = chunk.pieces
    room = CHUNK_BYTES_MOST - len(chunk.payload_json)
    exact = Chunk((replace(piece, text=piece.text + " " * room, weight=piece.weight + room),))
    over = Chunk(
        (replace(piece, text=piece.text + " " * (room + 1), weight=piece.weight + room + 1),)
    )
    assert (len(exact.payload_json), exact.fits) == (CHUNK_BYTES_MOST, True)
    assert (len(over.payload_json), over.fits) == (CHUNK_BYTES_MOST + 1, False)


def test_a_chunk_splits_into_two_that_hold_the_same_events_in_the_same_order():
    (chunk,) = plan_import(_thread(_turn("T", _said("a"), _said("b"), _said("c"))), "c", 0).chunks()
    first, second = chunk.halves()
    assert first.pieces + second.pieces == chunk.pieces
    assert first.message_count + second.message_count == chunk.message_count == 3
