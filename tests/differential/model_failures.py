"""The model fails: every HTTP status, codes of failed responses, streams that end too early."""

from __future__ import annotations

from codex_fakes.script import Drop, FailHttp, FailResponse, Incomplete, Say, Think, Usage, script
from support.programs import Program, read, start, turn

DONE = Say(text="done")


PROGRAMS = {
    **{
        f"http {s}": Program(
            script(FailHttp(status=s, message="m"), DONE), (start(), turn("a"), turn("b"), read())
        )
        for s in (402, 403, 408, 409, 413, 418, 422, 502, 504, 529)
    },
    **{
        f"http {s} {c}": Program(
            script(FailHttp(status=s, code=c, message="m"), DONE),
            (start(), turn("a"), turn("b"), read()),
        )
        for s, c in (
            (429, "slow_down"),
            (500, "server_error"),
            (503, "slow_down"),
            (400, "context_length_exceeded"),
            (400, "invalid_prompt"),
            (403, "unsupported_country"),
        )
    },
    "http 500 retried both ways": Program(
        script(*(FailHttp(status=500),) * 4, DONE),
        (start(), turn(), read()),
        {"request_max_retries": 1, "stream_max_retries": 2},
    ),
    "http 401 retried": Program(
        script(FailHttp(status=401), FailHttp(status=401), DONE),
        (start(), turn(), read()),
        {"request_max_retries": 2, "stream_max_retries": 2},
    ),
    **{
        f"failed {c}": Program(
            script((Say(text="x"), FailResponse(code=c, message="m")), DONE, DONE),
            (start(), turn("a"), turn("b"), read()),
            {"stream_max_retries": 1},
        )
        for c in (
            "server_is_overloaded",
            "slow_down",
            "invalid_prompt",
            "cyber_policy_violation",
            "bio_policy",
            "usage_not_included",
            "insufficient_quota",
            "context_length_exceeded",
        )
    },
    "incomplete content_filter": Program(
        script((Say(text="x"), Incomplete(reason="content_filter")), DONE),
        (start(), turn(), turn("b"), read()),
    ),
    "nothing said": Program(
        script((Usage(input=1, cached=0, output=0, reasoning=0),)), (start(), turn(), read())
    ),
    "think and drop": Program(
        script((Think(summary=("a",)), Drop()), DONE),
        (start(), turn(), read()),
        {"stream_max_retries": 1},
    ),
    "http 503 slow_down reopened": Program(
        script(FailHttp(status=503, code="slow_down"), DONE),
        (start(), turn(), read()),
        {"stream_max_retries": 1, "request_max_retries": 1},
    ),
    "http 429 insufficient_quota": Program(
        script(FailHttp(status=429, code="insufficient_quota"), DONE),
        (start(), turn(), turn("b"), read()),
        {"stream_max_retries": 1, "request_max_retries": 1},
    ),
}
