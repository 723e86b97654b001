"""Whatever clients do, legal or not, the machine keeps its promises.

The machine is driven without a loop, without a disk and in virtual time: programs of clients are
drawn, and what comes out is read with the standard library.
"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.app_server.configuration.settings import SimulatedSettings
from codex_fakes.app_server.machine import Machine
from codex_fakes.app_server.surroundings.clock import Ids, VirtualClock
from codex_fakes.app_server.surroundings.files import MemoryFiles
from codex_fakes.script.playing import ScriptPlayer
from codex_fakes.script.steps import (
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Patch,
    Response,
    Run,
    Say,
    Script,
    Stall,
    Think,
    Wait,
)

NEVER = "01a201df-0000-7000-8000-000000000000"
GO = [{"type": "text", "text": "go"}]
HELLO = {
    "clientInfo": {"name": "c", "version": "1"},
    "capabilities": {"experimentalApi": True},
}
STEPS = st.sampled_from(
    [
        Say(text=("a", "b"), pause_ms=5),
        Say(text="open", left_open=True),
        Think(summary=("s",), raw=("r",)),
        Run(command="touch x", output="out"),
        Run(command="sleep 1", output=("a", "b"), duration_ms=900, yield_ms=300),
        Run(command="touch y", escalate="please"),
        Patch(patch="*** Begin Patch\n*** Add File: n\n+x\n*** End Patch"),
        CallTool(tool="nope"),
        Wait(gate="g"),
    ]
)
FAILURES = [
    Drop(),
    Stall(),
    FailHttp(status=500),
    FailResponse(code="context_length_exceeded"),
]
ENDINGS = st.one_of(st.just(()), st.sampled_from([(failure,) for failure in FAILURES]))
RESPONSES = st.builds(
    lambda steps, ending: Response(steps=(*steps, *ending)), st.lists(STEPS, max_size=3), ENDINGS
)
DECISIONS = ["accept", "acceptForSession", "decline", "cancel", "nonsense", None]
DETAILS = {
    "start": st.sampled_from(["untrusted", "on-request", "never"]),
    "turn": st.none(),
    "steer": st.none(),
    "interrupt": st.sampled_from(["newest", "whatever", "unknown"]),
    "resume": st.booleans(),
    "read": st.booleans(),
    "name": st.sampled_from(["n", ""]),
    "decide": st.sampled_from(DECISIONS),
    "junk": st.sampled_from([b"{", b"null", b'{"id":1}', b"[]"]),
    "leave": st.none(),
    "step": st.none(),
    "time": st.none(),
    "gate": st.none(),
}
OFTEN = ["step"] * 8 + ["turn"] * 4 + ["decide"] * 4 + ["interrupt"] * 2 + ["gate", "time", "steer"]
ACTIONS = st.sampled_from([*OFTEN, *sorted(DETAILS)]).flatmap(
    lambda kind: st.tuples(st.just(kind), st.integers(0, 3), DETAILS[kind])
)
PROGRAMS = st.tuples(
    st.lists(RESPONSES, min_size=1, max_size=8),
    st.integers(0, 2),
    st.lists(ACTIONS, min_size=15, max_size=50),
)


class Bench:
    """A machine, two clients, and what they have heard."""

    def __init__(self, responses=(), retries=0, files=None):
        self.clock = VirtualClock()
        self.files = MemoryFiles() if files is None else files
        # The folder that threads work in is there.
        self.files.write("/w/README", b"")
        self.machine = Machine(
            SimulatedSettings(stream_max_retries=retries, cwd="/w"),
            ScriptPlayer(Script(responses=tuple(responses), otherwise="echo")),
            "/home",
            self.clock,
            Ids(self.clock, 0),
            self.files,
        )
        self.gates, self.threads, self.turns, self.asked = [], [], [], []
        self.clients, self.sent, self.heard = [], {}, {}
        for _ in range(2):
            self.join()

    # What clients do.

    def join(self):
        number = self.machine.connection_opened()
        self.heard[number] = []
        self.clients.append(number)
        self.request(number, "initialize", HELLO)

    def request(self, client, method, params):
        request_id = f"{client}-{len(self.sent)}"
        self.sent[request_id] = method
        self.say(client, {"id": request_id, "method": method, "params": params})

    def say(self, client, message):
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.machine.bytes_received(client, line + b"\n")
        self.listen()

    def do(self, action):
        kind, pick, detail = action
        client = self.clients[pick % len(self.clients)]
        thread = self.threads[pick % len(self.threads)] if self.threads else NEVER
        getattr(self, kind)(client, thread, detail)

    def start(self, client, thread, policy):
        self.request(client, "thread/start", {"approvalPolicy": policy})

    def turn(self, client, thread, _):
        self.request(client, "turn/start", {"threadId": thread, "input": GO})

    def steer(self, client, thread, _):
        params = {"threadId": thread, "expectedTurnId": self.newest(), "input": GO}
        self.request(client, "turn/steer", params)

    def interrupt(self, client, thread, which):
        turn = {"newest": self.newest(), "whatever": "", "unknown": NEVER}[which]
        self.request(client, "turn/interrupt", {"threadId": thread, "turnId": turn})

    def resume(self, client, thread, exclude):
        self.request(client, "thread/resume", {"threadId": thread, "excludeTurns": exclude})

    def read(self, client, thread, include):
        self.request(client, "thread/read", {"threadId": thread, "includeTurns": include})

    def name(self, client, thread, name):
        self.request(client, "thread/name/set", {"threadId": thread, "name": name})

    def decide(self, client, _, decision):
        if self.asked:
            answer = {"result": {"decision": decision}}
            if decision is None:
                answer = {"error": {"code": 1, "message": "no"}}
            self.say(client, {"id": self.asked[-1], **answer})

    def junk(self, client, _, line):
        self.say(client, line)

    def leave(self, client, *_):
        self.machine.connection_closed(client)
        self.clients.remove(client)
        self.join()

    # What happens by itself.

    def step(self, *_):
        self.machine.step()
        self.listen()

    def time(self, *_):
        due_ms = self.machine.next_due_ms
        if due_ms is not None:
            self.clock.advance_to(due_ms)
            self.machine.fire_due()
            self.listen()

    def gate(self, *_):
        if self.gates:
            self.gates.pop(0)[1]()
            self.listen()

    def finish(self):
        """Let everything happen that needs no client."""
        for _ in range(10_000):
            if self.machine.has_deferred:
                self.step()
            elif self.machine.next_due_ms is not None:
                self.time()
            elif self.gates:
                self.gate()
            else:
                return
        raise AssertionError("the machine does not come to rest")

    # What is heard.

    def listen(self):
        self.gates.extend(self.machine.gates_reached())
        for client, lines in self.machine.take_output():
            for line in lines:
                message = json.loads(line)
                self.heard[client].append(message)
                self.note(message)

    def note(self, message):
        method = message.get("method")
        if method == "thread/started":
            thread = message["params"]["thread"]["id"]
            if thread not in self.threads:
                self.threads.append(thread)
        elif method == "turn/started":
            self.turns.append(message["params"]["turn"]["id"])
        elif method is not None and "id" in message:
            self.asked.append(message["id"])

    def newest(self):
        return self.turns[-1] if self.turns else NEVER


def played(program):
    responses, retries, actions = program
    bench = Bench(responses, retries)
    for policy in ("untrusted", "on-request"):
        bench.start(0, None, policy)
        bench.step()
    for action in actions:
        bench.do(action)
    bench.finish()
    return bench


@given(PROGRAMS)
def test_every_request_gets_one_answer_save_interrupts_that_hang(program):
    bench = played(program)
    answers = [m["id"] for heard in bench.heard.values() for m in heard if "method" not in m]
    assert len(answers) == len(set(answers))
    still_here = tuple(f"{client}-" for client in bench.clients)
    missing = {sent for sent in bench.sent if sent.startswith(still_here)} - set(answers)
    assert {bench.sent[request] for request in missing} <= {"turn/interrupt"}


@given(PROGRAMS)
def test_every_turn_starts_before_it_ends_and_does_both_at_most_once(program):
    bench = played(program)
    for heard in bench.heard.values():
        seen = [
            (message["params"]["turn"]["id"], message["method"])
            for message in heard
            if message.get("method") in {"turn/started", "turn/completed"}
        ]
        assert len(seen) == len(set(seen))
        for turn in {turn for turn, _ in seen}:
            # Who joins in the middle of a turn hears of its end only.
            order = [method for other, method in seen if other == turn]
            assert order in (
                ["turn/started", "turn/completed"],
                ["turn/started"],
                ["turn/completed"],
            )


@given(PROGRAMS)
def test_deltas_come_between_the_start_and_the_end_of_their_item(program):
    bench = played(program)
    for heard in bench.heard.values():
        ended = set()
        for message in heard:
            params, method = message.get("params", {}), message.get("method", "")
            if method == "item/started":
                ended.discard((params["turnId"], params["item"]["id"]))
            elif method == "item/completed":
                ended.add((params["turnId"], params["item"]["id"]))
            elif method.startswith("item/") and "delta" in params:
                assert (params["turnId"], params["itemId"]) not in ended


@given(PROGRAMS)
def test_what_was_completed_is_found_by_the_next_server(program):
    bench = played(program)
    bench.machine.crash()
    kept = {}
    for heard in bench.heard.values():
        for message in heard:
            if message.get("method") == "item/completed":
                params, item = message["params"], message["params"]["item"]
                if item["type"] != "commandExecution" or item["processId"] is not None:
                    place = (params["threadId"], params["turnId"])
                    kept.setdefault(place, set()).add(item["id"])
    fresh = Bench(files=bench.files)
    for (thread, turn), items in kept.items():
        fresh.read(0, thread, True)
        shown = fresh.heard[0][-1]["result"]["thread"]["turns"]
        (record,) = [record for record in shown if record["id"] == turn]
        assert items <= {item["id"] for item in record["items"]}


@given(PROGRAMS)
def test_the_same_program_says_the_same_bytes(program):
    assert played(program).heard == played(program).heard
