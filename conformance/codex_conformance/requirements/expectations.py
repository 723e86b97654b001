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

APPROVAL_TEXTS: Final = ("threadId", "turnId", "itemId", "command", "cwd")
"""Members of an approval request that a host shows or routes by (FACTS §9)."""

APPROVAL_DECISIONS: Final = ("accept", "cancel")
"""Decisions that are always offered (FACTS §9)."""

REFUSED: Final = -32600
"""The code of almost every refusal (FACTS §4)."""

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

MILLISECONDS_FROM: Final = 1_577_836_800_000
"""2020-01-01 in milliseconds: a time stamp in seconds is far below."""

MILLISECONDS_TO: Final = 4_102_444_800_000
"""2100-01-01 in milliseconds: a time stamp in microseconds is far above."""

SECONDS_FROM: Final = MILLISECONDS_FROM // 1000
SECONDS_TO: Final = MILLISECONDS_TO // 1000
