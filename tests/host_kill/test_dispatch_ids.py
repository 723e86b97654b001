"""What Codex keeps of a turn when it is killed: who sent it, from the first message on.

What recovery may conclude rests on this: a turn that Codex has anything of is found by its client
id, in both kinds of history; of one that it has nothing of nobody can say whether it was begun.
"""

import pytest

from codex_runtime.app_server import AppServerConnection, ConnectionOptions, requests
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.turn_identity import dispatch_in
from codex_runtime.protocol import Request
from codex_runtime.protocol import params as p
from codex_runtime.protocol.answers import CommandApproval
from codex_runtime.protocol.values import TextInput
from support.kill_steps import (
    FIRST,
    LEGACY,
    PAGINATED,
    REAL,
    SIMULATED,
    TURN_STEPS,
    cases,
    script_until,
)
from support.kill_world import CodexProcess

pytestmark = pytest.mark.anyio

NOTHING_SAID = ("turn/start written", "turn/start answered", "turn/started")
"""The steps at which the user's message may not be written down yet."""


async def _turns_after(codex, step, mode):
    options = ConnectionOptions(experimental_api=True)
    async with AppServerConnection(codex.opener(codex.killing(step)), options) as server:
        opened = await server.call(requests.thread_start(p.ThreadStartParams(history_mode=mode)))
        sent = p.TurnStartParams(
            thread_id=opened.thread.id,
            input=(TextInput(text=FIRST),),
            client_user_message_id="mine",
        )
        try:
            await server.call(requests.turn_start(sent))
        except CodexRuntimeError:
            assert step in NOTHING_SAID
        async for event in server.events():
            if isinstance(event, Request):
                try:
                    await server.answer(event, CommandApproval(decision="accept"))
                except CodexRuntimeError:
                    assert step == "approval pending"
    async with AppServerConnection(codex.opener(), options) as server:
        try:
            read = await server.call(requests.thread_read(opened.thread.id, include_turns=True))
        except CodexRuntimeError:
            # Of a thread whose first turn it was Codex may have nothing, or no more than a begin.
            assert step in NOTHING_SAID
            return []
        return list(read.thread.turns)


@cases(
    TURN_STEPS,
    (SIMULATED, "turn/started", PAGINATED),
    (SIMULATED, "user message completed", LEGACY),
    (REAL, "user message completed", PAGINATED),
    (REAL, "first delta", LEGACY),
)
async def test_a_turn_that_anything_was_said_in_names_who_sent_it(tmp_path, kind, step, mode):
    async with CodexProcess(kind, tmp_path, script_until(step)) as codex:
        turns = await _turns_after(codex, step, mode)
        for turn in turns:
            assert turn.status in ("interrupted", "completed")
            # What is written down of it begins with the message, whenever that was.
            assert dispatch_in(turn.items) == ("mine" if turn.items else None)
        if step not in NOTHING_SAID:
            assert [bool(turn.items) for turn in turns] == [True]
