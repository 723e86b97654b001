"""What every mutation of a host is tried with: a conversation of its own, made for the purpose.

May import the calls by type. The invariant: the arguments of a rehearsal are real; what they name
was made by the host's own mutations a moment before, in the same transaction, and goes with it.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_fakes.component.host.calls import Call
    from codex_fakes.component.rows import Row

PREFLIGHT: Final = "__codex_host_wiring_preflight__"
"""What everything is called that a rehearsal makes."""

_ITEM: Final = "preflight-item"


class Stage:
    """What a rehearsal plays on; each part is made when it is first needed.

    Args:
        call: The call that rehearses.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def mutate(self, name: str, **args: Any) -> Any:
        """Call a mutation of the host as the rehearsal's actor."""
        path = f"{self._call.host.module}:{name}"
        return self._call.ctx.run_mutation(path, {"actor": self._call.actor, **args})

    @cached_property
    def thread_id(self) -> str:
        """A thread, bound to the conversation ``PREFLIGHT``."""
        return str(self.mutate("ensureConversationBinding", conversationId=PREFLIGHT)["threadId"])

    @cached_property
    def turn_id(self) -> str:
        """A turn that was accepted."""
        self.mutate("acceptTurnSend", **self.turn_args)
        return PREFLIGHT

    @property
    def turn_args(self) -> Row:
        """What a turn is accepted with."""
        return {
            "threadId": self.thread_id,
            "turnId": PREFLIGHT,
            "idempotencyKey": PREFLIGHT,
            "inputText": "preflight",
        }

    @cached_property
    def session_id(self) -> str:
        """A session."""
        self.mutate("ensureSession", **self.session_args)
        return PREFLIGHT

    @property
    def session_args(self) -> Row:
        """What a session is made with."""
        return {"sessionId": PREFLIGHT, "threadId": self.thread_id, "lastEventCursor": 0}

    @cached_property
    def stream_id(self) -> str:
        """A stream of the turn, with an approval that waits."""
        asked = {"itemId": _ITEM, "threadId": PREFLIGHT, "turnId": self.turn_id}
        payload = {"id": 1, "method": "item/commandExecution/requestApproval", "params": asked}
        self.mutate(
            "ingestEvent",
            sessionId=self.session_id,
            threadId=self.thread_id,
            event=self.delta(0, payload),
        )
        return PREFLIGHT

    def delta(self, cursor: int, payload: Row) -> Row:
        """An event of the turn's stream."""
        return {
            "type": "stream_delta",
            "eventId": f"{PREFLIGHT}{cursor}",
            "turnId": self.turn_id,
            "streamId": PREFLIGHT,
            "kind": payload["method"],
            "payloadJson": json.dumps(payload),
            "cursorStart": cursor,
            "cursorEnd": cursor + 1,
            "createdAt": 1,
        }

    def started(self) -> Row:
        """The event that says the turn was started."""
        params = {"threadId": PREFLIGHT, "turn": {"id": self.turn_id}}
        return self.delta(0, {"method": "turn/started", "params": params})

    @cached_property
    def source_id(self) -> str:
        """A source that collects."""
        started = self.mutate("startConversationSyncSource", **self.conversation)
        return str(started["sourceId"])

    @cached_property
    def job_id(self) -> str:
        """An import of nothing."""
        return str(self.mutate("sealConversationSyncSource", **self.seal_args)["jobId"])

    @property
    def seal_args(self) -> Row:
        """What an empty source is sealed with."""
        return {
            "sourceId": self.source_id,
            "expectedManifestJson": "[]",
            "expectedChecksum": "0:0:0",
        }

    @cached_property
    def deletion_job_id(self) -> str:
        """A deletion that waits for its time."""
        scheduled = self.mutate("scheduleDeleteThread", **self.conversation)
        return str(scheduled["deletionJobId"])

    @property
    def conversation(self) -> Row:
        """The conversation, which there is."""
        self.thread_id  # noqa: B018 - made when it is first asked for
        return {"conversationId": PREFLIGHT}

    @cached_property
    def archived_conversation(self) -> Row:
        """The conversation, which is in the archive."""
        self.mutate("archiveConversation", **self.conversation)
        return self.conversation

    @cached_property
    def claim(self) -> Row:
        """A claim of the turn."""
        claimed: Row = self.mutate("claimTurnDispatch", **self.claim_args)
        return {
            "threadId": self.thread_id,
            "dispatchId": claimed["dispatchId"],
            "claimToken": claimed["claimToken"],
        }

    @property
    def claim_args(self) -> Row:
        """What a turn is claimed with; there is one that waits."""
        self.turn_id  # noqa: B018 - made when it is first asked for
        return {"threadId": self.thread_id, "claimOwner": PREFLIGHT}

    @cached_property
    def request(self) -> Row:
        """A request that waits for an answer."""
        self.mutate("upsertPendingServerRequest", **self.request_args)
        return {"threadId": self.thread_id, "requestId": PREFLIGHT}

    @property
    def request_args(self) -> Row:
        """What a request is written down with."""
        return {
            "requestId": PREFLIGHT,
            "threadId": self.thread_id,
            "turnId": self.turn_id,
            "itemId": _ITEM,
            "method": "item/tool/call",
            "payloadJson": "{}",
            "requestedAt": 1,
        }


