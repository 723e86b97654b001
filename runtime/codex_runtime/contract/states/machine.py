"""What a state machine is here: a total table, from state and event to what comes of it.

May import :mod:`codex_runtime.errors`. The invariant: the table says something about every pair of
a state and an event, so that what is not foreseen cannot happen; a refusal carries its code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codex_runtime.errors import CATALOGUE, ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Move:
    """The event is taken: the state becomes another one, or is entered again.

    Attributes:
        to: The new state.
    """

    to: str


@dataclass(frozen=True, slots=True)
class Stay:
    """The event changes nothing and is no error: a repetition, or it came too late to matter."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The event is an error in this state.

    Attributes:
        code: The code the caller gets.
    """

    code: str


STAY = Stay()

Outcome = Move | Stay | Refuse


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine.

    Attributes:
        name: What it is about; the field's word: ``turn``, ``sync job``.
        states: Every state, in the order they are usually passed through.
        events: Every event.
        terminal: The states that nothing leaves but what the table says.
        table: What comes of each pair of a state and an event.
    """

    name: str
    states: tuple[str, ...]
    events: tuple[str, ...]
    table: Mapping[tuple[str, str], Outcome]
    terminal: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        pairs = {(state, event) for state in self.states for event in self.events}
        if pairs != set(self.table):
            wrong = sorted(pairs.symmetric_difference(self.table))
            raise ValueError(f"the table of {self.name} has too much or too little: {wrong}")
        if not self.terminal <= set(self.states):
            raise ValueError(f"{self.name} ends in states it does not have")
        for outcome in self.table.values():
            if isinstance(outcome, Move) and outcome.to not in self.states:
                raise ValueError(f"{self.name} moves to {outcome.to}, which is none of its states")
            if isinstance(outcome, Refuse) and outcome.code not in CATALOGUE:
                raise ValueError(f"{self.name} refuses with {outcome.code}, which nobody knows")

    def outcome(self, state: str, event: str) -> Outcome:
        """Look up what comes of an event.

        Args:
            state: The present state.
            event: What happens.

        Returns:
            The outcome.

        Raises:
            ContractError: ``E_STATE_UNKNOWN``: the stored state, or the event, is none of this
                machine's. Nothing may be guessed about it.
        """
        found = self.table.get((state, event))
        if found is None:
            raise ContractError(
                "E_STATE_UNKNOWN", f"Unknown {self.name} state or event: {state!r}, {event!r}"
            )
        return found

    def move(self, state: str, event: str, what: str) -> str:
        """Take an event and say the state after it.

        Args:
            state: The present state.
            event: What happens.
            what: Whose state it is, for the error's text: ``Sync source s-1``.

        Returns:
            The new state; the present one where the event changes nothing.

        Raises:
            ContractError: With the code of the refusal, or ``E_STATE_UNKNOWN``.
        """
        outcome = self.outcome(state, event)
        if isinstance(outcome, Refuse):
            raise ContractError(outcome.code, f"{what} is {state}: {event} is refused.")
        return outcome.to if isinstance(outcome, Move) else state


def table_of(
    events: tuple[str, ...], rows: Mapping[str, tuple[Outcome | str, ...]]
) -> dict[tuple[str, str], Outcome]:
    """Write a table as rows, one per state, with one cell for each event in order.

    Args:
        events: The events, in the order of the cells.
        rows: The cells of each state; a string is the state moved to.

    Returns:
        The table by pairs.

    Raises:
        ValueError: A row has too many or too few cells.
    """
    table: dict[tuple[str, str], Outcome] = {}
    for state, cells in rows.items():
        for event, cell in zip(events, cells, strict=True):
            table[state, event] = Move(cell) if isinstance(cell, str) else cell
    return table
