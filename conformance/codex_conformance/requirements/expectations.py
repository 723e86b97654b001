"""What the suites expect, as data: members, statuses, texts.

May import the standard library only. The invariant: written from FACTS, and never taken from the
runtime's contract or from the fakes, so that a mistake there is found here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RESPONSE_MEMBERS: Final = frozenset({"id", "result"})
ERROR_MEMBERS: Final = frozenset({"id", "error"})
ERROR_OBJECT_MEMBERS: Final = frozenset({"code", "message"})
ERROR_OBJECT_OPTIONAL: Final = frozenset({"data"})
NOTIFICATION_MEMBERS: Final = frozenset({"method", "params", "emittedAtMs"})
SERVER_REQUEST_MEMBERS: Final = frozenset({"method", "id", "params"})
SERVER_REQUEST_OPTIONAL: Final = frozenset({"trace"})

INITIALIZE_RESULT: Final = frozenset({"userAgent", "codexHome", "platformFamily", "platformOs"})

THREAD_START_RESULT: Final = frozenset(
    {
        "thread",
        "model",
        "modelProvider",
        "serviceTier",
        "disabledPluginIds",
        "cwd",
        "runtimeWorkspaceRoots",
        "instructionSources",
        "approvalPolicy",
        "approvalsReviewer",
        "sandbox",
        "activePermissionProfile",
        "reasoningEffort",
        "multiAgentMode",
    }
)
"""Members of the result of thread/start (FACTS §7)."""

RESUME_RESULT: Final = frozenset(
    {"collaborationMode", "initialTurnsPage", "turnsBackwardsCursor", "itemsBackwardsCursor"}
)
"""Members that the result of thread/resume has besides (FACTS §7)."""

APPROVAL_TEXTS: Final = ("threadId", "turnId", "itemId", "command", "cwd")
"""Members of an approval request that a host shows or routes by (FACTS §9)."""

APPROVAL_DECISIONS: Final = ("accept", "cancel")
"""Decisions that are always offered (FACTS §9)."""

REFUSED: Final = -32600
"""The code of almost every refusal (FACTS §4)."""

UNSUPPORTED: Final = -32601
"""The code of what "is not supported yet" (FACTS §4)."""

TOO_LONG: Final = -32602
"""The code of an input that is too long (FACTS §4)."""

OVERLOADED: Final = -32001
"""The code of a request that is one too many (FACTS §16)."""

FINAL_STATUS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "plain-turns": ("completed", "completed"),
        "reasoning-turn": ("completed",),
        "two-threads": ("completed", "completed"),
        "command-accepted": ("completed",),
        "command-declined": ("completed",),
        "command-cancelled": ("interrupted",),
        "interrupted-message": ("interrupted", "completed"),
        "interrupted-approval": ("interrupted", "completed"),
        "failed-turn": ("failed", "completed"),
        "retried-stream": ("completed",),
        "retried-request": ("completed",),
    }
)
"""How the turns of each play end, in order (FACTS §8, §9, §10, §12)."""

ORDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "lifecycle.thread.response-first": ("response", "thread/started"),
        "lifecycle.approval.resolved": (
            "the client's answer",
            "serverRequest/resolved",
            "item/completed",
        ),
        "lifecycle.interrupt.order": ("response", "status idle", "turn/completed"),
        "lifecycle.interrupt.approval-resolved": ("turn/completed", "serverRequest/resolved"),
        "lifecycle.patch.item-first": ("item/started", "the request"),
        "lifecycle.patch.resolved": (
            "the client's answer",
            "serverRequest/resolved",
            "item/completed",
        ),
        "lifecycle.tool.call": ("item/started", "the request"),
        "lifecycle.clients.request-repeated": ("the answer to thread/resume", "the request"),
        "lifecycle.name.announced": ("response", "thread/name/updated"),
        "lifecycle.fork.order": ("response", "thread/tokenUsage/updated", "thread/started"),
        "lifecycle.archive.order": ("status notLoaded", "response", "thread/archived"),
        "lifecycle.archive.running": ("turn/completed", "response", "thread/archived"),
        "lifecycle.unarchive.order": ("response", "thread/unarchived"),
        "lifecycle.delete.order": ("response", "thread/deleted"),
        "lifecycle.revert.order": ("response", "thread/reverted"),
        "lifecycle.revert.running": ("turn/completed", "thread/reverted"),
        "lifecycle.review.entered-first": ("enteredReviewMode", "turn/started"),
        "lifecycle.settings.announced": ("thread/settings/updated", "response"),
        "lifecycle.resume.goal-cleared": ("response", "thread/goal/cleared"),
        "lifecycle.steer.waits-for-tools": ("the command's item/completed", "the user's message"),
        "lifecycle.tool.interrupted": ("item/completed", "response"),
        "protocol.account.login": ("response", "account/login/completed", "account/updated"),
        "protocol.account.logout": ("response", "account/updated"),
        "lifecycle.failure.order": ("status systemError", "error", "turn/completed"),
    }
)
"""What comes before what (FACTS §7, §8, §9, §10, §12); other messages may come between."""

STATUS_STEPS: Final[Mapping[str | None, frozenset[str]]] = MappingProxyType(
    {
        None: frozenset({"idle", "active"}),
        "idle": frozenset({"active"}),
        "active": frozenset({"active waitingOnApproval", "idle", "systemError"}),
        "active waitingOnApproval": frozenset({"active", "idle"}),
        "systemError": frozenset({"active"}),
    }
)
"""Which status of a thread may follow which one; ``None`` is before the first report (FACTS §7-12).

