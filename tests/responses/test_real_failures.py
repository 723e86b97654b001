"""How the real binary reports what goes wrong with its model.

One process per module and worker: each failure has a thread of its own, and the newest user message
names the failure it is meant for.
"""

from __future__ import annotations

import pytest

from codex_fakes.responses.exchange import Outcome
from codex_fakes.script import (
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Incomplete,
    Response,
    Run,
    Say,
    Stall,
    TypeInto,
)

from .raw_codex import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.real]

OPEN = Say(text="partial", left_open=True)
CLOSED_EARLY = "stream disconnected before completion: stream closed before response.completed"

FAILURES = {
    "http-500": ((FailHttp(status=500),), "internalServerError", "high demand"),
    "http-401": (
        (FailHttp(status=401, message="who are you"),),
        {"httpConnectionFailed": {"httpStatusCode": 401}},
        "unexpected status 401 Unauthorized: who are you, url: ",
    ),
    "http-404": (
        (FailHttp(status=404),),
        {"httpConnectionFailed": {"httpStatusCode": 404}},
        "unexpected status 404 Not Found: scripted failure",
    ),
    "http-429": (
        (FailHttp(status=429, code="rate_limit_exceeded", headers={"retry-after": "1"}),),
        {"responseTooManyFailedAttempts": {"httpStatusCode": 429}},
        "exceeded retry limit, last status: 429 Too Many Requests",
    ),
    "http-usage": (
        (
            FailHttp(
                status=429,
                type="usage_limit_reached",
                details={"plan_type": "plus", "resets_at": 1_900_000_000},
            ),
        ),
        "usageLimitExceeded",
        "hit your usage limit",
    ),
    "http-400": (
        (FailHttp(status=400, message="bad", code="c"),),
        "other",
        '{"error":{"message":"bad","code":"c"}}',
    ),
    "http-503": (
        (FailHttp(status=503, code="server_is_overloaded"),),
        "serverOverloaded",
        "at capacity",
    ),
    "failed-context": (
        (FailResponse(code="context_length_exceeded"),),
        "contextWindowExceeded",
        "ran out of room",
    ),
    "failed-quota": (
        (FailResponse(code="insufficient_quota"),),
        "usageLimitExceeded",
        "Quota exceeded",
    ),
    "failed-rate": (
        (FailResponse(code="rate_limit_exceeded", message="slow down"),),
        "rateLimitExceeded",
        "rate limit exceeded: slow down",
    ),
    "failed-overload": (
        (FailResponse(code="server_is_overloaded"),),
        "serverOverloaded",
        "at capacity",
    ),
    "failed-other": (
        (OPEN, FailResponse(code="nonsense", message="boom")),
        "other",
        "stream disconnected before completion: boom",
    ),
    "incomplete": (
        (Say(text="a"), Incomplete()),
        "other",
        "Incomplete response returned, reason: max_output_tokens",
    ),
    "dropped": ((OPEN, Drop()), "other", CLOSED_EARLY),
    "empty": ((Drop(),), "other", CLOSED_EARLY),
    "garbage-end": ((Garbage(text="event: response.created\ndata: {"), Drop()), "other",
                    CLOSED_EARLY),
    "silence": ((OPEN, Stall()), "other",
                "stream disconnected before completion: idle timeout waiting for SSE"),
}  # fmt: skip


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def codex(tmp_path_factory):
    rows = [Response(steps=row[0], when=f"<{name}>") for name, row in FAILURES.items()]
    rest = [
        Response(steps=(Garbage(), Say(text="fine")), when="<garbage-first>"),
        Response(steps=(Run(command="true"), FailResponse(code="x")), when="<call-then-fail>"),
        Response(steps=(Say(text="recovered"),), repeat=True),
    ]
    settings = {"stream_idle_timeout_ms": 300}
    path = tmp_path_factory.mktemp("failures")
    async with scripted(path, *rows, *rest, settings=settings) as (codex, _):
        yield codex


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_reported_once_and_the_next_turn_works(codex, name):
    _, info, text = FAILURES[name]
    thread = await codex.thread()
    turn = await codex.turn(thread, f"<{name}>")
    assert turn["status"] == "failed"
    assert text in turn["error"]["message"]
    assert turn["error"]["codexErrorInfo"] == info
    (error,) = codex.of("error", turnId=turn["id"])
    assert error["willRetry"] is False
    assert error["error"] == turn["error"]
    if name != "failed-context":
        # After that one Codex compacts first, which is another request.
        again = await codex.turn(thread, "once more")
        assert again["items"][0]["text"] == "recovered"


async def test_garbage_between_events_is_passed_over(codex):
    turn = await codex.turn(await codex.thread(), "<garbage-first>")
    assert (turn["status"], turn["items"][0]["text"]) == ("completed", "fine")


async def test_a_call_before_the_failure_has_its_output_in_the_next_turn(codex):
    thread = await codex.thread()
    assert (await codex.turn(thread, "<call-then-fail>"))["status"] == "failed"
    # That call and output are paired there is what the server checks.
    assert (await codex.turn(thread, "next"))["status"] == "completed"


@pytest.mark.parametrize(
    ("end", "cause", "outcome"),
    [
        (Drop(), CLOSED_EARLY, Outcome.SENT),
        (Stall(), "idle timeout waiting for SSE", Outcome.LEFT),
    ],
)
async def test_a_broken_stream_is_retried_and_says_so(tmp_path, end, cause, outcome):
    settings = {"stream_max_retries": 2, "stream_idle_timeout_ms": 300}
    async with scripted(tmp_path, (OPEN, end), Say(text="second"), settings=settings) as (
        codex,
        server,
    ):
        turn = await codex.turn(await codex.thread())
        assert (turn["status"], turn["items"][0]["text"]) == ("completed", "second")
        (error,) = codex.of("error", turnId=turn["id"])
        assert error["willRetry"] is True
        assert error["error"]["message"] == "Reconnecting... 1/2"
        assert cause in error["error"]["additionalDetails"]
        assert (await server.exchange_ended(1)).outcome is outcome
        assert len(server.requests) == 2


async def test_a_refused_request_is_retried_in_silence(tmp_path):
    settings = {"request_max_retries": 2}
    async with scripted(tmp_path, FailHttp(status=500), Say(text="second"), settings=settings) as (
        codex,
        server,
    ):
        turn = await codex.turn(await codex.thread())
        assert turn["items"][0]["text"] == "second"
        assert codex.of("error") == []
        assert len(server.requests) == 2


async def test_a_script_that_is_used_up_fails_the_turn_and_is_a_problem(tmp_path):
    async with scripted(tmp_path, allow_problems=True) as (codex, server):
        turn = await codex.turn(await codex.thread(), "anything")
        assert turn["error"]["codexErrorInfo"] == "internalServerError"
        (problem,) = server.problems
        assert (problem.code, problem.request) == ("E_SCRIPT_EXHAUSTED", 1)
        assert "'anything'" in problem.text


async def test_typing_into_a_command_that_has_ended_is_a_problem(tmp_path):
    typed = TypeInto(into="call_0_0", text="x")
    async with scripted(tmp_path, Run(command="true"), typed, allow_problems=True) as (
        codex,
        server,
    ):
        turn = await codex.turn(await codex.thread())
        assert turn["status"] == "failed"
        assert [problem.code for problem in server.problems] == ["E_SCRIPT_UNPLAYABLE"]
