"""Making a runtime with one behaviour changed.

May import httpx, the targets and the wire's messages. The invariant: what a miniature does not
change is our own runtime's; it is changed at its public methods and at its doors to the neighbours,
never inside.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx
import msgspec

from codex_conformance.targets.convex_line import success
from codex_conformance.targets.runtimes import OwnRuntime
from codex_conformance.targets.wire_tap import Lines
from codex_conformance.wire.messages import encode, read_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codex_conformance.targets.runtimes import HostRuntime, Surroundings
    from codex_conformance.wire.messages import Message
    from codex_runtime.app_server.transport import Transport, TransportEnd

Method: TypeAlias = Callable[..., Any]
"""What is called in a method's place: with the real runtime, and what it was called with."""

Methods: TypeAlias = Mapping[str, Method]

Change: TypeAlias = Callable[["Message"], Iterable["Message | bytes"]]
"""What is passed on in the place of a message."""

Carry: TypeAlias = Callable[[dict[str, Any]], Awaitable[httpx.Response]]
Around: TypeAlias = Callable[[dict[str, Any], Carry], Awaitable[httpx.Response]]
"""What is called in an endpoint's place: with its arguments, and what carries a call there."""

Build: TypeAlias = Callable[["Surroundings"], tuple["Surroundings", Methods]]
"""Makes other surroundings, and other methods, for one runtime."""


@dataclass(frozen=True, slots=True)
class RuntimeMiniature:
    """Our own runtime with one behaviour changed.

    Attributes:
        name: Its name.
        says: What it does wrong, in a sentence.
        fails: The ids of the checks that must fail; all others pass, or are unknown.
        build: Changes what a runtime is given, and its methods.
    """

    name: str
    says: str
    fails: frozenset[str]
    build: Build = field(repr=False)


class MiniatureRuntime:
    """A miniature as a target.

    Args:
        miniature: The miniature.
        name: How the user wrote it.
    """

    def __init__(self, miniature: RuntimeMiniature, name: str) -> None:
        self._miniature = miniature
        self.name = name

    def prepare(self) -> str:
        """See :meth:`codex_conformance.targets.runtimes.RuntimeTarget.prepare`."""
        return f"our own runtime, but: {self._miniature.says}"

    @asynccontextmanager
    async def make(self, surroundings: Surroundings) -> AsyncIterator[HostRuntime]:
        """See :meth:`codex_conformance.targets.runtimes.RuntimeTarget.make`."""
        changed, methods = self._miniature.build(surroundings)
        async with OwnRuntime().make(changed) as runtime:
            altered: Any = _Altered(runtime, methods)
            yield altered


class _Altered:
    """A runtime with some of its methods replaced."""

    def __init__(self, inner: HostRuntime, methods: Methods) -> None:
        self._inner = inner
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        method = self._methods.get(name)
        if method is None:
            return getattr(self._inner, name)
        return functools.partial(method, self._inner)


# What is changed.


def built(name: str, says: str, build: Build, *fails: str) -> RuntimeMiniature:
    """Write a miniature down that changes several things together."""
    return RuntimeMiniature(name, says, frozenset(fails), build)


def does(name: str, says: str, methods: Methods, *fails: str) -> RuntimeMiniature:
    """Write a miniature down some of whose methods do something else."""
    return built(name, says, lambda surroundings: (surroundings, methods), *fails)


def shows(name: str, says: str, change: Callable[[Any], Any], *fails: str) -> RuntimeMiniature:
    """Write a miniature down that shows another state than the one it is in."""
    return does(name, says, showing(change), *fails)


def hears(
    name: str, says: str, make: Callable[[], Mapping[str, Change]], *fails: str
) -> RuntimeMiniature:
    """Write a miniature down that hears something else than Codex says.

    Args:
        name: Its name.
        says: What it does wrong.
        make: Makes, for one runtime, what is heard in the place of messages, by their method; of
            answers by ``answer``, of everything else by ``*``.
        fails: The checks that must fail.
    """
    return built(name, says, lambda given: (wired(given, incoming=make()), {}), *fails)


def speaks(
    name: str, says: str, make: Callable[[], Mapping[str, Change]], *fails: str
) -> RuntimeMiniature:
    """Write a miniature down that says something else to Codex; as :func:`hears`."""
    return built(name, says, lambda given: (wired(given, outgoing=make()), {}), *fails)


def calls(
    name: str, says: str, make: Callable[[], Mapping[str, Around]], *fails: str
) -> RuntimeMiniature:
    """Write a miniature down that calls a deployment otherwise.

    Args:
        name: Its name.
        says: What it does wrong.
        make: Makes, for one runtime, what is called in the place of endpoints; ``*`` is every
            other one.
        fails: The checks that must fail.
    """
    return built(name, says, lambda given: (called(given, make()), {}), *fails)


# Methods.


def showing(change: Callable[[Any], Any]) -> Methods:
    """Methods that show another state."""

    def subscribe(inner: HostRuntime, listener: Callable[[Any], None]) -> Callable[[], None]:
        return inner.subscribe_lifecycle(lambda state: listener(change(state)))

    return {
        "get_state": lambda inner: change(inner.get_state()),
        "get_lifecycle_state": lambda inner: change(inner.get_lifecycle_state()),
        "subscribe_lifecycle": subscribe,
    }


