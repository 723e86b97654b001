"""A connection to an app-server: opened, initialized, asked, listened to and closed.

May import the transports, the builders and the protocol. One supervisor task reads; it is the only
one that touches the protocol's state, and it outlives whoever called
:meth:`AppServerConnection.start`, so starting, asking and stopping work from any task of the loop.
The invariants:

- Every request is settled exactly once: its answer, its time-out, its cancellation, or the end of
  the connection.
- Every notification and server request reaches the consumer of :meth:`AppServerConnection.events`,
  in order; when nobody takes them, the reader pauses instead of dropping them.
- Starting and stopping are bounded. After the end, everything fails with ``E_APP_SERVER_GONE``.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

import msgspec

from codex_runtime.app_server.events import ConnectionEnded, Event, EventQueue
from codex_runtime.app_server.options import ConnectionOptions
from codex_runtime.app_server.requests import (
    METHOD_NOT_FOUND,
    Call,
    R_co,
    answer,
    initialize,
    refusal,
)
from codex_runtime.app_server.version import check_version, version_in
from codex_runtime.errors import (
    AppServerError,
    CodexRuntimeError,
    LocalProtocolError,
    RemoteProtocolError,
    RequestFailedError,
)
from codex_runtime.protocol.correlation import Correlator, IncomingRequests, Settled
from codex_runtime.protocol.identifiers import RequestId
from codex_runtime.protocol.inbound import Arrival, InboundStream
from codex_runtime.protocol.messages import (
    ErrorResponse,
    Notification,
    Request,
    Response,
    decode_json,
    decode_params,
    decode_result,
    encode_message,
)
from codex_runtime.protocol.outbound import (
    ClientNotification,
    ClientRequest,
    check_method,
    check_outbound,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from types import TracebackType

    from codex_runtime.app_server.transport import Transport, TransportEnd
    from codex_runtime.protocol.answers import Answer
    from codex_runtime.protocol.results import InitializeResult


class _Resolved(msgspec.Struct, rename="camel"):
    request_id: RequestId


class AppServerConnection:
    """A client of one app-server.

    Use it as an async context manager, or call :meth:`start` and :meth:`stop`. A connection is used
    once; to reconnect, make another one.

    Args:
        opener: Opens the transport, e.g. ``lambda: StdioTransport.start(codex_command())``.
        options: How the connection behaves.

    Example:
        .. code-block:: python

            async with AppServerConnection(lambda: StdioTransport.start(codex_command())) as server:
                opened = await server.call(thread_start())
                await server.call(turn_start_text(opened.thread.id, "hello"))
                async for event in server.events():
                    ...
    """

    def __init__(
        self,
        opener: Callable[[], Awaitable[Transport]],
        options: ConnectionOptions | None = None,
    ) -> None:
        self._opener = opener
        self._options = options or ConnectionOptions()
        self._correlator = Correlator()
        self._incoming = IncomingRequests()
        self._waiters: dict[RequestId, asyncio.Future[Response | ErrorResponse]] = {}
        self._events = EventQueue(self._options.event_bytes)
        self._events_taken = False
        self._slots = asyncio.Semaphore(self._options.max_outstanding)
        self._idle = asyncio.Event()
        self._idle.set()
        self._write_lock = asyncio.Lock()
        self._transport: Transport | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._ended: ConnectionEnded | None = None
        self._stop_requested = False
        self._initialized: InitializeResult | None = None

    async def __aenter__(self) -> Self:
        """Start; see :meth:`start`."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; see :meth:`stop`."""
        await self.stop()

    @property
    def server(self) -> InitializeResult:
        """What the server said of itself.

        Raises:
            AppServerError: ``E_APP_SERVER_NOT_STARTED``.
        """
        if self._initialized is None:
            raise self._not_started()
        return self._initialized

    @property
    def server_version(self) -> str:
        """The server's version, which it says in its user agent and nowhere else."""
        return version_in(self.server.user_agent, self._options.client.name)

    @property
    def ended(self) -> ConnectionEnded | None:
        """How the connection ended; ``None`` while it lasts."""
        return self._ended

    @property
    def pending_requests(self) -> tuple[Request, ...]:
        """The server's requests that wait for an answer."""
        return self._incoming.waiting

    async def start(self) -> InitializeResult:
        """Open the transport and initialize.

        Returns:
            What the server says of itself.

        Raises:
            CodexRuntimeError: What opening the transport raises; ``E_APP_SERVER_START_TIMEOUT``;
                ``E_APP_SERVER_START_FAILED``, with exit code and stderr, when the server ends
                first; ``E_APP_SERVER_VERSION_UNSUPPORTED``. Whatever was started has ended then.
        """
        if self._supervisor is not None:
            raise LocalProtocolError(
                "E_APP_SERVER_ALREADY_STARTED", "this connection was started before"
            )
        seconds = self._options.start_timeout
        try:
            async with asyncio.timeout(seconds):
                self._transport = await self._opener()
                self._supervisor = asyncio.create_task(
                    self._supervise(self._transport), name="codex app-server connection"
                )
                self._initialized = await self._initialize()
        except TimeoutError:
            end = await self._abandon()
            raise AppServerError(
                "E_APP_SERVER_START_TIMEOUT",
                f"the app-server did not answer initialize within {seconds:g} s",
                stderr=end.stderr if end else "",
            ) from None
        except BaseException:
            await self._abandon()
            raise
        return self._initialized

    async def stop(self) -> TransportEnd | None:
        """End the connection: wait a little for answers that are due, then close the transport.

        Idempotent, and harmless before :meth:`start`.

        Returns:
            How it ended; ``None`` when it never began.
        """
        self._stop_requested = True
        if self._transport is None or self._supervisor is None:
            return None
        # Nobody may be taking events any more; a reader that pauses would keep the server from
        # ending in the orderly way.
        self._events.lift_limit()
        if self._ended is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.stop_timeout):
                    await self._idle.wait()
        end = await self._transport.close()
        await asyncio.shield(self._supervisor)
        return self._ended.end if self._ended else end

    def abort(self) -> None:
        """End the connection at once, whatever is under way: for a transport that does not close.

        Idempotent, and harmless before :meth:`start`.
        """
        self._stop_requested = True
        if self._transport is not None:
            self._transport.abort()

    async def call(self, call: Call[R_co], *, timeout: float | None = None) -> R_co:
        """Make a request and read its result.

        Args:
            call: The request, from a builder of :mod:`codex_runtime.app_server.requests`.
            timeout: Seconds to wait for the answer; the options' when left out.

        Returns:
            The result.

        Raises:
            RequestFailedError: The server refused the request.
            AppServerError: ``E_APP_SERVER_REQUEST_TIMEOUT`` (the outcome is unknown) or
                ``E_APP_SERVER_GONE``.
            RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID`` when the result is malformed.
        """
        response = await self._ask(call.method, call.params, timeout)
        result: R_co = decode_result(response, call.result, call.method)
        return result

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> Any:
        """Make a request that has no builder.

        Args:
            method: A method the server has.
            params: Its params, as plain values.
            timeout: Seconds to wait for the answer; the options' when left out.

        Returns:
            The result, as plain values.

        Raises:
            LocalProtocolError: ``E_PROTOCOL_METHOD_UNKNOWN`` or ``E_PROTOCOL_OUTBOUND_INVALID``.
            CodexRuntimeError: As :meth:`call`.
        """
        check_method(method)
        message = {"id": 0, "method": method, **({} if params is None else {"params": params})}
        check_outbound(message)
        return decode_json((await self._ask(method, params, timeout)).result)

    async def answer(self, request: Request, result: Answer) -> None:
        """Answer a request of the server.

        Args:
            request: The request.
            result: What is answered.

        Raises:
            LocalProtocolError: ``E_PROTOCOL_OUTBOUND_INVALID`` when the method does not allow this
                answer; ``E_PROTOCOL_REQUEST_UNKNOWN`` when the request does not wait any more.
            AppServerError: ``E_APP_SERVER_GONE``.
        """
        message = answer(request, result)
        self._incoming.answered(request.id)
        await self._send(encode_message(message))

    async def refuse(self, request: Request, why: str, *, code: int = METHOD_NOT_FOUND) -> None:
        """Refuse a request of the server.

        Args:
            request: The request.
            why: In words.
            code: As a JSON-RPC code.

        Raises:
            LocalProtocolError: ``E_PROTOCOL_REQUEST_UNKNOWN``.
            AppServerError: ``E_APP_SERVER_GONE``.
        """
        message = refusal(request, why, code=code)
        self._incoming.answered(request.id)
        await self._send(encode_message(message))

    def events(self) -> AsyncIterator[Event]:
        """Take the events, one by one; the last one is :class:`ConnectionEnded`.

        Raises:
            LocalProtocolError: ``E_APP_SERVER_EVENTS_TAKEN`` when somebody takes them already.
        """
        return self._each_event(self.event_batches())

    def event_batches(self) -> AsyncIterator[list[Event]]:
        """Take the events in batches: all that wait, each time.

        Raises:
            LocalProtocolError: ``E_APP_SERVER_EVENTS_TAKEN`` when somebody takes them already.
        """
        if self._events_taken:
            raise LocalProtocolError(
                "E_APP_SERVER_EVENTS_TAKEN", "the events of this connection have a consumer"
            )
        self._events_taken = True
        return self._take_batches()

    async def _take_batches(self) -> AsyncIterator[list[Event]]:
        while batch := await self._events.take():
            yield batch

    async def _each_event(self, batches: AsyncIterator[list[Event]]) -> AsyncIterator[Event]:
        async for batch in batches:
            for event in batch:
                yield event

    async def _initialize(self) -> InitializeResult:
        options = self._options
        call = initialize(options.client, experimental_api=options.experimental_api)
        result = await self.call(call, timeout=options.start_timeout)
        if not options.allow_any_version:
            check_version(result.user_agent, options.client.name)
        await self._send(encode_message(ClientNotification("initialized")))
        return result

    async def _ask(self, method: str, params: Any, timeout: float | None) -> Response:
        seconds = self._options.request_timeout if timeout is None else timeout
        request_id = self._correlator.next_id()
        try:
            async with asyncio.timeout(seconds), self._slots:
                reply = await self._exchange(request_id, method, params)
        except TimeoutError:
            raise AppServerError(
                "E_APP_SERVER_REQUEST_TIMEOUT",
                f"{method} was not answered within {seconds:g} s"
                + (f"; {len(self._events)} events wait to be taken" if self._events.full else ""),
            ) from None
        if isinstance(reply, ErrorResponse):
            error = reply.error
            data = None if error.data is msgspec.UNSET else decode_json(error.data)
            raise RequestFailedError(method, error.code, error.message, data)
        return reply

    async def _exchange(
        self, request_id: RequestId, method: str, params: Any
    ) -> Response | ErrorResponse:
        if self._transport is None:
            raise self._not_started()
        if self._ended is not None:
            raise self._gone()
        self._correlator.begin(request_id, method)
        waiter: asyncio.Future[Response | ErrorResponse] = (
            asyncio.get_running_loop().create_future()
        )
        self._waiters[request_id] = waiter
        self._idle.clear()
        try:
            await self._send(encode_message(ClientRequest(request_id, method, params)))
            return await waiter
        finally:
            # Harmless after the answer; after a time-out, or when the caller was cancelled, the
            # late answer then finds nobody.
            self._correlator.cancel(request_id)
            self._forget(request_id)

    async def _send(self, line: bytes) -> None:
        if self._transport is None:
            raise self._not_started()
        if self._ended is not None:
            raise self._gone()
        async with self._write_lock:
            try:
                await self._transport.send(line)
            except ConnectionError:
                # The reader sees the end, too, and knows more about it.
                if self._supervisor is not None:
                    await asyncio.shield(self._supervisor)
                raise self._gone() from None

    async def _supervise(self, transport: Transport) -> None:
        stream = InboundStream()
        try:
            while data := await transport.receive():
                self._take_in(stream.feed(data), len(data))
                await self._events.room()
            self._take_in(stream.end(), 0)
        finally:
            end = await transport.close()
            self._finish(end)

    def _take_in(self, arrivals: list[Arrival], size: int) -> None:
        events: list[Event] = []
        for arrival in arrivals:
            if type(arrival) is Notification:
                if arrival.method == "serverRequest/resolved":
                    self._note_resolved(arrival)
                events.append(arrival)
            elif isinstance(arrival, Response | ErrorResponse):
                stray = self._take_answer(arrival)
                if stray is not None:
                    events.append(stray)
            else:
                if isinstance(arrival, Request):
                    self._incoming.arrived(arrival)
                events.append(arrival)
        self._events.put(events, size)

    def _take_answer(self, reply: Response | ErrorResponse) -> Event | None:
        outcome = self._correlator.receive(reply)
        if not isinstance(outcome, Settled):
            return outcome
        waiter = self._waiters.get(outcome.id)
        self._forget(outcome.id)
        if waiter is not None and not waiter.done():
            waiter.set_result(reply)
        return None

    def _note_resolved(self, notification: Notification) -> None:
        with contextlib.suppress(RemoteProtocolError):
            self._incoming.resolved(decode_params(notification, _Resolved).request_id)

    def _forget(self, request_id: RequestId) -> None:
        self._waiters.pop(request_id, None)
        if not self._waiters:
            self._idle.set()

    def _finish(self, end: TransportEnd) -> None:
        self._ended = ConnectionEnded(end, self._stop_requested)
        for settled in self._correlator.gone(self._gone()):
            waiter = self._waiters.get(settled.id)
            if waiter is not None and not waiter.done():
                # An error of its own for each: they are raised in different tasks.
                waiter.set_exception(self._gone())
        self._incoming.gone()
        self._events.finish(self._ended)

    async def _abandon(self) -> TransportEnd | None:
        """End what was started by a start that failed; the caller raises what it knows."""
        self._events.lift_limit()
        if self._transport is None:
            return None
        self._stop_requested = True
        self._transport.abort()
        end = await self._transport.close()
        if self._supervisor is not None:
            await asyncio.shield(self._supervisor)
        return end

    def _gone(self) -> AppServerError:
        end = self._ended.end if self._ended else None
        starting = self._initialized is None and not self._stop_requested
        code = "E_APP_SERVER_START_FAILED" if starting else "E_APP_SERVER_GONE"
        reason = end.reason if end else "the connection has ended"
        last_words = end.stderr.strip().rpartition("\n")[2] if end else ""
        return AppServerError(
            code,
            f"{reason}; its last words: {last_words}" if last_words else reason,
            exit_code=end.exit_code if end else None,
            stderr=end.stderr if end else "",
        )

    def _not_started(self) -> CodexRuntimeError:
        return LocalProtocolError(
            "E_APP_SERVER_NOT_STARTED", "the connection to the app-server was not started"
        )
