"""What the environment says of a chat; a value that cannot be understood is refused."""

from __future__ import annotations

import pytest

from codex_runtime.chat.commands import ChatError
from codex_runtime.chat.settings import (
    Environment,
    deployment_url,
    read_assignments,
    read_environment,
)
from codex_runtime.contract.actors import Actor


def code_of(act, *args):
    with pytest.raises(ChatError) as raised:
        act(*args)
    return raised.value.code


def test_an_empty_environment_gives_the_defaults():
    environment = read_environment({})
    assert environment == Environment(flush_ms=250.0, save_stream_deltas=False)
    assert environment.actor == Actor(user_id="demo-user")


def test_everything_that_is_set_is_read():
    variables = {
        "ACTOR_USER_ID": " ada ",
        "CODEX_MODEL": "m",
        "CODEX_CWD": "/w",
        "SAVE_STREAM_DELTAS": "Yes",
        "DELTA_THROTTLE_MS": "40",
        "CONVEX_AUTH_TOKEN": "t",
    }
    assert read_environment(variables) == Environment(
        user_id="ada", model="m", cwd="/w", save_stream_deltas=True, flush_ms=40.0, token="t"
    )


def test_a_blank_variable_counts_as_not_set():
    assert read_environment({"ACTOR_USER_ID": " ", "DELTA_THROTTLE_MS": ""}) == Environment()


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_texts_are_kept_as_they_grew_when_that_is_switched_on(value):
    assert read_environment({"SAVE_STREAM_DELTAS": value}).save_stream_deltas


@pytest.mark.parametrize("value", ["0", "False", "no", "OFF"])
def test_they_are_not_when_it_is_switched_off(value):
    assert not read_environment({"SAVE_STREAM_DELTAS": value}).save_stream_deltas


@pytest.mark.parametrize(
    "variables",
    [
        {"SAVE_STREAM_DELTAS": "maybe"},
        {"DELTA_THROTTLE_MS": "-1"},
        {"DELTA_THROTTLE_MS": "1e3"},
        {"DELTA_THROTTLE_MS": "\u0663"},
        {"CONVEX_AUTH_TOKEN": "t", "CONVEX_ADMIN_KEY": "k"},
    ],
)
def test_a_value_that_cannot_be_is_refused(variables):
    assert code_of(read_environment, variables) == "E_CHAT_ENVIRONMENT_INVALID"


@pytest.mark.parametrize("name", ["CONVEX_AUTH_TOKEN", "CONVEX_ADMIN_KEY"])
def test_no_text_has_a_secret_in_it(name):
    environment = read_environment({name: "very-secret"})
    assert "very-secret" not in repr(environment)
    with pytest.raises(ChatError) as raised:
        read_environment({"CONVEX_AUTH_TOKEN": "very-secret", "CONVEX_ADMIN_KEY": "very-secret"})
    assert "very-secret" not in str(raised.value)


def test_whoever_brings_a_token_acts_as_whom_it_is_of():
    assert read_environment({"CONVEX_AUTH_TOKEN": "t"}).actor == Actor()
    named = read_environment({"CONVEX_AUTH_TOKEN": "t", "ACTOR_USER_ID": "ada"})
    assert named.actor == Actor(user_id="ada")


ONE, TWO, THREE = "CONVEX_URL", "NEXT_PUBLIC_CONVEX_URL", "VITE_CONVEX_URL"


@pytest.mark.parametrize(
    ("variables", "files", "url"),
    [
        ({}, [], None),
        ({ONE: "http://1", TWO: "http://2", THREE: "http://3"}, [], "http://1"),
        ({TWO: "http://2", THREE: "http://3"}, [], "http://2"),
        ({THREE: "http://3"}, [f"{ONE}=http://1"], "http://3"),
        ({}, [f"{THREE}=http://3", f"{ONE}=http://1"], "http://3"),
        ({"CONVEX_DEPLOYMENT": "dev:quick-fox-1"}, [], "https://quick-fox-1.convex.cloud"),
        ({"CONVEX_DEPLOYMENT": "quick-fox-1"}, [], "https://quick-fox-1.convex.cloud"),
        ({"CONVEX_DEPLOYMENT": "quick-fox-1"}, [f"{ONE}=http://1"], "http://1"),
        ({}, ["CONVEX_DEPLOYMENT=dev:a-b # team: t, project: p"], "https://a-b.convex.cloud"),
    ],
)
def test_the_first_place_that_names_a_deployment_decides(variables, files, url):
    assert deployment_url(variables, files) == url


@pytest.mark.parametrize("name", ["anonymous:", "a b.c", "dev:a/b", "a.example/", "dev:x:y"])
def test_a_name_that_is_none_of_a_deployment_is_refused(name):
    assert code_of(deployment_url, {"CONVEX_DEPLOYMENT": name}, []) == "E_CHAT_ENVIRONMENT_INVALID"


def test_a_file_of_variables_is_read_line_by_line():
    text = """
# Deployment used by `npx convex dev`
CONVEX_DEPLOYMENT=dev:a-b # team: t
export CONVEX_URL = "https://a.example/#x" # quoted
A='b c'
B=c#d
not an assignment
C=
"""
    assert read_assignments(text) == {
        "CONVEX_DEPLOYMENT": "dev:a-b",
        "CONVEX_URL": "https://a.example/#x",
        "A": "b c",
        "B": "c#d",
        "C": "",
    }
