"""A fake Convex in a process of its own.

May import the standard library and the coded errors. The invariant: it is there because the
official Python client holds the interpreter lock while it waits, so a server in the same process
could never answer it; when it has been stopped, its process is gone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

START_SECONDS: Final = 30.0
"""How long it may take until it listens."""
STOP_SECONDS: Final = 10.0
"""How long it may take to end after SIGTERM."""
CONTROL_SECONDS: Final = 30.0
"""How long the control door may take to answer."""


class ConvexProcess:
    """``codex-fakes convex`` in a process of its own, with its control door; a context manager.

    Args:
        app: The app: ``package.module:attribute`` or ``path/to/file.py:attribute``; one without
            functions by default.
        state: The file that the data is kept in, so that it outlives the process.
        port: The port; 0 takes any free one. A process that is started again listens on the port
            that it had.
        virtual_clock: Whether time stands still until :meth:`control` moves it.
        redact_logs: Whether clients are told as little as by a production deployment.
        cwd: Where modules are looked for; the current folder by default.
    """

    def __init__(
        self,
        app: str | None = None,
        *,
        state: Path | None = None,
        port: int = 0,
        virtual_clock: bool = False,
        redact_logs: bool = False,
        cwd: Path | None = None,
    ) -> None:
        self._options = _options(app, state, virtual_clock=virtual_clock, redact_logs=redact_logs)
        self._port = port
        self._cwd = cwd
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        """The deployment's URL."""
        self.admin_key = ""
        """The key of administrators."""

    def __enter__(self) -> Self:
        """Start it, as :meth:`start` does."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it, as :meth:`stop` does."""
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it listens.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_PROCESS_FAILED``: it ended, or took too long.
        """
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from codex_fakes.cli import main; main()",
                "convex",
                "--control",
                "--port",
                str(self._port),
                *self._options,
            ],
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        watch = Timer(START_SECONDS, process.kill)
        watch.start()
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for above
            self.url, self.admin_key = (process.stdout.readline().strip() for _ in range(2))
        finally:
            watch.cancel()
        if not self.admin_key:
            process.kill()
            _, said = process.communicate()
            raise ConfigurationError(
                "E_FAKE_CONVEX_PROCESS_FAILED",
                f"codex-fakes convex did not start: {' '.join(said.split()) or 'it said nothing'}",
            )
        self._process = process
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """End it as a user does; what it said on stderr goes to this process's stderr."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a crash does: with SIGKILL, at once."""
        self._end(kill=True)

    def control(self, path: str, /, **body: Any) -> Any:
        """Ask the control door.

        Args:
            path: What follows ``/_fake/``: ``advance``, ``run_until_idle``, ``reset``, ``token``,
                ``faults/<name>``, ``state``.
            body: The fields of the JSON object that is sent.

        Returns:
            What it answers.

        Raises:
            ConfigurationError: With the code that it answers.
        """
        request = urllib.request.Request(  # noqa: S310 - the URL is this class's own
            f"{self.url}/_fake/{path}",
            data=None if path in {"state", "faults", "snapshot"} else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=CONTROL_SECONDS) as answer:  # noqa: S310 - likewise
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            said = json.load(refused)["error"]
            raise ConfigurationError(said["code"], said["message"]) from None

    def token(self, subject: str = "user", *, expires_in: float = 3600.0, **claims: Any) -> str:
        """Have a token issued that it believes.

        Args:
            subject: Who it is about.
            expires_in: Seconds until it expires.
            claims: More claims.

        Returns:
            The token.
        """
        said = self.control("token", subject=subject, expiresIn=expires_in, claims=claims)
        return str(said["token"])

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            _, said = process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
        sys.stderr.write(said)


def _options(
    app: str | None, state: Path | None, *, virtual_clock: bool, redact_logs: bool
) -> Sequence[str]:
    options: list[str] = []
    if app is not None:
        options += ["--app", app]
    if state is not None:
        options += ["--state", str(state.absolute())]
    return [
        *options,
        *["--virtual-clock"] * virtual_clock,
        *["--redact-logs"] * redact_logs,
    ]
