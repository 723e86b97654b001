"""Patches: every kind of change, several at once, wrong ones, and what the client answers."""

from __future__ import annotations

from codex_fakes.script import (
    Drop,
    FailHttp,
    FailResponse,
    Incomplete,
    Patch,
    Run,
    Say,
    Stall,
    Wait,
    script,
)
from support.programs import (
    FILES,
    Call,
    Open,
    Program,
    Reply,
    decide,
    interrupt,
    read,
    start,
    steer,
    turn,
)

DONE = Say(text="done")
UNTRUSTED = start(approvalPolicy="untrusted")


def add(name, *lines) -> tuple[str, ...]:
    """The lines of a patch that add a file."""
    return (f"*** Add File: {name}", *("+" + line for line in lines))


def patch(*lines) -> Patch:
    """A patch of these lines."""
    return Patch(patch="\n".join(("*** Begin Patch", *lines, "*** End Patch", "")))


def patched(*patches) -> Program:
    """A turn for each patch, and what is read of them."""
    turns = (turn(f"u{number}") for number in range(len(patches)))
    answers = (answer for each in patches for answer in (each, DONE))
    return Program(script(*answers), (start(), *turns, read()))


EIGHT = add("a.txt", "one", "two", "three", "four", "five", "six", "seven", "eight")
A = patch(*add("a", "x"))
HELD = (Say(text="p", left_open=True), Stall())

