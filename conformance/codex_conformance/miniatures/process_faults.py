"""Faults of a process: how it is launched, signalled and reached, changed in one thing.

May import the wire and the records of a launch. The invariant: a fault changes what it names; the
process behind it is the passing one, started and ended as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_conformance.targets.launch import Launch
    from codex_conformance.wire.frames import Frame
    from codex_conformance.wire.transcript import Ending


def _same(how: Launch) -> Launch:
    return how


def _same_signal(number: int) -> int:
    return number


def _same_line(line: bytes) -> tuple[bytes, ...]:
    return (line,)


def _same_frame(frame: Frame) -> tuple[Frame, ...]:
    return (frame,)


def _same_ending(ending: Ending) -> Ending:
    return ending


@dataclass(frozen=True, slots=True)
class ProcessFault:
    """One changed behaviour of a process.

    Attributes:
        launch: What it makes of how it is launched.
        signal: What it makes of a signal.
        line: What it makes of a line of an HTTP request.
        frame: What it makes of a frame of a websocket.
        ending: What it makes of its end.
    """

    launch: Callable[[Launch], Launch] = field(default=_same)
    signal: Callable[[int], int] = field(default=_same_signal)
    line: Callable[[bytes], tuple[bytes, ...]] = field(default=_same_line)
    frame: Callable[[Frame], tuple[Frame, ...]] = field(default=_same_frame)
    ending: Callable[[Ending], Ending] = field(default=_same_ending)


NO_PROCESS_FAULT = ProcessFault()
"""Nothing is wrong with the process itself; its faults have names."""
