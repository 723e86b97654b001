"""Our tables and builders against the schema that the real binary generates."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator

from codex_runtime.app_server import requests as build
from codex_runtime.app_server.binary import find_codex
from codex_runtime.protocol import params as p
from codex_runtime.protocol import values as v
from codex_runtime.protocol.methods import CLIENT_METHODS, SERVER_METHODS, ServerMethod

pytestmark = pytest.mark.real

U1 = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"

NOT_IN_THE_JSON_SCHEMA = {
    # The TypeScript and the running server have them (METHODS.md).
    "getConversationSummary",
    "getAuthStatus",
    "gitDiffToRemote",
    "rawResponseItem/completed",
    "rawResponse/completed",
}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("schema")
    subprocess.run(
        [find_codex(), "app-server", "generate-json-schema", "--experimental", "--out", out],
        check=True,
        timeout=60,
    )
    text = Path(out, "codex_app_server_protocol.schemas.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def variants(bundle: dict[str, Any], union: str) -> dict[str, dict[str, Any]]:
    return {
        variant["properties"]["method"]["enum"][0]: variant
        for variant in bundle["definitions"][union]["oneOf"]
    }


def params_schema(bundle: dict[str, Any], variant: dict[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = variant["properties"].get("params", {})
    while "$ref" in params:
        holder: Any = bundle
        for part in params["$ref"].removeprefix("#/").split("/"):
            holder = holder[part]
        params = holder
    return params


def test_the_client_methods_are_those_of_the_binary(bundle: dict[str, Any]) -> None:
    real = variants(bundle, "ClientRequest")
    assert set(CLIENT_METHODS) - NOT_IN_THE_JSON_SCHEMA == set(real)
    for name, variant in real.items():
        needs = "params" in variant.get("required", ())
        assert (CLIENT_METHODS[name].params == "required") is needs, name


def test_which_client_methods_are_experimental_is_what_the_binary_says(tmp_path: Path) -> None:
    subprocess.run(
        [find_codex(), "app-server", "generate-json-schema", "--out", tmp_path],
        check=True,
        timeout=60,
    )
    text = (tmp_path / "codex_app_server_protocol.schemas.json").read_text()
    stable = set(variants(json.loads(text), "ClientRequest")) | NOT_IN_THE_JSON_SCHEMA
    ours = {name for name, method in CLIENT_METHODS.items() if not method.experimental}
    assert ours == stable & set(CLIENT_METHODS)


def where(params: dict[str, Any], key: str, nested: str) -> str:
    properties = params.get("properties", {})
    if key in properties:
        required = key in params.get("required", ()) and properties[key].get("type") == "string"
        return "required" if required else "optional"
    if nested in properties:
        return "nested"
    return "conversation" if key == "threadId" and "conversationId" in properties else "none"


@pytest.mark.parametrize(
    ("union", "kind"), [("ServerNotification", "notification"), ("ServerRequest", "request")]
)
def test_the_server_methods_carry_their_ids_where_the_binary_puts_them(
    bundle: dict[str, Any], union: str, kind: Any
) -> None:
    real = {}
    for name, variant in variants(bundle, union).items():
        params = params_schema(bundle, variant)
        real[name] = ServerMethod(
            name,
            kind,
            where(params, "threadId", "thread"),  # type: ignore[arg-type]
            where(params, "turnId", "turn"),  # type: ignore[arg-type]
        )
    ours = {
        name: method
        for name, method in SERVER_METHODS.items()
        if method.kind == kind and name not in NOT_IN_THE_JSON_SCHEMA
    }
    assert ours == real


FULL_CALLS = [
    build.initialize(p.ClientInfo(name="n", version="1", title="t"), experimental_api=True),
    build.thread_start(
        p.ThreadStartParams(
            cwd="/w",
            model="m",
            approval_policy=v.GranularApproval(
                v.GranularFlags(
                    sandbox_approval=True,
                    rules=True,
                    skill_approval=False,
                    request_permissions=False,
                    mcp_elicitations=True,
                )
            ),
            approvals_reviewer="user",
            sandbox="read-only",
            config={"a": 1},
            ephemeral=True,
            history_mode="legacy",
            dynamic_tools=(
                v.DynamicTool(name="t", description="d", input_schema={"type": "object"}),
                v.DynamicToolNamespace(
                    name="ns",
                    description="d",
                    tools=(v.DynamicTool(name="u", description="d", input_schema={}),),
                ),
            ),
        )
    ),
    build.thread_resume(
        p.ThreadResumeParams(
            thread_id=U1,
            exclude_turns=True,
            initial_turns_page=p.TurnsPage(limit=1, sort_direction="asc", items_view="full"),
        )
    ),
    build.thread_fork(p.ThreadForkParams(thread_id=U1, before_turn_id=U1, ephemeral=False)),
    build.thread_read(U1, include_turns=True),
    build.thread_list(
        p.ThreadListParams(
            cursor="c",
            limit=1,
            sort_key="updated_at",
            sort_direction="desc",
            model_providers=(),
            source_kinds=("cli", "vscode"),
            archived=True,
            cwd=("/a", "/b"),
            search_term="x",
        )
    ),
    build.thread_loaded_list(p.PageParams(cursor="c", limit=2)),
    build.thread_turns_list(
        p.ThreadTurnsListParams(thread_id=U1, limit=1, sort_direction="asc", items_view="full")
    ),
    build.thread_items_list(p.ThreadItemsListParams(thread_id=U1, turn_id=U1, cursor="c")),
    build.thread_archive(U1),
    build.thread_unarchive(U1),
    build.thread_delete(U1),
    build.thread_unsubscribe(U1),
    build.thread_name_set(U1, "n"),
    build.thread_compact_start(U1),
    build.thread_revert(U1, U1),
    build.turn_start(
        p.TurnStartParams(
            thread_id=U1,
            input=(
                v.TextInput(text="a"),
                v.ImageInput(url="data:x"),
                v.LocalImageInput(path="/i"),
                v.SkillInput(name="s", path="/s"),
                v.MentionInput(name="m", path="/m"),
            ),
            client_user_message_id="c",
            output_schema={"type": "object"},
            cwd="/w",
            model="m",
            effort="high",
            summary="detailed",
            approval_policy="untrusted",
            approvals_reviewer="auto_review",
            sandbox_policy=v.WorkspaceWrite(writable_roots=("/w",), network_access=True),
        )
    ),
    build.turn_start(
        p.TurnStartParams(thread_id=U1, input=(), sandbox_policy=v.DangerFullAccess())
    ),
    build.turn_start(
        p.TurnStartParams(thread_id=U1, input=(), sandbox_policy=v.ReadOnly(network_access=True))
    ),
    build.turn_start(
        p.TurnStartParams(
            thread_id=U1, input=(), sandbox_policy=v.ExternalSandbox(network_access="enabled")
        )
    ),
    build.turn_steer_text(U1, U1, "x", client_user_message_id="c"),
    build.turn_interrupt(U1, U1),
    build.account_read(refresh_token=True),
    build.account_login_start(p.ApiKeyLogin(api_key="k")),
    build.account_login_start(p.ChatgptLogin()),
    build.account_login_start(p.ChatgptDeviceLogin()),
    build.account_login_start(
        p.TokensLogin(access_token="a", chatgpt_account_id="b", chatgpt_plan_type="plus")
    ),
    build.account_login_cancel("l"),
    build.account_logout(),
    build.account_rate_limits_read(),
    build.model_list(p.ModelListParams(limit=1, include_hidden=True)),
]


@pytest.mark.parametrize("call", FULL_CALLS, ids=lambda call: call.method)
def test_what_a_builder_makes_fits_the_binarys_schema_and_has_no_unknown_field(
    bundle: dict[str, Any], call: build.Call[Any]
) -> None:
    variant = variants(bundle, "ClientRequest")[call.method]
    message = {"id": 1, "method": call.method}
    if call.params is not None:
        message["params"] = msgspec.json.decode(msgspec.json.encode(call.params))
    validator = Draft7Validator({**bundle, **variant})
    assert [error.message for error in validator.iter_errors(message)] == []
    schema = params_schema(bundle, variant)
    known = set(schema.get("properties", ()))
    for alternative in schema.get("oneOf", ()):
        known |= set(alternative.get("properties", ()))
    assert set(message.get("params", {})) <= known  # type: ignore[call-overload]


def test_the_server_lists_our_methods_in_our_order(tmp_path: Path) -> None:
    asked = json.dumps({"id": 1, "method": "bogus/method"}) + "\n"
    with subprocess.Popen(
        [find_codex(), "app-server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"CODEX_HOME": str(tmp_path), "PATH": ""},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(asked.encode())
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=30)
    names = re.findall(r"`([^`]+)`", answer["error"]["message"].split("expected one of")[1])
    assert names == list(CLIENT_METHODS)