PROGRAMS = {
    "two files in one patch": patched(patch(*EIGHT, *add("sub/b.txt", "x"))),
    "three kinds in one patch": patched(
        patch(*EIGHT, *add("b.txt", "x")),
        patch(
            "*** Update File: a.txt",
            "@@",
            "-one",
            "+ONE",
            " two",
            "*** Delete File: b.txt",
            *add("c.txt", "new"),
        ),
    ),
    "two hunks": patched(
        patch(*EIGHT),
        patch("*** Update File: a.txt", "@@", "-one", "+ONE", " two", "@@", "-eight", "+EIGHT"),
    ),
    "hunk with context header": patched(
        patch(*EIGHT), patch("*** Update File: a.txt", "@@ four", "-five", "+FIVE")
    ),
    "second hunk fails": patched(
        patch(*EIGHT), patch("*** Update File: a.txt", "@@", "-one", "+ONE", "@@", "-nope", "+x")
    ),
    "add over an existing file": patched(patch(*EIGHT), patch(*add("a.txt", "other"))),
    "delete a missing file": patched(patch("*** Delete File: nope.txt")),
    "second file fails": patched(patch(*add("first.txt", "x"), "*** Delete File: nope.txt")),
    "move to a folder": patched(
        patch(*EIGHT),
        patch("*** Update File: a.txt", "*** Move to: deep/er/a.txt", "@@", "-one", "+1", " two"),
    ),
    "move over a file": patched(
        patch(*EIGHT, *add("b.txt", "b")),
        patch("*** Update File: a.txt", "*** Move to: b.txt", "@@", "-one", "+1", " two"),
    ),
    "end of file marker": patched(
        patch(*EIGHT),
        patch("*** Update File: a.txt", "@@", " seven", "-eight", "+EIGHT", "*** End of File"),
    ),
    "unicode patch": patched(
        patch(*add("ü☃.txt", "naïve ☃ 漢字", "\ttab")),
        patch("*** Update File: ü☃.txt", "@@", "-naïve ☃ 漢字", "+ok", " \ttab"),
    ),
    "empty patch": patched(patch()),
    "empty added file": patched(patch("*** Add File: empty.txt")),
    "update deletes all": patched(
        patch(*add("x.txt", "only")), patch("*** Update File: x.txt", "@@", "-only")
    ),
    "patch outside": Program(
        script(patch(*add("/var/tmp/outside-of-cwd.txt", "x")), DONE),
        (start(), turn(), decide("decline", FILES), read()),
    ),
    "patch outside never": Program(
        script(patch(*add("/var/tmp/outside-of-cwd.txt", "x")), DONE),
        (start(approvalPolicy="never"), turn(), read()),
    ),
    "decline then accept": Program(
        script(patch(*EIGHT), patch(*EIGHT), DONE),
        (UNTRUSTED, turn(), decide("decline", FILES), decide("accept", FILES), read()),
    ),
    "session other file": Program(
        script(
            patch(*EIGHT),
            patch(*add("b.txt", "x")),
            patch("*** Update File: a.txt", "@@", "-one", "+1"),
            DONE,
        ),
        (UNTRUSTED, turn(), decide("acceptForSession", FILES), decide("accept", FILES), read()),
    ),
    "two patches at once": Program(
        script((patch(*add("a.txt", "x")), patch(*add("b.txt", "y"))), DONE),
        (start(), turn(), read()),
    ),
    "patch error answer": Program(
        script(patch(*EIGHT), DONE),
        (UNTRUSTED, turn(), Reply(FILES, error={"code": 1, "message": "m"}), read()),
    ),
    "patch nonsense answer": Program(
        script(patch(*EIGHT), DONE),
        (UNTRUSTED, turn(), Reply(FILES, {"decision": "maybe"}), read()),
    ),
    "patch steered": Program(
        script(patch(*EIGHT), DONE),
        (UNTRUSTED, turn(), steer("more"), decide("accept", FILES), read()),
    ),
    "patch interrupted": Program(
        script(patch(*EIGHT), DONE),
        (UNTRUSTED, turn(), interrupt(), decide("accept", FILES), read()),
    ),
    "patch then command": Program(
        script(
            (patch(*EIGHT)),
            Run(command="cat a.txt", output="one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"),
            DONE,
        ),
        (start(), turn(), read()),
    ),
    "diff then drop": Program(
        script(A, (Say(text="o", left_open=True), Drop())), (start(), turn(), read())
    ),
    "diff then drop retried": Program(
        script(A, (Say(text="o", left_open=True), Drop()), DONE),
        (start(), turn(), read()),
        {"stream_max_retries": 1},
    ),
    "diff then steer": Program(script(A, HELD, DONE), (start(), turn(), steer("more"), read())),
    "diff then interrupt": Program(script(A, HELD, DONE), (start(), turn(), interrupt(), read())),
    "diff then http": Program(script(A, FailHttp(status=500)), (start(), turn(), read())),
    "diff then fail": Program(
        script(A, FailResponse(code="insufficient_quota")), (start(), turn(), read())
    ),
    "diff then incomplete": Program(
        script(A, (Say(text="x"), Incomplete())), (start(), turn(), read())
    ),
    "diff then idle": Program(
        script(A, HELD), (start(), turn(), read()), {"stream_idle_timeout_ms": 800}
    ),
    "diff then command interrupt": Program(
        script(A, Run(command="touch x"), DONE),
        (start(approvalPolicy="untrusted"), turn(), decide("accept", FILES), interrupt(), read()),
    ),
    "diff then gate say": Program(
        script(A, (Say(text="o", left_open=True), Wait(gate="g"), Say(text="z")), DONE),
        (start(), turn(), Open("g"), turn("b"), read()),
    ),
    "diff, call, drop": Program(
        script(A, (Run(command="true"), Drop())), (start(), turn(), read())
    ),
    "diff then context full": Program(
        script(A, FailResponse(code="context_length_exceeded"), Say(text="S"), DONE),
        (start(), turn(), turn("b"), read()),
    ),
    "diff then compact/start": Program(
        script(A, HELD, Say(text="S")),
        (start(), turn(), Call("thread/compact/start", {"threadId": "$t"}), read()),
    ),
    "diff then cancel": Program(
        script(A, Run(command="touch x"), DONE),
        (
            start(approvalPolicy="untrusted"),
            turn(),
            decide("accept", FILES),
            decide("cancel"),
            read(),
        ),
    ),
}
