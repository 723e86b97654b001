"""What the user lets the model write: later patches there need no consent any more."""

from __future__ import annotations

import msgspec
import pytest

from codex_fakes.app_server.dialect.messages import Answer
from codex_fakes.app_server.tools.permissions import Permissions, granted_writes
from codex_fakes.script import CallTool, Patch, Response, Say, Script
from support.programs import FILES, Program, Reply, start, turn

GRANT = "item/permissions/requestApproval"
SETTINGS = {"features": {"request_permissions_tool": True}}
NO = Reply(FILES, {"decision": "decline"})
END = Response(steps=(Say(text="end"),))
WANTED = Response(
    steps=(
        CallTool(
            tool="request_permissions",
            arguments={"permissions": {"file_system": {"write": ["../a"]}}, "reason": "why"},
        ),
    )
)
ALL = {"permissions": "$asked.permissions"}


def adds(path):
    return Response(
        steps=(Patch(patch=f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch\n"),)
    )


@pytest.mark.anyio
@pytest.mark.real
@pytest.mark.parametrize(
    ("reply", "policy"),
    [
        (Reply(GRANT, ALL), "on-request"),
        (Reply(GRANT, {**ALL, "scope": "session"}), "on-request"),
        (Reply(GRANT, {**ALL, "scope": "session"}), "untrusted"),
        (Reply(GRANT, {"permissions": {}}), "on-request"),
        (Reply(GRANT, error={"code": 1, "message": "no"}), "on-request"),
    ],
)
async def test_a_grant_holds_as_long_as_the_user_says(reply, policy, the_same):
    made = (adds("inner/0"), adds("a/0"), END)
    turns = (adds("../a/1"), adds("../b/1"), END, adds("../a/2"), END)
    steps = (
        start(),
        turn("zero"),
        turn("one", cwd="inner", approvalPolicy=policy),
        reply,
        NO,
        NO,
        turn("two"),
        NO,
    )
    script = Script(responses=(*made, WANTED, *turns))
    await the_same(Program(script, steps, settings=SETTINGS))


def granted(wanted, **result):
    asked = msgspec.convert({"file_system": {"write": wanted}}, Permissions)
    return granted_writes(asked, Answer(0, result, failed=False), "/work")


def writes(*paths):
    return {"fileSystem": {"write": list(paths)}}


def test_a_part_of_what_was_asked_for_can_be_granted():
    assert granted(["/out"], permissions=writes("/out/a")).writable == {"/out/a"}


def test_more_than_was_asked_for_is_not_granted():
    assert granted(["/out/a"], permissions=writes("/out")).writable == frozenset()


def test_paths_that_are_asked_for_are_seen_from_the_threads_folder():
    assert granted(["../out"], permissions=writes("/out")).writable == {"/out"}


def test_an_entry_is_a_grant_if_it_lets_write():
    def entry(access):
        place = {"type": "path", "path": "/out"}
        return {"fileSystem": {"entries": [{"path": place, "access": access}]}}

    assert granted(["/out"], permissions=entry("write")).writable == {"/out"}
    assert granted(["/out"], permissions=entry("read")).writable == frozenset()


@pytest.mark.parametrize("result", [{}, {"nonsense": 1}, {"permissions": 5}])
def test_what_is_no_grant_grants_nothing(result):
    assert granted(["/out"], **result).writable == frozenset()
