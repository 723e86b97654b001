"""A port on the loopback interface, for the fakes that listen.

May import the standard library and the coded errors; uvicorn is imported when something is served.
The invariant: nothing that a fake serves can be reached from another machine, and a port that
cannot be had is one coded error.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    import uvicorn

HOST: Final = "127.0.0.1"
"""The only interface that fakes listen on."""

_BACKLOG: Final = 128
_SHUTDOWN_SECONDS: Final = 2


def listen(port: int) -> socket.socket:
    """Listen on a port.

    Args:
        port: The port; 0 takes any free one.

    Returns:
        A listening socket that does not block.

    Raises:
        ConfigurationError: ``E_FAKE_PORT_BUSY``: it is taken, or is none.
    """
    # asyncio switches Nagle's algorithm off only where the protocol is named: 40 ms a call.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # So that a port just given up can be taken again; elsewhere it means something else.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            "E_FAKE_PORT_BUSY", f"cannot listen on {HOST}:{port}: {reason}"
        ) from error
    listener.setblocking(False)
    return listener


async def serve(application: Any, listener: socket.socket, **options: Any) -> uvicorn.Server:
    """Serve an ASGI application.

    Args:
        application: The application.
        listener: What :func:`listen` gave; closed when serving cannot begin.
        options: What :class:`uvicorn.Config` takes besides.

    Returns:
        The server, listening; its ``shutdown`` ends it.

    Raises:
        ImportError: uvicorn is not installed.
    """
    import uvicorn

    config = uvicorn.Config(
        application,
        http="h11",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        **options,
    )
    config.load()
    web = uvicorn.Server(config)
    # Not serve(): that takes the signals of the whole process.
    web.lifespan = config.lifespan_class(config)
    try:
        await web.startup(sockets=[listener])
    except BaseException:
        listener.close()
        raise
    return web
