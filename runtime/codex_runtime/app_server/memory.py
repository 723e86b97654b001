"""The in-memory transport: a pair of pipes in one process, for fakes and tests.

May import the transport's definition only. The invariant: it behaves like a process's stdio, with
its order, its bounds and its end, and costs nothing to start.
"""

from __future__ import annotations

from codex_runtime.app_server.transport import MEMORY_PIPE_LIMIT, MemoryPipe, TransportEnd


class MemoryTransport:
    """One end of an in-memory connection; make both with :func:`memory_pair`.

    Args:
        incoming: What the peer writes.
        outgoing: What the peer reads.
    """

    def __init__(self, incoming: MemoryPipe, outgoing: MemoryPipe) -> None:
        self.incoming = incoming
        self.outgoing = outgoing

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.send`."""
        self.outgoing.feed(data)
        await self.outgoing.drain()

    async def receive(self) -> bytes:
        """See :meth:`codex_runtime.app_server.transport.Transport.receive`."""
        return await self.incoming.read()

    async def close(self) -> TransportEnd:
        """See :meth:`codex_runtime.app_server.transport.Transport.close`."""
        self.outgoing.end()
        self.incoming.end()
        return TransportEnd("the in-memory connection was closed")

    def abort(self) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.abort`."""
        self.outgoing.end(discard=True)
        self.incoming.end(discard=True)


def memory_pair(limit: int = MEMORY_PIPE_LIMIT) -> tuple[MemoryTransport, MemoryTransport]:
    """Make a connection inside the process.

    Args:
        limit: Bytes each direction holds before its writer waits.

    Returns:
        The two ends.
    """
    there, back = MemoryPipe(limit), MemoryPipe(limit)
    return MemoryTransport(back, there), MemoryTransport(there, back)
