"""The live client.

May import the core, the driver and values. The invariant: a client can be used from any task of the
event loop it was connected in; each of its waits ends with an outcome or a code.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Self
from uuid import uuid4
from weakref import WeakSet

from codex_runtime.persistence.live_reads.address import sync_url
from codex_runtime.persistence.live_reads.clock import within
from codex_runtime.persistence.live_reads.core.effects import (
    Deliver,
    Ended,
    IdentityInForce,
    Rejected,
    Tell,
)
from codex_runtime.persistence.live_reads.core.inputs import (
    Provided,
    Start,
    Stop,
    Subscribe,
    Unsubscribe,
    UseToken,
)
from codex_runtime.persistence.live_reads.core.machine import LiveMachine
from codex_runtime.persistence.live_reads.core.reports import Connected, Report, TokenUnavailable
from codex_runtime.persistence.live_reads.core.view import Query, View
from codex_runtime.persistence.live_reads.driver import Driver
from codex_runtime.persistence.live_reads.failures import LiveReadsError
from codex_runtime.persistence.live_reads.options import LiveReadsOptions
from codex_runtime.persistence.live_reads.reading import Keep, Reader
from codex_runtime.persistence.live_reads.subscription import Subscription
from codex_runtime.values import Value, dumps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import NoReturn

    from codex_runtime.persistence.live_reads.core.states import State
    from codex_runtime.persistence.live_reads.tokens import TokenProvider


class LiveReads:
    """Subscribed queries of a deployment, kept up to date.

    ``async with LiveReads(url) as live`` connects and closes; so do :meth:`connect` and
    :meth:`close`. Once connected it stays so: a lost connection is opened again, and the view goes
    on from where it was. It only reads.

    Args:
        url: The deployment's URL.
        token: The identity to read with: a user's token, or a provider of tokens.
        options: How it behaves.

    Raises:
        LiveReadsError: ``E_LIVE_URL_INVALID``.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | TokenProvider | None = None,
        options: LiveReadsOptions | None = None,
    ) -> None:
        self._url = sync_url(url)
        self._options = options or LiveReadsOptions()
        self._machine = LiveMachine(
            str(uuid4()),
            self._options.timing,
            self._options.chance,
            patient=self._options.patient,
        )
        self._driver = Driver(self._machine, self._url, self._options.clock, self)
        self._supervisor: asyncio.Task[None] | None = None
        self._connected: asyncio.Future[None] | None = None
        self._subscriptions: dict[Query, set[Subscription]] = {}
        self._view_readers: WeakSet[Reader[View]] = WeakSet()
        self._generation = 0
        self._identity_waits: dict[asyncio.Future[None], int] = {}
        self._rejection: LiveReadsError | None = None
        self._end: LiveReadsError | None = None
        self._use(token)

    # Opening and closing.

    async def connect(self) -> None:
        """Connect, and wait until the deployment has answered.

        Raises:
            LiveReadsError: ``E_LIVE_UNREACHABLE``, ``E_LIVE_NOT_CONVEX``, ``E_LIVE_TIMEOUT``,
                ``E_LIVE_TOKEN_REJECTED``, ``E_LIVE_TOKEN_UNAVAILABLE``, ``E_LIVE_FATAL`` or
                ``E_LIVE_DISCONNECTED``; ``E_LIVE_CLOSED`` when it was connected before.
        """
        if self._supervisor is not None:
            raise LiveReadsError("E_LIVE_CLOSED", "a live client connects once")
        self._connected = asyncio.get_running_loop().create_future()
        running = asyncio.Event()
        self._supervisor = asyncio.create_task(self._driver.run(running), name="live reads")
        try:
            await running.wait()
            self._driver.feed(Start())
            await self._connected
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection and end all reading. Doing it again does nothing."""
        self._driver.feed(Stop())
        if self._supervisor is not None:
            await asyncio.wait({self._supervisor})
            if not self._supervisor.cancelled():
                self._supervisor.result()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # Reading.

    @property
    def state(self) -> State:
        """Where the client stands."""
        return self._machine.state

    @property
    def ts(self) -> int:
        """The timestamp of the latest view, in nanoseconds; 0 before the first."""
        return self._machine.ts

    def subscribe(self, path: str, arguments: Mapping[str, object] | None = None) -> Subscription:
        """Subscribe to a query. Equal subscriptions are one on the wire.

        Args:
            path: The function, as the deployment knows it: ``messages:list``.
            arguments: Its arguments.

        Returns:
            The subscription; it lasts until it is given up or the client is closed.

        Raises:
            LiveReadsError: ``E_LIVE_CLOSED``, or why the client has ended.
            InvalidValue: ``E_VALUE_INVALID`` for arguments that are no values.
        """
        self._check_open()
        query = Query(path, dumps(dict(arguments or {})))
        subscription = Subscription(
            query,
            self._options,
            partial(self._machine.result, query),
            lambda: self._rejection,
            self._unsubscribe,
        )
        self._subscriptions.setdefault(query, set()).add(subscription)
        self._driver.feed(Subscribe(query))
        return subscription

    async def query(
        self,
        path: str,
        arguments: Mapping[str, object] | None = None,
        *,
        timeout: float | None = None,
    ) -> Value:
        """Read a query once, from the view when it is subscribed.

        Args:
            path: The function.
            arguments: Its arguments.
            timeout: Seconds to wait; the ``value_timeout`` of the options when left out.

        Returns:
            The value.

        Raises:
            QueryFailedError: ``E_LIVE_QUERY_FAILED``.
            LiveReadsError: As :meth:`subscribe` and ``Subscription.value``.
            InvalidValue: ``E_VALUE_INVALID`` for arguments that are no values.
        """
        with self.subscribe(path, arguments) as subscription:
            return await subscription.value(timeout)

    def view(self) -> View:
        """The latest results of all subscribed queries, all of one moment."""
        return self._machine.view()

    def views(self, keep: Keep = Keep.LATEST) -> Reader[View]:
        """Iterate over the views: one each time any subscribed query has another result.

        Args:
            keep: What to get when changes come faster than they are taken.

        Returns:
            An asynchronous iterator; when there are results already, it begins with them.

        Raises:
            LiveReadsError: ``E_LIVE_CLOSED``, or why the client has ended.
        """
        self._check_open()
        reader: Reader[View] = Reader(keep, self._options.max_pending)
        self._view_readers.add(reader)
        view = self.view()
        if view.results:
            reader.put(lambda: view)
        return reader

    # Identity.

    async def set_token(self, token: str | TokenProvider) -> None:
        """Read with another identity, and wait until that is so.

        Args:
            token: A user's token, or a provider of tokens.

        Raises:
            LiveReadsError: ``E_LIVE_TOKEN_REJECTED``, ``E_LIVE_TOKEN_UNAVAILABLE``,
                ``E_LIVE_TIMEOUT``, ``E_LIVE_CLOSED``, or why the client has ended.
        """
        await self._set_identity(token)

    async def clear_token(self) -> None:
        """Read without an identity, and wait until that is so.

        Raises:
            LiveReadsError: ``E_LIVE_TIMEOUT``, ``E_LIVE_CLOSED``, or why the client has ended.
        """
        await self._set_identity(None)

    async def _set_identity(self, token: str | TokenProvider | None) -> None:
        self._check_open()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._identity_waits[future] = self._generation + 1
        seconds = self._options.value_timeout
        text = f"the identity is not in force after {seconds:g} s"
        late = partial(LiveReadsError, "E_LIVE_TIMEOUT", text)
        try:
            self._use(token)
            await within(self._options.clock, seconds, future, late)
        finally:
            del self._identity_waits[future]

    def _use(self, token: str | TokenProvider | None) -> None:
        self._generation += 1
        self._rejection = None
        source: str | Provided | None
        if token is None or isinstance(token, str):
            self._driver.provider, source = None, token
        else:
            self._driver.provider, source = token, Provided.PROVIDED
        self._driver.feed(UseToken(self._generation, source))

    # What the machine has found out.

    def shown(self, effect: Deliver | Tell | IdentityInForce | Rejected | Ended) -> None:
        """Pass on what there is to know; for the driver.

        Args:
            effect: What there is to know.
        """
        match effect:
            case Deliver():
                self._deliver(effect)
            case Tell():
                self._tell(effect.report)
            case IdentityInForce():
                for future, generation in self._identity_waits.items():
                    if generation <= effect.generation:
                        _settle(future, None)
            case Rejected():
                self._reject(effect.error)
            case Ended():
                self._finish(effect.error)

    def _deliver(self, effect: Deliver) -> None:
        for query in effect.changed:
            for subscription in tuple(self._subscriptions.get(query, ())):
                subscription.changed(effect.view.results[query])
        for reader in tuple(self._view_readers):
            reader.put(partial(_itself, effect.view))

    def _tell(self, report: Report) -> None:
        if isinstance(report, Connected):
            _settle(self._connected, None)
        if isinstance(report, TokenUnavailable):
            self._fail_identity_waits(report.error)
        if self._options.on_report is not None:
            asyncio.get_running_loop().call_soon(self._options.on_report, report)

    def _reject(self, error: LiveReadsError) -> None:
        self._rejection = error
        self._fail_identity_waits(error)
        for subscription in self._all_subscriptions():
            subscription.fail(error)
        for reader in tuple(self._view_readers):
            reader.put(partial(_raise, error))

    def _finish(self, error: LiveReadsError | None) -> None:
        self._end = error or LiveReadsError("E_LIVE_CLOSED", "the live client was closed")
        _settle(self._connected, self._end)
        self._fail_identity_waits(self._end)
        for subscription in self._all_subscriptions():
            subscription.end(error)
        for reader in tuple(self._view_readers):
            reader.end(error)
        self._subscriptions.clear()

    def _fail_identity_waits(self, error: LiveReadsError) -> None:
        for future in self._identity_waits:
            _settle(future, error)

    def _all_subscriptions(self) -> list[Subscription]:
        return [one for same in self._subscriptions.values() for one in same]

    def _unsubscribe(self, subscription: Subscription) -> None:
        same = self._subscriptions[subscription.query]
        same.discard(subscription)
        if not same:
            del self._subscriptions[subscription.query]
        self._driver.feed(Unsubscribe(subscription.query))

    def _check_open(self) -> None:
        if self._end is not None:
            raise self._end


def _settle(future: asyncio.Future[None] | None, error: LiveReadsError | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _itself(view: View) -> View:
    return view


def _raise(error: LiveReadsError) -> NoReturn:
    raise error
