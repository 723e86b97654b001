"""Commands that run: what they print, how they end, and who types into them (FACTS §8, §10).

May import calls, items' forms and the shared world. The rules:

* A command's item starts once the command has outlived its early-exit window, or before the user
  is asked about it. What it printed in that window gets no delta.
* A command that the model stopped waiting for is a session: the model may type into it, clients may
  list and end it.
* A command goes on when its turn is interrupted, and completes its item afterwards.
* A command whose folder is not there fails at once, unless it has a terminal: that one is started
  in another way, which does not mind.

The invariant: a command ends once, and its item is completed then and only then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.dialect.messages import Refusal
from codex_fakes.app_server.threads.world import delta_line, delta_prefix
from codex_fakes.script.steps import pieces

if TYPE_CHECKING:
    from codex_fakes.app_server.threads.items import Item
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.tools.calls import Caller, Calls
    from codex_fakes.script.steps import Run, TypeInto

EARLY_EXIT_MS: Final = 150
"""Milliseconds a command has to end before it gets an item of its own start."""
DEFAULT_YIELD_MS: Final = 10_000
"""Milliseconds the model waits for a command when it does not say."""
DEFAULT_TYPING_MS: Final = 250
"""Milliseconds the model waits after typing when it does not say."""
LEAST_YIELD_MS: Final = 250
"""The shortest the model waits, whatever it says."""
LEAST_POLL_MS: Final = 5_000
"""The shortest it waits when it types nothing."""
ENDED_WITH_SERVER: Final = 137
"""The exit code of a command that ends with the server: 128 + SIGKILL."""
NO_EXIT_CODE: Final = -1
"""The exit code of a command that a client ended, or that was never started."""
NOT_STARTED: Final = "Failed to create unified exec process: No such file or directory (os error 2)"
"""What a command has printed that could not be started, because its folder is not there."""
_OUTPUT_DELTA: Final = "item/commandExecution/outputDelta"
_U64: Final = range(2**64)

KEPT_OUTPUT: Final = 1 << 19
"""Bytes of a command's output that are kept from its beginning, and as many from its end."""


@dataclass(slots=True)
class Command:
    """A command the model runs.

    Attributes:
        caller: The call it comes from.
        run: The step of the script.
        item: Its item as it was last shown.
        cwd: The folder it runs in.
        started_ms: When the item started; ``None`` before.
        began_ms: When the command itself started.
        waiter: The call that waits for it; ``None`` when none does.
        poll: The wait that is under way, so that one that is over is told apart.
        printed: What it has printed.
        typed: What the waiting call typed; ``None`` when that call started the command.
    """

    caller: Caller
    run: Run
    item: Item
    cwd: str
    started_ms: int | None = None
    began_ms: int = 0
    waiter: Caller | None = None
    poll: int = 0
    printed: list[str] = field(default_factory=list)
    typed: str | None = None

    @property
    def process_id(self) -> str:
        """Its process id, by which clients and the model name it."""
        shown: str = self.item["processId"]
        return shown


