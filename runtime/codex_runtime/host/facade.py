"""The host runtime as an integrator sees it: every method of spec 06 §5, and those of today.

May import the engine, the core's parts by type, the builders and the protocol. The invariants:
every method may be called from any task of the loop; nothing is decided here.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from uuid import uuid4

from codex_runtime.app_server import requests
from codex_runtime.contract.actors import Actor
from codex_runtime.host import request_desk as desk
from codex_runtime.host.common import FLUSH_MS, Report, Settings
from codex_runtime.host.import_records import ImportOrder, ImportProgress
from codex_runtime.host.listing import ListedThreads, list_threads
from codex_runtime.host.processes import owner_of
from codex_runtime.host.turn_records import SentTurn, TurnOptions
from codex_runtime.protocol import answers
from codex_runtime.protocol import params as p

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from types import TracebackType

    from codex_runtime.app_server.requests import Call
    from codex_runtime.contract.functions.reading import PendingRequest
    from codex_runtime.host.engine import Engine
    from codex_runtime.host.import_records import Imported
    from codex_runtime.host.phases import HostState
    from codex_runtime.host.thread_control import Strategy
    from codex_runtime.protocol import results as r

T = TypeVar("T")


class CodexHostRuntime:
    """One Codex process, at most one open thread, at most one turn in flight.

    Make it with :func:`create_codex_host_runtime`; it can be connected again after it was stopped.
    Whatever asks Codex raises ``E_RUNTIME_NOT_CONNECTED``, ``E_RUNTIME_STOPPED``, what Codex does
    not do (``E_APP_SERVER_…``), and ``E_PROTOCOL_…`` for what cannot be said to it or read of it.
    What was asked goes on when whoever waits for it is cancelled, unless it says otherwise.

    Args:
        engine: What runs it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
        dynamic_tools: tuple[Any, ...] = (),
        flush_ms: float = FLUSH_MS,
    ) -> HostState:
        """Start Codex and connect to it; when it is connected already, nothing happens.

        Whoever connects while somebody else does waits for the same connection, and fails with it.

        Args:
            actor: Whose conversations they are; somebody anonymous when left out.
            session_id: What the session is called; a unique part is added.
            model: The model that conversations are bound with.
            cwd: The folder that conversations are bound with.
            dynamic_tools: Tools that threads are going to be opened with: their methods are
                experimental, and only a connection that says so at its start may use them. They
                are not remembered: :meth:`open_thread` takes them again.
            flush_ms: How long an event may wait for company while a turn is in flight.

        Returns:
            The state.

        Raises:
            CodexRuntimeError: What starting the app-server raises; ``E_RUNTIME_STOPPING``.
        """
        named = (session_id or "").strip()
        unique = self._engine.outside.new_id()
        session = f"{named}-{unique}" if named else unique
        settings = Settings(
            actor=actor or Actor(anonymous_id=str(uuid4())),
            session_id=session,
            model=model,
            cwd=cwd,
            flush_ms=flush_ms,
            experimental=bool(dynamic_tools),
            claim_owner=owner_of(session),
        )
        await self._engine.connect(settings)
        return self.get_state()

    async def stop(self) -> None:
        """Stop: keep what waits, stop Codex, end every task; harmless when it never began.

        It takes a bounded time whatever Codex and persistence do. It goes on when whoever called it
        is cancelled; whoever calls it meanwhile waits for the same end.

        Raises:
            CodexRuntimeError: ``E_RUNTIME_INGEST_FLUSH_FAILED``: something could not be kept;
                ``E_RUNTIME_STOP_TIMEOUT``: something took too long. It is stopped nevertheless.
        """
        await self._engine.stop()

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
            dynamic_tools: Tools of a new thread that the caller answers itself, beside the
                registered ones; an old thread has those that it was started with.

        Returns:
            What Codex says of it.

        Raises:
            CodexRuntimeError: ``E_RUNTIME_…``, or what Codex or persistence refuses with.
        """
        opened: r.ThreadOpened = await self._engine.run(
            lambda: self._engine.core.threads.open(
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
        result: r.ThreadResult = await self._engine.run(
            lambda: self._engine.core.threads.roll_back(thread_id, num_turns)
        )
        return result

    async def read_thread(
        self, thread_id: str, *, include_turns: bool = False
    ) -> r.ThreadReadResult:
        """Read a thread."""
        return await self._ask(requests.thread_read(thread_id, include_turns=include_turns))

    async def list_threads(self, params: p.ThreadListParams | None = None) -> ListedThreads:
        """List threads, each with how many messages it has; at most four are read at a time."""

        def report(text: str) -> None:
            self._engine.listeners.hear(Report(text, "[runtime:listThreads]"))

        return await list_threads(self._ask, report, params)

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
        threads = self._engine.core.threads
        sent: SentTurn = await self._engine.run(
            lambda: self._engine.core.turns.send(text, options or TurnOptions(), threads.bind)
        )
        return sent

    async def steer_turn(self, text: str, *, expected_turn_id: str | None = None) -> None:
        """Say more while a turn is in flight.

        Args:
            text: What the user says.
            expected_turn_id: The persisted id of the turn that it is meant for.
        """
        current = self._engine.core.turns.current
        await self._engine.run(lambda: current.steer(text, expected_turn_id))

    async def wait_for_turn(self, turn_id: str | None = None) -> HostState:
        """Wait until a turn is in flight no more, however it has ended.

        Args:
            turn_id: Its persisted id; the turn in flight when left out.

        Returns:
            The first state without it: its own when none is in flight, or the runtime was stopped.
        """
        waited = turn_id or self.get_state().turn_id
        async with aclosing(self.lifecycle()) as states:
            return await anext(
                state async for state in states if state.turn_id != waited or not waited
            )

    async def interrupt(self) -> None:
        """Interrupt the turn in flight; without one nothing happens, now or later."""
        await self._engine.run(self._engine.core.turns.current.interrupt)

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

        A turn that a runtime has sent is imported under the id it is persisted with, so that what
        was streamed before, or imported before, is not there twice. A turn that is still going on
        in the open conversation is left to its stream.

        Whoever is cancelled while waiting here cancels the import with it. An import that an
        earlier runtime has set going is waited for, if it brings the same. Once everything was
        sent and sealed, it is the deployment that imports: it goes on when this runtime is stopped.

        Args:
            runtime_thread_handle: The thread.
            conversation_id: The conversation; one of the thread's own id when left out.
            session_id: The session that brings it.
            on_progress: Hears how far it has come.

        Returns:
            What became of it. It is ``partial`` when the deployment could not find every message
            in the conversation, or somebody else has cancelled the import.

        Raises:
            HostError: ``E_IMPORT_THREAD_BRIDGE_NOT_READY``; ``E_IMPORT_THREAD_HANDLE_REQUIRED``;
                ``E_IMPORT_THREAD_READ_FAILED``; ``E_IMPORT_THREAD_UNDER_WAY``: the conversation is
                being imported; ``E_IMPORT_THREAD_CANCELLED``: by :meth:`cancel_import`;
                ``E_SYNC_SOURCE_CHUNK_TOO_LARGE``: a message is larger than the deployment takes;
                ``E_RUNTIME_INGEST_FLUSH_FAILED``: what was streamed is not kept, and cannot be
                compared; ``E_RUNTIME_STOPPING``, ``E_RUNTIME_STOPPED``: the runtime was stopped.
            ContractError: ``E_SYNC_MANIFEST_INVALID``: more messages than a deployment takes; or
                what the deployment refuses with.
            PersistenceError: ``E_PERSISTENCE_DISABLED``: nothing is kept; ``E_SYNC_JOB_TIMEOUT``:
                the import does not come further, and goes on when it can; or the deployment cannot
                be reached.
        """

        def tell(progress: ImportProgress) -> None:
            if on_progress is not None:
                self._engine.listeners.safely(on_progress, progress)

        imports = self._engine.core.imports
        order = ImportOrder(runtime_thread_handle, conversation_id, session_id, tell)
        try:
            imported: Imported = await self._engine.run(lambda: imports.run(order), lasting=True)
        except asyncio.CancelledError:
            self._engine.begin(lambda: imports.abandon(order))
            raise
        return imported

    async def cancel_import(self, conversation_id: str) -> bool:
        """Cancel the import of a conversation: one of this runtime, or one set going before it.

        What was imported until then remains; importing again completes it.

        Args:
            conversation_id: The conversation.

        Returns:
            Whether it was cancelled by this; not when there is none, or it had ended before.

        Raises:
            CodexRuntimeError: ``E_RUNTIME_NOT_CONNECTED``; ``E_PERSISTENCE_DISABLED``: nothing is
                kept; or the deployment cannot be reached.
        """
        cancelled: bool = await self._engine.run(
            lambda: self._engine.core.imports.cancel(conversation_id), lasting=True
        )
        return cancelled

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
        listed: list[PendingRequest] = await self._engine.run(self._engine.core.requests.listed)
        return listed

    async def respond_command_approval(self, request_id: str | float, decision: Any) -> None:
        """Answer whether a command may be run."""
        answer = answers.CommandApproval(decision=decision)
        await self._respond(request_id, desk.COMMAND, answer)

    async def respond_file_change_approval(self, request_id: str | float, decision: Any) -> None:
        """Answer whether files may be changed."""
        answer = answers.FileChangeApproval(decision=decision)
        await self._respond(request_id, desk.FILES, answer)

    async def respond_tool_user_input(
        self, request_id: str | float, given: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Answer what the user says: the answers to each question, by its id."""
        told = {name: answers.UserAnswer(answers=tuple(said)) for name, said in given.items()}
        await self._respond(request_id, desk.QUESTION, answers.UserInputAnswers(answers=told))

    async def respond_dynamic_tool_call(
        self, request_id: str | float, *, success: bool, content_items: tuple[Any, ...]
    ) -> None:
        """Answer what a tool returns."""
        answer = answers.DynamicToolResult(content_items=content_items, success=success)
        await self._respond(request_id, desk.TOOL, answer)

    async def respond_chatgpt_auth_tokens_refresh(
        self,
        request_id: str | float,
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

    async def respond_permissions(
        self,
        request_id: str | float,
        permissions: Mapping[str, Any],
        *,
        scope: Literal["turn", "session"] = "turn",
    ) -> None:
        """Answer which permissions are granted, and for how long; an empty mapping grants none."""
        answer = answers.PermissionsGranted(permissions=dict(permissions), scope=scope)
        await self._respond(request_id, desk.PERMISSIONS, answer)

    async def respond_mcp_elicitation(
        self,
        request_id: str | float,
        action: Literal["accept", "decline", "cancel"],
        *,
        content: Any = None,
    ) -> None:
        """Answer what the user says to an MCP server; its tools are approved like this, too."""
        answer = answers.ElicitationAnswer(action=action, content=content)
        await self._respond(request_id, desk.ELICITATION, answer)

    # The state.

    def get_state(self) -> HostState:
        """Give the state as it is now."""
        return self._engine.core.state

    def get_lifecycle_state(self) -> HostState:
        """Give the last state that listeners were told."""
        return self._engine.listeners.state

    def subscribe_lifecycle(self, listener: Callable[[HostState], None]) -> Callable[[], None]:
        """Hear of every state, beginning with the present one.

        Args:
            listener: A plain function; one that raises is logged and stays subscribed.

        Returns:
            A function that ends it.
        """
        return self._engine.listeners.subscribe(listener)

    def lifecycle(self) -> AsyncGenerator[HostState, None]:
        """Take every state, beginning with the present one, until whoever takes them stops."""
        return self._engine.listeners.states()

    async def _change(self, call: Call[T]) -> T:
        threads = self._engine.core.threads
        result: T = await self._engine.run(lambda: threads.ask_unlocked(call))
        return result

    async def _ask(self, call: Call[T]) -> T:
        threads = self._engine.core.threads
        result: T = await self._engine.run(lambda: threads.ask(call))
        return result

    async def _respond(self, request_id: str | float, method: str, answer: Any) -> None:
        waiting = self._engine.core.requests
        await self._engine.run(lambda: waiting.respond(request_id, method, answer))
