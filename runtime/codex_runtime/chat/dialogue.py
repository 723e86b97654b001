"""The dialogue: what happens goes in, what is to be done comes out.

May import the commands, their rules, the questions, the transcript and the protocol; no IO and no
event loop. The invariants: nothing is approved by a line that was typed before the question was
shown; a line that cannot be heeded yet is kept, never lost; after the end nothing is done any more.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.chat import telling
from codex_runtime.chat.asking import Again, Answered, asked_by
from codex_runtime.chat.commands import ChatError, Command, Nothing, Text, help_lines, read_line
from codex_runtime.chat.effects import (
    Break,
    End,
    Import,
    Interrupt,
    Line,
    ListThreads,
    Progress,
    Prompt,
    RefuseTool,
    Send,
    Steer,
)
from codex_runtime.chat.rules import IN_PIPE, ON_TERMINAL
from codex_runtime.chat.transcript import Transcript
from codex_runtime.command_line import ExitCode
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.protocol.classification import thread_and_turn_of
from codex_runtime.protocol.server_requests import ToolCallRequest, read_server_request

if TYPE_CHECKING:
    from codex_runtime.chat.asking import Asked
    from codex_runtime.chat.commands import Line as Typed
    from codex_runtime.chat.effects import Call, Effect
    from codex_runtime.chat.rules import Kind, Place, Rule
    from codex_runtime.host.import_records import ImportProgress
    from codex_runtime.host.phases import HostState
    from codex_runtime.protocol.messages import Notification, Request

PROMPT: Final = "> "


class Dialogue:
    """One chat.

    Args:
        thread_id: The open thread.
        state: How the runtime is doing.
        interactive: Whether somebody types on a terminal.
        kept_in: Where conversations are kept, in words.
        actor: Whose they are, in words.
    """

    def __init__(
        self, thread_id: str, state: HostState, *, interactive: bool, kept_in: str, actor: str
    ) -> None:
        self._thread_id = thread_id
        self._state = state
        self._interactive = interactive
        self._kept_in = kept_in
        self._actor = actor
        self._rules = ON_TERMINAL if interactive else IN_PIPE
        self._out: list[Effect] = []
        self._call: Call | None = None
        self._asked: deque[Asked] = deque()
        self._held: Typed | None = None
        self._transcript = Transcript()
        self._interrupted = False
        self._input_ended = False
        self._prompted = False
        self._failed = False
        self._ended = False
        self._over = False

    @property
    def place(self) -> Place:
        """Where the dialogue is: what the next line would be about."""
        if self._asked:
            return "asking"
        if self._call is not None:
            return "sending" if isinstance(self._call, Send) else "calling"
        return "turn" if self._state.turn_in_flight else "ready"

    @property
    def _outcome(self) -> ExitCode:
        # Who types on a terminal has seen what failed; who wrote a script has to be told.
        failed = self._failed and not self._interactive
        return ExitCode.FAILED if failed else ExitCode.OK

    @property
    def takes_lines(self) -> bool:
        """Whether another line is wanted; none is while one waits."""
        return self._held is None and not self._input_ended and not self._ended

    def began(self) -> list[Effect]:
        """Begin."""
        return self._taken()

    def typed(self, line: str) -> list[Effect]:
        """Take a line of input."""
        self._prompted = False
        try:
            self._held = read_line(line)
        except ChatError as error:
            self._fail(error)
        return self._taken()

    def input_ended(self) -> list[Effect]:
        """Take the end of the input: on a terminal the chat's, in a pipe only of what is said."""
        self._input_ended = True
        if self._interactive:
            self._end(ExitCode.OK)
        return self._taken()

    def interrupt_key(self) -> list[Effect]:
        """Take Ctrl-C: the first in a turn interrupts it, any other one ends the chat."""
        in_turn = self._state.turn_in_flight or isinstance(self._call, Send)
        if self._interrupted or not in_turn:
            self._end(ExitCode.INCOMPLETE)
            return self._taken()
        self._interrupted = True
        self._line(Line("Interrupting the turn; Ctrl-C again ends the chat.", "notice"))
        # What is being sent cannot be interrupted before it is a turn.
        if not isinstance(self._call, Send):
            self._out.append(Interrupt())
        return self._taken()

    def terminated(self) -> list[Effect]:
        """Take a signal that asks the whole program to end."""
        self._end(ExitCode.INCOMPLETE)
        return self._taken()

    def told(self, message: Notification) -> list[Effect]:
        """Take a message of a conversation."""
        if thread_and_turn_of(message)[0] == self._thread_id:
            self._tell(message)
        return self._taken()

    def requested(self, request: Request) -> list[Effect]:
        """Take a request of the app-server that waits for an answer."""
        try:
            params = read_server_request(request)
            changes = self._transcript.changes_of(getattr(params, "item_id", ""))
            asked = asked_by(request, changes)
        except CodexRuntimeError as error:
            self._fail(error)
            self._out.append(Interrupt())
            return self._taken()
        if asked is not None:
            self._ask(asked)
        elif isinstance(params, ToolCallRequest):
            self._out.append(RefuseTool(request.id, params.tool))
        else:
            text = f"Codex asks for what the chat cannot give: {request.method}."
            self._fail(ChatError("E_CHAT_REQUEST_UNANSWERABLE", text))
            self._out.append(Interrupt())
        return self._taken()

    def state_changed(self, state: HostState) -> list[Effect]:
        """Take a state of the runtime."""
        before, self._state = self._state, state
        gone = not state.running and state.phase == "error"
        if before.turn_in_flight and not state.turn_in_flight:
            self._turn_ended(told=gone)
        if gone and not self._ended:
            text = state.last_error or "the app-server has ended"
            self._fail(ChatError(state.last_error_code or "E_APP_SERVER_GONE", text))
            self._end(ExitCode.FAILED)
        return self._taken()

    def reported(self, text: str) -> list[Effect]:
        """Take what went wrong in the runtime and was survived."""
        self._line(Line(f"! {text}", "notice"))
        return self._taken()

    def progressed(self, progress: ImportProgress) -> list[Effect]:
        """Take how far an import has come."""
        text, last = telling.progress_text(progress)
        # A question that was asked stays the last line.
        if last or not self._asked:
            self._transcript.broken_off()
            self._prompted = self._prompted and not last
            self._out.append(Progress(text, last))
        return self._taken()

    def call_done(self, call: Call, result: Any) -> list[Effect]:
        """Take what a call of the runtime returned."""
        self._call_ended(call)
        match call:
            case ListThreads():
                self._lines(telling.thread_lines(result, self._thread_id))
            case Import():
                self._lines(telling.imported_lines(result))
                self._failed |= result.sync_job_state != "synced"
        return self._taken()

    def call_failed(self, call: Call, error: CodexRuntimeError) -> list[Effect]:
        """Take what a call of the runtime raised."""
        self._call_ended(call)
        self._fail(error)
        return self._taken()

    def _call_ended(self, call: Call) -> None:
        if call is not self._call:
            return
        self._call = None
        if isinstance(call, Send) and self._interrupted:
            self._interrupted = self._state.turn_in_flight
            if self._interrupted:
                self._out.append(Interrupt())

    def _taken(self) -> list[Effect]:
        """Do what can be done now; give everything that is to be done."""
        if self._over:
            self._out.clear()
            return []
        while (held := self._held) is not None and not self._ended:
            rule: Rule = "do" if isinstance(held, Nothing) else self._rule_for(held)
            if rule == "hold":
                break
            self._held = None
            self._heed(held, rule)
        while self._input_ended and self.place == "asking":
            self._answered(self._asked[0].unanswered())
        if self._input_ended and self._held is None and self.place == "ready":
            self._end(self._outcome)
        self._prompt()
        self._over = self._ended
        out, self._out = self._out, []
        return out

    def _rule_for(self, line: Typed) -> Rule:
        kind: Kind = line.row.kind if isinstance(line, Command) else "text"
        if kind == "call" and self._call is not None:
            return "hold"
        return self._rules[self.place][kind]

    def _heed(self, line: Typed, rule: Rule) -> None:
        match line:
            case Text(text) if rule == "answer":
                self._answer(text)
            case Text() if rule == "refuse":
                text = "A turn is in flight; /steer TEXT says more to it."
                self._fail(ChatError("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT", text))
            case Text(text):
                self._begin(Send(text))
            case Command(row, argument):
                self._do(row.name, argument)

    def _do(self, name: str, argument: str) -> None:
        match name:
            case "interrupt":
                self._out.append(Interrupt())
            case "steer":
                self._out.append(Steer(argument))
            case "state":
                self._lines(telling.state_lines(self._state, self._kept_in, self._actor))
            case "threads":
                self._begin(ListThreads())
            case "import":
                self._begin(Import(argument))
            case "help":
                self._lines(tuple(map(Line, help_lines())))
            case "exit":
                self._end(self._outcome)

    def _begin(self, call: Call) -> None:
        self._call = call
        self._out.append(call)

    def _tell(self, message: Notification) -> None:
        if message.method == "serverRequest/resolved":
            self._resolved(telling.params_of(message).get("requestId"))
            return
        try:
            effects = self._transcript.told(message)
        except ChatError as error:
            self._fail(error)
            return
        for effect in effects:
            if isinstance(effect, Line):
                self._line(effect)
            else:
                self._out.append(effect)

    def _turn_ended(self, *, told: bool) -> None:
        self._out.append(Break())
        if not (told or self._transcript.ended) and self._state.last_error is not None:
            error = telling.coded(self._state.last_error_code, self._state.last_error)
            self._line(Line(error, "error"))
            self._failed = True
        self._interrupted = False
        self._transcript.over()
        self._asked.clear()

    def _resolved(self, request_id: Any) -> None:
        for asked in self._asked:
            if asked.request_id == request_id:
                first = asked is self._asked[0]
                self._asked.remove(asked)
                self._line(Line("Codex no longer waits for the answer.", "notice"))
                if first and self._asked:
                    self._show_asked()
                return

    def _ask(self, asked: Asked) -> None:
        held = self._held
        if self._interactive and isinstance(held, Text):
            # It was typed before the question was there, so it is no answer.
            self._held = None
            self._heed(held, "refuse")
        self._asked.append(asked)
        if len(self._asked) == 1:
            self._show_asked()

    def _show_asked(self) -> None:
        self._lines(self._asked[0].lines)

    def _answer(self, text: str) -> None:
        outcome = self._asked[0].read(text)
        if isinstance(outcome, Again):
            self._line(Line(outcome.why, "notice"))
            self._failed = True
        elif isinstance(outcome, Answered):
            self._answered(outcome)
        else:
            self._asked[0] = outcome
            self._show_asked()

    def _answered(self, answered: Answered) -> None:
        self._asked.popleft()
        self._line(Line(f"({answered.told})", "notice"))
        self._out.append(answered.call)
        if self._asked:
            self._show_asked()

    def _fail(self, error: CodexRuntimeError) -> None:
        self._failed = True
        self._line(Line(str(error), "error"))
        if error.advice:
            self._line(Line(f"  {error.advice}", "notice"))

    def _lines(self, lines: tuple[Line, ...]) -> None:
        for line in lines:
            self._line(line)

    def _line(self, line: Line) -> None:
        self._transcript.broken_off()
        self._prompted = False
        self._out.append(line)

    def _prompt(self) -> None:
        place = self.place
        wanted = self._interactive and self.takes_lines and place in ("ready", "asking")
        if not wanted or self._prompted:
            return
        self._prompted = True
        if place == "asking":
            asked = self._asked[0]
            self._out.append(Prompt(asked.prompt, asked.secret))
        else:
            self._out.append(Prompt(PROMPT))

    def _end(self, code: int) -> None:
        if not self._ended:
            self._ended = True
            self._out.append(End(code))
