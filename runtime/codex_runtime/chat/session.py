"""One chat from its beginning to its end: the shell of the dialogue.

May import asyncio, the dialogue, the terminal, the neighbours and the runtime. The invariants: the
dialogue is told of one thing after the other; what the runtime is asked runs beside that and comes
back as one of them; when the chat has ended nothing that it started is left.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_runtime.chat import effects as e
from codex_runtime.chat.connecting import neighbours
from codex_runtime.chat.dialogue import Dialogue
from codex_runtime.chat.telling import history_lines
from codex_runtime.chat.terminal import (
    LineInput,
    Screen,
    has_colours,
    hiding,
    is_interactive,
)
from codex_runtime.command_line import ExitCode
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from codex_runtime.protocol.answers import InputText
from codex_runtime.protocol.messages import Notification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codex_runtime.chat.connecting import Plan
    from codex_runtime.host.runtime import CodexHostRuntime

Letter: TypeAlias = "Callable[[Dialogue], list[e.Effect]]"
Inbox: TypeAlias = "asyncio.Queue[Letter]"

_LETTERS: Final[dict[signal.Signals, Letter]] = {
    signal.SIGINT: Dialogue.interrupt_key,
    signal.SIGTERM: Dialogue.terminated,
    signal.SIGHUP: Dialogue.terminated,
}
"""What the dialogue is told of a signal."""


async def chat(plan: Plan) -> int:
    """Have a chat.

    Args:
        plan: What it is to be.

    Returns:
        The exit code.

    Raises:
        CodexRuntimeError: What kept it from beginning, or from ending well.
        asyncio.CancelledError: It was interrupted before it had begun.
    """
    inbox: Inbox = asyncio.Queue()
    interactive = is_interactive()
    async with AsyncExitStack() as stack:
        hide = stack.enter_context(hiding(sys.stdin.fileno()))
        screen = Screen(
            sys.stdout,
            sys.stderr,
            interactive=interactive,
            coloured=has_colours(os.environ),
            hide=hide,
        )
        began = stack.enter_context(_signals(inbox, screen))
        who = await stack.enter_async_context(neighbours(plan))
        runtime = create_codex_host_runtime(
            opener=who.open, persistence=who.persistence, handlers=_handlers(inbox)
        )
        stack.push_async_callback(runtime.stop)
        await runtime.connect(
            actor=who.actor,
            model=plan.environment.model,
            cwd=plan.environment.cwd,
            flush_ms=plan.environment.flush_ms,
        )
        opened = await runtime.open_thread(
            "start" if plan.resume is None else "resume",
            conversation_id=plan.resume,
            settings=plan.thread,
        )
        thread_id = opened.thread.id
        greeting = [e.Line(f"Thread {thread_id}, kept in {who.kept_in}. /help helps.", "notice")]
        if plan.resume is not None:
            read = await runtime.read_thread(thread_id, include_turns=True)
            greeting += history_lines(read.thread.turns)
        dialogue = Dialogue(
            thread_id,
            runtime.get_state(),
            interactive=interactive,
            kept_in=who.kept_in,
            actor=who.actor_text,
        )
        began()
        return await Session(runtime, dialogue, screen, inbox).run(greeting)


def _handlers(inbox: Inbox) -> HostHandlers:
    """Let the runtime tell the dialogue; its listeners themselves do nothing."""

    def event(message: Any) -> None:
        if isinstance(message, Notification):
            inbox.put_nowait(lambda dialogue: dialogue.told(message))

    return HostHandlers(
        on_state=lambda state: inbox.put_nowait(lambda dialogue: dialogue.state_changed(state)),
        on_event=event,
        on_request=lambda request: inbox.put_nowait(lambda dialogue: dialogue.requested(request)),
        on_protocol_error=lambda text, _: inbox.put_nowait(
            lambda dialogue: dialogue.reported(text)
        ),
    )


@contextmanager
def _signals(inbox: Inbox, screen: Screen) -> Iterator[Callable[[], None]]:
    """Take signals: before the chat has begun they break it off, then the dialogue is told.

    Args:
        inbox: Where it is told.
        screen: What a terminal has written ``^C`` on.

    Yields:
        A function that says that it has begun.
    """
    loop = asyncio.get_running_loop()
    beginning = asyncio.current_task()

    def begun() -> None:
        nonlocal beginning
        beginning = None

    def came(letter: Letter) -> None:
        nonlocal beginning
        screen.disturbed()
        if beginning is not None:
            beginning.cancel()
            beginning = None
        inbox.put_nowait(letter)

    # What whoever started it wants ignored, as nohup does, stays ignored.
    heeded = [number for number in _LETTERS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, came, _LETTERS[number])
    try:
        yield begun
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)


class Session:
    """Runs a dialogue with a runtime.

    Args:
        runtime: The runtime, with an open thread.
        dialogue: The dialogue.
        screen: Where things are shown.
        inbox: What the dialogue is to be told.
    """

    def __init__(
        self, runtime: CodexHostRuntime, dialogue: Dialogue, screen: Screen, inbox: Inbox
    ) -> None:
        self._runtime = runtime
        self._dialogue = dialogue
        self._screen = screen
        self._inbox = inbox
        self._code: int | None = None
        self._lines = LineInput(sys.stdin.fileno())
        self._reading = False

    async def run(self, greeting: list[e.Line]) -> int:
        """Run it.

        Args:
            greeting: What to show first.

        Returns:
            The exit code.
        """
        try:
            return await self._run(greeting)
        except BrokenPipeError:
            # What the interpreter still has to write at its end has no reader either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.INCOMPLETE

    async def _run(self, greeting: list[e.Line]) -> int:
        for line in greeting:
            self._screen.show(line)
        tasks: set[asyncio.Task[None]] = set()
        failed: list[BaseException] = []

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                failed.append(error)
                self._inbox.put_nowait(Dialogue.terminated)

        def start(work: Any) -> None:
            task = asyncio.create_task(work)
            tasks.add(task)
            task.add_done_callback(ended)

        try:
            letter: Letter = Dialogue.began
            while True:
                for effect in self._take(letter):
                    self._do(effect, start)
                if failed:
                    raise failed[0]
                if self._code is not None:
                    return self._code
                if self._dialogue.takes_lines and not self._reading:
                    self._reading = True
                    start(self._read_line())
                letter = await self._inbox.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, letter: Letter) -> list[e.Effect]:
        try:
            return letter(self._dialogue)
        except CodexRuntimeError as error:
            # A message that cannot be read is told of; the next one may be better.
            return self._dialogue.reported(str(error))

    def _do(self, effect: e.Effect, start: Callable[[Any], None]) -> None:
        match effect:
            case e.Stream() | e.Line() | e.Break() | e.Progress() | e.Prompt():
                self._screen.show(effect)
            case e.End(code):
                self._code = code
            case _:
                start(self._call(effect))

    async def _read_line(self) -> None:
        line = await self._lines.line()
        self._reading = False
        if line is None:
            self._inbox.put_nowait(Dialogue.input_ended)
            return
        self._screen.entered()
        self._inbox.put_nowait(lambda dialogue: dialogue.typed(line))

    async def _call(self, call: e.Call) -> None:
        try:
            result = await self._asked(call)
        except CodexRuntimeError as error:
            failure = error
            self._inbox.put_nowait(lambda dialogue: dialogue.call_failed(call, failure))
        else:
            self._inbox.put_nowait(lambda dialogue: dialogue.call_done(call, result))

    async def _asked(self, call: e.Call) -> Any:
        """Ask the runtime."""
        runtime = self._runtime
        match call:
            case e.Send(text):
                return await runtime.send_turn(text)
            case e.Steer(text):
                return await runtime.steer_turn(text)
            case e.Interrupt():
                return await runtime.interrupt()
            case e.ListThreads():
                return await runtime.list_threads()
            case e.Import(thread_id):
                return await runtime.import_local_thread_to_persistence(
                    thread_id,
                    on_progress=lambda progress: self._inbox.put_nowait(
                        lambda dialogue: dialogue.progressed(progress)
                    ),
                )
            case e.Decide(request_id, "command", decision):
                return await runtime.respond_command_approval(request_id, decision)
            case e.Decide(request_id, _, decision):
                return await runtime.respond_file_change_approval(request_id, decision)
            case e.GiveAnswers(request_id, given):
                return await runtime.respond_tool_user_input(request_id, given)
            case e.Grant(request_id, permissions, scope):
                return await runtime.respond_permissions(request_id, permissions, scope=scope)
            case e.Elicited(request_id, action):
                return await runtime.respond_mcp_elicitation(request_id, action)
            case e.RefuseTool(request_id, tool):
                said = InputText(text=f"This client has no tool {tool}.")
                return await runtime.respond_dynamic_tool_call(
                    request_id, success=False, content_items=(said,)
                )
