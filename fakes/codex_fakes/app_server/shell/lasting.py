"""What of a server in this process outlives its restart.

May import types only. The invariant: it is handed on as it is; what a restart changes is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from codex_fakes.app_server.configuration.settings import SimulatedSettings
    from codex_fakes.app_server.shell.fault_language import Fault
    from codex_fakes.app_server.surroundings.clock import Clock, Ids
    from codex_fakes.script.playing import Gates, ScriptPlayer

    Tap: TypeAlias = Callable[[bytes], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Lasting:
    """What outlives a restart; the attributes are those of the server's arguments."""

    player: ScriptPlayer
    gates: Gates
    home: Path
    settings: SimulatedSettings
    clock: Clock
    ids: Ids
    single_connection: bool
    tap: Tap | None
    faults: tuple[Fault, ...]
    quiet_seconds: float | None
