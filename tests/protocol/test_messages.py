"""One line to one message: the dialect of the app-server and nothing else."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.inbound import InboundStream
from codex_runtime.protocol.messages import (
    ErrorResponse,
    Notification,
    Request,
    Response,
    decode_json,
    decode_message,
    decode_params,
    decode_result,
    encode_message,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def refused(raw: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_message(raw)
    return caught.value


@pytest.mark.parametrize("request_id", ["abc", "", 0, -5, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_an_id_keeps_its_type_and_value(request_id: int | str) -> None:
    asked = decode_message(line({"id": request_id, "method": "m", "params": {}}))
    answered = decode_message(line({"id": request_id, "result": None}))
    assert isinstance(asked, Request)
    assert isinstance(answered, Response)
    assert asked.id == answered.id == request_id
    assert type(asked.id) is type(request_id)


@pytest.mark.parametrize(
    "request_id", [True, False, 1.5, 1.0, [1], {"a": 1}, 2**63, -(2**63) - 1, None]
)
def test_what_is_no_id_makes_no_request(request_id: object) -> None:
    error = refused(line({"id": request_id, "method": "m"}))
    assert error.code == "E_PROTOCOL_ENVELOPE_INVALID"


def test_a_notification_needs_no_params_and_no_jsonrpc_member() -> None:
    message = decode_message(b'{"method":"something/new","emittedAtMs":7}')
    assert isinstance(message, Notification)
    assert (message.method, message.params, message.emitted_at_ms) == ("something/new", None, 7)


def test_unknown_methods_and_unknown_members_pass() -> None:
    message = decode_message(
        b'{"jsonrpc":"1.0","trace":{},"method":"item/newExperimentalSignal","params":[1]}'
    )
    assert isinstance(message, Notification)
    assert decode_json(message.params or b"") == [1]


@pytest.mark.parametrize("params", ["invalid", 5, None, True])
def test_params_that_are_no_object_and_no_array_are_refused(params: object) -> None:
    error = refused(line({"method": "turn/started", "params": params}))
    assert "not a supported codex server notification/request/response shape" in str(error)


def test_an_error_response_may_name_no_request() -> None:
    message = decode_message(b'{"error":{"code":-32600,"message":"no"},"id":null}')
    assert isinstance(message, ErrorResponse)
    assert message.id is None
    assert message.error.data is msgspec.UNSET


def test_an_error_carries_its_data_undecoded() -> None:
    message = decode_message(b'{"error":{"code":1,"data":{"a":[2]},"message":"no"},"id":"x"}')
    assert isinstance(message, ErrorResponse)
    assert isinstance(message.error.data, msgspec.Raw)
    assert decode_json(message.error.data) == {"a": [2]}


@pytest.mark.parametrize(
    ("raw", "code", "says"),
    [
        (b"{", "E_PROTOCOL_JSON_INVALID", "Invalid JSON from codex app-server"),
        (b"", "E_PROTOCOL_JSON_INVALID", "the line is empty"),
        (b"  ", "E_PROTOCOL_JSON_INVALID", "the line is empty"),
        (b'{"method":"a"}{"method":"b"}', "E_PROTOCOL_JSON_INVALID", "trailing characters"),
        (b'{"method":"a","params":{"x":NaN}}', "E_PROTOCOL_JSON_INVALID", "invalid character"),
        (b"[" * 100_000, "E_PROTOCOL_ENVELOPE_INVALID", "Expected `object`"),
        (b'{"x":' * 100_000, "E_PROTOCOL_JSON_INVALID", "nested too deeply"),
        (b'{"method":"\xff"}', "E_PROTOCOL_UTF8_INVALID", "byte 11"),
        (b'{"method":"a","params":{"x":"\xc3\x28"}}', "E_PROTOCOL_UTF8_INVALID", "byte 29"),
        (b"[]", "E_PROTOCOL_ENVELOPE_INVALID", "JSON-RPC schema validation failed"),
        (b"5", "E_PROTOCOL_ENVELOPE_INVALID", "/: Expected `object`"),
        (b"{}", "E_PROTOCOL_ENVELOPE_INVALID", "neither a method nor an id"),
        (b'{"id":1}', "E_PROTOCOL_ENVELOPE_INVALID", "neither a result nor an error"),
        (
            b'{"id":1,"result":1,"error":{"code":1,"message":""}}',
            "E_PROTOCOL_ENVELOPE_INVALID",
            "a result and an error",
        ),
        (b'{"id":1,"error":{"message":"x"}}', "E_PROTOCOL_ENVELOPE_INVALID", "/error"),
        (b'{"id":1,"error":{"code":"x","message":""}}', "E_PROTOCOL_ENVELOPE_INVALID", "code"),
        (b'{"method":5}', "E_PROTOCOL_ENVELOPE_INVALID", "/method"),
    ],
)
def test_a_broken_line_says_what_is_wrong_with_it(raw: bytes, code: str, says: str) -> None:
    error = refused(raw)
    assert error.code == code
    assert says in str(error)
    assert raw.startswith(error.raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_coded_error(raw: bytes) -> None:
    arrivals = InboundStream().feed(raw.replace(b"\n", b" ") + b"\n")
    assert len(arrivals) == 1


@given(JSON)
def test_any_json_is_a_message_or_a_coded_error(value: object) -> None:
    (arrival,) = InboundStream().feed(line(value) + b"\n")
    assert isinstance(arrival, RemoteProtocolError) or isinstance(value, dict)


@given(
    method=st.text(st.characters(exclude_categories=["Cs"])),
    params=st.dictionaries(st.text(max_size=5), JSON),
)
def test_params_come_through_unchanged(method: str, params: dict[str, object]) -> None:
    message = decode_message(encode_message({"method": method, "params": params}))
    assert isinstance(message, Notification)
    assert message.method == method
    assert decode_json(message.params or b"") == params


def test_a_broken_line_costs_only_itself() -> None:
    stream = InboundStream()
    arrivals = stream.feed(b'{"method":"a"}\nnot json\n{"id":1,"res') + stream.feed(b'ult":2}')
    assert [type(arrival) for arrival in arrivals + stream.end()] == [
        Notification,
        RemoteProtocolError,
        Response,
    ]


class Delta(msgspec.Struct):
    delta: str


def test_params_read_as_a_type_or_say_where_they_do_not() -> None:
    good = decode_message(b'{"method":"m","params":{"delta":"x","more":1}}')
    bad = decode_message(b'{"method":"m","params":{"delta":5}}')
    assert isinstance(good, Notification)
    assert isinstance(bad, Notification)
    assert decode_params(good, Delta) == Delta("x")
    with pytest.raises(RemoteProtocolError, match=r"params of m: .*\$\.delta") as caught:
        decode_params(bad, Delta)
    assert caught.value.code == "E_PROTOCOL_PAYLOAD_INVALID"


def test_a_result_reads_as_a_type_or_names_the_method() -> None:
    answer = decode_message(b'{"id":1,"result":{}}')
    assert isinstance(answer, Response)
    with pytest.raises(RemoteProtocolError, match=r"the result of turn/start: .*"):
        decode_result(answer, Delta, "turn/start")


def test_absent_params_read_as_an_empty_object() -> None:
    message = decode_message(b'{"method":"m"}')
    assert isinstance(message, Notification)
    assert decode_params(message, dict) == {}


def test_an_encoded_message_is_one_line() -> None:
    encoded = encode_message({"text": "a\nb\r\u2028"})
    assert encoded.count(b"\n") == 1
    assert encoded.endswith(b"}\n")
