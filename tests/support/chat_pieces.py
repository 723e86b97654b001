"""What a chat is told, made of as little as a test cares for."""

from __future__ import annotations

import json

from codex_runtime.chat.dialogue import Dialogue
from codex_runtime.chat.effects import End, Line, Progress, Prompt, Stream
from codex_runtime.host.import_records import Imported
from codex_runtime.host.phases import HostState
from codex_runtime.protocol.messages import decode_message

THREAD, TURN = "thread-1", "turn-1"


def state(**more):
    """A state of a runtime that runs; in a turn when ``turn_in_flight`` says so."""
    return HostState(
        **{"running": True, "phase": "running", "source": "runtime"} | more, updated_at_ms=0
    )


def told(method, thread=THREAD, **params):
    """A notification of a conversation."""
    message = {"method": method, "params": {"threadId": thread, "turnId": TURN, **params}}
    return decode_message(json.dumps(message).encode())


def asks(method, request_id=7, **params):
    """A request of the app-server."""
    params = {"threadId": THREAD, "turnId": TURN, "itemId": "item-1", **params}
    return decode_message(
        json.dumps({"id": request_id, "method": method, "params": params}).encode()
    )


def asks_command(request_id=7, command="make", **params):
    """May this command be run?"""
    method = "item/commandExecution/requestApproval"
    return asks(method, request_id, **{"command": command, "cwd": "/w", **params})


def asks_user(*questions, request_id=7):
    """What does the user say? Each question: its id, and what else of it is not the ordinary."""
    ordinary = {"header": "H", "question": "Q?", "isOther": False, "isSecret": False}
    asked = [{**ordinary, "id": name, **more} for name, more in questions]
    return asks("item/tool/requestUserInput", request_id, questions=asked)


def imported(state="synced", **more):
    """What became of an import of two turns."""
    return Imported(
        conversation_id="abc",
        thread_id="t",
        sync_job_id="j",
        sync_job_policy_version=1,
        sync_job_state=state,
        last_cursor=9,
        imported_turn_count=2,
        imported_message_count=4,
        sync_state="synced" if state == "synced" else "partial",
        **more,
    )


class Chat:
    """A dialogue, and everything that it wanted done."""

    def __init__(self, *, interactive=True, in_turn=False):
        self.dialogue = Dialogue(
            THREAD, state(), interactive=interactive, kept_in="a place", actor="ada"
        )
        self.effects = self.dialogue.began()
        if in_turn:
            self.begin_turn()

    def __getattr__(self, name):
        """Tell the dialogue something; give what it wants done at once."""
        tell = getattr(self.dialogue, name)

        def telling(*args):
            effects = tell(*args)
            self.effects += effects
            return effects

        return telling

    def begin_turn(self, text="go"):
        """Say something, and have the runtime take it."""
        (call,) = self.calls(self.typed(text))
        self.state_changed(state(turn_in_flight=True, turn_id=TURN))
        self.call_done(call, None)

    def end_turn(self, status="completed", **turn):
        """Have the turn end."""
        ended = self.told(told("turn/completed", turn={"id": TURN, "status": status, **turn}))
        return ended + self.state_changed(state())

    @staticmethod
    def calls(effects):
        """The calls of the runtime among some effects."""
        shown = (Stream, Line, Progress, Prompt, End)
        return [
            one for one in effects if not isinstance(one, shown) and type(one).__name__ != "Break"
        ]

    @staticmethod
    def shown(effects):
        """The texts that some effects show."""
        return [one.text for one in effects if isinstance(one, Line | Stream)]

    @property
    def ended(self):
        """The exit codes it wanted to end with."""
        return [one.code for one in self.effects if isinstance(one, End)]
