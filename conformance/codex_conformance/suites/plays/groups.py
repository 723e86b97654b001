"""Groups of plays that one rule is judged over.

May import the plays only. The invariant: a group holds every play in which its subject occurs, so
that a rule about all turns is judged on all turns.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.suites.plays.approvals import (
    answers_that_do_not_count,
    command_accepted,
    command_cancelled,
    command_declined,
)
from codex_conformance.suites.plays.dialect import introduction, pipelined, refusals, request_ids
from codex_conformance.suites.plays.failures import failed_turn, retried_request, retried_stream
from codex_conformance.suites.plays.history import listing, restart
from codex_conformance.suites.plays.interrupts import (
    early_interrupt,
    interrupted_approval,
    interrupted_message,
    refused_interrupts,
)
from codex_conformance.suites.plays.turns import plain_turns, reasoning_turn, two_threads

ANSWERED_COMMANDS: Final = (command_accepted, command_declined, command_cancelled)
"""A command is asked about and the client answers."""

ASKING: Final = (*ANSWERED_COMMANDS, answers_that_do_not_count, interrupted_approval)
"""A command is asked about."""

INTERRUPTED: Final = (interrupted_message, interrupted_approval)
"""A turn is interrupted in the middle, and another one follows."""

FAILING: Final = (failed_turn, retried_stream, retried_request)
"""The model API fails."""

GOOD_TURNS: Final = (plain_turns, reasoning_turn, command_accepted, command_declined)
"""All turns end well, one after the other."""

TURNS: Final = (
    *GOOD_TURNS,
    two_threads,
    command_cancelled,
    *INTERRUPTED,
    *FAILING,
)
"""Turns of every kind, each ended."""

WELL_FORMED: Final = (
    introduction,
    request_ids,
    refusals,
    pipelined,
    *TURNS,
    answers_that_do_not_count,
    refused_interrupts,
    early_interrupt,
    listing,
    restart,
)
"""The client writes well-formed messages only."""
