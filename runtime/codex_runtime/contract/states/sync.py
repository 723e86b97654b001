"""The states of keeping a conversation in step: bindings, import sources, import jobs.

May import the machine. The invariant: a binding says ``synced`` only after somebody verified it,
and an import that has ended stays ended (spec 03 §1, §6-§8, §11).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_runtime.contract.states.machine import STAY, Machine, Refuse, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_BINDING_EVENTS: Final = (
    "open",
    "rebind",
    "collect",
    "seal",
    "chunk",
    "verified",
    "fail",
    "cancel",
    "expire",
    "markUnsynced",
    "markSyncing",
    "markSynced",
    "markDrifted",
)
_BINDING_ROW: Final = (
    "syncing",
    "syncing",
    "syncing",
    "syncing",
    "syncing",
    "synced",
    "drifted",
    "drifted",
    "drifted",
    "unsynced",
    "syncing",
    "synced",
    "drifted",
)

BINDING: Final = Machine(
    "binding sync",
    states=("unsynced", "syncing", "synced", "drifted"),
    events=_BINDING_EVENTS,
    table=table_of(
        _BINDING_EVENTS,
        dict.fromkeys(("unsynced", "syncing", "synced", "drifted"), _BINDING_ROW),
    ),
)
"""A binding: where an event leads does not depend on where it was. The events of a job count only
while the binding tracks that job; those of a client with an expected job likewise."""

_SOURCE_EVENTS: Final = ("append", "seal", "expire")

SYNC_SOURCE: Final = Machine(
    "sync source",
    states=("collecting", "sealed", "failed"),
    events=_SOURCE_EVENTS,
    terminal=frozenset({"sealed", "failed"}),
    table=table_of(
        _SOURCE_EVENTS,
        {
            "collecting": ("collecting", "sealed", "failed"),
            "sealed": (Refuse("E_SYNC_SOURCE_NOT_COLLECTING"), STAY, STAY),
            "failed": (
                Refuse("E_SYNC_SOURCE_NOT_COLLECTING"),
                Refuse("E_SYNC_SOURCE_EXPIRED"),
                STAY,
            ),
        },
    ),
)
"""An import source. A seal that does not fit what was collected is refused and leaves the source
collecting, so that it can be repaired; a source nobody feeds any more expires."""

_JOB_EVENTS: Final = ("step", "chunk", "retry", "verify", "succeed", "fail", "cancel")

SYNC_JOB: Final = Machine(
    "sync job",
    states=("queued", "running", "retry_wait", "verifying", "succeeded", "failed", "cancelled"),
    events=_JOB_EVENTS,
    terminal=frozenset({"succeeded", "failed", "cancelled"}),
    table=table_of(
        _JOB_EVENTS,
        {
            # step, chunk, retry, verify, succeed, fail, cancel
            "queued": ("running", STAY, STAY, STAY, STAY, "failed", "cancelled"),
            "running": (
                "running",
                "running",
                "retry_wait",
                "verifying",
                STAY,
                "failed",
                "cancelled",
            ),
            "retry_wait": ("running", STAY, STAY, STAY, STAY, "failed", "cancelled"),
            "verifying": (
                "verifying",
                STAY,
                "retry_wait",
                "verifying",
                "succeeded",
                "failed",
                "cancelled",
            ),
            "succeeded": (STAY, STAY, STAY, STAY, STAY, STAY, STAY),
            "failed": (STAY, STAY, STAY, STAY, STAY, STAY, STAY),
            "cancelled": (STAY, STAY, STAY, STAY, STAY, STAY, STAY),
        },
    ),
)
"""An import job. Verification may take several steps; a late step of a worker that lost its lease
finds the job where somebody else has brought it, and changes nothing."""

PUBLIC_JOB_STATE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "queued": "syncing",
        "running": "syncing",
        "retry_wait": "syncing",
        "verifying": "syncing",
        "succeeded": "synced",
        "failed": "failed",
        "cancelled": "cancelled",
    }
)
"""What readers are told of a job's state."""
