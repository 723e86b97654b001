"""Reading results out of a scene's sections.

May import the verdicts and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.verdicts import Inconclusive, present, require, section_of, violated
from codex_conformance.wire.messages import Kind, array_at, at, is_answer, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


def answer_in(scene: Scene, section: str) -> Entry:
    """Find the answer in a section that holds one request.

    Raises:
        Inconclusive: There is none.
    """
    entries = section_of(scene, section)
    found = next((e for e in entries if e.received and e.message and is_answer(e.message)), None)
    return present(found, f"answer in section {section!r}")


def result_in(scene: Scene, section: str, method: str) -> tuple[Entry, Any]:
    """Find the result in a section that holds one request.

    Args:
        scene: The scene.
        section: The section.
        method: The request's method, for the verdict.

    Returns:
        The answer, and its result.

    Raises:
        Inconclusive: There is no answer.
        Violation: It is an error.
    """
    answer = answer_in(scene, section)
    granted = kind_of(answer.message or {}) is Kind.RESPONSE
    require(granted, f"a result of {method}", "an error", answer)
    return answer, at(answer.message, "result")


def told_in(scene: Scene, section: str, method: str) -> tuple[Entry, ...]:
    """The notifications and requests with a method in a section.

    Raises:
        Inconclusive: The scene never came there.
    """
    return tuple(entry for entry in section_of(scene, section) if entry.method == method)


def one_told_in(scene: Scene, section: str, method: str) -> Entry:
    """The one notification with a method in a section.

    Raises:
        Inconclusive: The scene broke off before the end of the section.
        Violation: There is none, or more than one.
    """
    told = told_in(scene, section, method)
    if not told and scene.broken_off is not None and not scene.missed(method):
        raise Inconclusive(f"the scene broke off before {method}")
    expected = f"{method} once"
    require(len(told) == 1, expected, f"{len(told)} times", *section_of(scene, section))
    return told[0]


def data_in(scene: Scene, section: str, method: str) -> tuple[Entry, list[Any]]:
    """The answer in a section, and the list it gives.

    Raises:
        Inconclusive: There is no answer.
        Violation: It gives no list.
    """
    answer, result = result_in(scene, section, method)
    data = at(result, "data")
    if not isinstance(data, list):
        violated("a list of data", repr(data), answer)
    return answer, data


def said_in(turn: Any) -> tuple[object, object]:
    """What the user and the model said in a turn that was read."""
    found: dict[str, object] = {}
    for item in array_at(turn, "items"):
        if at(item, "type") == "userMessage":
            found.setdefault("user", at(item, "content", 0, "text"))
        elif at(item, "type") == "agentMessage":
            found["model"] = at(item, "text")
    return found.get("user"), found.get("model")


def history_of(scene: Scene) -> object:
    """The history mode of the scene's first thread, as the app-server says it.

    Raises:
        Inconclusive: No thread was started.
    """
    for request in scene.transcript.requests():
        if request.method == "thread/start":
            for answer in scene.transcript.answers_to(request):
                return at(answer.message, "result", "thread", "historyMode")
    raise Inconclusive("the scene shows no new thread")
