"""Every failure carries a code, and every code is in the catalogue."""

from __future__ import annotations

import pickle

import pytest

from codex_runtime.errors import (
    CATALOGUE,
    AppServerError,
    CodexRuntimeError,
    ConfigurationError,
    RemoteProtocolError,
    RequestFailedError,
    entry_for,
    parse_error_code,
)


def test_the_text_of_an_error_begins_with_its_code() -> None:
    error = ConfigurationError("E_CODEX_BINARY_MISSING", "there is none")
    assert str(error) == "[E_CODEX_BINARY_MISSING] there is none"
    assert error.code == "E_CODEX_BINARY_MISSING"
    assert error.advice == CATALOGUE["E_CODEX_BINARY_MISSING"].advice


def test_a_code_that_is_not_in_the_catalogue_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        CodexRuntimeError("E_MADE_UP", "x")


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_says_when_it_is_raised_and_what_to_do(code: str) -> None:
    entry = CATALOGUE[code]
    assert entry.code == code
    assert entry.trigger
    assert entry.trigger[0].islower()
    assert entry.advice.endswith(".")
    assert entry_for(f"[{code}]") is entry


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[E_AUTH_THREAD_FORBIDDEN] authorization failed", "E_AUTH_THREAD_FORBIDDEN"),
        ("Uncaught Error: [E_SYNC_OUT_OF_ORDER] gap", "E_SYNC_OUT_OF_ORDER"),
        ("[W_IMPORT_THREAD_GENERATED_MESSAGE_IDS] 3", "W_IMPORT_THREAD_GENERATED_MESSAGE_IDS"),
        ("plain error", None),
        ("[-32600] no", None),
        ("", None),
    ],
)
def test_a_code_is_found_wherever_it_stands(text: str, code: str | None) -> None:
    assert parse_error_code(text) == code


def test_an_unknown_code_has_no_entry() -> None:
    assert entry_for("E_MADE_UP") is None


@pytest.mark.parametrize(
    "error",
    [
        RequestFailedError("turn/start", -32600, "no", {"a": 1}),
        AppServerError("E_APP_SERVER_GONE", "ended", exit_code=-9, stderr="bye"),
        RemoteProtocolError("E_PROTOCOL_JSON_INVALID", "x", raw=b"{"),
    ],
)
def test_an_error_survives_the_way_to_another_process(error: CodexRuntimeError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_an_overloaded_server_has_a_code_of_its_own() -> None:
    refused = RequestFailedError("turn/start", -32001, "Server overloaded; retry later.")
    assert refused.code == "E_APP_SERVER_OVERLOADED"
    assert refused.entry.recoverable
