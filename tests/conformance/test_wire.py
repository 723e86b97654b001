"""The wire as the suites see it: lines, transcripts, turns, and the probe."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_conformance.wire.messages import (
    Kind,
    alike_ids,
    at,
    encode,
    kind_of,
    read_line,
    same_id,
)
from codex_conformance.wire.probe import Probe, Unmet, Why
from codex_conformance.wire.transcript import Ending, Transcript
from codex_conformance.wire.turns import turns_of


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[1]", "JSON, but an array and no object"),
        (b"null", "JSON, but null and no object"),
        (b"true", "JSON, but a boolean and no object"),
        (b'"text"', "JSON, but a string and no object"),
        (b"7", "JSON, but a number and no object"),
        (b'{"a": NaN}', "not JSON (NaN is no JSON number)"),
        (b'{"a": "\xff"}', "not UTF-8"),
    ],
)
def test_a_line_that_is_no_object_says_why(raw, problem):
    line = read_line(raw)
    assert line.message is None
    assert line.problem.startswith(problem)


def test_a_line_nested_too_deeply_is_no_message_and_no_crash():
    assert read_line(b'{"a":' + b"[" * 200_000).message is None


@given(st.binary())
def test_reading_a_line_never_fails(raw):
    line = read_line(raw)
    assert (line.message is None) == (line.problem is not None)


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner),
            max_leaves=5,
        ),
    )
)
def test_what_is_encoded_is_one_line_and_reads_back_the_same(message):
    raw = encode(message)
    assert b"\n" not in raw
    assert read_line(raw).message == message


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"id": 1, "method": "m"}, Kind.REQUEST),
        ({"method": "m"}, Kind.NOTIFICATION),
        ({"id": 1, "result": None}, Kind.RESPONSE),
        ({"id": 1, "error": {}}, Kind.ERROR),
        ({"id": 1}, Kind.OTHER),
        ({}, Kind.OTHER),
    ],
)
def test_the_members_say_what_a_message_is(message, kind):
    assert kind_of(message) is kind


@pytest.mark.parametrize(
    ("one", "other", "same", "alike"),
    [
        (0, 0, True, True),
        (0, "0", False, True),
        (1, True, False, False),
        ("", "", True, True),
        (1, 2, False, False),
        (1, 1.0, False, False),
    ],
)
def test_ids_are_compared_with_their_types_or_without(one, other, same, alike):
    assert same_id(one, other) is same
    assert alike_ids(one, other) is alike


def test_a_path_that_leads_nowhere_gives_nothing():
    value = {"a": [{"b": 1}]}
    assert at(value, "a", 0, "b") == 1
    assert at(value, "a", 1, "b") is None
    assert at(value, "a", "b") is None
    assert at(value, "x", "y", 0) is None
    assert at(None, "a") is None


@given(st.lists(st.integers(min_value=0, max_value=60), max_size=5))
def test_a_transcript_is_the_same_in_any_split(places):
    data = b'{"method":"a","params":{}}\n{"id":1,"result":"\xc3\xbc"}\nrest'
    whole, split = Transcript(), Transcript()
    whole.received(data)
    cuts = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    for start, end in itertools.pairwise(cuts):
        split.received(data[start:end])
    assert [e.line for e in split.entries] == [e.line for e in whole.entries]
    assert split.leftover == whole.leftover == b"rest"


def transcript_of(*lines):
    """A transcript from (direction, message) pairs."""
    transcript = Transcript()
    for direction, message in lines:
        if direction == "->":
            transcript.sent(encode(message))
        else:
            transcript.received(encode(message) + b"\n")
    return transcript


def start(id_, thread):
    return {
        "id": id_,
        "method": "turn/start",
        "params": {"threadId": thread, "input": [{"type": "text", "text": f"to {thread}"}]},
    }


def about(thread, method, **params):
    return {"method": method, "params": {"threadId": thread, **params}, "emittedAtMs": 1}


def test_messages_belong_to_turns_by_thread_and_place_whatever_turn_id_they_carry():
    transcript = transcript_of(
        ("->", start(1, "A")),
        ("->", start(2, "B")),
        ("<-", {"id": 2, "result": {"turn": {"id": "b1"}}}),
        ("<-", {"id": 1, "result": {"turn": {"id": "a1"}}}),
        ("<-", about("A", "turn/started", turnId="wrong")),
        ("<-", about("B", "turn/started", turnId="b1")),
        ("<-", about("A", "turn/completed", turnId="wrong")),
        ("->", start(3, "A")),
        ("<-", {"id": 3, "result": {"turn": {"id": "a2"}}}),
        ("<-", about("A", "turn/started", turnId="a2")),
    )
    first, other, second = turns_of(transcript)
    assert (first.turn_id, other.turn_id, second.turn_id) == ("a1", "b1", "a2")
    assert [e.method for e in first.entries] == ["turn/started", "turn/completed"]
    assert [e.method for e in other.entries] == ["turn/started"]
    assert [e.method for e in second.entries] == ["turn/started"]
    assert first.text == "to A"


def test_a_turn_that_was_refused_is_no_turn():
    transcript = transcript_of(
        ("->", start(1, "A")), ("<-", {"id": 1, "error": {"code": 1, "message": "no"}})
    )
    assert turns_of(transcript) == ()


def test_an_answer_belongs_to_the_latest_request_with_its_id():
    transcript = transcript_of(
        ("->", {"id": 1, "method": "a"}),
        ("<-", {"id": 1, "result": "first"}),
        ("->", {"id": 1, "method": "b"}),
        ("<-", {"id": "1", "result": "second"}),
    )
    one, other = transcript.requests()
    assert [at(e.message, "result") for e in transcript.answers_to(one)] == ["first"]
    assert [at(e.message, "result") for e in transcript.answers_to(other)] == ["second"]


def test_evidence_is_cut_to_a_length():
    transcript = transcript_of(("<-", {"method": "m", "params": "x" * 5000}))
    shown = transcript.entries[0].shown()
    assert shown.startswith('<- {"method":"m"')
    assert len(shown) < 500
    assert "bytes)" in shown


def test_evidence_cannot_command_a_terminal():
    transcript = Transcript()
    transcript.received(b"\x1b[2Jgone \xff \xc3\xbc\n")
    assert transcript.entries[0].shown() == "<- \\x1b[2Jgone \\xff \u00fc"


class ScriptedDoor:
    """A door that gives what it was made with, and then rest or the end."""

    def __init__(self, *chunks, rest=None):
        self.chunks, self.rest = list(chunks), rest
        self.sent = b""
        self.knows_rest = rest is None

    async def send(self, data):
        self.sent += data

    async def receive(self):
        return self.chunks.pop(0) if self.chunks else self.rest

    async def finish(self):
        return Ending(asked_for=True, exit_code=7)


pytestmark = pytest.mark.anyio


async def test_a_request_gets_its_answer_among_other_messages():
    door = ScriptedDoor(b'{"method":"x","params":{}}\n{"id":"0","resu', b'lt":{"a":1}}\n')
    probe = Probe(door, patience=5)
    assert await probe.request("m", {"p": 1}) == {"id": "0", "result": {"a": 1}}
    assert json.loads(door.sent) == {"id": 0, "method": "m", "params": {"p": 1}}


async def test_rest_ends_a_wait_at_once():
    probe = Probe(ScriptedDoor(), patience=60)
    with pytest.raises(Unmet) as caught:
        await probe.request("m")
    assert caught.value.why is Why.QUIET
    assert caught.value.awaited == "the answer to m"


async def test_the_end_of_the_connection_ends_a_wait_at_once():
    probe = Probe(ScriptedDoor(rest=b""), patience=60)
    with pytest.raises(Unmet) as caught:
        await probe.until("turn/completed", lambda _entry: False)
    assert caught.value.why is Why.ENDED


async def test_patience_ends_a_wait_on_an_app_server_that_does_not_tell():
    class SilentDoor(ScriptedDoor):
        async def receive(self):
            return await asyncio.get_running_loop().create_future()

    probe = Probe(SilentDoor(rest=b""), patience=0.01)
    with pytest.raises(Unmet) as caught:
        await probe.until("turn/completed", lambda _entry: False)
    assert caught.value.why is Why.BOUND


async def test_what_was_sent_is_no_answer():
    probe = Probe(ScriptedDoor(), patience=5)
    await probe.send({"id": 0, "result": {}})
    with pytest.raises(Unmet):
        await probe.request("m", request_id=0)


async def test_an_end_that_nobody_asked_for_is_told_from_one_that_was():
    gone, closed = Probe(ScriptedDoor(rest=b""), 5), Probe(ScriptedDoor(), 5)
    with pytest.raises(Unmet):
        await gone.request("m")
    assert (await gone.finish()).asked_for is False
    ending = await closed.finish()
    assert (ending.asked_for, ending.exit_code) == (True, 7)
    assert await closed.finish() is ending
