"""Checks of the introduction: initialize, and what comes of it.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements.expectations import INITIALIZE_RESULT
from codex_conformance.suites.plays.dialect import introduction, opted_out
from codex_conformance.suites.plays.history import restart
from codex_conformance.suites.registry import check
from codex_conformance.suites.stage import CLIENT_NAME
from codex_conformance.suites.verdicts import present, require, require_equal, section_of
from codex_conformance.wire.messages import Kind, at, is_answer, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry

_USER_AGENT: Final = re.compile(rf"{re.escape(CLIENT_NAME)}/\d+\.\d+\.\d+\S* \(")

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _answer(scene: Scene, section: str) -> Entry:
    entries = section_of(scene, section)
    found = next((e for e in entries if e.received and e.message and is_answer(e.message)), None)
    return present(found, f"answer in section {section!r}")


@check("protocol.initialize.result", on=(introduction,))
async def initialize_gives_its_members(scene: Scene) -> None:
    """Compares the members of the result of initialize, and their types."""
    answer = _answer(scene, "initialize")
    result = at(answer.message, "result")
    require(isinstance(result, dict), "a result", "none", answer)
    found = frozenset(result)
    expected = ", ".join(sorted(INITIALIZE_RESULT))
    require(found == INITIALIZE_RESULT, f"the members {expected}", sorted(found), answer)
    texts = all(isinstance(value, str) for value in result.values())
    require(texts, "texts", result, answer)


@check("protocol.initialize.user-agent", on=(introduction,))
async def the_user_agent_names_client_and_version(scene: Scene) -> None:
    """Reads the beginning of userAgent."""
    answer = _answer(scene, "initialize")
    found = present(at(answer.message, "result", "userAgent"), "userAgent")
    expected = f"a user agent that begins like `{CLIENT_NAME}/1.2.3 (`"
    require(_USER_AGENT.match(str(found)) is not None, expected, found, answer)


@check("protocol.initialize.remote-control", on=(introduction,))
async def remote_control_is_reported(scene: Scene) -> None:
    """Looks for remoteControl/status/changed behind the answer to initialize."""
    section = section_of(scene, "initialize")
    _answer(scene, "initialize")
    later = [e for e in scene.transcript.entries if e.method == "remoteControl/status/changed"]
    require(bool(later), "remoteControl/status/changed", "no such notification", *section)


@check("protocol.initialize.initialized-optional", on=(introduction,))
async def initialized_may_be_left_out_and_repeated(scene: Scene) -> None:
    """Reads the answers to a request without `initialized`, and to one after two of them."""
    for section in ("without initialized", "initialized twice"):
        answer = _answer(scene, section)
        shape = kind_of(answer.message or {})
        require(shape is Kind.RESPONSE, f"a result ({section})", "an error", answer)


@check("protocol.initialize.opt-out", on=(opted_out,))
async def notifications_can_be_opted_out_of(scene: Scene) -> None:
    """Looks for thread/started on a connection that does not want it."""
    section = section_of(scene, "thread/start")
    _answer(scene, "thread/start")
    sent = [e for e in scene.transcript.entries if e.method == "thread/started"]
    require(not sent, "no thread/started", f"{len(sent)} of them", *section, *sent)


@check("protocol.initialize.installation", on=(restart,))
async def the_installation_keeps_its_id(scene: Scene) -> None:
    """Compares the installationId before and after the restart."""
    told = [
        present(
            next((e for e in t.entries if e.method == "remoteControl/status/changed"), None),
            "remoteControl/status/changed",
        )
        for t in scene.transcripts
    ]
    ids = [at(entry.message, "params", "installationId") for entry in told]
    require(_UUID.fullmatch(str(ids[0])) is not None, "a UUID", repr(ids[0]), told[0])
    for entry, found in zip(told, ids, strict=True):
        require_equal(found, ids[0], "the installationId", entry)
