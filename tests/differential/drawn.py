"""Random programs: what a client may do, legal or not, while a random model answers.

Only what is the same in every run of the real server is drawn: a response calls at most one tool,
so that no two calls ask at the same time; threads are not listed, whose order within a second is
open; and the client stays subscribed, because what nobody hears of cannot be waited for.
"""

from __future__ import annotations

from hypothesis import strategies as st

from codex_fakes.script import (
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Incomplete,
    Patch,
    Response,
    Run,
    Say,
    Script,
    Stall,
    Think,
    Wait,
    gate_names,
)
from support.programs import (
    NEVER,
    Call,
    Open,
    Program,
    Reply,
    Restart,
    Tell,
    interrupt,
    read,
    start,
    steer,
    turn,
)

THREADS = 2
PATCH = "*** Begin Patch\n*** Add File: {}.txt\n+line\n*** End Patch\n"
SAYS = st.sampled_from(
    [
        Say(text="short"),
        Say(text=("in ", "two")),
        Say(text=""),
        Say(text="by the way", phase="commentary"),
        Say(text="at last", phase="final_answer"),
    ]
)
THINKS = st.sampled_from([Think(summary=("why",)), Think(summary=("a", ("b", "c")), raw=("r",))])
CALLS = st.sampled_from(
    [
        Run(command="true"),
        Run(command="echo out", output="out\n"),
        Run(command="touch made"),
        Run(command="exit 3", exit_code=3),
        Run(command="touch escalated", escalate="may I?"),
        Patch(patch=PATCH.format("one")),
        Patch(patch=PATCH.format("two")),
        Patch(patch="no patch"),
        CallTool(tool="nope"),
    ]
)
ENDS = st.sampled_from(
    [
        (Say(text="open ", left_open=True), Stall()),
        (Say(text="open ", left_open=True), Drop()),
        (Say(text="open ", left_open=True), Wait(gate="g"), Say(text="closed")),
        (Wait(gate="g"), Say(text="late")),
        (Drop(),),
        (Stall(),),
        (Incomplete(),),
        (FailResponse(code="insufficient_quota"),),
        (FailResponse(code="rate_limit_exceeded"),),
    ]
)
REFUSALS = st.sampled_from([FailHttp(status=status) for status in (400, 401, 404, 429, 500, 503)])


@st.composite
def responses(draw):
    """What the model answers once."""
    if draw(st.integers(0, 7)) == 0:
        return Response(steps=(draw(REFUSALS),))
    steps = draw(st.lists(SAYS | THINKS, max_size=2))
    ending = draw(st.integers(0, 3))
    if ending == 0:
        steps += draw(ENDS)
    elif ending == 1:
        steps.append(draw(CALLS))
    return Response(steps=tuple(steps))


def _turns():
    """Turns by their names; the empty id, and one that nobody knows."""
    return st.sampled_from(["$u0", "$u1", "$u2", "$u3", "", NEVER])


def _threads():
    return st.integers(0, THREADS).map(lambda number: f"$t{number}")


DECISIONS = st.sampled_from(
    [
        {"result": {"decision": "accept"}},
        {"result": {"decision": "acceptForSession"}},
        {"result": {"decision": "decline"}},
        {"result": {"decision": "cancel"}},
        {"result": {"nonsense": True}},
        {"error": {"code": -32000, "message": "no"}},
    ]
)
JUNK = st.sampled_from(
    [b"{", b"null", b"[]", b'{"id":1}', {"method": "exit"}, {"id": 99, "result": 1}]
)


@st.composite
def steps(draw, number):
    """One step of a client; the turns it starts are named by its number."""
    kind = draw(
        st.sampled_from(
            ["turn"] * 4
            + ["decide"] * 3
            + ["interrupt", "interrupt", "steer", "steer", "open", "read", "resume", "start"]
            + ["name", "turns", "items", "junk", "restart", "crash"]
        )
    )
    thread = draw(_threads())
    if kind == "turn":
        policy = draw(st.sampled_from([None, None, None, "untrusted", "never", "on-request"]))
        more = {} if policy is None else {"approvalPolicy": policy}
        return turn(f"u{number % 4}", f"said {number}", thread, **more)
    if kind == "decide":
        return Reply("", **draw(DECISIONS))
    simple = {
        "start": lambda: start(f"t{draw(st.integers(0, THREADS - 1))}"),
        "interrupt": lambda: interrupt(draw(_turns()), thread),
        "steer": lambda: steer(f"steered {number}", draw(_turns()), thread),
        "open": lambda: Open("g"),
        "read": lambda: read(thread, draw(st.booleans())),
        "resume": lambda: Call(
            "thread/resume", {"threadId": thread, "excludeTurns": draw(st.booleans())}
        ),
        "name": lambda: Call(
            "thread/name/set", {"threadId": thread, "name": draw(st.sampled_from(["n", "", " m "]))}
        ),
        "turns": lambda: Call("thread/turns/list", {"threadId": thread, "itemsView": "full"}),
        "items": lambda: Call("thread/items/list", {"threadId": thread}),
        "junk": lambda: Tell(draw(JUNK)),
        "restart": lambda: Restart(draw(st.sampled_from(["eof", "term"]))),
        "crash": lambda: Restart("kill"),
    }
    return simple[kind]()


@st.composite
def programs(draw):
    """A program of a client, and a script of its model."""
    rows = draw(st.lists(responses(), min_size=1, max_size=6))
    script = Script(responses=tuple(rows), otherwise="echo")
    policies = st.sampled_from(["untrusted", "on-request", "never"])
    begins = [start(f"t{n}", approvalPolicy=draw(policies)) for n in range(THREADS)]
    count = draw(st.integers(2, 9))
    taken = [draw(steps(number)) for number in range(count)]
    if not gate_names(script):
        taken = [step for step in taken if not isinstance(step, Open)]
    reads = [read(f"$t{n}") for n in range(THREADS)]
    return Program(script, (*begins, *taken, *reads))
