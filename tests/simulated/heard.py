"""What clients hear when a program is played to the simulation.

A scenario of ``tests/differential`` is played to the real binary there, and compared message by
message; so what a test finds here in what is heard of one, both app-servers say.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from differential import (
    client_tools,
    commands,
    endings,
    model_failures,
    more_threads,
    more_turns,
    patches,
    threads,
    tools,
    turns,
    wire,
)
from support.servers import Simulated
from support.two_servers import Player

SCENARIOS = {
    name: program
    for module in (
        turns,
        tools,
        threads,
        wire,
        endings,
        patches,
        commands,
        client_tools,
        model_failures,
        more_turns,
        more_threads,
    )
    for name, program in module.PROGRAMS.items()
}


class Heard:
    """What one connection heard from one process, in its order."""

    def __init__(self, client) -> None:
        self.messages = client.messages
        self.titles = [_title(message, client.asked) for message in client.messages]

    def told(self, method) -> list[dict]:
        """The params of the notifications and requests of a method."""
        return [message["params"] for message in self.messages if message.get("method") == method]

    def answers(self, method) -> list[dict]:
        """The answers to the requests of a method."""
        wanted = f"answer to {method}"
        return [
            message
            for title, message in zip(self.titles, self.messages, strict=True)
            if title == wanted
        ]

    def results(self, method) -> list[dict]:
        """The results of the requests of a method."""
        return [answer["result"] for answer in self.answers(method)]

    def errors(self, method) -> list[tuple[int, str]]:
        """The code and the text of each refusal of a method."""
        refusals = [answer["error"] for answer in self.answers(method) if "error" in answer]
        return [(error["code"], error["message"]) for error in refusals]

    def items(self, method, kind) -> list[dict]:
        """The items of a kind that started or were completed."""
        items = (params["item"] for params in self.told(method))
        return [item for item in items if item["type"] == kind]

    def statuses(self) -> list[str]:
        """The statuses of threads, with the flags that an active one has."""
        statuses = (params["status"] for params in self.told("thread/status/changed"))
        return ["+".join((status["type"], *status.get("activeFlags", ()))) for status in statuses]

    def between(self, first, last) -> list[str]:
        """The titles from the first of one to the first of another behind it, both included."""
        begin = self.titles.index(first)
        return self.titles[begin : self.titles.index(last, begin) + 1]

    def comes_before(self, first, last) -> bool:
        """Whether the first message of one title comes before the first of another."""
        return self.titles.index(first) < self.titles.index(last)


async def heard(program, folder) -> list[dict[str, Heard]]:
    """Play a program to the simulation.

    Args:
        program: The program, or the name of a scenario.
        folder: Where a folder for it is made.

    Returns:
        What the connections heard, by their names, for each process in turn.
    """
    if isinstance(program, str):
        program = SCENARIOS[program]
    place = Path(tempfile.mkdtemp(dir=folder))
    played = await Player(Simulated(program, place / "it", {}), program).play()
    assert not played.stuck, played.stuck
    return [{name: Heard(client) for name, client in part.items()} for part in played.parts]


def _title(message, asked) -> str:
    if "method" in message:
        item = (message.get("params") or {}).get("item")
        return f"{message['method']} {item['type']}" if item else message["method"]
    return f"answer to {asked.get(json.dumps(message['id']), '')}"