def with_state(**members: Any) -> Callable[[Any], Any]:
    """Show a state with other members."""
    return lambda state: msgspec.structs.replace(state, **members)


# The door to the app-server.


def wired(
    surroundings: Surroundings,
    *,
    incoming: Mapping[str, Change] | None = None,
    outgoing: Mapping[str, Change] | None = None,
    ended: Callable[[], None] | None = None,
) -> Surroundings:
    """Give surroundings in which something else is said.

    Args:
        surroundings: The real ones.
        incoming: What is heard; see :func:`hears`.
        outgoing: What is said; as ``incoming``.
        ended: Called when the app-server has ended, before anybody else knows.
    """

    async def open_changed() -> Transport:
        inner = await surroundings.open_app_server()
        return _Skewed(inner, incoming or {}, outgoing or {}, ended or _nothing)

    return replace(surroundings, open_app_server=open_changed)


def _nothing() -> None:
    """Do nothing."""


class _Skewed:
    """A connection on which something else is said."""

    def __init__(
        self,
        inner: Transport,
        incoming: Mapping[str, Change],
        outgoing: Mapping[str, Change],
        ended: Callable[[], None],
    ) -> None:
        self._ended = ended
        self._inner = inner
        self._incoming = incoming
        self._outgoing = outgoing
        self._came = Lines()
        self._went = Lines()

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.send`."""
        out = b"".join(_changed(raw, self._outgoing) for raw in self._went.feed(data))
        if out:
            await self._inner.send(out)

    async def receive(self) -> bytes:
        """See :meth:`codex_runtime.app_server.transport.Transport.receive`."""
        while data := await self._inner.receive():
            if out := b"".join(_changed(raw, self._incoming) for raw in self._came.feed(data)):
                return out
        self._ended()
        return b""

    async def close(self) -> TransportEnd:
        """See :meth:`codex_runtime.app_server.transport.Transport.close`."""
        return await self._inner.close()

    def abort(self) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.abort`."""
        self._inner.abort()


def _changed(raw: bytes, changes: Mapping[str, Change]) -> bytes:
    message = read_line(raw).message
    if message is None:
        return raw + b"\n"
    kind = message.get("method", "answer")
    change = changes.get(kind) or changes.get("*")
    passed: Iterable[Message | bytes] = (message,) if change is None else change(message)
    return b"".join((one if isinstance(one, bytes) else encode(one)) + b"\n" for one in passed)


def dropped(_message: Message) -> tuple[()]:
    """Pass nothing on."""
    return ()


def with_params(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Pass a message on with other params."""
    return lambda message: ({**message, "params": change(message.get("params") or {})},)


def with_result(change: Callable[[Any], Any]) -> Change:
    """Pass an answer on with another result; an error as it is."""
    return lambda message: (
        ({**message, "result": change(message["result"])},) if "result" in message else (message,)
    )


# The door to the deployment.


def called(surroundings: Surroundings, changes: Mapping[str, Around]) -> Surroundings:
    """Give surroundings in which a deployment is called otherwise; see :func:`calls`."""
    if surroundings.convex_transport is None:
        return surroundings
    transport = _SkewedConvex(surroundings.convex_transport, changes)
    return replace(surroundings, convex_transport=transport)


class _SkewedConvex(httpx.AsyncBaseTransport):
    """Carries calls to a deployment, some of them otherwise."""

    def __init__(self, inner: httpx.AsyncBaseTransport, changes: Mapping[str, Around]) -> None:
        self._inner = inner
        self._changes = changes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a call; see :class:`httpx.AsyncBaseTransport`."""
        body = json.loads(await request.aread())
        endpoint = body["path"].rpartition(":")[2]
        around = self._changes.get(endpoint) or self._changes.get("*")
        if around is None:
            return await self._inner.handle_async_request(request)

        async def carry(args: dict[str, Any]) -> httpx.Response:
            told = json.dumps({**body, "args": args}, ensure_ascii=False)
            carried = httpx.Request(
                request.method,
                request.url,
                headers={"Content-Type": "application/json"},
                content=told.encode(),
            )
            return await self._inner.handle_async_request(carried)

        return await around(dict(body["args"]), carry)


TAKEN: Final = {"status": "ok", "ingestStatus": "ok", "ackedStreams": [], "errors": []}
"""What a deployment answers that has taken in a batch."""


def given(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Around:
    """Call with other arguments."""

    async def around(args: dict[str, Any], carry: Carry) -> httpx.Response:
        return await carry(change(args))

    return around


def skipped(value: Any = None) -> Around:
    """Call nothing, and take something for the answer: a value, or what is made of arguments."""

    async def around(args: dict[str, Any], _carry: Carry) -> httpx.Response:
        return success(value(args) if callable(value) else value)

    return around


def answered(change: Callable[[Any], Any]) -> Around:
    """Take something else for the answer; a refusal is taken as it is."""

    async def around(args: dict[str, Any], carry: Carry) -> httpx.Response:
        response = await carry(args)
        await response.aread()
        told = _read(response)
        return success(change(told["value"])) if told.get("status") == "success" else response

    return around


def _read(response: httpx.Response) -> dict[str, Any]:
    try:
        told = json.loads(response.content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
