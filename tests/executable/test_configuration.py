"""What config.toml and ``-c`` make of a thread, as the real binary has it, and of the server."""

from __future__ import annotations

import json

import pytest

from codex_fakes.app_server.configuration.config_toml import read_configuration
from codex_fakes.app_server.configuration.defaults import DEFAULTS
from codex_fakes.app_server.configuration.invocation import (
    CommandLine,
    EarlyExit,
    parse_command_line,
)

HELLO = {"clientInfo": {"name": "tester", "version": "1"}}
ASKED = [
    {"id": 1, "method": "initialize", "params": HELLO},
    {"id": 2, "method": "thread/start", "params": {}},
]

CONFIGURED = {
    "nothing": None,
    "a sandbox": 'sandbox_mode = "workspace-write"',
    "a sandbox and a policy": 'sandbox_mode = "read-only"\napproval_policy = "never"',
    "a trusted folder": '[projects."FOLDER"]\ntrust_level = "trusted"',
    "an untrusted folder": '[projects."FOLDER"]\ntrust_level = "untrusted"',
    "an untrusted folder and a policy": (
        'approval_policy = "never"\n[projects."FOLDER"]\ntrust_level = "untrusted"'
    ),
    "a model and its effort": 'model = "gpt-5.5"\nmodel_reasoning_effort = "high"',
    "a policy that is no more": 'approval_policy = "on-failure"',
    "a provider": 'model_provider = "m"\n[model_providers.m]\nname = "m"\nbase_url = "http://x"',
}
VARYING = ("id", "sessionId", "path", "createdAt", "updatedAt", "recencyAt")


def opened(codex, *arguments):
    """The results of initialize and thread/start, without what differs between two runs."""
    process = codex.popen(*arguments, "app-server")
    process.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in ASKED))
    process.stdin.flush()
    results = {}
    for line in process.stdout:
        message = json.loads(line)
        if "id" in message:
            results[message["id"]] = message.get("result", message)
        if len(results) == 2:
            break
    process.communicate(timeout=20)
    for name in VARYING:
        results[2]["thread"].pop(name)
    return results


@pytest.mark.real
@pytest.mark.parametrize("config", CONFIGURED.values(), ids=CONFIGURED)
def test_a_thread_is_what_the_real_one_makes_of_the_configuration(simulated, real, config):
    if config is not None:
        text = config.replace("FOLDER", str(simulated.folder))
        (simulated.home / "config.toml").write_text(text)
    assert opened(simulated) == opened(real)


@pytest.mark.real
def test_an_override_wins_over_the_file_as_it_does_with_the_real_one(simulated, real):
    (simulated.home / "config.toml").write_text('model = "one"\napproval_policy = "never"')
    overrides = ("-c", "model=two", "-c", 'sandbox_mode="danger-full-access"')
    ours = opened(simulated, *overrides)
    assert ours[2]["model"] == "two"
    assert ours == opened(real, *overrides)


STRICTLY = (
    {"model": "gpt-5.5"},
    {"features": {}},
    {"nope": 1},
    {"nope": {"inner": 1}},
    {"nope.inner": 1},
    {"features": {"nope": True}},
    {"features.nope": True},
    {"features": {"nope": "text"}},
    {"features": {"instant_interrupt": 1, "nope": True}},
    {"nope": 1, "features": {"other": True}},
    {"nope": 1, "features": 5},
    {"nope": 1, "approval_policy": "bogus"},
    {"features": {"nope": True}, "approval_policy": "bogus"},
    {"nope": 1, "approval_policy": "untrusted"},
)
"""What clients send along with a thread; the names it has are known, or not."""


def errors_of_starts(codex, *arguments):
    """What a server answers to the start of a thread with each configuration; null is taken."""
    process = codex.popen("app-server", *arguments)
    starts = [
        {"id": number, "method": "thread/start", "params": {"config": config}}
        for number, config in enumerate(STRICTLY, 2)
    ]
    for line in (ASKED[0], *starts):
        process.stdin.write(json.dumps(line).encode() + b"\n")
    process.stdin.flush()
    errors = {}
    for line in process.stdout:
        message = json.loads(line)
        if "id" in message:
            errors[message["id"]] = message.get("error")
        if len(errors) == len(starts) + 1:
            break
    process.communicate(timeout=20)
    return [errors[start["id"]] for start in starts]


