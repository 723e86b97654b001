"""A host in a process of its own that ends in the middle of what it does, as in a crash.

Started with one argument: what it is to do, as JSON. It says on stdout which process its Codex is
and which thread it has opened, so that its parent can go on where it was.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from support.kill_host import CONVERSATION, Host
from support.kill_steps import FIRST, script_until
from support.kill_world import CodexProcess, Trap


async def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _say(word: str, what: Any) -> None:
    sys.stdout.write(f"{word} {what}\n")
    sys.stdout.flush()


async def run(order: dict[str, Any]) -> None:
    """Do as ordered, until the step comes at which it dies."""
    step = order["step"]
    codex = CodexProcess(
        order["kind"], Path(order["folder"]), script_until(step), order["base_url"]
    )
    codex.started = lambda pid: _say("codex", pid)
    place = order["url"], order["token"]
    async with Host(codex, *place, trap=Trap(step, _die), outbox=order["outbox"]) as host:
        if order["imports"] is not None:
            await host.runtime.import_local_thread_to_persistence(
                order["imports"], conversation_id=CONVERSATION
            )
            return
        _say("opened", await host.open(order["thread"]))
        await host.say(FIRST)


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.argv[1])))
