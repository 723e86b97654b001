"""Patches the model applies: their items, the consent they need, and what the turn has changed.

May import calls, consent, items, patches and their drafts. The invariant: a patch's item starts
before the user is asked about it, and what a turn has changed is told after every patch that was
applied. In a folder that is not there a sandbox applies none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.threads.items import Item, file_change
from codex_fakes.app_server.tools.consent import Need, Verdict, is_sandboxed, patch_need, verdict_of
from codex_fakes.app_server.tools.patch_streaming import FEATURE, drafts
from codex_fakes.app_server.tools.patches import Change, PatchInvalid, TurnDiff, changes_of

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import Answer
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.tools.calls import Caller, Calls
    from codex_fakes.script.steps import Patch

_REQUEST: Final = "item/fileChange/requestApproval"


@dataclass(frozen=True, slots=True)
class _Proposed:
    """A patch that is about to be applied."""

    caller: Caller
    item: Item
    changes: list[Change]
    started_ms: int


class Patching:
    """Applies patches.

    Args:
        calls: The shared part of all tools.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._world = calls.world

    def show_drafts(self, caller: Caller, call: Patch) -> None:
        """Show the patch while the model writes it, when that feature is on."""
        thread, turn = caller.thread, caller.turn
        if FEATURE not in thread.settings.features_with(self._world.settings):
            return
        for changes in drafts(call.patch):
            params = {
                "threadId": thread.id,
                "turnId": turn.id,
                "itemId": caller.call_id,
                "changes": changes,
            }
            self._world.tell_subscribers(thread, "item/fileChange/patchUpdated", params)

    def take_up(self, caller: Caller, call: Patch) -> None:
        """Apply a patch, or ask about it first."""
        if not caller.goes_on:
            return
        thread, turn = caller.thread, caller.turn
        try:
            changes = changes_of(call.patch, thread.settings.cwd, self._world.files)
        except PatchInvalid:
            # The real server tells the model, and nobody else (FACTS §8).
            self._calls.finish(caller)
            return
        paths = [path for change in changes for path in change.touched]
        approved = thread.approved_files.issuperset(paths)
        granted = thread.writable | turn.writable
        need = patch_need(thread.settings, paths, granted, approved=approved)
        if need is Need.REFUSED:
            self._calls.finish(caller)
            return
        shown = [change.on_wire() for change in changes]
        item = file_change(caller.call_id, shown, "inProgress")
        started_ms = self._calls.writing.start_item(thread, turn.id, item)
        proposed = _Proposed(caller, item, changes, started_ms)
        if need is Need.NONE:
            self._apply(proposed)
            return
        self._calls.waiting(thread, 1)
        params: dict[str, Any] = {
            "threadId": thread.id,
            "turnId": turn.id,
            "itemId": item["id"],
            "startedAtMs": started_ms,
            "reason": None,
            "grantRoot": None,
        }
        self._world.ask(thread, turn.id, _REQUEST, params, partial(self._answered, proposed))

    def _answered(self, proposed: _Proposed, answer: Answer) -> None:
        caller = proposed.caller
        verdict = verdict_of(answer)
        self._calls.waiting(caller.thread, -1)
        if verdict is Verdict.CANCEL:
            # Unlike a command's, the item of a cancelled patch is never completed (FACTS §9).
            self._calls.cancel(caller)
            return
        if verdict in {Verdict.ACCEPT, Verdict.ACCEPT_FOR_SESSION}:
            if verdict is Verdict.ACCEPT_FOR_SESSION:
                for change in proposed.changes:
                    caller.thread.approved_files.update(change.touched)
            self._apply(proposed)
            return
        # Unlike a command, a patch that nobody decided about is declined, not failed.
        self._complete(proposed, "declined")
        self._calls.finish(caller)

    def _apply(self, proposed: _Proposed) -> None:
        thread, turn = proposed.caller.thread, proposed.caller.turn
        if is_sandboxed(thread.settings) and not self._world.files.is_folder(thread.settings.cwd):
            # The sandbox that applies it cannot be entered.
            self._complete(proposed, "failed")
            self._calls.finish(proposed.caller)
            return
        diff = turn.changes or TurnDiff(self._world.files, thread.settings.cwd)
        turn.changes = diff
        for change in proposed.changes:
            diff.about_to_change(change)
            change.apply(self._world.files)
            diff.changed(change)
        before, turn.diff = turn.diff, diff.text()
        self._complete(proposed, "completed")
        if turn.diff or before:
            self._tell_diff(thread, turn)
        self._calls.finish(proposed.caller)

    def _complete(self, proposed: _Proposed, status: str) -> None:
        caller = proposed.caller
        item = {**proposed.item, "status": status}
        self._calls.writing.complete_item(caller.thread, caller.turn.id, item, proposed.started_ms)

    def tell_diff(self, thread: Thread, turn: Turn) -> None:
        """Tell again what the turn has changed so far, when anything has changed."""
        if turn.diff:
            self._tell_diff(thread, turn)

    def _tell_diff(self, thread: Thread, turn: Turn) -> None:
        params = {"threadId": thread.id, "turnId": turn.id, "diff": turn.diff}
        self._world.tell_subscribers(thread, "turn/diff/updated", params)
