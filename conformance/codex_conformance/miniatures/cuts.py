"""Miniatures that break second interrupts, commands nobody is asked about, and long waits.

May import the definition of a miniature.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.miniatures.miniature import Miniature, broken_by

CUTS: Final[tuple[Miniature, ...]] = (
    broken_by(
        "second-interrupt-refused",
        "Interrupting an interrupted turn is refused at once.",
        "refuse=turn/interrupt[id=6]:no active turn to interrupt",
        "lifecycle.interrupt.hangs",
    ),
    broken_by(
        "call-ids-forgotten",
        "The item of a command has an id of its own.",
        "put=item/completed[params.item.id=call_ill]:params.item.id=exec-1",
        "lifecycle.command.ids",
    ),
    broken_by(
        "from-nowhere",
        "The source of a new thread is not known.",
        "put=thread/start[result]:result.thread.source=unknown",
        "lifecycle.thread.origin",
    ),
    broken_by(
        "types-in-secret",
        "item/commandExecution/terminalInteraction does not come.",
        "drop=item/commandExecution/terminalInteraction",
        "lifecycle.terminal.interaction",
    ),
    broken_by(
        "denied-completes",
        "A command that the sandbox denied completes as completed.",
        'insert=item/completed[params.item.text=denied]:{"method":"item/completed","params":'
        '{"threadId":"@params.threadId","turnId":"@params.turnId","item":{"type":'
        '"commandExecution","id":"x","status":"completed"}},"emittedAtMs":"@emittedAtMs"}',
        "lifecycle.command.denied",
    ),
    broken_by(
        "refusal-fails-the-turn",
        "A turn in which the sandbox could not be left fails.",
        "put=turn/completed[params.turn.items.0.text=I may not]:params.turn.status=failed",
        "lifecycle.approval.never",
    ),
    broken_by(
        "idle-unexplained",
        "A turn whose model says nothing any more fails without the reason.",
        "put=turn/completed[params.turn.error.message^=stream disconnected before completion: idle]"
        ":params.turn.error.message=no",
        "lifecycle.failure.idle",
    ),
    broken_by(
        "network-unexplained",
        "It is not said that the network is waited for.",
        "put=error[params.error.message^=Reconnecting... waiting]:params.error.message=no",
        "lifecycle.retry.network",
    ),
    broken_by(
        "never-compacts-by-itself",
        "The turn behind one that was too long fails.",
        "put=turn/completed[params.turn.items.0.text=on a short thread again]"
        ":params.turn.status=failed",
        "lifecycle.compaction.automatic",
    ),
    broken_by(
        "installed-nowhere",
        "The installation has no id.",
        "put=remoteControl/status/changed:params.installationId=none",
        "protocol.initialize.installation",
    ),
)
"""Miniatures of cuts, commands and waits."""
