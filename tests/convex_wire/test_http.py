"""The HTTP API in-process: shapes, status codes, formats, faults (FACTS 2)."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from codex_fakes.convex import (
    App,
    Component,
    ConvexError,
    Int64,
    action,
    internal_mutation,
    mutation,
    query,
)
from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_fakes.convex.wire.requests import BODY_BYTES
from codex_runtime.values import dumps, loads
from support.convex_app import APP
from support.convex_sessions import ts_of, ts_text

pytestmark = pytest.mark.anyio

ENCODED = "convex_encoded_json"


@internal_mutation
def inside(ctx, args):
    return ctx.db.insert("things", {"n": 1})


@query
def things(ctx, args):
    return len(ctx.db.query("things").collect())


WITH_COMPONENT = App(
    modules={"m": {"inside": inside}},
    components={"codexLocal": Component(modules={"m": {"inside": inside, "things": things}})},
)


@pytest.fixture
def served():
    return InProcessConvex(APP)


@pytest.fixture
async def http(served):
    async with served.client() as client:
        yield client


async def call(http, kind, path, args=None, *, wanted=ENCODED, headers=None, **fields):
    body = {"path": path, "args": args or {}, "format": wanted, **fields}
    return await http.post(f"/api/{kind}", json=body, headers=headers)


async def value(http, kind, path, args=None):
    answer = await call(http, kind, path, args)
    said = answer.json()
    assert (answer.status_code, said["status"]) == (200, "success"), said
    return loads(json.dumps(said["value"]))


# Shapes --------------------------------------------------------------------------------------


async def test_a_mutation_an_action_and_a_query_answer_with_their_value(http):
    made = await value(http, "mutation", "messages:send", {"body": "hi"})
    count = await value(http, "action", "messages:relay", {"body": "again"})
    first, second = await value(http, "query", "messages:list")

    assert (first["_id"], count, second["body"]) == (made, 2.0, "again")


async def test_a_success_has_log_lines_only_when_there_are_some(http):
    sent = await call(http, "mutation", "messages:send", {"body": "hi"})
    listed = await call(http, "query", "messages:list")

    assert set(sent.json()) == {"status", "value", "logLines"}
    assert set(listed.json()) == {"status", "value"}


async def test_a_thrown_error_is_an_answer_of_200_with_its_data(http):
    answer = await call(http, "mutation", "values:failedMutation", {"data": {"n": 1}})
    said = answer.json()

    assert answer.status_code == 200
    assert said["status"] == "error"
    assert said["errorData"] == {"n": 1.0}
    assert said["errorMessage"].startswith("[Request ID: ")
    assert '] Server Error\nUncaught ConvexError: {"n":1' in said["errorMessage"]
    assert said["errorMessage"].endswith("\n")


async def test_a_plain_failure_has_no_data(http):
    assert "errorData" not in (await call(http, "mutation", "values:brokenMutation")).json()


async def test_a_float_has_a_point_in_it(http):
    answer = await call(http, "query", "values:query", {"value": 3})

    assert '"value":3.0' in answer.text


async def test_a_missing_function_is_an_answer_of_200(http):
    answer = await call(http, "query", "messages:nothing")

    assert answer.status_code == 200
    assert "Could not find public function for 'messages:nothing'." in answer.json()["errorMessage"]


async def test_an_internal_function_is_missing_for_everybody_else(served, http):
    hidden = await call(http, "query", "messages:hidden")
    shown = await call(
        http, "query", "messages:hidden", headers={"Authorization": f"Convex {served.admin_key}"}
    )

    assert "Could not find public function" in hidden.json()["errorMessage"]
    assert shown.json()["value"] == "hidden"


async def test_the_wrong_kind_is_told(http):
    said = (await call(http, "query", "messages:send", {"body": "x"})).json()

    assert (
        "Trying to execute messages.js:send as Query, but it is defined as Mutation."
        in said["errorMessage"]
    )


async def test_arguments_may_be_an_array_with_one_object(http):
    answer = await http.post("/api/query", json={"path": "values:query", "args": [{"value": "x"}]})

    assert answer.json()["value"] == "x"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([{}, {}], "Expected to receive a single object as the function's argument."),
        (5, "Instead received: 5.0"),
        (None, "Instead received: null"),
        ({"a": {"$integer": "x"}}, "Invalid arguments for values.js:query: "),
    ],
)
@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_arguments_that_are_none_are_the_functions_failure(http, kind, args, said):
    answer = await http.post(f"/api/{kind}", json={"path": "values:query", "args": args})

    assert answer.status_code == 200
    assert said in answer.json()["errorMessage"]


# Formats -------------------------------------------------------------------------------------

SPECIAL = {"i": Int64(7), "b": b"\x00\xff", "f": float("inf"), "n": float("nan"), "z": -0.0}


def special_app():
    @query
    def special(ctx, args):
        return SPECIAL

    @mutation
    def fails(ctx, args):
        ctx.db.insert("marks", {})
        raise ConvexError(SPECIAL)

    @mutation
    def marks(ctx, args):
        return ctx.db.insert("marks", {})

    @query
    def count(ctx, args):
        return len(ctx.db.query("marks").collect())

    module = {"special": special, "fails": fails, "marks": marks, "count": count}
    return InProcessConvex(App(modules={"m": module}))


CLEAN = {"i": "7", "b": "AP8=", "f": "Infinity", "n": "NaN", "z": -0.0}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("convex_encoded_json", json.loads(dumps(SPECIAL))),
        ("convex_json", json.loads(dumps(SPECIAL))),
        ("json", CLEAN),
        ("convex_clean_json", CLEAN),
        ("export_json", {**json.loads(dumps(SPECIAL)), "i": 7}),
    ],
)
async def test_a_value_and_error_data_come_in_the_format_that_was_asked_for(wanted, expected):
    async with special_app().client() as http:
        returned = await call(http, "query", "m:special", wanted=wanted)
        thrown = await call(http, "mutation", "m:fails", wanted=wanted)

    assert returned.json()["value"] == expected
    assert thrown.json()["errorData"] == expected


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (None, "7"),
        ("npm-1.4.1", "7"),
        ("npm-1.4.0", {"$integer": "BwAAAAAAAAA="}),
        ("python-0.4.0", {"$integer": "BwAAAAAAAAA="}),
        ("python-0.8.1", "7"),
        ("mine-1.0.0", "7"),
    ],
)
async def test_without_a_format_the_client_decides(client, expected):
    headers = {} if client is None else {"Convex-Client": client}
    async with special_app().client() as http:
        body = {"path": "m:special", "args": {}}
        answer = await http.post("/api/query", json=body, headers=headers)

    assert answer.json()["value"]["i"] == expected


async def test_a_format_that_is_none_is_refused_after_the_function_ran():
    async with special_app().client() as http:
        refused = await call(http, "mutation", "m:marks", wanted="xml")
        count = await value(http, "query", "m:count")

    assert (refused.status_code, refused.json()["code"]) == (400, "BadFormat")
    assert count == 1.0


# The other routes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({}, "missing field `path`"),
        ({"path": "values:query"}, "missing field `args`"),
        ({"args": "{}"}, "invalid type: newtype struct, expected any valid JSON value"),
        (
            {"path": "values:query", "args": '{"value": "x"}'},
            "invalid type: newtype struct, expected any valid JSON value",
        ),
    ],
)
async def test_a_query_in_the_url_is_refused_as_by_the_real_backend(http, params, why):
    answer = await http.get("/api/query", params=params)

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "BadQueryArgs",
        "message": f"Failed to deserialize query string: {why}",
    }


async def test_a_query_at_a_time_sees_the_data_of_that_time(http):
    before = (await http.post("/api/query_ts")).json()["ts"]
    await value(http, "mutation", "messages:send", {"body": "hi"})
    after = (await http.post("/api/query_ts")).json()["ts"]

    then = await call(http, "query_at_ts", "messages:list", ts=before)
    now = await call(http, "query_at_ts", "messages:list", ts=after)

    assert then.json()["value"] == []
    assert len(now.json()["value"]) == 1
    assert ts_of(after) > ts_of(before)


@pytest.mark.parametrize("ts", ["AA==", "no", ts_text(2**62)])
async def test_a_time_that_cannot_be_read_is_an_internal_error(http, ts):
    answer = await call(http, "query_at_ts", "messages:list", ts=ts)

    assert (answer.status_code, answer.json()["code"]) == (500, "InternalServerError")


async def test_a_batch_answers_each_query(http):
    queries = [
        {"path": "values:query", "args": {"value": "x"}, "format": ENCODED},
        {"path": "values:failedQuery", "args": {"data": 1}},
        {"path": "messages:nothing", "args": {}},
    ]
    answer = await http.post("/api/query_batch", json={"queries": queries})
    first, second, third = answer.json()["results"]

    assert first == {"status": "success", "value": "x"}
    assert second["errorData"] == 1.0
    assert third["status"] == "error"


async def test_a_function_runs_by_the_url_that_names_it(http):
    sent = await http.post("/api/run/messages/send", json={"args": {"body": "hi"}})
    listed = await http.post("/api/run/messages/list", json={"args": {}})

    assert sent.json()["value"] == listed.json()["value"][0]["_id"]


async def test_a_url_that_names_no_function_is_refused(http):
    answer = await http.post("/api/run/messages", json={"args": {}})

    assert (answer.status_code, answer.json()["code"]) == (400, "MissingIdentifier")


async def test_an_administrator_calls_any_function_of_a_component():
    served = InProcessConvex(WITH_COMPONENT)
    admin = {"Authorization": f"Convex {served.admin_key}"}
    async with served.client(headers=admin) as http:
        for _ in range(2):
            made = await call(http, "function", "m:inside", componentPath="codexLocal")
            assert made.json()["status"] == "success"
        await call(http, "function", "m:inside")
        counted = await call(http, "function", "m:things", componentPath="codexLocal")

    assert counted.json()["value"] == 2.0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer TOKEN"}])
async def test_only_administrators_call_any_function(served, http, headers):
    told = {name: text.replace("TOKEN", served.token()) for name, text in headers.items()}
    answer = await call(http, "function", "messages:list", headers=told)

    assert (answer.status_code, answer.json()["code"]) == (403, "BadDeployKey")


async def test_an_action_runs_as_any_function_too(served, http):
    admin = {"Authorization": f"Convex {served.admin_key}"}
    answer = await call(http, "function", "messages:relay", {"body": "hi"}, headers=admin)

    assert answer.json()["value"] == 1.0


@pytest.mark.parametrize("path", ["/version", "/instance_version", "/instance_name"])
async def test_a_deployment_says_what_it_is(http, path):
    answer = await http.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text


async def test_the_root_says_that_it_runs(http):
    said = "This Convex deployment is running. See https://docs.convex.dev/."

    assert (await http.get("/")).text == said


async def test_an_echo_comes_back(http):
    assert (await http.post("/echo", content=b"\x00\xff")).content == b"\x00\xff"


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/mutation"), ("PUT", "/api/query")])
async def test_another_method_is_not_allowed(http, method, path):
    answer = await http.request(method, path)

    assert (answer.status_code, answer.content) == (405, b"")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/_fake/state"])
async def test_another_path_is_not_there(http, path):
    assert (await http.get(path)).status_code == 404


# What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"{}", None, "Expected request with `Content-Type: application/json`"),
        (b"{}", "text/plain", "Expected request with `Content-Type: application/json`"),
        (b"", "application/json", "Failed to parse the request body as JSON: "),
        (b"{", "application/json", "Failed to parse the request body as JSON: "),
        (b"\xff", "application/json", "Failed to parse the request body as JSON: "),
        (b"[" * 9000, "application/json", "Failed to"),
        (b"[]", "application/json", "into the target type: "),
        (b"{}", "application/json", "into the target type: "),
        (b'{"path":"a:b"}', "application/json", "missing required field `args`"),
        (b'{"path":1,"args":{}}', "application/json", "into the target type: "),
        (b'{"path":"a:b","args":{},"format":1}', "application/json", "into the target type: "),
    ],
)
async def test_a_body_that_is_none_is_refused(http, body, content_type, said):
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await http.post("/api/query", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "BadJsonBody")
    assert said in answer.json()["message"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/x+json"])
async def test_other_types_of_json_are_json(http, kind):
    body = b'{"path":"messages:list","args":{}}'
    answer = await http.post("/api/query", content=body, headers={"Content-Type": kind})

    assert answer.json()["status"] == "success"


@pytest.mark.parametrize("path", ["", "m:ok:x", "m/o-k", "m:", ":f", "a b:c", "m:f-g"])
@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_a_path_that_cannot_be_one_is_refused(http, kind, path):
    answer = await call(http, kind, path)

    assert (answer.status_code, answer.json()["code"]) == (400, "BadConvexFunctionIdentifier")
    assert f"{path} is not a valid path to a Convex function." in answer.json()["message"]


def padded(length):
    head, tail = b'{"path":"values:size","args":{"data":"', b'"}}'
    return head + b"x" * (length - len(head) - len(tail)) + tail


async def test_a_body_of_the_limit_is_read_and_one_byte_more_is_refused(http):
    headers = {"Content-Type": "application/json"}
    whole = await http.post("/api/mutation", content=padded(BODY_BYTES), headers=headers)
    longer = await http.post("/api/mutation", content=padded(BODY_BYTES + 1), headers=headers)

    assert whole.status_code == 200
    assert (longer.status_code, longer.json()["code"]) == (400, "BadJsonBody")
    assert "length limit exceeded" in longer.json()["message"]


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("Bearer no", 401, "InvalidAuthHeader"),
        ("Convex wrong", 401, "BadAdminKey"),
        ("Convex", 400, "InvalidHeaderFailure"),
        ("Basic abcdef", 401, "InvalidAuthHeader"),
    ],
)
async def test_who_is_not_believed_is_refused(http, header, status, code):
    answer = await call(http, "query", "messages:list", headers={"Authorization": header})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_token_that_ended_is_refused(served, http):
    token = served.token("ada", expires_in=60)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await call(http, "query", "who:am", headers=headers)).json()["value"] == "ada"
    await served.advance(60_000)
    answer = await call(http, "query", "who:am", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "TokenExpired")


async def test_an_administrator_acts_as_a_user(served, http):
    attributes = base64.b64encode(json.dumps({"issuer": "i", "subject": "eve"}).encode()).decode()
    headers = {"Authorization": f"Convex {served.admin_key}:{attributes}"}

    assert (await call(http, "query", "who:am", headers=headers)).json()["value"] == "eve"


async def test_the_admin_key_may_stand_in_the_url(served, http):
    answer = await http.post(
        "/api/query",
        params={"adminKey": served.admin_key},
        json={"path": "messages:hidden", "args": {}},
    )

    assert answer.json()["value"] == "hidden"


@pytest.mark.parametrize(
    ("client", "code"),
    [("nothing", "InvalidClientVersion"), ("npm-0.19.1", "ClientVersionUnsupported")],
)
async def test_a_client_that_is_too_old_is_refused(http, client, code):
    answer = await call(http, "query", "messages:list", headers={"Convex-Client": client})

    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_an_old_client_is_served_and_warned(http):
    answer = await call(http, "query", "messages:list", headers={"Convex-Client": "python-0.2.0"})

    assert answer.json()["status"] == "success"
    assert answer.headers["x-convex-deprecation-state"] == "UpgradeRequired"
    assert "pip install" in answer.headers["x-convex-deprecation-message"]


async def test_conflicts_to_the_last_are_a_503(served, http):
    served.inject("conflict", times=5)
    answer = await call(http, "mutation", "messages:send", {"body": "hi"})

    assert answer.status_code == 503
    assert answer.json()["code"] == "OptimisticConcurrencyControlFailure"


async def test_misuse_of_the_fake_is_a_failure_that_is_reported():
    class Elsewhere:
        def __await__(self):
            yield

    @query
    async def waits(ctx, args):
        await Elsewhere()

    served = InProcessConvex(App(modules={"m": {"waits": waits}}))
    async with served.client() as http:
        answer = await call(http, "query", "m:waits")

    assert "[E_FAKE_CONVEX_FOREIGN_AWAIT]" in answer.json()["errorMessage"]
    assert [problem.code for problem in served.server.problems] == ["E_FAKE_CONVEX_FOREIGN_AWAIT"]


async def test_a_deployment_that_redacts_tells_only_the_data():
    async with InProcessConvex(APP, redact_logs=True).client() as http:
        failed = (await call(http, "mutation", "values:failedMutation", {"data": 1})).json()
        sent = (await call(http, "mutation", "messages:send", {"body": "hi"})).json()

    assert failed["errorMessage"].endswith("] Server Error")
    assert failed["errorData"] == 1.0
    assert "logLines" not in sent


async def test_another_app_is_served_from_when_it_is_deployed(served, http):
    issuer = InProcessConvex(APP)
    elsewhere = {"Authorization": f"Bearer {issuer.token('ada')}"}
    assert (await call(http, "query", "who:am", headers=elsewhere)).status_code == 401

    modules = {"who": APP.modules["who"]}
    served.backend.deploy(App(modules=modules, auth=[issuer.server.tokens.auth_config()]))

    assert (await call(http, "query", "who:am", headers=elsewhere)).json()["value"] == "ada"
    assert "Could not find" in (await call(http, "query", "messages:list")).json()["errorMessage"]


# Browsers ------------------------------------------------------------------------------------


async def test_a_browser_may_call_from_anywhere(http):
    answer = await call(http, "query", "messages:list", headers={"Origin": "https://app.example"})

    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_a_preflight_allows_what_is_asked_for(http):
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "convex-client, x-other",
    }
    answer = await http.options("/api/mutation", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-headers"] == "convex-client, x-other"
    assert answer.headers["access-control-max-age"] == "86400"
    assert "POST" in answer.headers["access-control-allow-methods"]


# Faults --------------------------------------------------------------------------------------


async def test_a_503_runs_nothing_and_happens_as_often_as_asked(served, http):
    served.inject("http_503", times=2)
    answers = [await call(http, "mutation", "messages:send", {"body": "hi"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json()["code"] == "ServiceUnavailable"
    assert len(await value(http, "query", "messages:list")) == 1


async def test_a_reply_that_is_lost_was_carried_out(served, http):
    served.inject("lost_reply", path="messages:send")
    with pytest.raises(httpx.ReadError):
        await call(http, "mutation", "messages:send", {"body": "hi"})

    assert len(await value(http, "query", "messages:list")) == 1


@pytest.mark.parametrize(("fault", "rows"), [("drop_before_commit", 0), ("drop_after_commit", 1)])
async def test_a_connection_is_cut_before_or_after_the_commit(served, http, fault, rows):
    served.inject(fault)
    with pytest.raises(httpx.ReadError):
        await call(http, "mutation", "messages:send", {"body": "hi"})

    assert len(await value(http, "query", "messages:list")) == rows


async def test_a_fault_about_commits_spares_actions_and_queries(served, http):
    served.inject("drop_before_commit")

    assert (await call(http, "query", "messages:list")).status_code == 200
    assert (await call(http, "action", "values:action")).status_code == 200
    assert served.server.faults.waiting() == {"drop_before_commit": 1}


@pytest.mark.parametrize("fault", ["delay", "delay_reply"])
async def test_a_delay_changes_nothing_else(served, http, fault):
    served.inject(fault, milliseconds=1)

    assert (await call(http, "mutation", "messages:send", {"body": "hi"})).status_code == 200


async def test_a_restart_ends_an_action_that_runs_and_keeps_what_it_wrote():
    served = None

    @mutation
    def write(ctx, args):
        ctx.db.insert("rows", {})

    @query
    def count(ctx, args):
        return len(ctx.db.query("rows").collect())

    @action
    async def restarts(ctx, args):
        await ctx.run_mutation("m:write", {})
        served.inject("restart")
        await ctx.run_mutation("m:write", {})

    module = {"write": write, "count": count, "restarts": restarts}
    served = InProcessConvex(App(modules={"m": module}))
    async with served.client() as http:
        with pytest.raises(httpx.ReadError):
            await call(http, "action", "m:restarts")
        assert await value(http, "query", "m:count") == 1.0
