"""What may become of a runtime: the expected tables, written from the specification.

May import nothing. The invariant: these are the judge's own tables; nothing of the project derives
from them, and one test compares them with those of the runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

EXPECTED_LIFECYCLE: Final[dict[str, dict[str, str]]] = {
    # spec 06 §3, with "Better": a start that fails is rolled back, the next event of an app-server
    # that goes on ends an error, and what is not current any more changes nothing.
    "idle": {"connect": "starting", "stop": "stopping"},
    "starting": {
        "opened": "running",
        "openFailed": "failed",
        "stop": "stopping",
        "exit": "failed",
    },
    "running": {"stop": "stopping", "protocolError": "troubled", "exit": "failed"},
    "troubled": {"stop": "stopping", "event": "running", "exit": "failed"},
    "failed": {"connect": "starting", "stop": "stopping"},
    "stopping": {"connect": "E_RUNTIME_STOPPING", "stopped": "stopped"},
    "stopped": {"connect": "starting"},
}
"""Where each event leads from each state; nothing changes where none is named.

``troubled`` and ``failed`` are both shown as the phase ``error``: with an app-server, and without.
"""

EXPECTED_EVENTS: Final = (
    "connect",
    "opened",
    "openFailed",
    "stop",
    "stopped",
    "protocolError",
    "event",
    "exit",
)
"""What can happen to a runtime."""

EXPECTED_SOURCES: Final = {
    "connect": "runtime",
    "opened": "runtime",
    "stop": "runtime",
    "stopped": "runtime",
    "protocolError": "protocol_error",
    "event": "bridge_event",
    "exit": "process_exit",
}
"""What a change of phase comes from, by the event that made it (spec 06 §3). What a start that
failed comes from the specification leaves open."""

SHOWN_PHASES: Final = {"troubled": "error", "failed": "error"}
"""The phase that is shown of a state; of any other state, its own name."""

RUNNING: Final = frozenset({"running", "troubled"})
"""The states that rest and have an app-server."""

Previous: TypeAlias = Literal["none", "same", "other"]


@dataclass(frozen=True, slots=True)
class IdentitySwitch:
    """A row of the table of identities (spec 06 §5).

    Attributes:
        previous: Which thread of Codex was open before, as seen from the one in the answer.
        pinned: Whether the conversation is pinned.
        conversation: The conversation afterwards: named as Codex's thread, as it was, or the pin.
        binding: What becomes of where the thread is kept.
    """

    previous: Previous
    pinned: bool
    conversation: Literal["thread", "unchanged", "pin"]
    binding: Literal["new", "unchanged"]


EXPECTED_IDENTITIES: Final[dict[str, IdentitySwitch]] = {
    "first": IdentitySwitch("none", False, "thread", "new"),
    "first-pinned": IdentitySwitch("none", True, "pin", "new"),
    "same": IdentitySwitch("same", False, "unchanged", "unchanged"),
    "same-pinned": IdentitySwitch("same", True, "unchanged", "unchanged"),
    "switch": IdentitySwitch("other", False, "thread", "new"),
    "switch-pinned": IdentitySwitch("other", True, "pin", "new"),
}
"""What becomes of a runtime's identities when Codex answers with a thread, by row."""

EXPECTED_PROGRESS: Final = ("reading", "sending", "verifying", "synced")
"""The states that an import which ends well tells of, in order; each may be told more than once."""


def walk(state: str, *events: str) -> list[tuple[str, str]]:
    """Say which phases are shown when events happen to a runtime, one after the other.

    Args:
        state: The state it is in.
        events: The events.

    Returns:
        The phase and its source after each event that changes the state.
    """
    shown: list[tuple[str, str]] = []
    for event in events:
        after = EXPECTED_LIFECYCLE[state].get(event)
        if after is not None and not after.startswith("E_"):
            state = after
            shown.append((SHOWN_PHASES.get(state, state), EXPECTED_SOURCES.get(event, "")))
    return shown
