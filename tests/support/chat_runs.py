"""Chats as a person or a script has them: the command in a process of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from codex_fakes.script.files import dump_script

SECONDS = 40.0
"""How long anything here is waited for at most."""

_CHAT = (sys.executable, "-m", "codex_runtime.tooling.cli", "chat")
_OURS = ("CODEX", "CONVEX", "NEXT_PUBLIC_CONVEX", "VITE_CONVEX", "ACTOR", "OPENAI", "NO_COLOR")
# The terminal has to be the controlling one for Ctrl-C to be a signal.
_ON_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)
_COLOUR = re.compile(r"\x1b\[\d*m")


class Chats:
    """Where chats are had: a folder, an environment, the scripted model.

    Without ``--fake`` Codex is the simulated one, too, and there is no deployment unless somebody
    names one.
    """

    def __init__(self, folder):
        self.folder = folder
        self.command = _CHAT
        self.state = folder / "state"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        home = folder / "codex-home"
        home.mkdir()
        self.env = {
            **kept,
            "TERM": "xterm",
            "PYTHONWARNINGS": "error",
            "CODEX_BIN": str(Path(sys.executable).with_name("codex-simulated")),
            "CODEX_HOME": str(home),
        }

    def plays(self, played):
        """Have the simulated model play a script."""
        path = self.folder / "script.json"
        path.write_text(dump_script(played), encoding="utf-8")
        self.env["CODEX_SIMULATED_SCRIPT"] = str(path)

    def allows_questions(self):
        """Let the model ask the user, which Codex has to be told; without ``--fake``."""
        home = Path(self.env["CODEX_HOME"])
        text = "[features]\ndefault_mode_request_user_input = true\n"
        (home / "config.toml").write_text(text, encoding="utf-8")

    def say(self, *lines, options=("--fake",)):
        """Have a chat through pipes; give the finished process."""
        return subprocess.run(
            [*self.command, *options],
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=self.env,
            cwd=self.folder,
            timeout=SECONDS,
            check=False,
        )

    @property
    def kept(self):
        """The options of a chat that another one goes on with."""
        return ("--fake", "--state", str(self.state))

    @contextmanager
    def terminal(self, *options):
        """Have a chat on a terminal."""
        ours, its = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, *self.command, *(options or ("--fake",))],
            stdin=its,
            stdout=its,
            stderr=its,
            env=self.env,
            cwd=self.folder,
            start_new_session=True,
        )
        os.close(its)
        try:
            yield Terminal(ours, process)
        finally:
            for child in _family(process.pid):
                child.kill()
            process.wait(SECONDS)
            os.close(ours)


class Terminal:
    """What somebody who sits in front of a chat sees and types."""

    def __init__(self, descriptor, process):
        self._descriptor = descriptor
        self._process = process
        self._seen = 0
        self.text = ""

    def sees(self, wanted):
        """Wait until a text is seen, below everything that was waited for before."""
        while (found := _COLOUR.sub("", self.text).find(wanted, self._seen)) < 0:
            if not self._read():
                raise AssertionError(f"{wanted!r} was never seen in:\n{self.text}")
        self._seen = found + len(wanted)

    def types(self, line):
        """Type a line."""
        self.presses(f"{line}\r")

    def presses(self, keys):
        """Press keys: ``\\x03`` is Ctrl-C, ``\\x04`` the end of the input."""
        os.write(self._descriptor, keys.encode())

    def ends(self):
        """Wait for the end; give the exit code."""
        while self._read():
            pass
        return self._process.wait(SECONDS)

    def hangs_up(self):
        """Tell the whole program that the terminal is gone."""
        self._process.send_signal(signal.SIGHUP)

    def starts_something(self):
        """Wait until it has started a process of its own; give all of them."""
        deadline = time.monotonic() + SECONDS
        while len(family := self.family) < 2:
            assert time.monotonic() < deadline, f"nothing was started:\n{self.text}"
        return family

    @property
    def family(self):
        """The process with everything it has started."""
        return _family(self._process.pid)

    def _read(self):
        ready, _, _ = select.select([self._descriptor], [], [], SECONDS)
        assert ready, f"nothing was seen any more below:\n{self.text}"
        try:
            data = os.read(self._descriptor, 65_536)
        except OSError:
            # Nobody has the terminal's other side open any more.
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)


def _family(pid):
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def thread_of(done):
    """The thread that a chat through pipes was about."""
    return re.search(r"Thread (\S+), kept in", done.stderr).group(1)


def gone(processes):
    """Wait until processes have ended; give those that have not."""
    _, alive = psutil.wait_procs(processes, timeout=SECONDS)
    return alive
