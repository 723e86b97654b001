"""The simulated Codex app-server: the real one's behaviour, in-process, without a model.

May import asyncio, msgspec, the standard library, :mod:`codex_runtime` and the core of
:mod:`codex_fakes.script`. It is no replay: a state machine over connections, threads, turns,
items, approvals and rollouts, driven by a script. The invariant: what it sends cannot be told from
what the real server sends in the same situation, save where ``E_FAKE_NOT_SIMULATED`` says so.
"""

from __future__ import annotations

from codex_fakes.app_server.clock import Clock, SystemClock, VirtualClock
from codex_fakes.app_server.server import SimulatedAppServer
from codex_fakes.app_server.settings import SimulatedSettings

__all__ = ["Clock", "SimulatedAppServer", "SimulatedSettings", "SystemClock", "VirtualClock"]
