"""The app of ``support.convex_app`` on a port, with npm's clients in front of it."""

from __future__ import annotations

from contextlib import asynccontextmanager

from codex_fakes.convex import Backend, SystemClock
from codex_fakes.convex.wire import ConvexServer, ListeningConvex
from support.convex_app import APP
from support.cut_line import cut_line


class Served:
    """The app on a port, and Node with clients that know no more of it than its address."""

    def __init__(self, server, listening, line, clients):
        self.server = server
        self.listening = listening
        self.line = line
        self.npm = clients

    async def http(self, name="http"):
        await self.npm.do("openHttp", client=name, url=self.listening.url)
        return name

    async def websocket(self, name="ws"):
        await self.npm.do("open", client=name, url=self.line.url)
        return name

    async def subscribe(self, client, subscription, path, args):
        given = {"subscription": subscription, "path": path, "args": args}
        await self.npm.do("subscribe", client=client, **given)

    def token(self, subject, **options):
        return self.server.tokens.issue(subject, **options)


@asynccontextmanager
async def serving(npm, **options):
    server = ConvexServer(Backend(APP, clock=SystemClock()), **options)
    async with ListeningConvex(server) as listening, cut_line(listening.port) as line:
        try:
            yield Served(server, listening, line, npm)
            assert npm.nothing_more("uncaught")
        finally:
            await npm.begin_anew()
