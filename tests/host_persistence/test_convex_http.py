"""Calls over HTTP: sent again only when that is safe, and never reported as undone when not."""

import httpx
import pytest

from codex_fakes.convex import App, ConvexError, mutation, query, v
from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_runtime.errors import ContractError
from codex_runtime.persistence.convex_http import ATTEMPTS, ConvexHttp
from codex_runtime.persistence.failures import PersistenceError

pytestmark = pytest.mark.anyio


@mutation(args={"text": v.string()}, returns=v.number())
def add(ctx, args):
    ctx.db.insert("lines", args)
    return len(ctx.db.query("lines").collect())


@query(args={}, returns=v.number())
def count(ctx, args):
    return len(ctx.db.query("lines").collect())


@query
def refuse(ctx, args):
    raise ConvexError({"code": "E_THREAD_NOT_FOUND", "message": "[E_THREAD_NOT_FOUND] Not there"})


@query
def shrug(ctx, args):
    raise ConvexError({"code": "NOBODY_KNOWS"})


@query
def fail(ctx, args):
    raise RuntimeError("something broke")


@pytest.fixture
def deployed():
    functions = {"add": add, "count": count, "refuse": refuse, "shrug": shrug, "fail": fail}
    return InProcessConvex(App(modules={"m": functions}))


class _Chunks(httpx.AsyncByteStream):
    def __init__(self, chunks):
        self._chunks = chunks

    async def __aiter__(self):
        for chunk in self._chunks:
            yield chunk


async def _add(http, *, repeatable=True):
    return await http.call("mutation", "m:add", {"text": "a"}, repeatable=repeatable)


async def _count(http):
    return await http.call("query", "m:count", {}, repeatable=True)


async def _code(call):
    with pytest.raises((PersistenceError, ContractError)) as failed:
        await call
    return failed.value.code


async def test_a_call_gives_what_the_function_returned(http):
    assert await _add(http) == 1
    assert await _count(http) == 1


async def test_a_refusal_of_the_contract_keeps_its_code_and_text(http):
    with pytest.raises(ContractError, match="Not there") as refused:
        await http.call("query", "m:refuse", {}, repeatable=True)
    assert str(refused.value) == "[E_THREAD_NOT_FOUND] Not there"


@pytest.mark.parametrize("function", ["shrug", "fail"])
async def test_a_failure_without_a_code_of_ours_is_the_deployments(http, function):
    call = http.call("query", f"m:{function}", {}, repeatable=True)
    assert await _code(call) == "E_PERSISTENCE_FUNCTION_FAILED"


@pytest.mark.parametrize(("kind", "path"), [("query", "m:nothing"), ("query", "m:add")])
async def test_an_endpoint_that_is_not_there_is_named(http, kind, path):
    assert await _code(http.call(kind, path, {}, repeatable=True)) == (
        "E_PERSISTENCE_ENDPOINT_MISSING"
    )


async def test_what_was_never_sent_is_sent_again(http, line, pauses):
    line.faults = [httpx.ConnectError("refused")] * 3
    assert await _add(http, repeatable=False) == 1
    assert pauses.seconds == [0.1, 0.2, 0.4]


async def test_a_port_that_stays_closed_is_reported_after_bounded_attempts(http, line, pauses):
    line.faults = [httpx.ConnectError("refused")] * 99
    assert await _code(_add(http)) == "E_PERSISTENCE_UNREACHABLE"
    assert len(line.sent) == ATTEMPTS
    assert max(pauses.seconds) <= 3.0


async def test_a_lost_answer_is_asked_for_again_when_the_call_is_repeatable(http, line):
    line.faults = ["lose the answer"]
    assert await _add(http, repeatable=True) == 2
    assert len(line.sent) == 2


async def test_a_lost_answer_is_unknown_when_the_call_is_not_repeatable(http, line):
    line.faults = ["lose the answer"]
    assert await _code(_add(http, repeatable=False)) == "E_PERSISTENCE_OUTCOME_UNKNOWN"
    assert len(line.sent) == 1
    assert await _count(http) == 1


async def test_what_may_have_happened_stays_unknown_however_the_later_attempts_fail(http, line):
    line.faults = ["lose the answer", *[httpx.ConnectError("refused")] * 99]
    assert await _code(_add(http)) == "E_PERSISTENCE_OUTCOME_UNKNOWN"


