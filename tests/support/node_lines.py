"""A script on Node that answers a line of JSON with a line of JSON, one at a time."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

ANSWERING = 100.0
"""Seconds that one answer may take."""


class NodeLines:
    """The script, running until the end of the ``with`` block.

    Args:
        program: The node executable.
        script: What it runs.
    """

    def __init__(self, program: Path, script: Path) -> None:
        self._argv = [program, script]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._argv[1].parent
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process.stdout.close()

    def ask(self, question: object, timeout: float = ANSWERING) -> Any:
        """Send a line and wait for the one it is answered with.

        Args:
            question: What JSON can say.
            timeout: Seconds; then the script is killed.

        Raises:
            RuntimeError: The script ended, took too long, or says that it failed.
        """
        watchdog = threading.Timer(timeout, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise RuntimeError(f"{self._argv[1].name} ended, or gave no answer in {timeout} s")
        answer = json.loads(line)
        if "broken" in answer:
            raise RuntimeError(f"{self._argv[1].name} failed:\n{answer['broken']}")
        return answer["answer"]
