"""Faults by name: what goes wrong, how often, for which function.

May import the calls and the coded errors. The invariant: a fault happens exactly as often as was
asked for, at the place its row in :data:`FAULTS` names, and a name that is not there is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.wire.calls import checked_path
from codex_fakes.convex.wire.refusals import Refusal
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(Enum):
    """Where a fault happens."""

    NOW = "now"
    """When it is asked for."""
    CALL = "call"
    """At the next call that it is for, over HTTP or on a socket."""
    SOCKET = "socket"
    """At the next call on a socket."""
    HTTP = "http"
    """At the next request over HTTP."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a fault is.

    Attributes:
        place: Where it happens.
        options: What may be said of it besides its name.
        does: What happens.
    """

    place: Place
    options: frozenset[str]
    does: str


_AT_CALL: Final = frozenset({"path", "times"})

FAULTS: Final[Mapping[str, FaultKind]] = MappingProxyType(
    {
        "drop_before_commit": FaultKind(
            Place.CALL, _AT_CALL, "the connection is cut before the mutation runs"
        ),
        "drop_after_commit": FaultKind(
            Place.CALL,
            _AT_CALL,
            "the mutation commits, and the connection is cut before its answer",
        ),
        "drop_during_action": FaultKind(
            Place.SOCKET, _AT_CALL, "the action runs on, and the connection is cut as it starts"
        ),
        "drop_sockets": FaultKind(Place.NOW, frozenset(), "every socket is cut"),
        "delay": FaultKind(
            Place.CALL,
            _AT_CALL | {"milliseconds"},
            "a mutation, over HTTP any call, waits before it runs",
        ),
        "delay_reply": FaultKind(
            Place.CALL,
            _AT_CALL | {"milliseconds"},
            "the call runs, and its answer waits; on a socket nothing overtakes it",
        ),
        "duplicate_response": FaultKind(
            Place.SOCKET, _AT_CALL, "the answer of a mutation or an action is sent twice"
        ),
        "conflict": FaultKind(
            Place.NOW,
            frozenset({"times", "table"}),
            "the next commits of mutations conflict; more than 4 in a row and the mutation fails",
        ),
        "time_out": FaultKind(
            Place.NOW, _AT_CALL, "the next calls run and end as if they had taken too long"
        ),
        "expire_token": FaultKind(
            Place.NOW, frozenset(), "every token that is in use on a socket ends now"
        ),
        "restart": FaultKind(
            Place.NOW,
            frozenset(),
            "the server is as after a new start: sockets cut, running actions ended, data kept",
        ),
        "http_503": FaultKind(Place.HTTP, _AT_CALL, "the request is answered 503 and nothing runs"),
        "lost_reply": FaultKind(
            Place.HTTP, _AT_CALL, "the request is carried out and the connection cut"
        ),
    }
)
"""Every fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is asked for.

    Attributes:
        name: Its name in :data:`FAULTS`.
        path: The function it is for; ``None`` for any.
        times: How often it happens.
        milliseconds: How long a delay is.
        table: The table that a conflict is about; ``None`` for any.
    """

    name: str
    path: str | None = None
    times: int = 1
    milliseconds: float = 100.0
    table: str | None = None


_TYPES: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {"path": (str,), "times": (int,), "milliseconds": (int, float), "table": (str,)}
)


def make_fault(name: str, options: Mapping[str, Any]) -> Fault:
    """Check what is asked for.

    Args:
        name: The name of the fault.
        options: What is said of it: ``path``, ``times``, ``milliseconds``, ``table``.

    Returns:
        The fault.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_FAULT_UNKNOWN`` or ``E_FAKE_CONVEX_FAULT_INVALID``.
    """
    kind = FAULTS.get(name)
    if kind is None:
        raise ConfigurationError(
            "E_FAKE_CONVEX_FAULT_UNKNOWN",
            f"there is no fault {name!r}; there are {', '.join(sorted(FAULTS))}",
        )
    for option, value in options.items():
        if option not in kind.options:
            raise _invalid(f"the fault {name} takes no {option!r}")
        if isinstance(value, bool) or not isinstance(value, _TYPES[option]):
            raise _invalid(f"{option} of the fault {name} is {value!r}")
        if isinstance(value, int | float) and not 0 < value < 1e9:
            raise _invalid(f"{option} of the fault {name} is {value!r}, not above zero")
    given = dict(options)
    if "path" in given:
        try:
            given["path"] = checked_path(given["path"])
        except Refusal as refusal:
            raise _invalid(refusal.message) from None
    return Fault(name, **given)


class Faults:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._waiting: list[list[Any]] = []

    def add(self, fault: Fault) -> None:
        """Have a fault happen at a call.

        Args:
            fault: The fault.
        """
        self._waiting.append([fault, fault.times])

    def take(self, name: str, path: str | None) -> Fault | None:
        """Ask whether a fault happens here.

        Args:
            name: The fault.
            path: The function that is called, in its one spelling; ``None`` when none is.

        Returns:
            The fault when it does, which counts as once; otherwise ``None``.
        """
        for entry in self._waiting:
            fault: Fault = entry[0]
            if fault.name == name and fault.path in {None, path}:
                entry[1] -= 1
                if not entry[1]:
                    self._waiting.remove(entry)
                return fault
        return None

    def clear(self) -> None:
        """Have none happen any more."""
        self._waiting.clear()

    def waiting(self) -> dict[str, int]:
        """Say which faults are still to happen.

        Returns:
            How often, by name.
        """
        counts: dict[str, int] = {}
        for fault, left in self._waiting:
            counts[fault.name] = counts.get(fault.name, 0) + left
        return counts


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_FAKE_CONVEX_FAULT_INVALID", text)
