"""Messages against the lock: the verdict, the reason, and that two libraries agree."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from codex_runtime.errors import ConfigurationError, LocalProtocolError
from codex_runtime.protocol.lock import LockValidators, MethodKind, SchemaProblem, packaged_lock
from codex_runtime.protocol.lock.heads import decided_by_head
from codex_runtime.protocol.lock.record import closure, refs_in
from codex_runtime.protocol.messages import decode_message

RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("*.jsonl"))

VALIDATORS = LockValidators()

CLIENT, SERVER = MethodKind.CLIENT_REQUEST, MethodKind.SERVER_NOTIFICATION
DELTA = {"threadId": "t", "turnId": "u", "itemId": "i", "delta": "d"}


def recorded():
    """Everything the server was recorded saying, with what it is held to; each shape once."""
    found = {}
    for path in RECORDINGS:
        asked = {}
        for row in map(json.loads, path.read_text().splitlines()):
            message = row.get("msg")
            if not isinstance(message, dict):
                continue
            name = f"{row.get('conn')}{json.dumps(message.get('id'))}"
            if row["dir"] == "c2s" and "method" in message:
                asked[name] = message["method"]
            if row["dir"] != "s2c":
                continue
            if "method" in message:
                kind = MethodKind.SERVER_REQUEST if "id" in message else SERVER
                found.setdefault((kind, message["method"], "params"), []).append(message["params"])
            elif "result" in message:
                found.setdefault((CLIENT, asked[name], "result"), []).append(message["result"])
    return [(*key, value) for key, values in found.items() for value in values[:6]]


RECORDED = recorded()


def test_a_message_that_fits_has_no_problem():
    assert VALIDATORS.fits(SERVER, "item/agentMessage/delta", DELTA)
    assert VALIDATORS.problem(SERVER, "item/agentMessage/delta", DELTA) is None


def test_a_problem_says_where_what_was_expected_and_what_is_there():
    wrong = {**DELTA, "delta": 7}
    assert VALIDATORS.problem(SERVER, "item/agentMessage/delta", wrong) == SchemaProblem(
        place="params of item/agentMessage/delta", path="/delta", expected="string", found="7"
    )


def test_a_missing_member_is_named():
    problem = VALIDATORS.problem(CLIENT, "turn/start", {"input": []})
    assert problem is not None
    assert (problem.path, problem.expected) == ("", "the member threadId")


def test_a_wrong_value_deep_in_a_variant_is_found():
    params = {"threadId": "t", "input": [{"type": "text", "text": 1}]}
    problem = VALIDATORS.problem(CLIENT, "turn/start", params)
    assert problem is not None
    assert problem.path == "/input/0/text"
    assert "expected string, found 1" in str(problem)


def test_a_long_value_is_cut_short():
    problem = VALIDATORS.problem(SERVER, "item/agentMessage/delta", {**DELTA, "delta": ["x" * 999]})
    assert problem is not None
    assert len(problem.found) == 120


def test_a_result_is_held_to_its_methods_type():
    assert VALIDATORS.fits(CLIENT, "thread/unsubscribe", {"status": "notLoaded"}, part="result")
    assert not VALIDATORS.fits(CLIENT, "thread/unsubscribe", {"status": "?"}, part="result")


def test_an_answer_is_held_to_the_type_of_its_request():
    asked = (MethodKind.SERVER_REQUEST, "item/fileChange/requestApproval")
    assert VALIDATORS.fits(*asked, {"decision": "accept"}, part="result")
    assert not VALIDATORS.fits(*asked, {"decision": "maybe"}, part="result")


@pytest.mark.parametrize("params", [None, {}])
def test_a_method_without_params_takes_none_and_an_empty_object(params):
    assert VALIDATORS.fits(CLIENT, "account/logout", params)


def test_params_that_may_be_left_out_may_be_left_out_and_required_ones_not():
    assert VALIDATORS.fits(CLIENT, "account/rateLimits/read", None)
    assert not VALIDATORS.fits(CLIENT, "thread/start", None)


@pytest.mark.parametrize("number", [2**70, -1, 1.0])
def test_numeric_formats_are_accepted_without_a_look_at_the_range(number):
    usage = {"kind": SERVER, "method": "turn/started"}
    turn = {"id": "u", "items": [], "status": "inProgress", "error": None, "startedAt": number}
    value = {"threadId": "t", "turn": turn}
    schema = VALIDATORS.schema_of(usage["kind"], usage["method"])
    assert Draft7Validator(schema).is_valid(value) is VALIDATORS.fits(SERVER, "turn/started", value)
    assert VALIDATORS.fits(SERVER, "turn/started", value)


@pytest.mark.parametrize(
    ("kind", "method", "part"),
    [
        (CLIENT, "newConversation", "params"),
        (SERVER, "turn/start", "params"),
        (SERVER, "turn/started", "result"),
    ],
)
def test_a_method_the_lock_does_not_have_is_a_coded_error(kind, method, part):
    with pytest.raises(LocalProtocolError) as caught:
        VALIDATORS.fits(kind, method, {}, part=part)
    assert caught.value.code == "E_SCHEMA_METHOD_UNKNOWN"


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(ConfigurationError) as caught:
        LockValidators()
    assert caught.value.code == "E_EXTRA_MISSING"
    assert "codex-runtime[schema]" in caught.value.text


def test_the_verdict_needs_no_second_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert LockValidators().fits(SERVER, "item/agentMessage/delta", DELTA)


@pytest.mark.parametrize("kind", MethodKind)
def test_every_method_has_validators_that_compile(kind):
    for method in packaged_lock().methods[kind]:
        VALIDATORS.fits(kind, method.name, {})
        if kind.answered:
            VALIDATORS.fits(kind, method.name, {}, part="result")


def test_every_recorded_shape_fits_in_both_libraries():
    assert len(RECORDED) > 150
    for kind, method, part, value in RECORDED:
        assert VALIDATORS.problem(kind, method, value, part=part) is None
        schema = VALIDATORS.schema_of(kind, method, part)
        assert Draft7Validator(schema).is_valid(value), method


JUNK = [None, True, 0, -1, 1.5, 1.0, 2**64, "", "text", [], {}, ["x"], {"type": "text"}]


def mutated(value, chance):
    """Change one place of a value, drawn from the source of chance."""
    holders = []

    def walk(node):
        if isinstance(node, dict) and node:
            holders.append(node)
            for member in node.values():
                walk(member)
        elif isinstance(node, list) and node:
            holders.append(node)
            for member in node:
                walk(member)

    changed = json.loads(json.dumps(value))
    walk(changed)
    if not holders:
        return chance.choice(JUNK)
    holder = chance.choice(holders)
    key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    act = chance.choice(["replace", "replace", "remove", "add"])
    if act == "remove":
        del holder[key]
    elif act == "add" and isinstance(holder, dict):
        holder["unheardOf"] = chance.choice(JUNK)
    else:
        holder[key] = chance.choice(JUNK)
    return changed


SLOW = {}
"""The second library's validators, by what they judge."""


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(RECORDED), st.integers(0, 2**32), st.integers(1, 3))
def test_both_libraries_have_the_same_verdict_on_recorded_messages_changed_at_random(
    case, seed, changes
):
    kind, method, part, value = case
    chance = random.Random(seed)
    for _ in range(changes):
        value = mutated(value, chance)
    key = (kind, method, part)
    slow = SLOW.get(key) or SLOW.setdefault(key, Draft7Validator(VALIDATORS.schema_of(*key)))
    fits = VALIDATORS.fits(kind, method, value, part=part)
    assert fits is slow.is_valid(value)
    assert (VALIDATORS.problem(kind, method, value, part=part) is None) is fits