@pytest.mark.real
def test_a_strict_server_takes_no_names_it_does_not_know_from_a_client(simulated, real):
    ours = errors_of_starts(simulated, "--strict-config")
    assert ours == errors_of_starts(real, "--strict-config")
    assert [error is None for error in ours] == [True, True, *(False,) * (len(STRICTLY) - 2)]


def read(text, *arguments):
    asked = parse_command_line([*arguments, "app-server"])
    return read_configuration("/h/config.toml", text, asked)


def test_a_provider_says_how_often_a_turn_is_tried():
    settings = read(
        'model_provider = "m"\n[model_providers.m]\nname = "m"\nbase_url = "http://x/v1"\n'
        "request_max_retries = 1\nstream_max_retries = 2\nstream_idle_timeout_ms = 3\n"
    )
    assert settings.model_provider == "m"
    assert settings.provider_url == "http://x/v1"
    assert settings.request_max_retries == 1
    assert settings.stream_max_retries == 2
    assert settings.stream_idle_timeout_ms == 3
    assert not settings.requires_openai_auth


def test_a_context_window_is_not_filled_to_its_end():
    settings = read("model_context_window = 1000\nmodel_auto_compact_token_limit = 900\n")
    assert settings.model_context_window == 950
    assert settings.auto_compact_token_limit == 900


def test_features_and_tools_are_switched():
    settings = read(
        "[features]\nrequest_permissions_tool = true\n[tools.update_plan]\nenabled = true\n",
        "--enable",
        "default_mode_request_user_input",
    )
    features = {"request_permissions_tool", "default_mode_request_user_input"}
    assert settings.features == features
    assert settings.plan_tool


def test_a_feature_of_the_file_is_turned_off_by_the_command_line():
    text = "[features]\nrequest_permissions_tool = true\n"
    assert read(text, "--disable", "request_permissions_tool").features == frozenset()


@pytest.mark.parametrize(
    ("text", "line", "column", "end"),
    [
        ("approval_policy = 5", 1, 19, 19),
        ('\n\n  sandbox_mode = "bogus"  # why', 3, 18, 24),
        ('[model_providers.m]\nname = "m"\nrequest_max_retries = "x"\n', 3, 23, 25),
        ('model_providers.m.stream_max_retries = true\nmodel = "x"', 1, 40, 43),
        ("features = 3", 1, 12, 12),
        ('model = "never closed', 1, 22, 22),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_the_defaults_hold(text, line, column, end):
    settings = read(text)
    [warning] = settings.config_warnings
    assert warning["summary"] == "Invalid configuration; using defaults."
    assert warning["details"].startswith(f"/h/config.toml:{line}:{column}: ")
    assert warning["range"] == {
        "start": {"line": line, "column": column},
        "end": {"line": line, "column": end},
    }
    assert settings.model == DEFAULTS.model


def test_a_wrong_value_of_an_override_has_no_place():
    [warning] = read(None, "-c", "model=5").config_warnings
    assert warning["details"] == "invalid type: integer `5`, expected a string"
    assert "range" not in warning


def test_strictness_ends_the_start_of_a_file_that_is_wrong():
    with pytest.raises(EarlyExit) as refused:
        read("approval_policy = 5", "--strict-config")
    assert refused.value.code == 1
    assert refused.value.err.startswith("Error: /h/config.toml:1:19: ")


def test_the_same_texts_give_the_same_settings():
    text = 'model = "x"\n[features]\nrequest_permissions_tool = true\n'
    asked = CommandLine(overrides=["sandbox_mode=read-only"])
    first, second = (read_configuration("/c", text, asked) for _ in range(2))
    assert first == second
