"""What differs in every run, or in some, and is no difference.

What is deliberately not simulated is listed by the simulation itself, each entry with its reason:
``codex_fakes.app_server.dialect.not_simulated``.
"""

from __future__ import annotations

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
}
"""Scenarios in which two runs of the real one differ by its own timing; they may fail."""

RUNS = {"13h pipelined on one thread": 40}
"""Scenarios for which the real one is run more often than others, until it says the same.

13h: what is pipelined behind turn/start is answered before the turn starts, or when it has started,
or when the user's message is there, or when the model has answered. Of 25 runs, 8 were as the
simulation's, 15 showed the user's message, 2 the model's answer.
"""

_MODE_PROMPTS = ("# Plan Mode (Conversational)\n", "# Collaboration Mode: Default\n")


def _without_prompt(value):
    """A value in which of a mode's prompt only the heading is left."""
    if isinstance(value, dict):
        return {key: _without_prompt(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_prompt(inner) for inner in value]
    if isinstance(value, str) and value.startswith(_MODE_PROMPTS):
        return value.partition("\n")[0]
    return value


def stable(message: dict) -> dict:
    """A message without what ``PASSED_OVER`` names: mode instructions, a compacted context."""
    message = _without_prompt(message)
    usage = (message.get("params") or {}).get("tokenUsage") if "method" in message else None
    if usage and usage["last"]["totalTokens"] and not usage["last"]["inputTokens"]:
        last = {**usage["last"], "totalTokens": "<ESTIMATE>"}
        usage = {**usage, "last": last}
        return {**message, "params": {**message["params"], "tokenUsage": usage}}
    return message
