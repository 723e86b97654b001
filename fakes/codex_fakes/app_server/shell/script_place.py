"""Where a script is, kept in the home: a server that is started again goes on where it was.

May import msgspec and the script's player. A model does not start anew when the app-server that
asks it does, so the executable writes down, in one file of its home, which responses were played
and which gates were opened. The file begins with the script they belong to; with another script
everything begins anew, and so it does when the file is deleted. The invariant: what was written is
a response that was handed out, or a gate that was opened, in the order in which that happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from codex_fakes.script.playing import Gates, ScriptPlayer, gate_names

if TYPE_CHECKING:
    from codex_fakes.app_server.surroundings.files import Files
    from codex_fakes.script.steps import Script

FILE: Final = "simulated-script.jsonl"
"""The file, below the home."""


class ScriptPlace:
    """What has been played of a script by the servers of one home.

    Args:
        files: The files.
        home: The home, absolute.
        script: The script.
    """

    def __init__(self, files: Files, home: str, script: Script) -> None:
        self._files = files
        self._path = f"{home}/{FILE}"
        head = msgspec.json.encode(script)
        # The piece behind the last newline is what a crash tore, or nothing.
        *lines, torn = (files.read(self._path) or b"").split(b"\n")
        another = lines[:1] != [head]
        if another:
            lines = [head]
        if another or torn:
            files.write(self._path, b"".join(line + b"\n" for line in lines))
        entries = [msgspec.json.decode(line, type=int | str) for line in lines[1:]]
        played = [entry for entry in entries if isinstance(entry, int)]
        opened = [entry for entry in entries if isinstance(entry, str)]
        self.player = ScriptPlayer(script, played=played, when_played=self._write)
        self.gates = Gates(gate_names(script), opened=opened, when_opened=self._write)

    def _write(self, entry: int | str) -> None:
        self._files.append(self._path, msgspec.json.encode(entry) + b"\n")
