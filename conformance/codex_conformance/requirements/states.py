"""What may become of what: the expected state tables, written from the specification.

May import nothing. The invariant: these are the judge's own tables; nothing of the project derives
from them, and one test compares them with those of the contract.

A table has a row for each state and in it a word for each event: the state it leads to, ``=`` where
nothing changes, or the code of the refusal.
"""

from __future__ import annotations

from typing import Final

Table = dict[str, dict[str, str]]

EXPECTED_STATES: Final[dict[str, Table]] = {
    # spec 04 §9; §6 "Better": a thread that is being deleted takes no writes.
    "thread": {
        state: {
            "open": "=",
            "write": "=",
            "archive": "archived",
            "unarchive": "active",
            "delete": "deleting",
        }
        for state in ("active", "archived", "failed")
    }
    | {
        "deleting": dict.fromkeys(("open", "write", "archive", "unarchive"), "E_THREAD_DELETING")
        | {"delete": "="}
    },
    # spec 04 §8: never back to non-terminal; completed < interrupted < failed; failed is absorbing.
    "turn": {
        "queued": {
            "queued": "=",
            "started": "inProgress",
            "completed": "completed",
            "interrupted": "interrupted",
            "failed": "failed",
        },
        "inProgress": {
            "queued": "=",
            "started": "=",
            "completed": "completed",
            "interrupted": "interrupted",
            "failed": "failed",
        },
        "completed": {
            "queued": "=",
            "started": "=",
            "completed": "=",
            "interrupted": "interrupted",
            "failed": "failed",
        },
        "interrupted": {
            "queued": "=",
            "started": "=",
            "completed": "=",
            "interrupted": "=",
            "failed": "failed",
        },
        "failed": dict.fromkeys(("queued", "started", "completed", "interrupted", "failed"), "="),
    },
    # spec 02 §8.1, with "Better": a start or a delta leaves a message that has ended alone.
    "message": {
        "streaming": {
            "started": "=",
            "delta": "streaming",
            "completed": "completed",
            "interrupted": "interrupted",
            "failed": "failed",
        },
        "completed": {
            "started": "=",
            "delta": "=",
            "completed": "completed",
            "interrupted": "interrupted",
            "failed": "failed",
        },
        "interrupted": {
            "started": "=",
            "delta": "=",
            "completed": "interrupted",
            "interrupted": "interrupted",
            "failed": "failed",
        },
        "failed": {
            "started": "=",
            "delta": "=",
            "completed": "failed",
            "interrupted": "failed",
            "failed": "failed",
        },
    },
    # spec 02 §10.4; §10.2 "Better": an ending is final.
    "stream": {
        "streaming": {"delta": "streaming", "finish": "finished", "abort": "aborted"},
        "finished": {"delta": "=", "finish": "=", "abort": "="},
        "aborted": {"delta": "=", "finish": "=", "abort": "="},
    },
    # spec 04 §11.
    "session": {
        "starting": {
            "open": "active",
            "heartbeat": "active",
            "ingest": "active",
            "silence": "stale",
        },
        "active": {
            "open": "active",
            "heartbeat": "active",
            "ingest": "active",
            "silence": "stale",
        },
    }
    | {
        state: {"open": "active", "heartbeat": "active", "ingest": "active", "silence": "="}
        for state in ("stale", "ended", "failed")
    },
    # spec 04 §12, 01 §5.6 "Better".
    "approval": {
        "pending": {
            "request": "=",
            "accept": "accepted",
            "decline": "declined",
            "observeAccepted": "accepted",
            "observeDeclined": "declined",
        },
        "accepted": {
            "request": "=",
            "accept": "=",
            "decline": "E_APPROVAL_DECIDED",
            "observeAccepted": "=",
            "observeDeclined": "=",
        },
        "declined": {
            "request": "=",
            "accept": "E_APPROVAL_DECIDED",
            "decline": "=",
            "observeAccepted": "=",
            "observeDeclined": "=",
        },
    },
    # spec 04 §12, 01 §5.7 "Better".
    "server request": {
        "pending": {"upsert": "pending", "answer": "answered", "expire": "expired"},
        "answered": {"upsert": "pending", "answer": "=", "expire": "E_SERVER_REQUEST_SETTLED"},
        "expired": {"upsert": "pending", "answer": "E_SERVER_REQUEST_SETTLED", "expire": "="},
    },
    # spec 03 §11: where an event leads does not depend on where the binding was.
    "binding sync": {
        state: {
            "open": "syncing",
            "rebind": "syncing",
            "collect": "syncing",
            "seal": "syncing",
            "chunk": "syncing",
            "verified": "synced",
            "fail": "drifted",
            "cancel": "drifted",
            "expire": "drifted",
            "markUnsynced": "unsynced",
            "markSyncing": "syncing",
            "markSynced": "synced",
            "markDrifted": "drifted",
        }
        for state in ("unsynced", "syncing", "synced", "drifted")
    },
    # spec 03 §1, §6; §9 "Better": a source that nobody feeds expires.
    "sync source": {
        "collecting": {"append": "collecting", "seal": "sealed", "expire": "failed"},
        "sealed": {"append": "E_SYNC_SOURCE_NOT_COLLECTING", "seal": "=", "expire": "="},
        "failed": {
            "append": "E_SYNC_SOURCE_NOT_COLLECTING",
            "seal": "E_SYNC_SOURCE_EXPIRED",
            "expire": "=",
        },
    },
    # spec 03 §1, §8.
    "sync job": {
        "queued": {
            "step": "running",
            "chunk": "=",
            "retry": "=",
            "verify": "=",
            "succeed": "=",
            "fail": "failed",
            "cancel": "cancelled",
        },
        "running": {
            "step": "running",
            "chunk": "running",
            "retry": "retry_wait",
            "verify": "verifying",
            "succeed": "=",
            "fail": "failed",
            "cancel": "cancelled",
        },
        "retry_wait": {
            "step": "running",
            "chunk": "=",
            "retry": "=",
            "verify": "=",
            "succeed": "=",
            "fail": "failed",
            "cancel": "cancelled",
        },
        "verifying": {
            "step": "verifying",
            "chunk": "=",
            "retry": "retry_wait",
            "verify": "verifying",
            "succeed": "succeeded",
            "fail": "failed",
            "cancel": "cancelled",
        },
    }
    | {
        state: dict.fromkeys(("step", "chunk", "retry", "verify", "succeed", "fail", "cancel"), "=")
        for state in ("succeeded", "failed", "cancelled")
    },
    # spec 04 §3.
    "deletion job": {
        "scheduled": {
            "due": "queued",
            "forceRun": "queued",
            "cancel": "cancelled",
            "chunk": "=",
            "drained": "=",
            "error": "=",
        },
    }
    | {
        state: {
            "due": "=",
            "forceRun": "=",
            "cancel": "=",
            "chunk": "running",
            "drained": "completed",
            "error": "failed",
        }
        for state in ("queued", "running")
    }
    | {
        state: dict.fromkeys(("due", "forceRun", "cancel", "chunk", "drained", "error"), "=")
        for state in ("completed", "failed", "cancelled")
    },
    # spec 04 §10.2 as the durable outbox of today.
    "turn dispatch": {
        "queued": {
            "claim": "claimed",
            "started": "E_DISPATCH_NOT_CLAIMED",
            "completed": "E_DISPATCH_NOT_CLAIMED",
            "failed": "E_DISPATCH_NOT_CLAIMED",
            "cancel": "cancelled",
        },
        "claimed": {
            "claim": "claimed",
            "started": "started",
            "completed": "completed",
            "failed": "failed",
            "cancel": "cancelled",
        },
        "started": {
            "claim": "started",
            "started": "started",
            "completed": "completed",
            "failed": "failed",
            "cancel": "cancelled",
        },
        "completed": {
            "claim": "E_DISPATCH_SETTLED",
            "started": "E_DISPATCH_SETTLED",
            "completed": "=",
            "failed": "E_DISPATCH_SETTLED",
            "cancel": "E_DISPATCH_SETTLED",
        },
        "failed": {
            "claim": "E_DISPATCH_SETTLED",
            "started": "E_DISPATCH_SETTLED",
            "completed": "E_DISPATCH_SETTLED",
            "failed": "=",
            "cancel": "E_DISPATCH_SETTLED",
        },
        "cancelled": {
            "claim": "E_DISPATCH_SETTLED",
            "started": "E_DISPATCH_SETTLED",
            "completed": "E_DISPATCH_SETTLED",
            "failed": "E_DISPATCH_SETTLED",
            "cancel": "=",
        },
    },
}
"""The expected table of every machine, by its name."""

EXPECTED_PUBLIC_JOB_STATES: Final = {
    "queued": "syncing",
    "running": "syncing",
    "retry_wait": "syncing",
    "verifying": "syncing",
    "succeeded": "synced",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""What readers are told of an import's state (spec 03 §1)."""
