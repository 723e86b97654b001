"""What ``codex-fakes convex`` does: one server on one port, with a file for its data.

May import asyncio, the server and the files; imported when the command runs. The invariant: what a
client is told is in the state file before it is told, and the file is whole whenever the process is
killed.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from codex_fakes.convex.engine.app import App
from codex_fakes.convex.engine.backend import Backend
from codex_fakes.convex.engine.clock import SystemClock, VirtualClock
from codex_fakes.convex.wire.loading import load_app
from codex_fakes.convex.wire.server import ConvexServer
from codex_fakes.convex.wire.serving import ListeningConvex
from codex_fakes.convex.wire.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def serve(
    *,
    port: int,
    app: str | None,
    state: Path | None,
    virtual_clock: bool,
    say: Callable[[str], None],
    **options: Any,
) -> list[str]:
    """Serve until SIGINT or SIGTERM.

    Args:
        port: The port; 0 takes any free one.
        app: The app, as :func:`load_app` takes it; one without functions by default.
        state: The file that the data is kept in, or ``None``.
        virtual_clock: Whether time stands still until the control door moves it.
        say: Takes what is said when the server listens: its URL, then its admin key.
        options: What :class:`ConvexServer` takes.

    Returns:
        The problems there were: coded errors that calls ended with.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_APP_NOT_FOUND``, ``E_FAKE_CONVEX_SNAPSHOT_INVALID``,
            ``E_FAKE_CONVEX_STATE_UNWRITABLE`` or ``E_FAKE_PORT_BUSY``.
    """
    served = App() if app is None else load_app(app)
    clock = VirtualClock() if virtual_clock else SystemClock()
    server = ConvexServer(Backend(served, clock=clock), **options)
    if state is not None:
        file = StateFile(state)
        before = file.read()
        if before is not None:
            server.restore(before.snapshot, before.changes)
        server.persist(file)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with ListeningConvex(server, port=port) as listening:
        say(listening.url)
        say(server.admin_key)
        await stop.wait()
    return [str(problem) for problem in server.problems]
