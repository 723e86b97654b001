"""Official Python clients, one in each process, driven by pickles with a limit to every wait."""

from __future__ import annotations

import pickle
import queue
import struct
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
from convex import ConvexError

PATIENCE = 30.0
"""Seconds after which something counts as not coming."""
HANGING = 2.0
"""Seconds after which a call that is known to hang counts as hanging."""

DRIVER = Path(__file__).with_name("python_client_driver.py")


class PythonClient:
    """One official client in a process of its own."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        self._updates: dict[str, queue.SimpleQueue] = {}
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def do(self, command: str, **given):
        """Have it do something; what that gives, or what it raises."""
        self._send(command, given)
        return _given(self._take(self._answers, command))

    def call(self, kind: str, path: str, args=None):
        return self.do(kind, path=path, args=args or {})

    def hangs(self, kind: str, path: str) -> bool:
        """Whether a call gives nothing; the client is lost to it."""
        self._send(kind, {"path": path, "args": {}})
        try:
            self._answers.get(timeout=HANGING)
        except queue.Empty:
            return True
        return False

    def subscribe(self, name: str, path: str, args=None) -> None:
        self._updates[name] = queue.SimpleQueue()
        self.do("subscribe", name=name, path=path, args=args or {})

    def watch(self, name: str, queries) -> None:
        """Follow several queries as the one consistent view that the client has of them."""
        self._updates[name] = queue.SimpleQueue()
        self.do("watch", name=name, queries=queries)

    def unsubscribe(self, name: str) -> None:
        self.do("unsubscribe", name=name)

    def next(self, name: str):
        """The next value of a subscription."""
        return _given(self._take(self._updates[name], name))

    def until(self, name: str, wanted) -> bool:
        """Whether a subscription comes to a value."""
        while self.next(name) != wanted:
            pass
        return True

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()

    def _send(self, command, given) -> None:
        data = pickle.dumps((command, given))
        self._process.stdin.write(struct.pack("<I", len(data)) + data)
        self._process.stdin.flush()

    def _take(self, source, what):
        try:
            return source.get(timeout=PATIENCE)
        except queue.Empty:
            pytest.fail(f"nothing came of {what} within {PATIENCE:g} s")

    def _read(self) -> None:
        out = self._process.stdout
        while len(head := out.read(4)) == 4:
            name, told = pickle.loads(out.read(struct.unpack("<I", head)[0]))
            (self._answers if name is None else self._updates[name]).put(told)


class PythonClients:
    """Starts clients of one deployment, and ends them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._started: list[PythonClient] = []

    def __enter__(self):
        return self

    def __exit__(self, *_error) -> None:
        for client in self._started:
            client.end()

    def start(self) -> PythonClient:
        self._started.append(PythonClient(self._url))
        return self._started[-1]


def _given(told):
    kind, value = told
    if kind == "value":
        return value
    kind, text, data = value
    raise ConvexError(text, data) if kind == "convex" else Exception(text)