_COUNTS: Final = (
    "totalTokens",
    "inputTokens",
    "cachedInputTokens",
    "outputTokens",
    "reasoningOutputTokens",
)

REHEARSALS: Final[Mapping[str, Callable[[Stage], Row]]] = {
    "syncOpenConversationBinding": lambda _: {"conversationId": PREFLIGHT},
    "markConversationSyncProgress": lambda s: {**s.conversation, "cursor": 1},
    "forceRebindConversationSync": lambda s: {
        **s.conversation,
        "runtimeConversationId": f"{PREFLIGHT}:again",
    },
    "startConversationSyncSource": lambda s: s.conversation,
    "appendConversationSyncSourceChunk": lambda s: {
        "sourceId": s.source_id,
        "chunkIndex": 0,
        "payloadJson": "[]",
        "messageCount": 0,
        "byteSize": 2,
    },
    "sealConversationSyncSource": lambda s: s.seal_args,
    "cancelConversationSyncJob": lambda s: {"jobId": s.job_id},
    "ensureConversationBinding": lambda _: {"conversationId": PREFLIGHT},
    "archiveConversation": lambda s: s.conversation,
    "unarchiveConversation": lambda s: s.archived_conversation,
    "ensureSession": lambda s: s.session_args,
    "ingestEvent": lambda s: {
        "sessionId": s.session_id,
        "threadId": s.thread_id,
        "event": s.started(),
    },
    "ingestBatch": lambda s: {
        "sessionId": s.session_id,
        "threadId": s.thread_id,
        "deltas": [s.started()],
    },
    "deleteThread": lambda s: s.conversation,
    "scheduleDeleteThread": lambda s: s.conversation,
    "deleteTurn": lambda s: {**s.conversation, "turnId": s.turn_id},
    "scheduleDeleteTurn": lambda s: {**s.conversation, "turnId": s.turn_id},
    "purgeActorData": lambda _: {},
    "schedulePurgeActorData": lambda _: {},
    "cancelDeletion": lambda s: {"deletionJobId": s.deletion_job_id},
    "forceRunDeletion": lambda s: {"deletionJobId": s.deletion_job_id},
    "respondApproval": lambda s: {
        **s.conversation,
        "turnId": s.stream_id,
        "itemId": _ITEM,
        "decision": "accepted",
    },
    "upsertTokenUsage": lambda s: {
        "threadId": s.thread_id,
        "turnId": s.turn_id,
        **dict.fromkeys(_COUNTS, 0),
        **{f"last{name[0].upper()}{name[1:]}": 0 for name in _COUNTS},
    },
    "interruptTurn": lambda s: {**s.conversation, "turnId": s.turn_id},
    "upsertPendingServerRequest": lambda s: s.request_args,
    "resolvePendingServerRequest": lambda s: {**s.request, "status": "expired", "resolvedAt": 1},
    "acceptTurnSend": lambda s: s.turn_args,
    "failAcceptedTurnSend": lambda s: {
        "threadId": s.thread_id,
        "turnId": s.turn_id,
        "reason": PREFLIGHT,
    },
    "claimTurnDispatch": lambda s: s.claim_args,
    "markTurnDispatchStarted": lambda s: s.claim,
    "markTurnDispatchCompleted": lambda s: s.claim,
    "markTurnDispatchFailed": lambda s: {**s.claim, "code": PREFLIGHT, "reason": PREFLIGHT},
    "cancelTurnDispatch": lambda s: {name: s.claim[name] for name in ("threadId", "dispatchId")},
    "acknowledgeStream": lambda s: {
        "threadId": s.thread_id,
        "streamId": s.stream_id,
        "cursor": 1,
    },
    "heartbeatSession": lambda s: s.session_args,
}
"""What each mutation is tried with. A test holds the table against the manifests."""
