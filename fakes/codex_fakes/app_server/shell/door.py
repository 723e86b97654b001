"""The door through which a test opens the gates of a simulated app-server in another process.

May import sockets and the script's gates; imported when there is a door. It is a unix socket, lines
in both directions, any number of visitors: ``open NAME`` and ``open-all`` come in; ``reached NAME``
goes out for every gate that the model has come to, before or after the visitor came, ``opened
NAME`` when a gate is open, and ``error TEXT``. The invariant: a visitor that does not read, or says
what nobody understands, is told or dropped, and never holds the server up.
"""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.script.playing import Gates

    Watch = Callable[[int, Callable[[], None] | None], None]

_CHUNK: Final = 4096


class ControlDoor:
    """A unix socket that opens gates.

    Args:
        path: Where the socket is made; nothing may be there but the socket of a process that was
            killed.
        gates: The gates.
        watch: Calls a callback whenever a file descriptor can be read; ``None`` ends that.

    Raises:
        ConfigurationError: ``E_FAKE_SOCKET_UNUSABLE``.
    """

    def __init__(self, path: str, gates: Gates, watch: Watch) -> None:
        self._path = path
        self._gates = gates
        self._watch = watch
        self._visitors: dict[int, socket.socket] = {}
        self._rests: dict[int, bytes] = {}
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            if _is_left_over(path):
                Path(path).unlink()
            self._socket.bind(path)
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            raise ConfigurationError(
                "E_FAKE_SOCKET_UNUSABLE", f"{path}: {error.strerror or error}"
            ) from error
        self._socket.setblocking(False)
        watch(self._socket.fileno(), self._enter)

    def close(self) -> None:
        """Close the door and take the socket away."""
        for number in list(self._visitors):
            self._leave(number)
        self._watch(self._socket.fileno(), None)
        self._socket.close()
        Path(self._path).unlink(missing_ok=True)

    def reached(self, gate: str) -> None:
        """Tell every visitor that the model has come to a gate."""
        for number in list(self._visitors):
            self._say(number, f"reached {gate}")

    def _enter(self) -> None:
        try:
            visitor, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        visitor.setblocking(False)
        number = visitor.fileno()
        self._visitors[number], self._rests[number] = visitor, b""
        self._watch(number, partial(self._hear, number))
        for gate in self._gates.names:
            if self._gates.is_reached(gate):
                self._say(number, f"reached {gate}")

    def _hear(self, number: int) -> None:
        try:
            data = self._visitors[number].recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._leave(number)
            return
        *lines, self._rests[number] = (self._rests[number] + data).split(b"\n")
        for line in lines:
            if number in self._visitors:
                self._obey(number, line.decode("utf-8", "replace").strip())

    def _obey(self, number: int, line: str) -> None:
        word, _, name = line.partition(" ")
        names = self._gates.names if line == "open-all" else (name,)
        if line != "open-all" and word != "open":
            self._say(number, f"error expected `open NAME` or `open-all`, not {line!r}")
            return
        for gate in names:
            try:
                self._gates.open(gate)
            except ConfigurationError as error:
                self._say(number, f"error {error}")
            else:
                self._say(number, f"opened {gate}")

    def _say(self, number: int, line: str) -> None:
        visitor = self._visitors.get(number)
        if visitor is None:
            return
        said = line.encode() + b"\n"
        try:
            whole = visitor.send(said) == len(said)
        except BlockingIOError:
            whole = False
        except OSError:
            # Gone; what it said before that is still to be heard, and its end comes behind that.
            return
        if not whole:
            self._leave(number)

    def _leave(self, number: int) -> None:
        self._watch(number, None)
        self._visitors.pop(number).close()
        del self._rests[number]


def _is_left_over(path: str) -> bool:
    """Whether there is a socket that nobody listens on any more."""
    with socket.socket(socket.AF_UNIX) as visitor:
        try:
            visitor.connect(path)
        except ConnectionRefusedError:
            return Path(path).is_socket()
        except OSError:
            # There is nothing, or nothing that can be visited; binding says what is wrong.
            return False
    return False