class RunningCommands:
    """The commands that run, of all threads.

    Args:
        calls: The shared part of all tools.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._world = calls.world
        self._running: list[Command] = []
        self._sessions: dict[tuple[str, str], Command] = {}

    # --- running -------------------------------------------------------------------------------

    def start(self, command: Command) -> None:
        """Run a command that has the consent it needs."""
        run = command.run
        command.item = {
            **command.item,
            "processId": self._world.ids.process_id(),
            "source": "unifiedExecStartup",
        }
        command.waiter = command.caller
        command.began_ms = self._world.clock.now_ms()
        self._running.append(command)
        if run.duration_ms < EARLY_EXIT_MS:
            self._show(command)
            command.printed.extend(pieces(run.output))
            self._end(command, run.exit_code)
            return
        self._print_in_time(command)
        self._world.after(EARLY_EXIT_MS, partial(self._show, command))
        patience = DEFAULT_YIELD_MS if run.yield_ms is None else run.yield_ms
        patience = max(patience, LEAST_YIELD_MS)
        if patience < run.duration_ms:
            self._world.after(patience, partial(self._stop_waiting, command, command.poll))
        self._world.after(run.duration_ms, partial(self._end, command, run.exit_code))

    def fail_to_start(self, command: Command) -> None:
        """Show a command that cannot be started, because its folder is not there."""
        command.item = {**command.item, "source": "unifiedExecStartup"}
        command.began_ms = self._world.clock.now_ms()
        command.printed.append(NOT_STARTED)
        self._start_item(command)
        self._complete(command, "failed", NO_EXIT_CODE)
        self._calls.finish(command.caller)

    def _print_in_time(self, command: Command) -> None:
        """Print several pieces at even distances from start to end, and a single one at the end."""
        chunks = pieces(command.run.output)
        for number, chunk in enumerate(chunks):
            part = number / (len(chunks) - 1) if len(chunks) > 1 else 1
            at_ms = round(command.run.duration_ms * part)
            if at_ms <= EARLY_EXIT_MS:
                command.printed.append(chunk)
            elif chunk:
                self._world.after(at_ms, partial(self._print, command, chunk))

    def _show(self, command: Command) -> None:
        if command in self._running:
            self._start_item(command)

    def _start_item(self, command: Command) -> None:
        if command.started_ms is None:
            caller = command.caller
            writing = self._calls.writing
            command.started_ms = writing.start_item(caller.thread, caller.turn.id, command.item)

    def _print(self, command: Command, chunk: str) -> None:
        if command not in self._running:
            return
        command.printed.append(chunk)
        thread, turn = command.caller.thread, command.caller.turn
        prefix = delta_prefix(_OUTPUT_DELTA, thread.id, turn.id, command.item["id"])
        line = delta_line(prefix, chunk, str(self._world.clock.now_ms()).encode())
        for out in self._world.audience(thread, _OUTPUT_DELTA):
            out.append(line)

    def _stop_waiting(self, command: Command, poll: int) -> None:
        """Let the model go on while a command still runs: it is a session from now on."""
        waiter = command.waiter
        if waiter is None or command.poll != poll or command not in self._running:
            return
        thread_id = command.caller.thread.id
        self._sessions[thread_id, command.caller.call_id] = command
        if command.typed is not None:
            self._tell_typed(command, command.typed)
        self._release(command)

    def _release(self, command: Command) -> None:
        waiter, command.waiter = command.waiter, None
        command.poll += 1
        if waiter is not None:
            self._calls.finish(waiter)

    def _end(self, command: Command, exit_code: int) -> None:
        if command not in self._running:
            return
        self._show(command)
        self._running.remove(command)
        if command.waiter is not None:
            # The model hears of the end, so that the session is over for it as well.
            self._sessions.pop((command.caller.thread.id, command.caller.call_id), None)
            if command.typed:
                self._tell_typed(command, command.typed)
        self._complete(command, "completed" if exit_code == 0 else "failed", exit_code)
        self._release(command)

    def _complete(self, command: Command, status: str, exit_code: int) -> None:
        now_ms = self._world.clock.now_ms()
        ended = {
            **command.item,
            "status": status,
            "aggregatedOutput": _kept("".join(command.printed)) or None,
            "exitCode": exit_code,
            "durationMs": now_ms - command.began_ms,
        }
        started_ms = command.started_ms or now_ms
        caller = command.caller
        self._calls.writing.complete_item(caller.thread, caller.turn.id, ended, started_ms)

    # --- typing --------------------------------------------------------------------------------

    def is_session(self, thread: Thread, call_id: str) -> bool:
        """Whether the model takes a call's command to be running."""
        return (thread.id, call_id) in self._sessions

    def type_into(self, caller: Caller, call: TypeInto) -> None:
        """Let the model type into a session, and wait for what comes of it."""
        command = self._sessions.get((caller.thread.id, call.into))
        if command is None or command not in self._running:
            # It has ended meanwhile, which only the model is told.
            self._sessions.pop((caller.thread.id, call.into), None)
            self._calls.finish(caller)
            return
        if call.text and not command.run.tty:
            # Nothing can be typed without a terminal; only the model is told.
            self._calls.finish(caller)
            return
        command.waiter, command.typed = caller, call.text
        for chunk in pieces(call.output):
            self._print(command, chunk)
        if call.exit_code is not None:
            self._end(command, call.exit_code)
            return
        patience = DEFAULT_TYPING_MS if call.yield_ms is None else call.yield_ms
        patience = max(patience, LEAST_YIELD_MS if call.text else LEAST_POLL_MS)
        self._world.after(patience, partial(self._stop_waiting, command, command.poll))

    def _tell_typed(self, command: Command, text: str) -> None:
        thread, turn = command.caller.thread, command.caller.turn
        self._world.tell_subscribers(
            thread,
            "item/commandExecution/terminalInteraction",
            {
                "threadId": thread.id,
                "turnId": turn.id,
                "itemId": command.item["id"],
                "processId": command.process_id,
                "stdin": text,
            },
        )

    # --- what clients ask for ------------------------------------------------------------------

    def page(self, thread: Thread, cursor: str | None, limit: int | None) -> dict[str, Any]:
        """List the commands of a thread that run.

        Args:
            thread: The thread.
            cursor: The process id behind which the page begins.
            limit: How many rows it has at most; 0 counts as 1.

        Returns:
            The result of thread/backgroundTerminals/list.

        Raises:
            Refusal: The cursor is no process id.
        """
        after = -1 if cursor is None else _process_number(cursor)
        rows = sorted(
            (command for command in self._running if command.caller.thread is thread),
            key=lambda command: int(command.process_id),
        )
        rows = [command for command in rows if int(command.process_id) > after]
        size = len(rows) if limit is None else max(limit, 1)
        shown = rows[:size]
        return {
            "data": [_row(command) for command in shown],
            "nextCursor": shown[-1].process_id if len(rows) > size else None,
        }

    def clean(self, thread: Thread) -> None:
        """End the commands of a thread that run."""
        for command in [c for c in self._running if c.caller.thread is thread]:
            self._end(command, NO_EXIT_CODE)

    def find(self, thread: Thread, number: int) -> Command | None:
        """Find a command of a thread that runs.

        Args:
            thread: The thread.
            number: Its process id.
        """
        return next(
            (
                command
                for command in self._running
                if command.caller.thread is thread and int(command.process_id) == number
            ),
            None,
        )

    def terminate(self, command: Command) -> None:
        """End a command because a client wants it."""
        self._end(command, NO_EXIT_CODE)

    def end_all(self) -> None:
        """End all commands because the server ends: each is written down as failed."""
        for command in self._running:
            if command.started_ms is not None:
                self._complete(command, "failed", ENDED_WITH_SERVER)
        self._running.clear()


def _kept(output: str) -> str:
    """What is kept of a command's output: of a very long one, its beginning and its end."""
    data = output.encode()
    if len(data) <= 2 * KEPT_OUTPUT:
        return output
    head, tail = data[:KEPT_OUTPUT], data[-KEPT_OUTPUT:]
    omitted = f"\n... {len(data) - 2 * KEPT_OUTPUT} bytes omitted ...\n"
    return head.decode(errors="replace") + omitted + tail.decode(errors="replace")


def _row(command: Command) -> dict[str, Any]:
    return {
        "itemId": command.item["id"],
        "processId": command.process_id,
        "command": command.run.command,
        "cwd": command.cwd,
        "osPid": None,
        "cpuPercent": None,
        "rssKb": None,
    }


def _process_number(text: str) -> int:
    """Read a cursor in the words in which the real server refuses a wrong one."""
    digits = text.removeprefix("+")
    if not text:
        raise Refusal("invalid cursor: cannot parse integer from empty string")
    if not (digits.isascii() and digits.isdigit()):
        raise Refusal("invalid cursor: invalid digit found in string")
    if int(digits) not in _U64:
        raise Refusal("invalid cursor: number too large to fit in target type")
    return int(digits)
