"""What the model calls: commands and patches, with the consent they need (FACTS §8, §9).

May import items, consent, patches, rollouts and the shared world. The rules:

* A command's item starts once the command has outlived its early-exit window, or before the user
  is asked about it. What it printed in that window gets no delta.
* A patch's item starts before the user is asked about it.
* A command goes on when its turn is interrupted, and completes its item afterwards.

The invariant: every call is counted as finished exactly once, unless its turn ended before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_fakes.app_server.command_lines import amendment_for
from codex_fakes.app_server.consent import (
    AMENDMENT,
    Need,
    Verdict,
    command_need,
    looks_denied,
    patch_need,
    verdict_of,
)
from codex_fakes.app_server.items import Item, command_execution, file_change
from codex_fakes.app_server.patches import Change, PatchInvalid, TurnDiff, changes_of
from codex_fakes.app_server.streaming import Writing
from codex_fakes.app_server.world import delta_line, delta_prefix
from codex_fakes.script.steps import Patch, Run, pieces, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.dialect import Answer
    from codex_fakes.app_server.plan import Call
    from codex_fakes.app_server.rollout import RolloutWriter
    from codex_fakes.app_server.threads import Thread
    from codex_fakes.app_server.turns import Turn
    from codex_fakes.app_server.world import World

    OnTurn: TypeAlias = Callable[[Thread, Turn], None]

EARLY_EXIT_MS: Final = 150
"""Milliseconds a command has to end before it gets an item of its own start."""
DEFAULT_YIELD_MS: Final = 10_000
"""Milliseconds the model waits for a command when it does not say."""
KILLED: Final = 137
"""The exit code of a command that ends with the server: 128 + SIGKILL."""
_OUTPUT_DELTA: Final = "item/commandExecution/outputDelta"


@dataclass(slots=True)
class Command:
    """A command the model runs.

    Attributes:
        thread: Its thread.
        turn: Its turn, which may end before it.
        epoch: The turn's epoch at the call.
        run: The step of the script.
        item: Its item as it was last shown.
        started_ms: When the item started; ``None`` before.
        waited_for: Whether the turn still waits for it.
        printed: What it has printed.
    """

    thread: Thread
    turn: Turn
    epoch: int
    run: Run
    item: Item
    started_ms: int | None = None
    waited_for: bool = True
    printed: list[str] = field(default_factory=list)


class Tools:
    """Plays the model's calls.

    Args:
        world: The shared part of the machine.
        rollouts: Writes completed items down.
        finished: Called when a call is done and its turn still waits for it.
        cancelled: Called when the user cancels an approval, which ends the turn.
    """

    def __init__(
        self, world: World, rollouts: RolloutWriter, finished: OnTurn, cancelled: OnTurn
    ) -> None:
        self._world = world
        self._writing = Writing(world, rollouts)
        self._finished = finished
        self._cancelled = cancelled
        self._running: list[Command] = []

    def call(self, thread: Thread, turn: Turn, call: Call) -> None:
        """Play a call; its first sign comes behind what the model still says."""
        epoch = turn.epoch
        if isinstance(call, Run):
            item = command_execution(call.call_id or "", call.command, thread.settings.cwd)
            command = Command(thread, turn, epoch, call, item)
            self._world.defer(partial(self._consider_command, command))
        elif isinstance(call, Patch):
            self._world.defer(partial(self._consider_patch, thread, turn, epoch, call))
        else:
            # A tool that nobody offers leaves no trace on the wire: only the model is told.
            self._world.defer(partial(self._finish, thread, turn, epoch))

    def end(self) -> None:
        """End the commands that run because the server ends: each is written down as failed."""
        for command in self._running:
            if command.started_ms is not None:
                self._complete_command(command, "failed", KILLED)
        self._running.clear()

    def _finish(self, thread: Thread, turn: Turn, epoch: int) -> None:
        if turn.running and turn.epoch == epoch:
            self._finished(thread, turn)

    # --- consent -------------------------------------------------------------------------------

    def _ask(
        self, thread: Thread, turn: Turn, method: str, params: dict[str, Any], then: Any
    ) -> None:
        self._world.ask(thread, turn.id, method, params, then)

    def _waiting(self, thread: Thread, change: int) -> None:
        """Count the approvals a thread waits for; tell everybody when the flag changes."""
        before = bool(thread.waiting)
        thread.waiting += change
        if bool(thread.waiting) != before:
            self._world.set_status(thread)

    # --- commands ------------------------------------------------------------------------------

    def _consider_command(self, command: Command) -> None:
        thread, turn, run = command.thread, command.turn, command.run
        if not turn.running or turn.epoch != command.epoch or turn.interrupting:
            return
        need = command_need(
            thread.settings,
            escalates=run.escalate is not None,
            approved=run.command in thread.approved_commands,
        )
        if need is Need.REFUSED:
            self._finish(thread, turn, command.epoch)
        elif need is Need.ASK:
            self._ask_about_command(command)
        else:
            self._run(command)

    def _ask_about_command(self, command: Command) -> None:
        thread, turn, run, item = command.thread, command.turn, command.run, command.item
        self._waiting(thread, 1)
        command.started_ms = self._writing.start_item(thread, turn.id, item)
        amendment = amendment_for(run.command)
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
        method = "item/commandExecution/requestApproval"
        self._ask(thread, turn, method, params, partial(self._command_answered, command))

    def _command_answered(self, command: Command, answer: Answer) -> None:
        thread, turn = command.thread, command.turn
        verdict = verdict_of(answer)
        if verdict in {Verdict.ACCEPT, Verdict.ACCEPT_FOR_SESSION}:
            if verdict is Verdict.ACCEPT_FOR_SESSION:
                thread.approved_commands.add(command.run.command)
            turn.approved.append(command)
            self._waiting(thread, -1)
            self._run_approved(thread, turn)
            return
        status = "failed" if verdict is Verdict.FAILED else "declined"
        # History does not keep a command that never ran (it does keep a declined patch).
        declined = {**command.item, "status": status}
        self._writing.announce_completed(thread, turn.id, declined)
        self._waiting(thread, -1)
        if verdict is Verdict.CANCEL:
            self._cancelled(thread, turn)
            return
        self._run_approved(thread, turn)
        self._finish(thread, turn, command.epoch)

    def _run_approved(self, thread: Thread, turn: Turn) -> None:
        """Run what was accepted once nothing is asked any more (FACTS §9)."""
        if not thread.waiting:
            approved, turn.approved = turn.approved, []
            for command in approved:
                self._run(command)

    def _run(self, command: Command) -> None:
        run, thread = command.run, command.thread
        output = whole(run.output)
        sandboxed = thread.settings.sandbox["type"] != "dangerFullAccess" and run.escalate is None
        hidden = command.started_ms is None
        early = run.duration_ms < EARLY_EXIT_MS
        if hidden and early and sandboxed and looks_denied(output, run.exit_code):
            self._finish(thread, command.turn, command.epoch)
            return
        command.item = {
            **command.item,
            "processId": self._world.ids.process_id(),
            "source": "unifiedExecStartup",
        }
        self._running.append(command)
        if early:
            self._show_command(command)
            command.printed.extend(pieces(run.output))
            self._command_ended(command)
            return
        self._let_run(command)

    def _let_run(self, command: Command) -> None:
        """Let a command run that outlives its early-exit window."""
        run = command.run
        chunks = pieces(run.output)
        for number, chunk in enumerate(chunks):
            # The pieces come at even distances, the last one at the end.
            at_ms = run.duration_ms * (number + 1) // len(chunks)
            if at_ms <= EARLY_EXIT_MS:
                command.printed.append(chunk)
            else:
                self._world.after(at_ms, partial(self._print, command, chunk))
        self._world.after(EARLY_EXIT_MS, partial(self._show_command, command))
        patience = DEFAULT_YIELD_MS if run.yield_ms is None else run.yield_ms
        if patience < run.duration_ms:
            self._world.after(patience, partial(self._stop_waiting, command))
        self._world.after(run.duration_ms, partial(self._command_ended, command))

    def _show_command(self, command: Command) -> None:
        if command.started_ms is None and command in self._running:
            turn_id = command.turn.id
            command.started_ms = self._writing.start_item(command.thread, turn_id, command.item)

    def _print(self, command: Command, chunk: str) -> None:
        if command not in self._running:
            return
        command.printed.append(chunk)
        thread, turn = command.thread, command.turn
        prefix = delta_prefix(_OUTPUT_DELTA, thread.id, turn.id, command.item["id"])
        line = delta_line(prefix, chunk, str(self._world.clock.now_ms()).encode())
        for out in self._world.audience(thread, _OUTPUT_DELTA):
            out.append(line)

    def _stop_waiting(self, command: Command) -> None:
        if command.waited_for and command in self._running:
            command.waited_for = False
            self._finish(command.thread, command.turn, command.epoch)

    def _command_ended(self, command: Command) -> None:
        if command not in self._running:
            return
        self._show_command(command)
        self._running.remove(command)
        code = command.run.exit_code
        self._complete_command(command, "completed" if code == 0 else "failed", code)
        if command.waited_for:
            command.waited_for = False
            self._finish(command.thread, command.turn, command.epoch)

    def _complete_command(self, command: Command, status: str, exit_code: int) -> None:
        ended = {
            **command.item,
            "status": status,
            "aggregatedOutput": "".join(command.printed) or None,
            "exitCode": exit_code,
            "durationMs": command.run.duration_ms,
        }
        started_ms = command.started_ms or self._world.clock.now_ms()
        self._writing.complete_item(command.thread, command.turn.id, ended, started_ms)

    # --- patches -------------------------------------------------------------------------------

    def _consider_patch(self, thread: Thread, turn: Turn, epoch: int, call: Patch) -> None:
        if not turn.running or turn.epoch != epoch or turn.interrupting:
            return
        try:
            changes = changes_of(call.patch, thread.settings.cwd, self._world.files)
        except PatchInvalid:
            # The real server tells the model, and nobody else (FACTS §8).
            self._finish(thread, turn, epoch)
            return
        paths = [path for change in changes for path in change.touched]
        approved = thread.approved_files.issuperset(paths)
        need = patch_need(thread.settings, paths, approved=approved)
        if need is Need.REFUSED:
            self._finish(thread, turn, epoch)
            return
        shown = [change.on_wire() for change in changes]
        item = file_change(call.call_id or "", shown, "inProgress")
        started_ms = self._writing.start_item(thread, turn.id, item)
        patching = Patching(thread, turn, epoch, item, changes, started_ms)
        if need is Need.NONE:
            self._apply(patching)
            return
        self._waiting(thread, 1)
        params = {
            "threadId": thread.id,
            "turnId": turn.id,
            "itemId": item["id"],
            "startedAtMs": started_ms,
            "reason": None,
            "grantRoot": None,
        }
        method = "item/fileChange/requestApproval"
        self._ask(thread, turn, method, params, partial(self._patch_answered, patching))

    def _patch_answered(self, patching: Patching, answer: Answer) -> None:
        thread, turn = patching.thread, patching.turn
        verdict = verdict_of(answer)
        self._waiting(thread, -1)
        if verdict is Verdict.CANCEL:
            # Unlike a command's, the item of a cancelled patch is never completed (FACTS §9).
            self._cancelled(thread, turn)
            return
        self._run_approved(thread, turn)
        if verdict in {Verdict.ACCEPT, Verdict.ACCEPT_FOR_SESSION}:
            if verdict is Verdict.ACCEPT_FOR_SESSION:
                for change in patching.changes:
                    thread.approved_files.update(change.touched)
            self._apply(patching)
            return
        self._complete_patch(patching, "failed" if verdict is Verdict.FAILED else "declined")
        self._finish(thread, turn, patching.epoch)

    def _apply(self, patching: Patching) -> None:
        thread, turn = patching.thread, patching.turn
        diff = turn.changes or TurnDiff(self._world.files, thread.settings.cwd)
        turn.changes = diff
        for change in patching.changes:
            diff.about_to_change(change)
            change.apply(self._world.files)
            diff.changed(change)
        turn.diff = diff.text()
        self._complete_patch(patching, "completed")
        self.tell_diff(thread, turn)
        self._finish(thread, turn, patching.epoch)

    def _complete_patch(self, patching: Patching, status: str) -> None:
        item = {**patching.item, "status": status}
        self._writing.complete_item(patching.thread, patching.turn.id, item, patching.started_ms)

    def tell_diff(self, thread: Thread, turn: Turn) -> None:
        """Tell what the turn has changed so far, when it has changed anything."""
        if turn.diff is not None:
            params = {"threadId": thread.id, "turnId": turn.id, "diff": turn.diff}
            self._world.tell_subscribers(thread, "turn/diff/updated", params)


@dataclass(frozen=True, slots=True)
class Patching:
    """A patch that is about to be applied."""

    thread: Thread
    turn: Turn
    epoch: int
    item: Item
    changes: list[Change]
    started_ms: int
