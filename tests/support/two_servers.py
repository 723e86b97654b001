"""Playing one program to the real app-server and to the simulated one.

The simulated one is played first: it knows when it is at rest, and so tells what each step must
have brought before the next one is taken. The real one is then waited for until it has said as
much. Bytes are read with the standard library.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from codex_fakes.responses.codex_home import PROVIDER
from codex_fakes.script import Script
from support.line_client import Client, InVainError
from support.programs import (
    ABSENT,
    NEVER,
    NULL,
    Await,
    Call,
    Connect,
    Disconnect,
    Open,
    Program,
    Reply,
    Restart,
    Tell,
)
from support.servers import PATIENCE, Simulated, executable, real
from support.traces import Reader, differences

UNCOUNTED = frozenset({"item/commandExecution/outputDelta"})
"""What nobody waits for: in how many pieces a command's output comes is open."""


def _key(message):
    return message.get("method") or ("answer", json.dumps(message["id"]))


@dataclass
class Played:
    """What came of a program on one server.

    Attributes:
        parts: The connections of each process, by their names.
        names: The ids that the program knows by name.
        guide: What had been heard, by connection, when each step was over.
        asked: How often the model had been asked when each step was over.
        skipped: The steps that could not be taken.
        places: The folders and addresses of the run.
        kind: Which kind of server that was.
        stuck: What did not come, if the program was not played to its end.
        exit_codes: What the processes exited with.
    """

    parts: list = field(default_factory=list)
    names: dict = field(default_factory=dict)
    guide: dict = field(default_factory=dict)
    asked: dict = field(default_factory=dict)
    skipped: set = field(default_factory=set)
    places: tuple = ()
    kind: str = ""
    stuck: str = ""
    exit_codes: list = field(default_factory=list)


class Player:
    """Plays one program to one server.

    Args:
        server: The server.
        program: The program.
        model: What came of it on the server that is followed; of the simulated one, nothing.
    """

    def __init__(self, server, program, followed: Played | None = None) -> None:
        self._server = server
        self._program = program
        self._followed = followed
        self._played = Played(kind=server.kind)
        self._pending = []
        self._number = -1

    async def play(self) -> Played:
        async with self._server.running():
            self._played.places = self._server.places
            self._played.parts.append({})
            try:
                await self._join("", self._program.hello)
                for number, step in enumerate(self._program.steps):
                    self._number = number
                    await self._take(step)
                self._number = len(self._program.steps)
                await self._rest()
            except (InVainError, ConnectionError) as vain:
                self._played.stuck = f"step {self._number}: {vain}"
                await self._server.end("kill", ())
            else:
                await self._end("eof")
            self._learn()
        self._played.exit_codes = self._server.exit_codes
        return self._played

    @property
    def _clients(self):
        return self._played.parts[-1]

    async def _join(self, name, hello) -> None:
        client = self._clients[name] = Client(PATIENCE)
        await client.open(self._server)
        if hello is not None:
            await self._call(Call("initialize", hello, conn=name, until="answer"))
            await client.send({"method": "initialized"})

    async def _take(self, step) -> None:
        if isinstance(step, Call):
            await self._call(step)
        elif isinstance(step, Tell):
            await self._clients[step.conn].send(self._resolved(step.message))
            await self._wait(step.until)
        elif isinstance(step, Reply):
            await self._reply(step)
        elif isinstance(step, Open):
            self._server.gates.open(step.gate)
            await self._rest()
        elif isinstance(step, Await):

            def heard(messages, step=step):
                return [m.get("method") for m in messages].count(step.method) >= step.count

            await self._clients[step.conn].until(heard, f"{step.count} x {step.method}")
        elif isinstance(step, Connect):
            await self._join(step.conn, step.hello)
        elif isinstance(step, Disconnect):
            await self._clients[step.conn].hang_up()
            await self._clients[step.conn].finished()
            await self._rest()
        elif isinstance(step, Restart):
            await self._restart(step)

    async def _restart(self, step) -> None:
        await self._rest()
        await self._end(step.how)
        self._learn()
        self._played.parts.append({})
        await self._server.begin(step.settings)
        await self._join("", step.hello)
        await self._rest()

    async def _end(self, how) -> None:
        await self._server.end(how, [c for c in self._clients.values() if not c.closed])
        for client in self._clients.values():
            await client.finished()

    async def _call(self, step) -> None:
        client = self._clients[step.conn]
        request_id = step.id
        if request_id is ABSENT:
            request_id = client.next_id
            client.next_id += 1
        params = self._resolved(step.params)
        message = {"id": request_id, "method": step.method}
        if params is not None:
            message["params"] = None if params is NULL else params
        key = json.dumps(request_id)
        client.asked[key] = step.method
        if isinstance(params, dict) and isinstance(params.get("threadId"), str):
            client.threads[key] = params["threadId"]
        if step.saves:
            self._pending.append((step.saves, client, request_id))
        await client.send(message)
        if step.until == "answer" or (step.until == "rest" and self._program.real_time):
            await client.until(lambda _: client.answer_to(request_id), f"answer {request_id!r}")
        await self._wait(step.until)

    async def _reply(self, step) -> None:
        client = self._clients[step.conn]
        place = max(step.nth, 0)
        if self._followed is None and len(client.requests(step.method)) <= place:
            if not self._program.real_time:
                self._played.skipped.add(self._number)
                return
        elif self._followed is not None and self._number in self._followed.skipped:
            return
        await client.until(
            lambda _: len(client.requests(step.method)) > place, step.method or "a request"
        )
        asked = client.requests(step.method)[step.nth]
        answer = {"id": str(asked["id"]) if step.wrong_id else asked["id"]}
        if step.error is not None:
            answer["error"] = step.error
        else:
            answer["result"] = self._resolved(step.result, asked["params"])
        await client.send(answer)
        await self._wait(step.until)

    async def _wait(self, until) -> None:
        if until == "rest":
            await self._rest()

    async def _rest(self) -> None:
        """Wait until this server is at rest, or has said what the other had said at rest."""
        if self._followed is None:
            if not self._program.real_time:
                await self._server.rest()
            self._played.asked[self._number] = self._server.asked
            self._played.guide[self._number] = {
                name: Counter(map(_key, client.messages)) for name, client in self._clients.items()
            }
            return
        if self._program.real_time:
            return
        # What a client does while the model is being asked is another thing than behind it.
        await self._server.model_asked(self._followed.asked.get(self._number, 0))
        for name, due in self._followed.guide.get(self._number, {}).items():
            due = Counter({key: count for key, count in due.items() if key not in UNCOUNTED})
            await self._clients[name].until(
                lambda messages, due=due: due <= Counter(map(_key, messages)),
                f"what was due ({sum(due.values())} messages)",
            )

    def _learn(self) -> None:
        for name, client, request_id in self._pending:
            result = (client.answer_to(request_id) or {}).get("result") or {}
            saved = (
                (result.get("thread") or {}).get("id")
                or (result.get("turn") or {}).get("id")
                or result.get("turnId")
                or result.get("nextCursor")
            )
            if saved is not None:
                self._played.names.setdefault(name, saved)

    def _resolved(self, value, asked=None):
        self._learn()
        if isinstance(value, dict):
            return {key: self._resolved(inner, asked) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._resolved(inner, asked) for inner in value]
        if isinstance(value, str) and value.startswith("$asked."):
            return (asked or {}).get(value.removeprefix("$asked."))
        if value == "$cwd":
            return str(self._server.places[1][0])
        if isinstance(value, str) and value.startswith("$"):
            return self._played.names.get(value[1:], NEVER)
        return value


