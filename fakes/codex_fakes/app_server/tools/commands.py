"""Commands the model wants to run: the consent they need, and what came of asking (FACTS §9).

May import calls, running commands, consent, rules and items. The invariant: a command that the user
is asked about shows its item first, and runs only when nothing else is asked any more.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.threads.command_lines import SHELL, plain_commands
from codex_fakes.app_server.threads.items import command_execution
from codex_fakes.app_server.tools.consent import (
    AMENDMENT,
    Need,
    Verdict,
    amendment_in,
    command_need,
    looks_denied,
    verdict_of,
)
from codex_fakes.app_server.tools.rules import Rules
from codex_fakes.app_server.tools.running import EARLY_EXIT_MS, Command
from codex_fakes.script.steps import whole

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import Answer
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.tools.calls import Caller, Calls
    from codex_fakes.app_server.tools.running import RunningCommands
    from codex_fakes.script.steps import Run

_REQUEST: Final = "item/commandExecution/requestApproval"


class Commands:
    """Decides about commands.

    Args:
        calls: The shared part of all tools.
        running: Runs them.
        home: The server's home, absolute.
    """

    def __init__(self, calls: Calls, running: RunningCommands, home: str) -> None:
        self._calls = calls
        self._world = calls.world
        self._running = running
        self._rules = Rules(calls.world.files, home)

    def take_up(self, caller: Caller, run: Run) -> None:
        """Run a command, or ask about it first."""
        if not caller.goes_on:
            return
        thread = caller.thread
        cwd = thread.settings.cwd
        item = command_execution(caller.call_id, run.command, cwd)
        command = Command(caller, run, item, cwd)
        unruled = self._not_allowed(run.command)
        need = command_need(
            thread.settings,
            escalates=run.escalate is not None,
            approved=_key(command) in thread.approved_commands or unruled is None,
        )
        if need is Need.REFUSED:
            self._calls.finish(caller)
        elif need is Need.ASK:
            self._ask(command, unruled or [])
        else:
            self._run(command)

    def _not_allowed(self, line: str) -> list[str] | None:
        """The first command of a line that no rule which the user accepted allows."""
        for words in plain_commands(line) or [[*SHELL, line]]:
            if not self._rules.cover(words):
                return words
        return None

    def _ask(self, command: Command, amendment: list[str]) -> None:
        caller, run, item = command.caller, command.run, command.item
        thread, turn = caller.thread, caller.turn
        self._calls.waiting(thread, 1)
        command.started_ms = self._calls.writing.start_item(thread, turn.id, item)
        params = {
            "kind": "command",
            "threadId": thread.id,
            "turnId": turn.id,
            "itemId": item["id"],
            "startedAtMs": command.started_ms,
            "environmentId": "local",
            **({"reason": run.escalate} if run.escalate is not None else {}),
            "command": item["command"],
            "cwd": item["cwd"],
            "commandActions": item["commandActions"],
            "proposedExecpolicyAmendment": amendment,
            "availableDecisions": [
                "accept",
                {AMENDMENT: {"execpolicy_amendment": amendment}},
                "cancel",
            ],
        }
        self._world.ask(thread, turn.id, _REQUEST, params, partial(self._answered, command))

    def _answered(self, command: Command, answer: Answer) -> None:
        caller = command.caller
        thread, turn = caller.thread, caller.turn
        verdict = verdict_of(answer)
        if verdict in {Verdict.ACCEPT, Verdict.ACCEPT_FOR_SESSION, Verdict.AMEND}:
            if verdict is Verdict.ACCEPT_FOR_SESSION:
                thread.approved_commands.add(_key(command))
            turn.approved.append(command)
            self._calls.waiting(thread, -1)
            if verdict is Verdict.AMEND:
                self._amend(thread, amendment_in(answer))
            self._run_approved(thread, turn)
            return
        status = "failed" if verdict is Verdict.FAILED else "declined"
        # History does not keep a command that never ran (it does keep a declined patch).
        declined = {**command.item, "status": status}
        self._calls.writing.announce_completed(thread, turn.id, declined)
        self._calls.waiting(thread, -1)
        if verdict is Verdict.CANCEL:
            self._calls.cancel(caller)
            return
        self._run_approved(thread, turn)
        self._calls.finish(caller)

    def _amend(self, thread: Thread, rule: tuple[str, ...]) -> None:
        """Take a rule over that the user accepted; it holds for every thread."""
        if rule:
            self._rules.allow(rule)
            return
        text = (
            "Failed to apply execpolicy amendment: failed to update rules file "
            f"{self._rules.path}: prefix rule requires at least one token"
        )
        warning = {"threadId": thread.id, "message": text}
        self._world.tell_subscribers(thread, "warning", warning)

    def _run_approved(self, thread: Thread, turn: Turn) -> None:
        """Run what was accepted once nothing is asked any more (FACTS §9)."""
        if not thread.waiting:
            approved, turn.approved = turn.approved, []
            for command in approved:
                self._run(command)

    def _run(self, command: Command) -> None:
        run, thread = command.run, command.caller.thread
        if not run.tty and not self._world.files.is_folder(command.cwd):
            self._running.fail_to_start(command)
            return
        sandboxed = thread.settings.sandbox["type"] != "dangerFullAccess" and run.escalate is None
        unseen = command.started_ms is None and run.duration_ms < EARLY_EXIT_MS
        if unseen and sandboxed and looks_denied(whole(run.output), run.exit_code):
            self._calls.finish(command.caller)
            return
        self._running.start(command)


def _key(command: Command) -> tuple[str, str, bool, bool]:
    """What makes two commands the same for the user's consent."""
    run = command.run
    return run.command, command.cwd, run.tty, run.escalate is not None