def line_of(kind, method, params):
    message = {"method": method, "params": params, "emittedAtMs": 1}
    return json.dumps(message | ({"id": 1} if kind is MethodKind.SERVER_REQUEST else {})).encode()


SAID = [case for case in RECORDED if case[2] == "params"]
DELTAS = [
    (SERVER, method, "params", {**DELTA, **more})
    for method in ("item/agentMessage/delta", "item/plan/delta", "thread/compacted")
    for more in ({}, {"unheardOf": 1})
]


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(SAID) | st.sampled_from(DELTAS), st.integers(0, 2**32), st.integers(0, 2))
def test_a_message_as_it_was_read_has_the_verdict_of_its_params(case, seed, changes):
    kind, method, _, params = case
    chance = random.Random(seed)
    for _ in range(changes):
        params = mutated(params, chance)
    if not isinstance(params, dict | list):
        return  # the envelope refuses these already
    message = decode_message(line_of(kind, method, params))
    assert VALIDATORS.fits_message(message) is VALIDATORS.fits(kind, method, params)


def test_a_message_without_params_is_judged_too():
    message = decode_message(b'{"method":"item/agentMessage/delta"}')
    assert not VALIDATORS.fits_message(message)
    assert VALIDATORS.fits_message(decode_message(b'{"method":"skills/changed","params":{}}'))


def test_what_a_head_decides_is_read_off_the_schema():
    def decided(**change):
        schema = VALIDATORS.schema_of(SERVER, "item/agentMessage/delta")
        params = {**schema["definitions"]["AgentMessageDeltaNotification"], **change}
        definitions = {**schema["definitions"], "AgentMessageDeltaNotification": params}
        return decided_by_head({**schema, "definitions": definitions}) is not None

    assert decided()
    assert not decided(required=["threadId", "turnId", "itemId"])
    assert not decided(additionalProperties=False)
    assert not decided(properties={"threadId": {"type": "string"}, "other": {"type": "string"}})
    assert not decided(
        properties={"threadId": {"type": "string", "minLength": 1}, "delta": {"type": "string"}},
        required=["threadId", "delta"],
    )


def test_a_message_of_an_unknown_method_is_a_coded_error():
    with pytest.raises(LocalProtocolError) as caught:
        VALIDATORS.fits_message(decode_message(b'{"method":"item/unheardOf","params":{}}'))
    assert caught.value.code == "E_SCHEMA_METHOD_UNKNOWN"


def test_every_type_of_the_lock_is_needed_by_some_method():
    lock, needed = packaged_lock(), {}
    for _, method in lock.every():
        needed |= closure([method.params], lock.types)
        if method.result is not None:
            needed |= closure([{"$ref": f"#/definitions/{method.result}"}], lock.types)
    assert needed.keys() == lock.types.keys()
    assert set(refs_in(list(lock.types.values()))) <= lock.types.keys()