@pytest.mark.parametrize("status", [429, 503])
async def test_an_overloaded_deployment_is_asked_again_because_nothing_happened(http, line, status):
    line.faults = [httpx.Response(status, json={"code": "x"})] * 2
    assert await _add(http, repeatable=False) == 1
    line.faults = [httpx.Response(status, json={"code": "x"})] * 99
    assert await _code(_add(http)) == "E_PERSISTENCE_OVERLOADED"


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_failing_gateway_leaves_the_outcome_unknown(http, line, status):
    line.faults = [httpx.Response(status)]
    assert await _code(_add(http, repeatable=False)) == "E_PERSISTENCE_OUTCOME_UNKNOWN"
    line.faults = [httpx.Response(status)]
    assert await _add(http) == 1


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (httpx.Response(404, text="not here"), "E_PERSISTENCE_NOT_CONVEX"),
        (httpx.Response(200, text="<html>"), "E_PERSISTENCE_NOT_CONVEX"),
        (httpx.Response(200, json={"hello": 1}), "E_PERSISTENCE_NOT_CONVEX"),
        (httpx.Response(200, json=[]), "E_PERSISTENCE_NOT_CONVEX"),
        (httpx.Response(400, text="unreadable"), "E_PERSISTENCE_REQUEST_REFUSED"),
        (httpx.Response(413, text="too large"), "E_PERSISTENCE_TOO_LARGE"),
        (httpx.Response(401, json={"code": "NoAuthProvider"}), "E_PERSISTENCE_UNAUTHORIZED"),
    ],
)
async def test_an_answer_that_is_none_says_whose_fault_it_is(http, line, response, code):
    line.faults = [response]
    assert await _code(_count(http)) == code


@pytest.mark.parametrize("url", ["ftp://x", "x", "", "http://", "http://[", "http://x:notaport"])
def test_an_address_that_cannot_be_one_is_refused(url):
    with pytest.raises(PersistenceError) as refused:
        ConvexHttp(url)
    assert refused.value.code == "E_PERSISTENCE_URL_INVALID"


async def test_a_provider_is_asked_once_and_again_when_its_token_is_refused(deployed, line):
    asked = []

    async def provide(*, force_refresh):
        asked.append(force_refresh)
        return deployed.token("u") if force_refresh else "no token"

    http = ConvexHttp(deployed.url, token=provide, transport=line)
    assert await _add(http) == 1
    assert await _add(http) == 2
    assert asked == [False, True]
    await http.aclose()


async def test_a_provider_whose_tokens_are_never_good_is_not_asked_for_ever(deployed, line):
    asked = []

    async def provide(*, force_refresh):
        asked.append(force_refresh)
        return "no token"

    http = ConvexHttp(deployed.url, token=provide, transport=line)
    assert await _code(_count(http)) == "E_PERSISTENCE_UNAUTHORIZED"
    assert asked == [False, True]
    await http.aclose()


async def test_a_provider_that_raises_is_named_as_the_cause(deployed, line):
    async def provide(*, force_refresh):
        raise OSError("the vault is closed")

    http = ConvexHttp(deployed.url, token=provide, transport=line)
    with pytest.raises(PersistenceError, match="the vault is closed") as failed:
        await _count(http)
    assert failed.value.code == "E_PERSISTENCE_TOKEN_UNAVAILABLE"
    assert line.sent == []
    await http.aclose()


async def test_a_token_may_expire_at_the_last_attempt(deployed, line):
    async def provide(*, force_refresh):
        return deployed.token("u") if force_refresh else "expired"

    http = ConvexHttp(deployed.url, token=provide, transport=line, attempts=1)
    assert await _add(http) == 1
    await http.aclose()


@pytest.mark.parametrize("given", [None, 7, "tok\nen", "tök"])
async def test_what_is_no_token_is_never_sent(deployed, line, given):
    async def provide(*, force_refresh):
        return given

    http = ConvexHttp(deployed.url, token=provide, transport=line)
    assert await _code(_count(http)) == "E_PERSISTENCE_TOKEN_UNAVAILABLE"
    assert line.sent == []
    await http.aclose()


async def test_a_refused_token_is_not_told(deployed, line):
    http = ConvexHttp(deployed.url, token="secret\u00e9", transport=line)
    with pytest.raises(PersistenceError) as failed:
        await _count(http)
    assert "secret" not in str(failed.value)
    await http.aclose()


async def test_an_answer_that_cannot_be_read_may_have_happened(http, line):
    broken = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Chunks([b"no gzip"]))
    line.faults = [broken]
    assert await _code(_add(http, repeatable=False)) == "E_PERSISTENCE_OUTCOME_UNKNOWN"


@pytest.mark.parametrize(
    "text",
    [
        "Arguments for chat:ingestBatch are too large (actual: 17.0 MiB, limit: 16.0 MiB)",
        "Too many reads in a single function execution (limit: 4096)",
        "Too many bytes written in a single function execution (limit: 16777216 bytes)",
        "Value is too large (1.05 MiB > maximum size 1 MiB)",
    ],
)
async def test_a_call_beyond_a_limit_of_convex_is_too_large(http, line, text):
    line.faults = [httpx.Response(200, json={"status": "error", "errorMessage": text})]
    assert await _code(_add(http)) == "E_PERSISTENCE_TOO_LARGE"
    assert len(line.sent) == 1


async def test_the_admin_key_goes_along_as_convex_wants_it(deployed, line):
    http = ConvexHttp(deployed.url, admin_key=deployed.admin_key, transport=line)
    assert await _count(http) == 0
    assert line.sent[0].headers["authorization"] == f"Convex {deployed.admin_key}"
    await http.aclose()


async def test_a_client_that_is_closed_says_so(http):
    await http.aclose()
    await http.aclose()
    assert await _code(_count(http)) == "E_PERSISTENCE_CLOSED"
