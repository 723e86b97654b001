"""Commands: what they print, how they end, and every answer to the question about them."""

from __future__ import annotations

from codex_fakes.script import Patch, Run, Say, script
from support.programs import COMMAND, FILES, Program, Reply, decide, read, start, turn

DONE = Say(text="done")
UNTRUSTED = start(approvalPolicy="untrusted")
TOUCH = Run(command="touch x")
COUNTED = "".join(f"{number}\n" for number in range(1, 4001))
LONG = 150_000
"""Lines of ten characters: more than is kept of a command's output."""


def runs(*commands) -> Program:
    """A turn for each command, and what is read of them."""
    turns = (turn(f"u{number}") for number in range(len(commands)))
    answers = (answer for each in commands for answer in (each, DONE))
    return Program(script(*answers), (start(), *turns, read()))


PROGRAMS = {
    **{
        f"decision {n}": Program(
            script(Run(command="touch x"), DONE, Run(command="touch x"), DONE),
            (UNTRUSTED, turn("one"), decide(d), turn("two"), decide("decline"), read()),
        )
        for n, d in {
            "unknown": "maybe",
            "null": None,
            "number": 5,
            "object": {"x": 1},
            "amend without": {"acceptWithExecpolicyAmendment": {}},
            "amend empty": {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": []}},
            "network": {
                "applyNetworkPolicyAmendment": {
                    "network_policy_amendment": {"host": "x", "action": "allow"}
                }
            },
            "list": [],
        }.items()
    },
    "answer null": Program(
        script(Run(command="touch x"), DONE), (UNTRUSTED, turn(), Reply(COMMAND, None), read())
    ),
    "answer string": Program(
        script(Run(command="touch x"), DONE), (UNTRUSTED, turn(), Reply(COMMAND, "accept"), read())
    ),
    "answer more": Program(
        script(Run(command="touch x"), DONE),
        (UNTRUSTED, turn(), Reply(COMMAND, {"decision": "accept", "more": 1}), read()),
    ),
    "wide output": runs(
        Run(command="printf 'naïve ☃ 漢字\\n'", output="naïve ☃ 漢字\n"),
        Run(command="sleep 1; printf 'é\\t\\n\\n'", output="é\t\n\n", duration_ms=1000),
    ),
    "long output": runs(Run(command="seq 1 4000", output=COUNTED)),
    "very long output": runs(
        Run(command="yes xxxxxxxxx 2>/dev/null | head -n 150000", output="xxxxxxxxx\n" * LONG)
    ),
    "no newline output": runs(Run(command="printf abc", output="abc")),
    "stderr output": runs(Run(command="echo err >&2", output="err\n")),
    "command not found": runs(
        Run(
            command="no-such-command-here",
            output="/bin/bash: line 1: no-such-command-here: command not found\n",
            exit_code=127,
        )
    ),
    "multi line command": runs(
        Run(command="echo a\necho b", output="a\nb\n"),
        Run(command="cat <<'E'\nx y\nE\n", output="x y\n"),
    ),
    "quoted command": runs(
        Run(command='echo "it\'s" \'a "q"\' $HOME_X \\$', output='it\'s a "q" $\n')
    ),
    "escalated session": Program(
        script(
            Run(command="touch a", escalate="why"),
            Run(command="touch a", escalate="why2"),
            Run(command="touch b", escalate=""),
            DONE,
        ),
        (start(), turn(), decide("acceptForSession"), decide("accept"), read()),
    ),
    "escalated untrusted": Program(
        script(Run(command="touch a", escalate="why"), DONE),
        (UNTRUSTED, turn(), decide("decline"), read()),
    ),
    "escalated amendment": Program(
        script(
            Run(command="touch a b", escalate="why"), Run(command="touch a c", escalate="why"), DONE
        ),
        (
            start(),
            turn(),
            decide({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch", "a"]}}),
            decide("accept"),
            read(),
        ),
    ),
    "granular": Program(
        script(Run(command="touch a", escalate="why"), Run(command="touch a"), DONE),
        (
            start(
                approvalPolicy={
                    "granular": {"sandbox_approval": True, "rules": True, "mcp_elicitations": True}
                }
            ),
            turn(),
            decide("accept"),
            read(),
        ),
    ),
    "granular off": Program(
        script(Run(command="touch a", escalate="why"), DONE),
        (
            start(
                approvalPolicy={
                    "granular": {
                        "sandbox_approval": False,
                        "rules": False,
                        "mcp_elicitations": False,
                    }
                }
            ),
            turn(),
            read(),
        ),
    ),
    **{
        f"net {n}": Program(
            script(Run(command="touch x"), DONE, Run(command="touch x"), DONE),
            (
                UNTRUSTED,
                turn("one"),
                decide({"applyNetworkPolicyAmendment": {"network_policy_amendment": d}}),
                turn("two"),
                decide("decline"),
                read(),
            ),
        )
        for n, d in {
            "allow": {"host": "x", "action": "allow"},
            "deny": {"host": "x", "action": "deny"},
            "odd": {"host": "x", "action": "odd"},
            "no host": {"action": "allow"},
            "empty": {},
        }.items()
    },
    "two keys": Program(
        script(Run(command="touch x"), DONE),
        (
            UNTRUSTED,
            turn("one"),
            decide(
                {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch"]}, "accept": 1}
            ),
            read(),
        ),
    ),
    "accept map": Program(
        script(Run(command="touch x"), DONE),
        (UNTRUSTED, turn("one"), decide({"accept": None}), read()),
    ),
    "accept map1": Program(
        script(Run(command="touch x"), DONE),
        (UNTRUSTED, turn("one"), decide({"accept": {}}), read()),
    ),
    "files map": Program(
        script(Patch(patch="*** Begin Patch\n*** Add File: a\n+x\n*** End Patch\n"), DONE),
        (UNTRUSTED, turn("one"), decide({"accept": None}, FILES), read()),
    ),
}
