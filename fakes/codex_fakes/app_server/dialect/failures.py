"""How a model response that goes wrong looks to the client: texts and codes of FACTS §12.

May import the dialect and the script's steps. The invariant: every ending of a response has exactly
one failure, and what the server does about it (repeat silently, reopen the stream, give up) follows
from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.script.steps import Drop, FailHttp, FailResponse, Incomplete

_DISCONNECTED: Final = "stream disconnected before completion: "
_LIMITED: Final = 429
_BUSY: Final = "Selected model is at capacity. Please try a different model."
_BUSY_CODE: Final = "server_is_overloaded"
_NO_QUOTA: Final = "Quota exceeded. Check your plan and billing details."
_PHRASES: Final = {413: "Payload Too Large", 418: "I'm a teapot"}
"""Where the real server's names of statuses are not Python's."""
_HTTP_SERVER_ERRORS: Final = range(500, 600)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a model response failed.

    Attributes:
        message: The text that the client sees when the turn ends of it.
        info: ``codexErrorInfo``.
        repeats_request: Whether the request is repeated silently while repeats are left.
        reopens_stream: Whether the stream is reopened while reopenings are left.
        streamed: Whether a stream had begun, so that rate limits are reported.
        status: The HTTP status, where reopening the stream reports it.
        fills_context: Whether the context window counts as full from now on.
        counted: Whether the stream has told what it used, which is reported even of a compaction.
    """

    message: str
    info: Any
    repeats_request: bool = False
    reopens_stream: bool = False
    streamed: bool = False
    status: int | None = None
    fills_context: bool = False
    counted: bool = False

    def error(self) -> dict[str, Any]:
        """The ``error`` of the error notification and of the turn."""
        return turn_error(self.message, self.info, None)


def turn_error(message: str, info: Any, details: str | None) -> dict[str, Any]:
    """Build a ``TurnError``."""
    return {
        "message": message,
        "codexErrorInfo": info,
        "additionalDetails": details,
        "misalignment": None,
    }


def reconnecting(failure: Failure, attempt: int, most: int) -> dict[str, Any]:
    """Build the ``TurnError`` that announces that a stream is reopened.

    Args:
        failure: Why the stream broke.
        attempt: Which time this is, from 1.
        most: How often it may be reopened.
    """
    info = {"responseStreamDisconnected": {"httpStatusCode": failure.status}}
    return turn_error(f"Reconnecting... {attempt}/{most}", info, failure.message)


def waiting_for_network() -> dict[str, Any]:
    """Build the ``TurnError`` that says that nobody can be reached."""
    info = {"responseStreamDisconnected": {"httpStatusCode": None}}
    nobody = "Connection failed: error sending request"
    return turn_error("Reconnecting... waiting for network", info, nobody)


IDLE_TIMEOUT: Final = Failure(
    _DISCONNECTED + "idle timeout waiting for SSE", "other", reopens_stream=True, streamed=True
)
_CLOSED: Final = Failure(
    _DISCONNECTED + "stream closed before response.completed",
    "other",
    reopens_stream=True,
    streamed=True,
)
_RESPONSE_CODES: Final = {
    "context_length_exceeded": Failure(
        "Codex ran out of room in the model's context window. Start a new thread or clear "
        "earlier history before retrying.",
        "contextWindowExceeded",
        streamed=True,
        fills_context=True,
    ),
    "insufficient_quota": Failure(
        _NO_QUOTA,
        "usageLimitExceeded",
        streamed=True,
    ),
    "usage_not_included": Failure(
        "To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.",
        "usageLimitExceeded",
        streamed=True,
    ),
}
_REFUSED_CODES: Final = {
    "invalid_prompt": "other",
    "bio_policy": "other",
    "cyber_policy": "cyberPolicy",
}
"""Codes of requests that the model will not have, and what the client is told they are."""


def failure_of(ending: FailHttp | FailResponse | Incomplete | Drop, provider_url: str) -> Failure:
    """Say what a failed response looks like.

    Args:
        ending: The step that ended it.
        provider_url: The model provider's base URL, which some texts contain.

    Returns:
        The failure.
    """
    if isinstance(ending, Drop):
        return _CLOSED
    if isinstance(ending, Incomplete):
        told = f"Incomplete response returned, reason: {ending.reason}"
        whole = told if ending.reason == "max_output_tokens" else _DISCONNECTED + told
        return Failure(whole, "other", streamed=True, counted=True)
    if isinstance(ending, FailResponse):
        return _failed_response(ending)
    return _failed_request(ending, provider_url)


