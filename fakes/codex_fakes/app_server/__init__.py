"""The simulated Codex app-server: the real one's behaviour, in-process, without a model.

May import asyncio, msgspec, the standard library, :mod:`codex_runtime` and the core of
:mod:`codex_fakes.script`. It is no replay: a state machine over connections, threads, turns,
items, approvals and rollouts, driven by a script. The invariant: what it sends cannot be told from
what the real server sends in the same situation, save for what
:mod:`codex_fakes.app_server.dialect.not_simulated` lists, each entry with its reason.

The folders are layers; each imports only those below it, and only ``shell`` imports asyncio:

* ``shell``: memory, stdin and stdout, websocket; the door to gates; faults by name.
* ``machine.py``: events in, bytes out.
* ``requests``: one handler for each request a client may make.
* ``turns``: from turn/start to turn/completed; reviews, compaction, counts.
* ``tools``: what the model calls: commands, patches, questions, dynamic tools, consent.
* ``model``: what the model writes while it streams.
* ``storage``: rollouts in both forms of history, and where stored threads are found again.
* ``threads``: what a server knows: threads, turns, items, the world they share.
* ``surroundings``: files, repositories, time and chance.
* ``configuration``: command line, config.toml, overrides of threads, models.
* ``dialect``: lines, params, refusals, in the real server's own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_fakes.app_server.configuration.settings import SimulatedSettings
    from codex_fakes.app_server.shell.fault_language import FAULTS, Fault, parse_faults
    from codex_fakes.app_server.shell.listening import SimulatedWebSocket
    from codex_fakes.app_server.shell.server import SimulatedAppServer
    from codex_fakes.app_server.surroundings.clock import Clock, SystemClock, VirtualClock

_MODULES: Final = {
    "Clock": "surroundings.clock",
    "FAULTS": "shell.fault_language",
    "Fault": "shell.fault_language",
    "SimulatedAppServer": "shell.server",
    "SimulatedSettings": "configuration.settings",
    "SimulatedWebSocket": "shell.listening",
    "SystemClock": "surroundings.clock",
    "VirtualClock": "surroundings.clock",
    "parse_faults": "shell.fault_language",
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
