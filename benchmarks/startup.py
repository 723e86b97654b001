"""What it costs to begin: imports and the command lines' help, against Python doing nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Row, best_seconds

HELP_LIMIT = 0.150


def command(*argv: str) -> Callable[[], None]:
    """A run of a program."""

    def run() -> None:
        subprocess.run(argv, check=True, capture_output=True, timeout=60)

    return run


def rows() -> Iterator[Row]:
    """The lines of the table."""
    scripts = Path(sys.executable).parent
    nothing, runtime, tools, fakes, conformance = best_seconds(
        command(sys.executable, "-c", "pass"),
        command(sys.executable, "-c", "import codex_runtime.app_server.connection"),
        command(str(scripts / "codex-runtime"), "--help"),
        command(str(scripts / "codex-fakes"), "--help"),
        command(str(scripts / "codex-conformance"), "--help"),
    )
    yield Row("python -c pass", f"{nothing * 1000:.0f} ms")
    yield Row(
        "import codex_runtime.app_server.connection",
        f"{runtime * 1000:.0f} ms",
        f"+{(runtime - nothing) * 1000:.0f} ms over python",
    )
    for name, seconds in (
        ("codex-runtime", tools),
        ("codex-fakes", fakes),
        ("codex-conformance", conformance),
    ):
        yield Row(
            f"{name} --help",
            f"{seconds * 1000:.0f} ms",
            f"+{(seconds - nothing) * 1000:.0f} ms over python",
            "<= 150 ms",
            seconds <= HELP_LIMIT,
        )
