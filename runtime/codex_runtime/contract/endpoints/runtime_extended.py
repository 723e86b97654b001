"""The manifest ``runtimeExtended``: what the better behaviours need a door for, versioned.

May import the shapes and functions. The invariant: a deployment has all of a version or none of it;
the version changes whenever an endpoint is added or one changes its shapes.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.contract.endpoints.endpoint import Endpoint
from codex_runtime.contract.endpoints.payloads import WiringReport
from codex_runtime.contract.endpoints.runtime_owned import WiringArgs
from codex_runtime.contract.functions import ingest, reading, turns
from codex_runtime.contract.functions.function import ActorArgs
from codex_runtime.contract.functions.threads import ThreadArgs
from codex_runtime.contract.shapes import Record

EXTENDED_VERSION: Final = 1
"""The version of the manifest."""


class ManifestArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``extendedManifest``."""


class RehearseArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``rehearseHostMutation``.

    Attributes:
        name: Which mutation.
    """

    name: str


class Manifest(Record, frozen=True, kw_only=True):
    """What a deployment offers beyond the 43.

    Attributes:
        version: The version of the manifest.
        endpoints: Their names, in order.
    """

    version: int
    endpoints: list[str]


RUNTIME_EXTENDED: Final = (
    Endpoint(
        "claimTurnDispatch",
        "mutation",
        turns.ClaimArgs,
        turns.Claimed | None,
        "thread",
        "dispatch.claimNext",
        "Claim the next turn of a thread.",
        idempotency="none",
    ),
    Endpoint(
        "markTurnDispatchStarted",
        "mutation",
        turns.DispatchStartedArgs,
        turns.DispatchState,
        "thread",
        "dispatch.markStarted",
        "Say that Codex has the turn, or that it still has.",
        idempotency="natural",
    ),
    Endpoint(
        "markTurnDispatchCompleted",
        "mutation",
        turns.OwnedArgs,
        turns.DispatchState,
        "thread",
        "dispatch.markCompleted",
        "Say that the turn has been completed.",
        idempotency="natural",
    ),
    Endpoint(
        "markTurnDispatchFailed",
        "mutation",
        turns.DispatchFailedArgs,
        turns.DispatchState,
        "thread",
        "dispatch.markFailed",
        "Say that the turn has failed, and why.",
        idempotency="natural",
    ),
    Endpoint(
        "cancelTurnDispatch",
        "mutation",
        turns.CancelDispatchArgs,
        turns.DispatchState,
        "thread",
        "dispatch.cancel",
        "Cancel a turn that has not ended.",
        idempotency="natural",
    ),
    Endpoint(
        "acknowledgeStream",
        "mutation",
        ingest.CheckpointArgs,
        ingest.Done,
        "thread",
        "sync.upsertCheckpoint",
        "Move the consumer's checkpoint of a stream forwards.",
        idempotency="natural",
    ),
    Endpoint(
        "heartbeatSession",
        "mutation",
        ingest.SessionArgs,
        None,
        "thread",
        "sync.heartbeat",
        "Say that a session is alive.",
        idempotency="natural",
    ),
    Endpoint(
        "probeHostWiring",
        "mutation",
        WiringArgs,
        WiringReport,
        "none",
        None,
        "Try every mutation of the host, and take it back.",
        unmapped="safe",
        idempotency="natural",
    ),
    Endpoint(
        "rehearseHostMutation",
        "mutation",
        RehearseArgs,
        None,
        "none",
        None,
        "Call one mutation of the host with everything it needs, and always throw at the end.",
        unmapped="safe",
        idempotency="natural",
        operators_only=True,
        errors=("E_HOST_WIRING_REHEARSED",),
    ),
    Endpoint(
        "extendedManifest",
        "query",
        ManifestArgs,
        Manifest,
        "none",
        None,
        "Which version of this manifest the deployment has.",
        unmapped="safe",
    ),
    Endpoint(
        "listOpenTurnDispatches",
        "query",
        turns.ListDispatchesArgs,
        list[turns.DispatchRead],
        "thread",
        "dispatch.listOpen",
        "The turns of a thread that wait or run.",
    ),
    Endpoint(
        "listStreamCheckpoints",
        "query",
        ThreadArgs,
        list[ingest.StreamCursor],
        "thread",
        "sync.listCheckpoints",
        "How far the consumer has taken each stream.",
    ),
    Endpoint(
        "auditActorRows",
        "query",
        reading.AuditRowsArgs,
        reading.CountedRows,
        "actor",
        "audit.countRows",
        "Count the rows of an actor in every table, and name the orphans.",
        operators_only=True,
    ),
)
"""The endpoints, mutations first, each kind in its fixed order."""