def _failed_response(ending: FailResponse) -> Failure:
    if ending.code == _BUSY_CODE:
        return Failure(_BUSY, "serverOverloaded", streamed=True)
    if ending.code in _REFUSED_CODES:
        return Failure(ending.message, _REFUSED_CODES[ending.code], streamed=True)
    known = _RESPONSE_CODES.get(ending.code)
    if known is not None:
        return known
    if ending.code in {"rate_limit_exceeded", "slow_down"}:
        return _too_fast(ending, streamed=True)
    return Failure(_DISCONNECTED + ending.message, "other", reopens_stream=True, streamed=True)


def _too_fast(ending: FailHttp | FailResponse, *, streamed: bool) -> Failure:
    return Failure(
        f"rate limit exceeded: {ending.message}",
        "rateLimitExceeded",
        repeats_request=not streamed,
        reopens_stream=True,
        streamed=streamed,
    )


def _failed_request(ending: FailHttp, provider_url: str) -> Failure:
    status = ending.status
    if status == HTTPStatus.BAD_REQUEST and ending.code in _REFUSED_CODES:
        return Failure(ending.message, _REFUSED_CODES[str(ending.code)])
    if status == HTTPStatus.BAD_REQUEST:
        return Failure(error_body(ending), "other")
    if status == _LIMITED:
        return _limited(ending)
    repeats = status in _HTTP_SERVER_ERRORS
    if status == HTTPStatus.SERVICE_UNAVAILABLE and ending.code == "slow_down":
        return _too_fast(ending, streamed=False)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and ending.code == _BUSY_CODE:
        return Failure(
            _BUSY,
            "serverOverloaded",
            repeats_request=repeats,
        )
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(
            "We’re currently experiencing high demand, which may cause temporary errors.",  # noqa: RUF001 - the server's own apostrophe
            "internalServerError",
            repeats_request=repeats,
            reopens_stream=True,
        )
    return Failure(
        f"unexpected status {_status_line(status)}: {ending.message}, "
        f"url: {provider_url}/responses",
        {"httpConnectionFailed": {"httpStatusCode": status}},
        repeats_request=repeats,
        reopens_stream=True,
        status=status,
    )


def _limited(ending: FailHttp) -> Failure:
    if ending.type == "usage_limit_reached":
        return Failure(usage_limit_text(ending.details), "usageLimitExceeded", streamed=True)
    if ending.code == "insufficient_quota":
        return Failure(_NO_QUOTA, "usageLimitExceeded")
    return Failure(
        f"exceeded retry limit, last status: {_status_line(_LIMITED)}",
        {"responseTooManyFailedAttempts": {"httpStatusCode": _LIMITED}},
    )


def _status_line(status: int) -> str:
    try:
        return f"{status} {_PHRASES.get(status) or HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} <unknown status code>"


def error_body(ending: FailHttp) -> str:
    """The body of a scripted HTTP error, as the scripted model API sends it."""
    told = {"message": ending.message, "type": ending.type, "code": ending.code}
    error = {name: value for name, value in told.items() if value is not None} | ending.details
    return dialect.encode({"error": error}).decode()


_WHAT_TO_DO: Final = {
    "plus": (
        "Upgrade to Pro (https://chatgpt.com/explore/pro), visit "
        "https://chatgpt.com/settings/usage to purchase more credits"
    ),
    "pro": "Visit https://chatgpt.com/settings/usage to purchase more credits",
}


def usage_limit_text(details: dict[str, Any]) -> str:
    """The text for a usage limit, which depends on the plan and on when it ends.

    Args:
        details: The members of the HTTP error: ``plan_type``, ``resets_at`` in seconds.

    Returns:
        The text, its time in the machine's time zone as the real server writes it.
    """
    start = "You’ve hit your usage limit."  # noqa: RUF001 - the server's own apostrophe
    resets = details.get("resets_at")
    when = "later" if resets is None else f"at {_moment(int(resets))}"
    advice = _WHAT_TO_DO.get(str(details.get("plan_type")))
    if advice is None:
        return f"{start} Try again {when}."
    return f"{start} {advice} or try again {when}."


def _moment(seconds: int) -> str:
    local = datetime.fromtimestamp(seconds, UTC).astimezone()
    day = local.day
    last = day % 10
    suffix = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    hour = local.hour % 12 or 12
    return f"{local:%b} {day}{suffix}, {local:%Y} {hour}:{local:%M %p}"
