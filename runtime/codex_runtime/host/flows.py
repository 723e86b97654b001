"""Flows: what the runtime does in several steps, as generators that one mailbox drives.

May import nothing of the project. No IO and no event loop. A flow yields a step (something to be
done outside) and is resumed with what came of it; between two steps nothing else happens. The
invariants: flows are driven by one caller only; every ticket is settled exactly once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Flow: TypeAlias = Generator[Any, Any, Any]
"""A flow: it yields steps and returns what whoever began it is told."""


@dataclass(frozen=True, slots=True)
class Perform:
    """Have a step done outside; resume the flow with what comes of it.

    Attributes:
        number: The flow.
        step: The step.
    """

    number: int
    step: Any


@dataclass(frozen=True, slots=True)
class Settle:
    """Tell whoever began a flow how it ended.

    Attributes:
        ticket: What it was begun with.
        value: What it returned.
        error: What it raised, if it did.
    """

    ticket: Any
    value: Any = None
    error: BaseException | None = None


@dataclass(slots=True, eq=False)
class Signal:
    """Something a flow can wait for within the runtime: ``yield signal``."""

    waiting: list[int] = field(default_factory=list)


class Pledge:
    """What becomes of a flow that others wait for.

    Args:
        flows: The flows.
    """

    def __init__(self, flows: Flows) -> None:
        self._flows = flows
        self._settled = Signal()
        self._over = False
        self._error: Exception | None = None

    def settle(self, error: Exception | None = None) -> None:
        """Say that it is over; what is said first stands.

        Args:
            error: Why it has failed.
        """
        if not self._over:
            self._over = True
            self._error = error
            self._flows.fire(self._settled)

    def keep(self, flow: Flow) -> Flow:
        """Run the flow that it is about.

        Args:
            flow: The flow.
        """
        try:
            yield from flow
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self.settle(error)
        else:
            self.settle()

    def outcome(self) -> Flow:
        """Wait until it is over.

        Raises:
            Exception: Why it has failed.
        """
        while not self._over:
            yield self._settled
        if self._error is not None:
            raise self._error


class Flows:
    """The flows that are under way."""

    def __init__(self) -> None:
        self._flows: dict[int, tuple[Flow, Any]] = {}
        self._active: set[int] = set()
        self._lasting: set[int] = set()
        self._numbers = 0
        self._fired: deque[int] = deque()
        self._out: list[Perform | Settle] = []

    def __len__(self) -> int:
        """How many flows are under way."""
        return len(self._flows)

    def begin(
        self, flow: Flow, ticket: Any = None, *, lasting: bool = False
    ) -> list[Perform | Settle]:
        """Begin a flow.

        Args:
            flow: The flow.
            ticket: Whom to tell how it ended; ``None`` for nobody.
            lasting: Whether it goes on when the others are ended because the app-server is gone.

        Returns:
            What is to be done now, in order.
        """
        self._numbers += 1
        self._flows[self._numbers] = (flow, ticket)
        if lasting:
            self._lasting.add(self._numbers)
        self._advance(self._numbers, None, None)
        return self._drained()

    def resume(
        self, number: int, value: Any = None, error: BaseException | None = None
    ) -> list[Perform | Settle]:
        """Go on with a flow whose step is done.

        Args:
            number: The flow; one that was cancelled meanwhile is passed over.
            value: What came of its step.
            error: What went wrong with it.

        Returns:
            What is to be done now, in order.
        """
        if number in self._flows:
            self._advance(number, value, error)
        return self._drained()

    def fire(self, signal: Signal) -> None:
        """Let every flow go on that waits for a signal, as soon as the present one has yielded."""
        self._fired.extend(signal.waiting)
        signal.waiting.clear()

    def cancel_all(self, error: BaseException, *, lasting: bool = False) -> list[Perform | Settle]:
        """End every flow but those that are at work now; whoever began them is told.

        Args:
            error: Why.
            lasting: Whether those end, too, that were to last.

        Returns:
            Whom to tell.
        """
        spared = self._active if lasting else self._active | self._lasting
        for number in sorted(set(self._flows) - spared):
            if number not in self._flows:
                # What one of the others does at its end has ended it.
                continue
            flow, ticket = self._flows.pop(number)
            self._lasting.discard(number)
            flow.close()
            if ticket is not None:
                self._out.append(Settle(ticket, error=error))
        out, self._out = self._out, []
        return out

    def _drained(self) -> list[Perform | Settle]:
        # Within another flow nobody else goes on: whoever has begun that one sees to it.
        while self._fired and not self._active:
            number = self._fired.popleft()
            if number in self._flows:
                self._advance(number, None, None)
        out, self._out = self._out, []
        return out

    def _advance(self, number: int, value: Any, error: BaseException | None) -> None:
        flow, ticket = self._flows[number]
        self._active.add(number)
        try:
            step = flow.send(value) if error is None else flow.throw(error)
        except StopIteration as end:
            self._end(number, ticket, Settle(ticket, end.value))
        except Exception as failure:  # noqa: BLE001 - whoever began the flow is told
            self._end(number, ticket, Settle(ticket, error=failure))
        else:
            if isinstance(step, Signal):
                step.waiting.append(number)
            else:
                self._out.append(Perform(number, step))
        finally:
            self._active.discard(number)

    def _end(self, number: int, ticket: Any, settled: Settle) -> None:
        del self._flows[number]
        self._lasting.discard(number)
        if ticket is not None or settled.error is not None:
            self._out.append(settled)
