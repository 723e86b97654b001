"""Hypothesis strategies for scripts: every valid shape, small sizes.

Reuse: ``scripts()`` gives checked scripts, ``plain_values()`` what JSON can say.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from codex_fakes.script import (
    Ask,
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Incomplete,
    Option,
    Patch,
    Question,
    Response,
    Run,
    Say,
    Script,
    Stall,
    Think,
    TypeInto,
    Usage,
    Wait,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests that share their machine: how long an example takes says nothing there."""

PIECE = st.text(st.characters(codec="utf-8"), max_size=8)
NAME = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
TEXT = PIECE | st.lists(PIECE, max_size=3).map(tuple)
MILLISECONDS = st.integers(0, 10_000)
HEADERS = st.dictionaries(
    st.from_regex(r"x-[a-z]{1,6}", fullmatch=True),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8),
    max_size=2,
)
OUR_MEMBERS = {"code", "type", "message"}


def plain_values():
    """What JSON can say."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.floats(allow_nan=False, allow_infinity=False)
        | PIECE
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PIECE, inner, max_size=3),
        max_leaves=6,
    )


def _questions():
    option = st.builds(Option, label=NAME, description=PIECE)
    options = st.lists(option, min_size=1, max_size=2).map(tuple)
    question = st.builds(Question, id=NAME, header=PIECE, question=PIECE, options=options)
    return st.lists(question, min_size=1, max_size=2, unique_by=lambda q: q.id).map(tuple)


def _maybe(strategy):
    return st.none() | strategy


WAITS = st.builds(Wait, gate=NAME)
SAYS = st.builds(
    Say,
    text=TEXT,
    phase=_maybe(st.sampled_from(["commentary", "final_answer"])),
    pause_ms=MILLISECONDS,
)
THINKS = st.builds(
    Think,
    summary=st.lists(TEXT, max_size=2).map(tuple),
    raw=st.lists(PIECE, max_size=2).map(tuple),
)
RUNS = st.builds(
    Run,
    command=NAME,
    output=TEXT,
    exit_code=st.integers(-1, 255),
    duration_ms=MILLISECONDS,
    escalate=_maybe(PIECE),
    tty=st.booleans(),
    yield_ms=_maybe(MILLISECONDS),
)
PATCHES = st.builds(Patch, patch=NAME)
TOOLS = st.builds(
    CallTool,
    tool=NAME,
    arguments=PIECE | st.dictionaries(PIECE, plain_values(), max_size=3),
    namespace=_maybe(NAME),
)
ASKS = st.builds(Ask, questions=_questions())
GARBAGE = st.builds(Garbage, text=PIECE.map(lambda text: text + "\n\n"))
FAIL_HTTP = st.builds(
    FailHttp,
    status=st.integers(400, 599),
    code=_maybe(PIECE),
    type=_maybe(PIECE),
    message=PIECE,
    headers=HEADERS,
    details=st.dictionaries(PIECE.filter(lambda k: k not in OUR_MEMBERS), plain_values()),
)
ENDS = (
    st.builds(FailResponse, code=NAME, message=PIECE)
    | st.builds(Incomplete, reason=NAME)
    | st.builds(Drop)
    | st.builds(Stall)
)
USAGES = st.tuples(
    st.integers(0, 10**6), st.integers(0, 100), st.integers(0, 10**6), st.integers(0, 100)
).map(lambda n: Usage(input=n[0] + n[1], cached=n[1], output=n[2] + n[3], reasoning=n[3]))


@st.composite
def _open_message(draw):
    # A message that something happens in the middle of.
    first = draw(SAYS)
    opened = Say(text=first.text, phase=first.phase, pause_ms=first.pause_ms, left_open=True)
    between = draw(st.lists(WAITS | GARBAGE, min_size=1, max_size=2))
    return [opened, *between, Say(text=draw(TEXT))]


@st.composite
def responses(draw, *, repeatable=False):
    """One response without call ids of its own."""
    when = draw(_maybe(NAME))
    headers = draw(HEADERS)
    repeat = repeatable and draw(st.booleans())
    if draw(st.integers(0, 5)) == 0:
        steps = [*draw(st.lists(WAITS, max_size=1)), draw(FAIL_HTTP)]
        return Response(steps=tuple(steps), when=when, repeat=repeat, headers=headers)
    one = (WAITS | SAYS | THINKS | RUNS | PATCHES | TOOLS | ASKS | GARBAGE).map(lambda s: [s])
    steps = [step for part in draw(st.lists(one | _open_message(), max_size=4)) for step in part]
    end = draw(_maybe(ENDS | USAGES))
    if end is not None:
        steps.append(end)
    return Response(steps=tuple(steps), when=when, repeat=repeat, headers=headers)


@st.composite
def scripts(draw):
    """A valid script, perhaps with a command that is typed into later."""
    rows = draw(st.lists(responses(), max_size=3))
    if draw(st.booleans()):
        run = Run(command=draw(NAME), call_id="first", tty=True)
        rows += [
            Response(steps=(run,)),
            Response(steps=(TypeInto(into="first", text=draw(PIECE), call_id="typed"),)),
        ]
    rows += draw(st.lists(responses(repeatable=True), max_size=1))
    return Script(responses=tuple(rows), otherwise=draw(st.sampled_from(["fail", "echo"])))
