"""Which response comes next, and the gates that the test opens: what both players share.

May import the steps and the error catalogue, and asyncio where it is waited for: a simulated
executable waits at gates without it. The invariant: a response that is not marked
``repeat`` is handed out once, and the ids of a response depend on its place in the script and on
nothing else, so that both app-servers show the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from codex_fakes.script.steps import CALLS, Response, Say, Script, Step, Think, Wait
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

_ECHO: Final = -1
"""The number of a response that the script does not have."""

DEFAULT_WAIT: Final = 10.0
"""Seconds a test waits at a gate before it is told that the model never came there."""


@dataclass(frozen=True, slots=True)
class PlannedResponse:
    """A response chosen for one model request, every id filled in.

    Attributes:
        number: Its place in the script, from 0; -1 for a response the script does not have (the
            echo of ``otherwise``).
        use: How often it had been played before.
        steps: Its steps, with ids; a message that is continued keeps its id.
        headers: Additional headers of the stream.
    """

    number: int
    use: int
    steps: tuple[Step, ...]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The model's id of this response."""
        return f"resp_{self.number}_{self.use}" if self.number >= 0 else f"resp_echo_{self.use}"


class ScriptPlayer:
    """Hands out the responses of a script, one per model request.

    Args:
        script: The script to play.
        played: The responses that were handed out before, by their numbers.
        when_played: Told the number of each response that is handed out.
    """

    def __init__(
        self,
        script: Script,
        *,
        played: Iterable[int] = (),
        when_played: Callable[[int], None] | None = None,
    ) -> None:
        self.script = script
        self._uses = [0] * len(script.responses)
        self._echoes = 0
        self._when_played = when_played
        for number in played:
            self._count(number)

    @property
    def left(self) -> int:
        """How many of the responses that are played once have not been played."""
        return sum(
            1
            for response, uses in zip(self.script.responses, self._uses, strict=True)
            if not response.repeat and uses == 0
        )

    @property
    def handed_out(self) -> int:
        """How many responses have been handed out."""
        return sum(self._uses) + self._echoes

    @property
    def reachable(self) -> bool:
        """Whether the model can be asked; see ``otherwise`` of :class:`Script`."""
        return self.script.otherwise != "unreachable" or self.left > 0

    def next_response(self, user_text: str) -> PlannedResponse:
        """Choose the response to a model request.

        Args:
            user_text: The text of the newest user message in the request.

        Returns:
            The first response that fits and is not used up.

        Raises:
            ConfigurationError: ``E_SCRIPT_EXHAUSTED`` when there is none and the script says
                ``otherwise: fail``.
        """
        for number, response in enumerate(self.script.responses):
            if self._uses[number] and not response.repeat:
                continue
            if response.when is not None and response.when not in user_text:
                continue
            use = self._hand_out(number)
            steps = _with_ids(response, number, use)
            return PlannedResponse(number, use, steps, response.headers)
        if self.script.otherwise == "echo":
            use = self._hand_out(_ECHO)
            said = Response(steps=(Say(text=user_text),))
            return PlannedResponse(_ECHO, use, _with_ids(said, _ECHO, use))
        raise ConfigurationError(
            "E_SCRIPT_EXHAUSTED",
            f"the model was asked again (the newest user message is {user_text[:80]!r}), and none "
            f"of the script's {len(self.script.responses)} responses is left for that",
        )

    def _hand_out(self, number: int) -> int:
        """Count a response that is handed out; gives how often it had been before."""
        use = self._count(number)
        if self._when_played is not None:
            self._when_played(number)
        return use

    def _count(self, number: int) -> int:
        if number == _ECHO:
            self._echoes += 1
            return self._echoes - 1
        self._uses[number] += 1
        return self._uses[number] - 1


def _with_ids(response: Response, number: int, use: int) -> tuple[Step, ...]:
    place = "echo" if number < 0 else str(number)
    again = f"_{use}" if use else ""
    steps: list[Step] = []
    opened: Say | None = None
    for position, step in enumerate(response.steps):
        if isinstance(step, Say) and opened is not None:
            identified: Step = msgspec.structs.replace(
                step, item_id=opened.item_id, anonymous=opened.anonymous, phase=opened.phase
            )
        else:
            identified = _identified(step, f"{place}_{position}{again}")
        if isinstance(identified, Say):
            opened = identified if identified.left_open else None
        elif isinstance(identified, (Think, *CALLS)):
            opened = None
        steps.append(identified)
    return tuple(steps)


