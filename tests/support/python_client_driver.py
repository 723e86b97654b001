"""A process with one official ConvexClient, that does what pickles on stdin say.

It answers each with a pickle on stdout; updates of subscriptions come in between, by name. The
subscriptions are read by asyncio, which is the one way in which this client lets others run.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import sys
from threading import Thread

import convex


class Driver:
    """Carries out commands with one client."""

    def __init__(self, url, out, loop) -> None:
        self._client = convex.ConvexClient(url)
        self._out = out
        self._loop = loop
        self._tasks = set()
        self._subscriptions = {}
        self._commands = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "watch": self._watch,
        }

    async def serve(self, command, given) -> None:
        try:
            told = "value", self._carry_out(command, given)
        except Exception as error:  # noqa: BLE001 - whatever the client raises is told
            told = "raised", _plain(error)
        self._tell(None, *told)

    def _carry_out(self, command, given):
        if command in self._commands:
            return self._commands[command](**given)
        return getattr(self._client, command)(*given.values())

    def _subscribe(self, name, path, args):
        subscription = self._client.subscribe(path, args)
        self._subscriptions[name] = subscription
        self._start(self._follow(name, subscription))

    def _unsubscribe(self, name):
        self._subscriptions.pop(name).unsubscribe()

    def _watch(self, name, queries):
        followed = [self._client.subscribe(path, args) for path, args in queries]
        # A subscription that nobody holds is given up.
        self._subscriptions[name] = followed
        ids = [one.id for one in followed]
        self._start(self._follow_view(name, self._client.watch_all(), ids))

    def _start(self, work) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, name, subscription) -> None:
        while not subscription.invalidated:
            try:
                told = "value", await subscription.__anext__()
            except Exception as error:  # noqa: BLE001 - whatever the client raises is told
                told = "raised", _plain(error)
            if not subscription.invalidated:
                self._tell(name, *told)

    async def _follow_view(self, name, watch, ids) -> None:
        async for view in watch:
            if all(one in view for one in ids):
                self._tell(name, "value", [view[one] for one in ids])

    def _tell(self, name, kind, value) -> None:
        data = pickle.dumps((name, (kind, value)))
        self._out.write(struct.pack("<I", len(data)) + data)
        self._out.flush()


def _plain(error):
    """The error as plain values: a ConvexError does not survive a pickle."""
    if isinstance(error, convex.ConvexError):
        return "convex", str(error), error.data
    return "plain", str(error), None


def main() -> None:
    # What functions log goes to stdout in this client; the answers have a place of their own.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    loop = asyncio.new_event_loop()
    driver = Driver(sys.argv[1], out, loop)

    def read() -> None:
        source = sys.stdin.buffer
        while len(head := source.read(4)) == 4:
            command, given = pickle.loads(source.read(struct.unpack("<I", head)[0]))
            asyncio.run_coroutine_threadsafe(driver.serve(command, given), loop)
        os._exit(0)

    Thread(target=read, daemon=True).start()
    loop.run_forever()


main()
