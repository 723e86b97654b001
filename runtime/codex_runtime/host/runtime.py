"""The host runtime: what an integrator imports (spec 06).

May import the shell, the core, the connection, persistence and the protocol. The invariants: every
method may be called from any task of the loop; a listener that raises hurts nobody; after
:meth:`CodexHostRuntime.stop` nothing is left running.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import uuid4

from codex_runtime.app_server import requests
from codex_runtime.app_server.binary import codex_command
from codex_runtime.app_server.connection import AppServerConnection
from codex_runtime.app_server.options import ConnectionOptions
from codex_runtime.app_server.stdio import StdioTransport
from codex_runtime.contract.actors import Actor
from codex_runtime.contract.endpoints.runtime_owned import ListConversationRequestsArgs
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host import request_desk as desk
from codex_runtime.host.common import Emit, HostError, Report, Settings, Tell
from codex_runtime.host.core import HostCore
from codex_runtime.host.importing import ImportProgress, import_thread
from codex_runtime.host.shell import Shell, SystemOutside
from codex_runtime.host.tools import ToolBox
from codex_runtime.host.turn_control import SentTurn, TurnOptions
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.protocol import answers
from codex_runtime.protocol import params as p

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from types import TracebackType

    from codex_runtime.app_server.requests import Call
    from codex_runtime.app_server.transport import Transport
    from codex_runtime.contract.functions.reading import PendingRequest
    from codex_runtime.host.importing import Imported
    from codex_runtime.host.phases import HostState
    from codex_runtime.host.thread_control import Strategy
    from codex_runtime.persistence.port import HostPersistence
    from codex_runtime.protocol import results as r

T = TypeVar("T")

_log = logging.getLogger("codex_runtime.host")

FLUSH_MS = 250.0
"""How long an event may wait for company while a turn is in flight, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHandlers:
    """Who hears of what; plain functions, called in the loop. One that raises is logged.

    Attributes:
        on_state: Every state.
        on_event: Every message of a conversation.
        on_global_message: Every message that is nobody's in particular.
        on_request: Every request of the app-server that waits for an answer.
        on_protocol_error: Everything that went wrong and was survived: what, and where.
    """

    on_state: Callable[[HostState], None] | None = None
    on_event: Callable[[Any], None] | None = None
    on_global_message: Callable[[Any], None] | None = None
    on_request: Callable[[Any], None] | None = None
    on_protocol_error: Callable[[str, str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedThread:
    """A thread of the local Codex in a list.

    Attributes:
        thread_id: Its id.
        preview: What it begins with, or ``Untitled thread``.
        updated_at: When it changed last, in seconds since the epoch.
        message_count: How many messages it has.
    """

    thread_id: str
    preview: str
    updated_at: int
    message_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedThreads:
    """A page of threads of the local Codex.

    Attributes:
        data: The threads.
        next_cursor: Where the next page begins; ``None`` after the last one.
    """

    data: tuple[ListedThread, ...]
    next_cursor: str | None


class CodexHostRuntime:
    """One Codex process, at most one open thread, at most one turn in flight.

    Make it with :func:`create_codex_host_runtime`. It is used again after it was stopped.

    Args:
        opener: Opens the transport to the app-server.
        options: How the connection to it behaves.
        persistence: Where things are kept.
        handlers: Who hears of what.
        tools: Python functions that the model may call, by name.
        sleep: Waits; a test that brings its own needs no time.
        outside: Time and chance.
    """

    def __init__(
        self,
        opener: Callable[[], Awaitable[Transport]],
        *,
        options: ConnectionOptions,
        persistence: HostPersistence,
        handlers: HostHandlers,
        tools: Mapping[str, Callable[..., Any]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        outside: SystemOutside | None = None,
    ) -> None:
        self._persistence = persistence
        self._handlers = handlers
        self._tools = ToolBox(tools)
        self._listeners: list[Callable[[HostState], None]] = []
        self._outside = outside or SystemOutside()
        self._opener = opener
        self._options = options
        self._sleep = sleep
        self._core = HostCore(
            self._outside,
            durable=persistence.durable,
            outbox=persistence.outbox,
            tools=self._tools.definitions,
            tool_names=self._tools,
        )
        self._shell = self._new_shell()
        self._snapshot = self._core.state

    def _new_shell(self) -> Shell:
        return Shell(
            self._core,
            lambda: AppServerConnection(self._opener, self._options),
            self._persistence,
            self._tools.run,
            self._sleep,
            self._hear,
        )

    async def __aenter__(self) -> Self:
        """Use it; it is not connected by that."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    async def connect(
        self,
        *,
        actor: Actor | None = None,
        session_id: str | None = None,
        model: str | None = None,
        cwd: str | None = None,
        flush_ms: float = FLUSH_MS,
    ) -> HostState:
        """Start Codex and connect to it; when it is connected already, nothing happens.

        Args:
            actor: Whose conversations they are; somebody anonymous when left out.
            session_id: What the session is called; a unique part is added.
            model: The model that conversations are bound with.
            cwd: The folder that conversations are bound with.
            flush_ms: How long an event may wait for company while a turn is in flight.

        Returns:
            The state.

        Raises:
            CodexRuntimeError: What starting the app-server raises; ``E_RUNTIME_STOPPING``.
        """
        named = (session_id or "").strip()
        unique = self._outside.new_id()
        settings = Settings(
            actor=actor or Actor(anonymous_id=str(uuid4())),
            session_id=f"{named}-{unique}" if named else unique,
            model=model,
            cwd=cwd,
            flush_ms=flush_ms,
        )
        await self._shell.run(lambda: self._core.connect(settings))
        return self.get_state()

    async def stop(self) -> None:
        """Stop: keep what waits, stop Codex, end every task; harmless when it never began.

        Raises:
            CodexRuntimeError: ``E_RUNTIME_INGEST_FLUSH_FAILED``: something could not be kept. It is
                stopped nevertheless.
        """
        try:
            await self._shell.run(self._core.stop)
        finally:
            await self._shell.close()
            self._shell = self._new_shell()

    # Threads.

    async def open_thread(
        self,
        strategy: Strategy = "start",
        *,
        conversation_id: str | None = None,
        persisted_conversation_id: str | None = None,
        settings: p.ThreadSettings | None = None,
        dynamic_tools: tuple[Any, ...] = (),
    ) -> r.ThreadOpened:
        """Open a thread: a new one, an old one, or a copy of an old one.

        Args:
            strategy: Which of these.
            conversation_id: The old one: the id Codex knows it by.
            persisted_conversation_id: The conversation it is kept in, whatever Codex calls it.
            settings: What it runs with.
            dynamic_tools: Tools that the caller answers itself, beside the registered ones.

        Returns:
            What Codex says of it.

        Raises:
            CodexRuntimeError: ``E_RUNTIME_…``, or what Codex or persistence refuses with.
        """
        opened: r.ThreadOpened = await self._shell.run(
            lambda: self._core.threads.open(
                strategy,
                conversation_id,
                persisted_conversation_id,
                settings or p.ThreadSettings(),
                dynamic_tools,
            )
        )
        return opened

    async def resume_thread(
        self, thread_id: str, settings: p.ThreadSettings | None = None
    ) -> r.ThreadOpened:
        """Open an old thread; its conversation is the one of its id."""
        return await self.open_thread("resume", conversation_id=thread_id, settings=settings)

    async def fork_thread(
        self, thread_id: str, settings: p.ThreadSettings | None = None
    ) -> r.ThreadOpened:
        """Open a copy of an old thread."""
        return await self.open_thread("fork", conversation_id=thread_id, settings=settings)

    async def archive_thread(self, thread_id: str) -> None:
        """Put a thread of Codex's into its archive; the conversation stays where it is."""
        await self._change(requests.thread_archive(thread_id))

    async def unarchive_thread(self, thread_id: str) -> r.ThreadResult:
        """Take a thread of Codex's out of its archive."""
        return await self._change(requests.thread_unarchive(thread_id))

    async def set_thread_name(self, thread_id: str, name: str) -> None:
        """Name a thread."""
        await self._change(requests.thread_name_set(thread_id, name))

    async def compact_thread(self, thread_id: str) -> None:
        """Have the model put its summary in the place of what was said."""
        await self._change(requests.thread_compact_start(thread_id))

    async def rollback_thread(self, thread_id: str, num_turns: int) -> r.ThreadResult:
        """Take the last turns of a thread back (``thread/revert`` today)."""
        result: r.ThreadResult = await self._shell.run(
            lambda: self._core.threads.roll_back(thread_id, num_turns)
        )
        return result

    async def read_thread(
        self, thread_id: str, *, include_turns: bool = False
    ) -> r.ThreadReadResult:
        """Read a thread."""
        return await self._ask(requests.thread_read(thread_id, include_turns=include_turns))

    async def list_threads(self, params: p.ThreadListParams | None = None) -> ListedThreads:
        """List threads, each with how many messages it has; at most four are read at a time."""
        page = await self._ask(requests.thread_list(params))
        gate = asyncio.Semaphore(4)

        async def listed(thread: Any) -> ListedThread:
            async with gate:
                count = await self._count_messages(thread.id)
            return ListedThread(
                thread_id=thread.id,
                preview=thread.preview.strip() or "Untitled thread",
                updated_at=max(0, thread.updated_at),
                message_count=count,
            )

        data = await asyncio.gather(*map(listed, page.data))
        return ListedThreads(data=tuple(data), next_cursor=page.next_cursor)

    async def _count_messages(self, thread_id: str) -> int:
        try:
            read = await self._ask(requests.thread_read(thread_id, include_turns=True))
        except CodexRuntimeError as error:
            text = f"Failed to enrich thread messageCount for {thread_id}: {error}"
            self._hear(Report(text, "[runtime:listThreads]"))
            return 0
        kinds = ("userMessage", "agentMessage")
        return sum(item.get("type") in kinds for turn in read.thread.turns for item in turn.items)

    async def list_loaded_threads(self) -> r.LoadedListResult:
        """List the threads that Codex has in memory."""
        return await self._ask(requests.thread_loaded_list())

    # The conversations of the first protocol, on what today's offers.

    async def new_conversation(self, settings: p.ThreadSettings | None = None) -> r.ThreadOpened:
        """Make a thread without opening it here."""
        given = settings or p.ThreadSettings()
        values = {name: getattr(given, name) for name in p.ThreadSettings.__struct_fields__}
        return await self._ask(requests.thread_start(p.ThreadStartParams(**values)))

    async def resume_conversation(self, conversation_id: str) -> r.ThreadOpened:
        """Load a thread without opening it here."""
        params = p.ThreadResumeParams(thread_id=conversation_id)
        return await self._ask(requests.thread_resume(params))

    async def list_conversations(
        self, params: p.ThreadListParams | None = None
    ) -> r.ThreadListResult:
        """List threads as Codex does."""
        return await self._ask(requests.thread_list(params))

    async def fork_conversation(self, conversation_id: str) -> r.ThreadOpened:
        """Copy a thread without opening the copy here."""
        return await self._ask(requests.thread_fork(p.ThreadForkParams(thread_id=conversation_id)))

    async def archive_conversation(self, conversation_id: str) -> None:
        """Put a thread of Codex's into its archive."""
        await self._ask(requests.thread_archive(conversation_id))

    async def unarchive_conversation(self, conversation_id: str) -> r.ThreadResult:
        """Take a thread of Codex's out of its archive."""
        return await self._ask(requests.thread_unarchive(conversation_id))

    async def interrupt_conversation(self, conversation_id: str) -> None:
        """Interrupt whatever runs in a thread."""
        await self._ask(requests.turn_interrupt(conversation_id, ""))

    async def get_conversation_summary(self, conversation_id: str) -> r.ConversationSummaryResult:
        """Say in short what a thread is about."""
        return await self._ask(requests.conversation_summary(conversation_id))

    # Turns.

    async def send_turn(self, text: str, options: TurnOptions | None = None) -> SentTurn:
        """Send a turn; from then on it ends, whatever happens.

        Args:
            text: What the user says.
            options: How it is to run.

        Returns:
            The turn's persisted id.

        Raises:
            CodexRuntimeError: ``E_RUNTIME_THREAD_NOT_OPEN``; ``E_RUNTIME_DISPATCH_TURN_IN_FLIGHT``:
                turns are refused, not queued, while one is in flight; or what Codex or persistence
                refuses with.
        """
        threads = self._core.threads
        sent: SentTurn = await self._shell.run(
            lambda: self._core.turns.send(text, options or TurnOptions(), threads.bind)
        )
        return sent

    async def steer_turn(self, text: str, *, expected_turn_id: str | None = None) -> None:
        """Say more while a turn is in flight.

        Args:
            text: What the user says.
            expected_turn_id: The persisted id of the turn that it is meant for.
        """
        await self._shell.run(lambda: self._core.turns.steer(text, expected_turn_id))

    async def interrupt(self) -> None:
        """Interrupt the turn in flight; without one nothing happens, now or later."""
        await self._shell.run(self._core.turns.interrupt)

    # Import.

    async def import_local_thread_to_persistence(
        self,
        runtime_thread_handle: str,
        *,
        conversation_id: str | None = None,
        session_id: str | None = None,
        on_progress: Callable[[ImportProgress], None] | None = None,
    ) -> Imported:
        """Import a thread of the local Codex into its conversation.

        Args:
            runtime_thread_handle: The thread.
            conversation_id: The conversation; one of the thread's own id when left out.
            session_id: The session that brings it.
            on_progress: Hears how far it has come.

        Returns:
            What became of it.
        """

        def tell(progress: ImportProgress) -> None:
            if on_progress is not None:
                self._safely(on_progress, progress)

        imported: Imported = await self._shell.run(
            lambda: import_thread(
                self._core.common, runtime_thread_handle, conversation_id, session_id, tell
            )
        )
        return imported

    # The account.

    async def read_account(self, *, refresh_token: bool = False) -> r.AccountReadResult:
        """Say who is logged in."""
        return await self._ask(requests.account_read(refresh_token=refresh_token))

    async def login_account(self, params: p.LoginParams) -> r.LoginResult:
        """Begin to log in."""
        return await self._ask(requests.account_login_start(params))

    async def cancel_account_login(self, login_id: str) -> r.LoginCancelResult:
        """Break a login off."""
        return await self._ask(requests.account_login_cancel(login_id))

    async def logout_account(self) -> None:
        """Log out."""
        await self._ask(requests.account_logout())

    async def read_account_rate_limits(self) -> r.RateLimitsResult:
        """Say how much may still be used."""
        return await self._ask(requests.account_rate_limits_read())

    # Requests of the app-server.

    async def list_pending_server_requests(self) -> list[PendingRequest]:
        """List the requests of the open conversation that wait for an answer."""
        common = self._core.common
        conversation = common.bound.conversation_id
        if common.settings is None or conversation is None:
            return []
        return await self._persistence.list_server_requests(
            ListConversationRequestsArgs(
                actor=common.settings.actor, conversation_id=conversation, limit=100
            )
        )

    async def respond_command_approval(self, request_id: str | int, decision: Any) -> None:
        """Answer whether a command may be run."""
        answer = answers.CommandApproval(decision=decision)
        await self._respond(request_id, desk.COMMAND, answer)

    async def respond_file_change_approval(self, request_id: str | int, decision: Any) -> None:
        """Answer whether files may be changed."""
        answer = answers.FileChangeApproval(decision=decision)
        await self._respond(request_id, desk.FILES, answer)

    async def respond_tool_user_input(
        self, request_id: str | int, given: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Answer what the user says: the answers to each question, by its id."""
        told = {name: answers.UserAnswer(answers=tuple(said)) for name, said in given.items()}
        await self._respond(request_id, desk.QUESTION, answers.UserInputAnswers(answers=told))

    async def respond_dynamic_tool_call(
        self, request_id: str | int, *, success: bool, content_items: tuple[Any, ...]
    ) -> None:
        """Answer what a tool returns."""
        answer = answers.DynamicToolResult(content_items=content_items, success=success)
        await self._respond(request_id, desk.TOOL, answer)

    async def respond_chatgpt_auth_tokens_refresh(
        self,
        request_id: str | int,
        *,
        access_token: str,
        chatgpt_account_id: str,
        chatgpt_plan_type: str | None = None,
    ) -> None:
        """Answer with fresh tokens."""
        answer = answers.RefreshedTokens(
            access_token=access_token,
            chatgpt_account_id=chatgpt_account_id,
            chatgpt_plan_type=chatgpt_plan_type,
        )
        await self._respond(request_id, desk.REFRESH, answer)

    # The state.

    def get_state(self) -> HostState:
        """Give the state as it is now."""
        return self._core.state

    def get_lifecycle_state(self) -> HostState:
        """Give the last state that listeners were told."""
        return self._snapshot

    def subscribe_lifecycle(self, listener: Callable[[HostState], None]) -> Callable[[], None]:
        """Hear of every state, beginning with the present one.

        Args:
            listener: A plain function; one that raises is logged and stays subscribed.

        Returns:
            A function that ends it.
        """
        self._listeners.append(listener)
        self._safely(listener, self._snapshot)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    async def lifecycle(self) -> AsyncIterator[HostState]:
        """Take every state, beginning with the present one, until whoever takes them stops."""
        states: asyncio.Queue[HostState] = asyncio.Queue()
        unsubscribe = self.subscribe_lifecycle(states.put_nowait)
        try:
            while True:
                yield await states.get()
        finally:
            unsubscribe()

    async def _change(self, call: Call[T]) -> T:
        result: T = await self._shell.run(lambda: self._core.threads.ask_unlocked(call))
        return result

    async def _ask(self, call: Call[T]) -> T:
        result: T = await self._shell.run(lambda: self._core.threads.ask(call))
        return result

    async def _respond(self, request_id: str | int, method: str, answer: Any) -> None:
        await self._shell.run(lambda: self._core.requests.respond(request_id, method, answer))

    def _hear(self, effect: Emit | Report | Tell) -> None:
        handlers = self._handlers
        match effect:
            case Emit(state):
                self._snapshot = state
                for listener in (handlers.on_state, *self._listeners):
                    if listener is not None:
                        self._safely(listener, state)
            case Report(message, line):
                if handlers.on_protocol_error is not None:
                    self._safely(handlers.on_protocol_error, message, line)
            case Tell(kind, message):
                hears = {
                    "event": handlers.on_event,
                    "global": handlers.on_global_message,
                    "request": handlers.on_request,
                }[kind]
                if hears is not None:
                    self._safely(hears, message)

    def _safely(self, listener: Callable[..., None], *args: Any) -> None:
        try:
            listener(*args)
        except Exception:  # noqa: BLE001 - whatever a listener raises, the runtime goes on
            _log.exception("a listener of the runtime raised")


def create_codex_host_runtime(
    *,
    codex_bin: str | None = None,
    cwd: str | None = None,
    opener: Callable[[], Awaitable[Transport]] | None = None,
    options: ConnectionOptions | None = None,
    persistence: HostPersistence | None = None,
    handlers: HostHandlers | None = None,
    tools: Mapping[str, Callable[..., Any]] | None = None,
) -> CodexHostRuntime:
    """Make a runtime.

    Args:
        codex_bin: The codex binary; the installed one when left out.
        cwd: The folder that Codex is started in.
        opener: Opens the transport to an app-server, in place of starting a binary.
        options: How the connection behaves; experimental methods are used when there are tools.
        persistence: Where things are kept; Codex alone knows them when left out.
        handlers: Who hears of what.
        tools: Python functions that the model may call, by name.

    Returns:
        The runtime, not connected.

    Raises:
        HostError: ``E_RUNTIME_CONFIG_INVALID``.
    """
    if opener is not None and (codex_bin is not None or cwd is not None):
        raise HostError(
            "E_RUNTIME_CONFIG_INVALID", "Give an opener, or a binary and its folder, not both."
        )
    registered = dict(tools or {})

    async def start() -> Transport:
        return await StdioTransport.start(codex_command(codex_bin, cwd=cwd))

    return CodexHostRuntime(
        opener or start,
        options=options or ConnectionOptions(experimental_api=bool(registered)),
        persistence=persistence or CodexOnlyPersistence(),
        handlers=handlers or HostHandlers(),
        tools=registered,
    )