def _identified(step: Step, place: str) -> Step:
    if isinstance(step, Say | Think) and step.anonymous:
        return step
    if isinstance(step, Say) and step.item_id is None:
        return msgspec.structs.replace(step, item_id=f"msg_{place}")
    if isinstance(step, Think) and step.item_id is None:
        return msgspec.structs.replace(step, item_id=f"rs_{place}")
    if isinstance(step, CALLS) and step.call_id is None:
        return msgspec.structs.replace(step, call_id=f"call_{place}")
    return step


def gate_names(script: Script) -> tuple[str, ...]:
    """Name every gate of a script, in the order of the script."""
    names = (
        step.gate
        for response in script.responses
        for step in response.steps
        if isinstance(step, Wait)
    )
    return tuple(dict.fromkeys(names))


class Gates:
    """The gates of a script: the model waits at them until the test opens them.

    A gate that was opened stays open. All calls belong to one event loop.

    Args:
        names: The gates there are; see :func:`gate_names`.
        opened: The gates that were opened before.
        when_opened: Told the name of each gate that is opened.
    """

    def __init__(
        self,
        names: Iterable[str],
        *,
        opened: Iterable[str] = (),
        when_opened: Callable[[str], None] | None = None,
    ) -> None:
        self._names = tuple(names)
        self._open = set(opened)
        self._when_opened = when_opened
        self._reached: set[str] = set()
        self._when_open: dict[str, list[Callable[[], None]]] = {}
        self._when_reached: dict[str, list[asyncio.Future[None]]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The gates there are."""
        return self._names

    def open(self, name: str) -> None:
        """Open a gate; opening it twice is harmless.

        Args:
            name: The gate.

        Raises:
            ConfigurationError: ``E_SCRIPT_GATE_UNKNOWN``.
        """
        self._check(name)
        if name not in self._open:
            self._open.add(name)
            if self._when_opened is not None:
                self._when_opened(name)
            for callback in self._when_open.pop(name, []):
                callback()

    def open_all(self) -> None:
        """Open every gate."""
        for name in self._names:
            self.open(name)

    def is_open(self, name: str) -> bool:
        """Whether a gate has been opened."""
        return name in self._open

    def is_reached(self, name: str) -> bool:
        """Whether the model has come to a gate."""
        return name in self._reached

    def arrive(self, name: str, then: Callable[[], None]) -> None:
        """Say that the model has come to a gate, and what happens when it is open.

        Args:
            name: The gate.
            then: Called once, at once when the gate is already open.
        """
        self._check(name)
        self._reached.add(name)
        for waiter in self._when_reached.pop(name, []):
            if not waiter.done():
                waiter.set_result(None)
        if name in self._open:
            then()
        else:
            self._when_open.setdefault(name, []).append(then)

    async def passed(self, name: str) -> None:
        """Arrive at a gate and wait until it is open."""
        import asyncio

        opened = asyncio.get_running_loop().create_future()
        self.arrive(name, lambda: None if opened.done() else opened.set_result(None))
        await opened

    async def reached(self, name: str, timeout: float = DEFAULT_WAIT) -> None:
        """Wait until the model has come to a gate.

        Args:
            name: The gate.
            timeout: Seconds to wait.

        Raises:
            ConfigurationError: ``E_SCRIPT_GATE_UNKNOWN``, or ``E_SCRIPT_WAIT_TIMEOUT``.
        """
        import asyncio

        self._check(name)
        if name in self._reached:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._when_reached.setdefault(name, []).append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            raise ConfigurationError(
                "E_SCRIPT_WAIT_TIMEOUT",
                f"the model did not come to gate {name!r} within {timeout:g} s "
                f"(reached so far: {sorted(self._reached) or 'none'})",
            ) from None

    def _check(self, name: str) -> None:
        if name not in self._names:
            raise ConfigurationError(
                "E_SCRIPT_GATE_UNKNOWN",
                f"no step waits at gate {name!r}; the script's gates are: "
                f"{', '.join(self._names) or 'none'}",
            )