A status is never reported twice in a row, and a failed thread is not idle before its next turn.
"""

TURN_EVENTS: Final = (
    "turn/started",
    "turn/completed",
    "item/started",
    "item/completed",
    "item/agentMessage/delta",
    "item/reasoning/summaryPartAdded",
    "item/reasoning/summaryTextDelta",
    "item/commandExecution/outputDelta",
    "item/commandExecution/requestApproval",
    "thread/tokenUsage/updated",
    "error",
)
"""Messages that belong to a turn and carry its id."""

NOTHING_AFTER_COMPLETED: Final = tuple(
    method for method in TURN_EVENTS if method not in ("turn/started", "turn/completed")
)
"""Messages of a turn that may not come after its turn/completed."""

ERROR_INFO: Final[Mapping[str, object]] = MappingProxyType(
    {
        "http 401": {"httpConnectionFailed": {"httpStatusCode": 401}},
        "http 429": {"responseTooManyFailedAttempts": {"httpStatusCode": 429}},
        "http 429 usage limit": "usageLimitExceeded",
        "http 400": "other",
        "http 503 overloaded": "serverOverloaded",
        "quota": "usageLimitExceeded",
        "rate limit": "rateLimitExceeded",
        "unknown code": "other",
        "incomplete": "other",
        "dropped": "other",
        "garbage": "other",
        "context": "contextWindowExceeded",
    }
)
"""What codexErrorInfo says of each failure of the play ``failing`` (FACTS §12)."""

ERROR_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "http 401": "unexpected status 401 Unauthorized: ",
        "http 429": "exceeded retry limit, last status: 429 Too Many Requests",
        "http 429 usage limit": "You've hit your usage limit.",
        "http 400": "{",
        "http 503 overloaded": "Selected model is at capacity.",
        "quota": "Quota exceeded.",
        "rate limit": "rate limit exceeded: ",
        "unknown code": "stream disconnected before completion: ",
        "incomplete": "Incomplete response returned, reason: max_output_tokens",
        "dropped": "stream disconnected before completion: stream closed before",
        "garbage": "stream disconnected before completion: stream closed before",
        "context": "Codex ran out of room in the model's context window.",
    }
)
"""How the text of each of these failures begins (FACTS §12)."""

MILLISECONDS_FROM: Final = 1_577_836_800_000
"""2020-01-01 in milliseconds: a time stamp in seconds is far below."""

MILLISECONDS_TO: Final = 4_102_444_800_000
"""2100-01-01 in milliseconds: a time stamp in microseconds is far above."""

SECONDS_FROM: Final = MILLISECONDS_FROM // 1000
SECONDS_TO: Final = MILLISECONDS_TO // 1000
