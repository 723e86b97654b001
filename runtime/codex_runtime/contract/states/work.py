"""The states of work that outlives its caller: deletions and the dispatch of turns.

May import the machine. The invariant: accepted work ends in exactly one terminal state, and only
its present owner moves it (spec 04 §3, §10).
"""

from __future__ import annotations

from typing import Final

from codex_runtime.contract.states.machine import STAY, Machine, Refuse, table_of

_DELETION_EVENTS: Final = ("due", "forceRun", "cancel", "chunk", "drained", "error")

DELETION: Final = Machine(
    "deletion job",
    states=("scheduled", "queued", "running", "completed", "failed", "cancelled"),
    events=_DELETION_EVENTS,
    terminal=frozenset({"completed", "failed", "cancelled"}),
    table=table_of(
        _DELETION_EVENTS,
        {
            #             due       forceRun  cancel       chunk      drained      error
            "scheduled": ("queued", "queued", "cancelled", STAY, STAY, STAY),
            "queued": (STAY, STAY, STAY, "running", "completed", "failed"),
            "running": (STAY, STAY, STAY, "running", "completed", "failed"),
            "completed": (STAY, STAY, STAY, STAY, STAY, STAY),
            "failed": (STAY, STAY, STAY, STAY, STAY, STAY),
            "cancelled": (STAY, STAY, STAY, STAY, STAY, STAY),
        },
    ),
)
"""A deletion. Only what has not begun can be cancelled; asking late is answered, not refused."""

_DISPATCH_EVENTS: Final = ("claim", "started", "completed", "failed", "cancel")
_OVER: Final = Refuse("E_DISPATCH_SETTLED")
_UNCLAIMED: Final = Refuse("E_DISPATCH_NOT_CLAIMED")

DISPATCH: Final = Machine(
    "turn dispatch",
    states=("queued", "claimed", "started", "completed", "failed", "cancelled"),
    events=_DISPATCH_EVENTS,
    terminal=frozenset({"completed", "failed", "cancelled"}),
    table=table_of(
        _DISPATCH_EVENTS,
        {
            #            claim      started    completed    failed    cancel
            "queued": ("claimed", _UNCLAIMED, _UNCLAIMED, _UNCLAIMED, "cancelled"),
            "claimed": ("claimed", "started", "completed", "failed", "cancelled"),
            "started": ("started", "started", "completed", "failed", "cancelled"),
            "completed": (_OVER, _OVER, STAY, _OVER, _OVER),
            "failed": (_OVER, _OVER, _OVER, STAY, _OVER),
            "cancelled": (_OVER, _OVER, _OVER, _OVER, STAY),
        },
    ),
)
"""The dispatch of a turn. A claim counts only while no lease is running; whoever claims a started
one is told so and has to find out what became of it. Every other event but a cancel needs the token
of the present claim. The end of the turn itself, when it is ingested, settles the dispatch too."""
