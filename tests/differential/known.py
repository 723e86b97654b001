"""What the simulated app-server says otherwise than the real one, and why."""

from __future__ import annotations

NOT_SIMULATED = {
    "the estimate of a compacted context": (
        "After a compaction the real server estimates the tokens of its own instructions, which "
        "name the machine's folders; the simulation reports one number."
    ),
}
"""What is deliberately not simulated, with the reason; :func:`stable` takes it out."""

GAPS: dict[str, str] = {}
"""Scenarios that differ and are to be mended; each must fail, so that none stays here for ever."""

_WINDOW = (
    "whether a refused command is seen at all depends on whether it ends within the first moments: "
    "on a busy machine the sandbox alone takes longer"
)
RACES = {
    "03k a command that the sandbox refuses": _WINDOW,
    "03q a command that fails at once: touch /etc/nope": _WINDOW,
    "03q a command that fails at once: echo 'Permission denied' >&2; exit 1": _WINDOW,
    "13h pipelined on one thread": (
        "an interrupt that is pipelined behind turn/start comes before or after the user's message"
    ),
}
"""Scenarios in which two runs of the real one differ by its own timing; they may fail."""


def stable(message: dict) -> dict:
    """A message without what is deliberately not simulated."""
    usage = (message.get("params") or {}).get("tokenUsage") if "method" in message else None
    if usage and usage["last"]["totalTokens"] and not usage["last"]["inputTokens"]:
        last = {**usage["last"], "totalTokens": "<ESTIMATE>"}
        usage = {**usage, "last": last}
        return {**message, "params": {**message["params"], "tokenUsage": usage}}
    return message