# --- comparing ------------------------------------------------------------------------------------


async def machine_of(folder: Path) -> dict:
    """The settings that say what kind of machine the real binary runs on."""
    program = Program(Script(), ())
    played = await Player(real(program, folder), program, Played()).play()
    messages = played.parts[0][""].messages
    agent = next(m["result"]["userAgent"] for m in messages if "result" in m)
    host, terminal = re.match(r".*?\((.*?)\) (\S+) \(", agent).groups()
    return {
        "user_agent_host": host,
        "user_agent_terminal": terminal,
        "server_name": socket.gethostname(),
        "bubblewrap_warning": shutil.which("bwrap") is None,
        "model_provider": PROVIDER,
        "provider_url": "<MODEL>",
    }


RUNS = 8
"""How often the real one may be run until it says what the simulated one says.

What differs between two runs of the real one is no difference: parts of it work side by side, and
on a busy machine they overtake each other, or the client is late. The executable is run as often as
the real one agrees with the simulation in this process.
"""


async def compared(
    program,
    folder: Path,
    machine,
    stable=lambda message: message,
    *,
    apart: bool = True,
    runs: int = RUNS,
) -> list[str]:
    """Play a program to both servers.

    Args:
        program: The program.
        folder: Where their homes are made.
        machine: What :func:`machine_of` has found.
        stable: Takes out of a message what is not to be compared.
        runs: How often the real one may be run.
        apart: Whether the simulated one is compared in a process of its own, too.

    Returns:
        What is different, in words; nothing when some run of the real one says the same.
    """
    simulated = await Player(Simulated(program, folder / "simulated", machine), program).play()
    found: list[str] = []
    for run in range(runs):
        server = real(program, folder / f"real-{run}")
        said = await Player(server, program, simulated).play()
        found = unlike(said, simulated, stable)
        if apart and not found:
            # In a process of its own it may be as late as the real one.
            server = executable(program, folder / f"executable-{run}")
            found = unlike(said, await Player(server, program, simulated).play(), stable)
        if not found:
            break
    return found


def unlike(real: Played, simulated: Played, stable) -> list[str]:
    """Compare what came of a program on the two servers."""
    both = (real, simulated)
    found = [f"the {played.kind} one: {played.stuck}" for played in both if played.stuck]
    if real.exit_codes != simulated.exit_codes:
        found.append(f"exit codes: {real.exit_codes} and {simulated.exit_codes}")
    for number, (theirs, ours) in enumerate(zip(real.parts, simulated.parts, strict=False)):
        for name in theirs:
            said = [
                Reader(played.names, played.places, stable).read(
                    part[name].messages, part[name].asked
                )
                for played, part in ((real, theirs), (simulated, ours))
            ]
            where = f"process {number}, connection {name!r}, "
            names = (real.kind, simulated.kind)
            found += [where + difference for difference in differences(*said, names)]
    return found
