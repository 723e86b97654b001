"""What tests of persistence share: the app, a line that can fail, time that does not pass."""

import httpx

from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex import App
from codex_runtime.contract.actors import Actor

ACTOR = Actor(user_id="u")


def app(*, manifests=("runtimeOwned", "runtimeExtended")):
    endpoints = define_codex_host_definitions(manifests=manifests)
    return App(modules={"chat": endpoints}, components={COMPONENT_NAME: component})


class Line(httpx.AsyncBaseTransport):
    """A transport that does what it is told before, or in place of, what it carries."""

    def __init__(self, beneath):
        self._beneath = beneath
        self.sent = []
        self.faults = []

    async def handle_async_request(self, request):
        self.sent.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if callable(fault):
            fault = fault(request)
        if isinstance(fault, Exception):
            raise fault
        if isinstance(fault, httpx.Response):
            return fault
        response = await self._beneath.handle_async_request(request)
        if fault == "lose the answer":
            await response.aread()
            raise httpx.ReadError("the answer was lost")
        return response


class Pauses:
    """Notes how long somebody would have waited."""

    def __init__(self):
        self.seconds = []

    async def __call__(self, seconds):
        self.seconds.append(seconds)
