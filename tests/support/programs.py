"""Programs of clients, as data: what one or more clients do to an app-server, step by step.

A program names the ids it is given (``"$t"`` in a later step is the id that the answer to the step
with ``saves="t"`` brought), so that one program can be played to any app-server. Played to two of
them, it shows where they differ; printed, it can be played again.
"""

from __future__ import annotations

import pprint
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from codex_fakes.script import Script

HELLO = {
    "clientInfo": {"name": "tester", "title": "Tester", "version": "1"},
    "capabilities": {"experimentalApi": True},
}
NEVER = "01a201df-0000-7000-8000-000000000000"
"""An id of the right form that no server has given out."""
COMMAND = "item/commandExecution/requestApproval"
FILES = "item/fileChange/requestApproval"
ABSENT = object()
NULL = object()
"""Params that are there, and ``null``."""

Until: TypeAlias = Literal["rest", "answer", "nothing"]
"""What a step waits for: that the server is at rest, that it has answered, or nothing."""


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        method: Its method.
        params: Its params; without any when ``None``, and :data:`NULL` for a null.
        saves: The name under which the ids (and the cursor) of the answer are kept.
        id: Its id; the next number when left out.
        until: What the step waits for.
        conn: The connection.
    """

    method: str
    params: Any = field(default_factory=dict)
    saves: str = ""
    id: Any = field(default=ABSENT, repr=False)
    until: Until = "rest"
    conn: str = ""


@dataclass(frozen=True)
class Tell:
    """A message that is no request, or bytes that are no message."""

    message: Any
    until: Until = "rest"
    conn: str = ""


@dataclass(frozen=True)
class Reply:
    """The answer to a request of the server; ``"$asked.NAME"`` in it is a member of its params.

    Attributes:
        method: The method of the request; any when empty.
        result: The result that is sent, unless there is an ``error``.
        error: The error that is sent.
        nth: Which request of this method, from 0, in this process; -1 is the newest.
        wrong_id: Whether the id is sent as a string.
        conn: The connection.
        until: What the step waits for.
    """

    method: str
    result: Any = None
    error: Any = None
    nth: int = -1
    wrong_id: bool = False
    conn: str = ""
    until: Until = "rest"


@dataclass(frozen=True)
class Open:
    """The model passes a gate of the script."""

    gate: str


@dataclass(frozen=True)
class Await:
    """Wait until a method has been heard so often; for programs in real time."""

    method: str
    count: int = 1
    conn: str = ""


@dataclass(frozen=True)
class Connect:
    """A further connection, introduced as ``hello`` says."""

    conn: str
    hello: Any = field(default_factory=lambda: HELLO)


@dataclass(frozen=True)
class Disconnect:
    """A connection ends; the server goes on."""

    conn: str = ""


@dataclass(frozen=True)
class Restart:
    """The server ends, and another is started on its home.

    Attributes:
        how: The end of stdin, SIGTERM, SIGKILL, SIGINT or SIGHUP.
        hello: What the client introduces itself with; not at all when ``None``.
        settings: How the next one is configured, where that is different.
    """

    how: Literal["eof", "term", "kill", "int", "hup"] = "eof"
    hello: Any = field(default_factory=lambda: HELLO)
    settings: dict = field(default_factory=dict)


Step: TypeAlias = Call | Tell | Reply | Open | Await | Connect | Disconnect | Restart


@dataclass(frozen=True)
class Program:
    """A client's program and the model's script.

    Attributes:
        script: What the model does.
        steps: What the client does.
        settings: How the server is configured, in the names of ``SimulatedSettings``.
        hello: What the client introduces itself with; not at all when ``None``.
        real_time: Whether the simulation's clock is the machine's.
        websocket: Whether there are several connections.
        worked_out: What the real server works out by itself, in the names of
            ``SimulatedSettings``.
        repository: Whether the working folder is a repository with one commit.
    """

    script: Script
    steps: tuple[Step, ...]
    settings: dict = field(default_factory=dict)
    hello: Any = field(default_factory=lambda: HELLO)
    real_time: bool = False
    websocket: bool = False
    worked_out: dict = field(default_factory=dict)
    repository: bool = False

    def __repr__(self) -> str:
        """The program as Python that makes it again."""
        steps = "".join(f"        {shown(step)},\n" for step in self.steps)
        rest = "".join(
            f"    {part.name}={getattr(self, part.name)!r},\n"
            for part in fields(self)
            if part.name not in {"script", "steps"}
            if getattr(self, part.name) not in ({}, False, HELLO)
        )
        script = pprint.pformat(self.script, width=96)
        return f"Program(\n    script={script},\n    steps=(\n{steps}    ),\n{rest})"


def shown(step: Step) -> str:
    """A step as Python, without what is as usual."""
    usual = {"until": "rest", "conn": "", "saves": "", "error": None, "nth": -1, "wrong_id": False}
    given = [
        f"{part.name}={getattr(step, part.name)!r}"
        for part in fields(step)
        if part.name not in usual or getattr(step, part.name) != usual[part.name]
        if getattr(step, part.name) is not ABSENT
    ]
    return f"{type(step).__name__}({', '.join(given)})"


# --- the client's habits --------------------------------------------------------------------------


def text(said: str = "go") -> list[dict]:
    return [{"type": "text", "text": said}]


def start(saves: str = "t", conn: str = "", **params: Any) -> Call:
    return Call("thread/start", params, saves=saves, conn=conn)


def turn(saves: str = "turn", said: str = "go", thread: str = "$t", **more: Any) -> Call:
    until, conn = more.pop("until", "rest"), more.pop("conn", "")
    params = {"threadId": thread, "input": text(said), **more}
    return Call("turn/start", params, saves=saves, until=until, conn=conn)


def read(thread: str = "$t", turns: bool = True) -> Call:
    return Call("thread/read", {"threadId": thread, "includeTurns": turns})


def interrupt(turn_id: str = "$turn", thread: str = "$t", **more: Any) -> Call:
    return Call("turn/interrupt", {"threadId": thread, "turnId": turn_id}, **more)


def steer(said: str = "rather this", turn_id: str = "$turn", thread: str = "$t", **more: Any):
    params = {"threadId": thread, "expectedTurnId": turn_id, "input": text(said), **more}
    return Call("turn/steer", params)


def decide(decision: Any, method: str = COMMAND, **more: Any) -> Reply:
    return Reply(method, {"decision": decision}, **more)
