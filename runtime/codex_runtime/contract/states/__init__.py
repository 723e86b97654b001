"""The state tables of everything the component keeps, each once.

May import :mod:`codex_runtime.errors`. The invariant: no other module decides whether a state may
become another; the docs' tables are drawn from these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.contract.states.conversation import MESSAGE, SESSION, STREAM, THREAD, TURN
from codex_runtime.contract.states.machine import Machine, Move, Outcome, Refuse, Stay
from codex_runtime.contract.states.requests import APPROVAL, SERVER_REQUEST
from codex_runtime.contract.states.sync import BINDING, PUBLIC_JOB_STATE, SYNC_JOB, SYNC_SOURCE
from codex_runtime.contract.states.work import DELETION, DISPATCH

if TYPE_CHECKING:
    from collections.abc import Mapping

MACHINES: Final[Mapping[str, Machine]] = {
    machine.name: machine
    for machine in (
        THREAD,
        TURN,
        MESSAGE,
        STREAM,
        SESSION,
        APPROVAL,
        SERVER_REQUEST,
        BINDING,
        SYNC_SOURCE,
        SYNC_JOB,
        DELETION,
        DISPATCH,
    )
}
"""Every machine by its name."""

__all__ = [
    "APPROVAL",
    "BINDING",
    "DELETION",
    "DISPATCH",
    "MACHINES",
    "MESSAGE",
    "PUBLIC_JOB_STATE",
    "SERVER_REQUEST",
    "SESSION",
    "STREAM",
    "SYNC_JOB",
    "SYNC_SOURCE",
    "THREAD",
    "TURN",
    "Machine",
    "Move",
    "Outcome",
    "Refuse",
    "Stay",
]
