"""The states of what waits for an answer: approvals and server requests.

May import the machine. The invariant: an answer is given once. The same answer again changes
nothing; another one is refused (spec 01 §5.6-5.7, "Better").
"""

from __future__ import annotations

from typing import Final

from codex_runtime.contract.states.machine import STAY, Machine, Refuse, table_of

_APPROVAL_EVENTS: Final = ("request", "accept", "decline", "observeAccepted", "observeDeclined")
_DECIDED: Final = Refuse("E_APPROVAL_DECIDED")

APPROVAL: Final = Machine(
    "approval",
    states=("pending", "accepted", "declined"),
    events=_APPROVAL_EVENTS,
    terminal=frozenset({"accepted", "declined"}),
    table=table_of(
        _APPROVAL_EVENTS,
        {
            #            request accept      decline     observeAccepted observeDeclined
            "pending": (STAY, "accepted", "declined", "accepted", "declined"),
            "accepted": (STAY, STAY, _DECIDED, STAY, STAY),
            "declined": (STAY, _DECIDED, STAY, STAY, STAY),
        },
    ),
)
"""An approval. What an actor decides is refused once it is decided otherwise; what is observed of
the item, or of the end of its turn, only settles what is still open."""

_REQUEST_EVENTS: Final = ("upsert", "answer", "expire")
_SETTLED: Final = Refuse("E_SERVER_REQUEST_SETTLED")

SERVER_REQUEST: Final = Machine(
    "server request",
    states=("pending", "answered", "expired"),
    events=_REQUEST_EVENTS,
    table=table_of(
        _REQUEST_EVENTS,
        {
            #             upsert     answer      expire
            "pending": ("pending", "answered", "expired"),
            "answered": ("pending", STAY, _SETTLED),
            "expired": ("pending", _SETTLED, STAY),
        },
    ),
)
"""A server request. The app-server may ask again under the same id: then it is open again, and
nothing of the former answer is left."""
