"""The targets ``simulated:stdio`` and ``simulated:ws``: the executable ``codex-simulated``.

May import Codex's home and the targets of processes; the script's files are imported when a scene
is opened. The invariant: the executable gets its script, its home and its gates as a user would
give them, through files, the environment and its control socket.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codex_conformance.targets.folders import scene_folder
from codex_conformance.targets.process import ProcessTarget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codex_conformance.targets.door import StageSettings, Venue
    from codex_fakes.responses import CodexHome
    from codex_fakes.script.steps import Script

_MODULE: Final = ("-m", "codex_fakes.app_server")
"""What ``codex-simulated`` runs."""

_NOBODY: Final = "http://127.0.0.1:9/v1"
"""The address in config.toml of the model that the simulation does not ask."""

CONTROL_SECONDS: Final = 5.0
"""Seconds the process may take to open a gate; it takes one turn of its loop."""


class ControlSocket:
    """The gates of a simulated app-server in another process.

    Args:
        path: Its control socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def problems(self) -> tuple[str, ...]:
        """What the model could not play; a process writes that to stderr instead."""
        return ()

    def open_gate(self, name: str) -> None:
        """Open a gate, and wait until it is open.

        Args:
            name: The gate's name.

        Raises:
            OSError: The process is gone, or does not answer.
        """
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(CONTROL_SECONDS)
            door.connect(str(self._path))
            door.sendall(f"open {name}\n".encode())
            # A visitor that leaves before it is answered may not have been heard.
            with door.makefile("rb") as said:
                while (line := said.readline().strip()) != f"opened {name}".encode():
                    if not line or line.startswith(b"error"):
                        raise ConnectionError(f"the gate {name!r} was not opened: {line!r}")


class ExecutableTarget(ProcessTarget):
    """The executable ``codex-simulated``.

    Args:
        name: How the user wrote the target.
        workspace: Where homes are made; the system's folder for temporary files when ``None``.
        listens: Whether it is reached over a websocket.
        history: The history mode of the threads.
        faults: What it does wrong, by name.
    """

    def __init__(
        self,
        name: str,
        workspace: Path | None = None,
        *,
        listens: bool = False,
        history: str | None = None,
        faults: str = "",
    ) -> None:
        self._faults = faults
        super().__init__(
            name,
            lambda home: home.command(sys.executable),
            workspace=workspace,
            listens=listens,
            history=history,
        )

    def _argv(self, home: CodexHome) -> tuple[str, ...]:
        # The same interpreter, whatever is on PATH.
        python, *arguments = super()._argv(home)
        return (python, *_MODULE, *arguments)

    @contextlib.asynccontextmanager
    async def open(self, script: Script, settings: StageSettings) -> AsyncIterator[Venue]:
        """See :meth:`codex_conformance.targets.door.Target.open`."""
        from codex_fakes.script.files import dump_script

        with (
            scene_folder(self._workspace) as folder,
            # The path of a unix socket is short.
            tempfile.TemporaryDirectory(prefix="codex-") as short,
        ):
            written = folder / "script.json"
            written.write_text(dump_script(script), encoding="utf-8")
            control = Path(short) / "control"
            home = self._home(folder, _NOBODY, settings)
            env = {
                **home.env,
                "CODEX_SIMULATED_SCRIPT": str(written),
                "CODEX_SIMULATED_CONTROL": str(control),
                "CODEX_SIMULATED_FAULTS": self._faults,
            }
            venue = self._venue(home, env, self._work(folder), ControlSocket(control))
            try:
                yield venue
            finally:
                await venue.stop()
