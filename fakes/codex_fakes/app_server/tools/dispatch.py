"""What the model calls: which tool plays it, and in which order calls are taken up.

May import calls and all tools. The invariant: a call is taken up behind what the model still says,
and in the order of :mod:`codex_fakes.app_server.threads.call_order`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from codex_fakes.app_server.threads.plan import Called
from codex_fakes.app_server.tools.calls import Caller, Calls
from codex_fakes.app_server.tools.client_tools import ClientTools
from codex_fakes.app_server.tools.commands import Commands
from codex_fakes.app_server.tools.patching import Patching
from codex_fakes.app_server.tools.running import RunningCommands
from codex_fakes.script.steps import Ask, CallTool, Patch, Run, TypeInto
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.threads.plan import Action, Call
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.threads.world import Continuation, World
    from codex_fakes.app_server.tools.calls import OnTurn
    from codex_fakes.app_server.tools.goals import Goals


class Tools:
    """Plays the model's calls.

    Args:
        world: The shared part of the machine.
        rollouts: Writes completed items down.
        home: The server's home, absolute.
        goals: Keeps the goals that the model sets and ends.
        finished: Called when a call is done and its turn still waits for it.
        cancelled: Called when the user cancels an approval, which ends the turn.
    """

    def __init__(
        self,
        world: World,
        rollouts: RolloutWriter,
        home: str,
        goals: Goals,
        finished: OnTurn,
        cancelled: OnTurn,
    ) -> None:
        calls = Calls(world, rollouts, finished, cancelled)
        self._world = world
        self.running = RunningCommands(calls)
        self._commands = Commands(calls, self.running, home)
        self._patching = Patching(calls)
        self._client_tools = ClientTools(calls, goals)

    def check_sessions(self, thread: Thread, actions: list[Action]) -> None:
        """Check that the model types only into commands that it takes to be running.

        Args:
            thread: The thread.
            actions: What the model is about to do.

        Raises:
            ConfigurationError: ``E_SCRIPT_UNPLAYABLE``, as for the real binary.
        """
        for action in actions:
            call = action.call if isinstance(action, Called) else None
            if isinstance(call, TypeInto) and not self.running.is_session(thread, call.into):
                raise ConfigurationError(
                    "E_SCRIPT_UNPLAYABLE",
                    f"the script types into the command of call {call.into!r}, which is not "
                    "running, as far as the model was told",
                )

    def call(self, thread: Thread, turn: Turn, call: Call) -> None:
        """Put a call in line."""
        caller = Caller(thread, turn, turn.epoch, call.call_id or "")
        if isinstance(call, Patch):
            self._patching.show_drafts(caller, call)
        alone = not isinstance(call, Run)
        turn.order.add(partial(self._world.defer, self._play(caller, call)), alone=alone)

    def _play(self, caller: Caller, call: Call) -> Continuation:
        if isinstance(call, Run):
            return partial(self._commands.take_up, caller, call)
        if isinstance(call, TypeInto):
            return partial(self._type, caller, call)
        if isinstance(call, Patch):
            return partial(self._patching.take_up, caller, call)
        return partial(self._client_tools.take_up, caller, _by_name(call))

    def _type(self, caller: Caller, call: TypeInto) -> None:
        if caller.goes_on:
            self.running.type_into(caller, call)

    def abandon(self, turn: Turn) -> None:
        """Complete what a turn that ends has called and nobody has answered for."""
        self._client_tools.abandon(turn)

    def tell_diff(self, thread: Thread, turn: Turn) -> None:
        """Tell what the turn has changed so far, when it has changed anything."""
        self._patching.tell_diff(thread, turn)

    def end(self) -> None:
        """End the commands that run because the server ends."""
        self.running.end_all()


def _by_name(call: CallTool | Ask) -> CallTool:
    """Say a question to the user as the call of a tool that it is."""
    if isinstance(call, CallTool):
        return call
    arguments = {"questions": msgspec.to_builtins(call.questions)}
    return CallTool(tool="request_user_input", arguments=arguments, call_id=call.call_id)
