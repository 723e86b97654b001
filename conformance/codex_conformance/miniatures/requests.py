"""Miniatures that break requests at their limits, refusals, and the account.

May import the definition of a miniature.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.miniatures.miniature import Miniature, broken_by

REQUESTS: Final[tuple[Miniature, ...]] = (
    broken_by(
        "deaf-to-large-lines",
        "A request of some megabytes is not answered.",
        "never-answer=thread/loaded/list[params.padding]",
        "protocol.requests.large-allowed",
    ),
    broken_by(
        "one-form-of-ids",
        "A thread id that does not look as usual is refused.",
        "refuse=thread/read[params.threadId^=urn:]:invalid thread id: urn",
        "protocol.requests.thread-id-forms",
    ),
    broken_by(
        "wants-params",
        "A method without params is refused without them.",
        "refuse=account/logout[params=null]:Invalid request: missing field `params`",
        "protocol.requests.params-optional",
        "protocol.account.logout",
    ),
    broken_by(
        "one-request-per-id",
        "The second request with an id that is under way is not answered.",
        "never-answer=thread/loaded/list[id=same]#2",
        "protocol.responses.same-ids",
    ),
    broken_by(
        "loses-a-request",
        "One of many requests is not answered.",
        "never-answer=thread/loaded/list[id=40]",
        "protocol.responses.side-by-side",
    ),
    broken_by(
        "rude-when-flooded",
        "What is one too many is refused with -32600.",
        "refuse=thread/loaded/list[id=flood-500]:Too many requests",
        "protocol.overload.refusal",
    ),
    broken_by(
        "drowns",
        "After a flood nothing is answered any more.",
        "hang=thread/loaded/list[id=flood-999]",
        "protocol.overload.recovers",
    ),
    broken_by(
        "forks-what-is-not-there",
        "Forking a thread that does not exist is refused with another text.",
        "put=thread/fork[error.message^=no rollout]:error.message=no such thread",
        "protocol.errors.unknown-thread-elsewhere",
    ),
    broken_by(
        "variants-unlisted",
        "A value that is none of those there are is refused without saying so.",
        "put=thread/start[error.message^=Invalid request: unknown variant]:error.message=no",
        "protocol.errors.unknown-variant",
    ),
    broken_by(
        "sessions-are-threads",
        "thread/resume calls a malformed session id a thread id.",
        "put=thread/resume[error.message^=invalid session id]:error.message=invalid thread id: x",
        "protocol.errors.malformed-session-id",
    ),
    broken_by(
        "all-refusals-alike",
        "What is not supported yet is refused with -32600.",
        "put=thread/items/list[error]:error.code=-32600",
        "protocol.errors.not-supported",
    ),
    broken_by(
        "contradictions-unexplained",
        "thread/start does not say what contradicts what.",
        "put=thread/start[error.message^=`permissions`]:error.message=no",
        "protocol.errors.contradiction",
    ),
    broken_by(
        "input-limit-unsaid",
        "The refusal of a long input has no data.",
        "omit=turn/start[error.code=-32602]:error.data",
        "protocol.errors.input-too-long",
    ),
    broken_by(
        "gate-unexplained",
        "A method that needs experimentalApi is refused without saying so.",
        "put=thread/backgroundTerminals/list[error]:error.message=no",
        "protocol.experimental.methods",
    ),
    broken_by(
        "fields-unexplained",
        "A field that needs experimentalApi is refused without saying so.",
        "put=thread/start[error.message^=thread/start.]:error.message=no",
        "protocol.experimental.fields",
    ),
    broken_by(
        "accepts-any-name",
        "A client's name that no header can hold is refused with another text.",
        "put=initialize[error.message^=Invalid clientInfo]:error.message=no",
        "protocol.initialize.name-refused",
    ),
    broken_by(
        "wants-capabilities",
        "An introduction without capabilities is refused.",
        "refuse=initialize[params.title=null][params.capabilities=null]"
        "[params.clientInfo.name=conformance]:missing",
        "protocol.initialize.short",
        "protocol.initialize.name-refused",
    ),
    broken_by(
        "hides-the-account",
        "account/read does not say who is logged in.",
        "put=account/read:result.account=null",
        "protocol.account.read",
    ),
    broken_by(
        "account-updated-first",
        "account/updated comes before account/login/completed.",
        "late=account/login/completed:account/updated",
        "protocol.account.login",
    ),
    broken_by(
        "logs-out-halfway",
        "After a logout account/updated still says apikey.",
        "put=account/updated#2:params.authMode=apikey",
        "protocol.account.logout",
    ),
    broken_by(
        "limits-unexplained",
        "Rate limits are refused without saying which login they need.",
        "put=account/rateLimits/read[error]:error.message=no",
        "protocol.account.limits-refused",
    ),
    broken_by(
        "cancels-anything",
        "Cancelling an unknown login says canceled.",
        "put=account/login/cancel[result]:result.status=canceled",
        "protocol.account.cancel",
    ),
    broken_by(
        "introductions-misworded",
        "A client that has not introduced itself is refused with another text.",
        "put=thread/loaded/list[error.message=Not initialized]:error.message=Who is there?",
        "protocol.initialize.each-client",
        "protocol.errors.not-initialized",
    ),
)
"""The miniatures of this module."""
