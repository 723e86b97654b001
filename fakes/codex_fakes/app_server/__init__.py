"""The simulated Codex app-server: the real one's behaviour, in-process, without a model.

May import asyncio, msgspec, the standard library, :mod:`codex_runtime` and the core of
:mod:`codex_fakes.script`. It is no replay: a state machine over connections, threads, turns,
items, approvals and rollouts, driven by a script. The invariant: what it sends cannot be told from
what the real server sends in the same situation, save where ``E_FAKE_NOT_SIMULATED`` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_fakes.app_server.configuration.settings import SimulatedSettings
    from codex_fakes.app_server.shell.faults import FAULTS, Fault, parse_faults
    from codex_fakes.app_server.shell.listening import SimulatedWebSocket
    from codex_fakes.app_server.shell.server import SimulatedAppServer
    from codex_fakes.app_server.surroundings.clock import Clock, SystemClock, VirtualClock

_MODULES: Final = {
    "Clock": "surroundings.clock",
    "FAULTS": "shell.faults",
    "Fault": "shell.faults",
    "SimulatedAppServer": "shell.server",
    "SimulatedSettings": "configuration.settings",
    "SimulatedWebSocket": "shell.listening",
    "SystemClock": "surroundings.clock",
    "VirtualClock": "surroundings.clock",
    "parse_faults": "shell.faults",
}
"""Where each name is defined; its module is imported when the name is first used."""

__all__ = [
    "FAULTS",
    "Clock",
    "Fault",
    "SimulatedAppServer",
    "SimulatedSettings",
    "SimulatedWebSocket",
    "SystemClock",
    "VirtualClock",
    "parse_faults",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
