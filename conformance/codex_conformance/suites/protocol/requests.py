"""Checks of requests at their limits: forms, sizes, gates, refusals, floods.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.requirements.expectations import OVERLOADED, TOO_LONG, UNSUPPORTED
from codex_conformance.suites.plays.clients import left_alone
from codex_conformance.suites.plays.dialect import UNKNOWN_THREAD
from codex_conformance.suites.plays.requests import (
    FLOOD,
    GATED_FIELD,
    GATED_METHOD,
    INPUT_LIMIT,
    SIDE_BY_SIDE,
    THREAD_IDS,
    UNKNOWN_THREADS,
    flooded,
    introductions,
    large_requests,
    no_params,
    same_ids,
    side_by_side,
    thread_id_forms,
    unexperimental,
    unknown_threads,
)
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import (
    ended_well,
    present,
    require,
    require_equal,
    section_of,
    some,
    turn_at,
    violated,
)
from codex_conformance.wire.messages import Kind, at, is_answer, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry

_WITHHELD: Final = ("thread/readState/changed", "thread/settings/updated")


def _answers(scene: Scene, section: str) -> tuple[Entry, ...]:
    """The answers in a section, fences not counted."""
    return tuple(
        entry
        for entry in section_of(scene, section)
        if entry.received
        and is_answer(entry.message or {})
        and not str(at(entry.message, "id")).startswith("fence-")
    )


def _granted(scene: Scene, *sections: str) -> None:
    for section in sections:
        answers = _answers(scene, section)
        if not answers:
            # The scene breaks off at a request that is not answered.
            violated(f"an answer ({section})", "none", *section_of(scene, section)[-3:])
        shape = kind_of(answers[0].message or {})
        require(shape is Kind.RESPONSE, f"a result ({section})", "an error", answers[0])


@check("protocol.requests.large-allowed", on=(large_requests,))
async def large_lines_are_lines(scene: Scene) -> None:
    """Looks for the result of a request of some megabytes."""
    _granted(scene, "large line")


@check("protocol.requests.thread-id-forms", on=(thread_id_forms,))
async def thread_ids_have_forms(scene: Scene) -> None:
    """Looks for the results of requests that write the thread's id otherwise."""
    _granted(scene, *THREAD_IDS)


@check("protocol.requests.params-optional", on=(no_params,))
async def params_may_be_left_out(scene: Scene) -> None:
    """Looks for the results with and without params."""
    _granted(scene, "absent", "empty")


@check("protocol.responses.same-ids", on=(same_ids,))
async def requests_of_one_id_are_both_answered(scene: Scene) -> None:
    """Counts the answers."""
    answers = _answers(scene, "same ids")
    require_equal(len(answers), 2, "the number of answers", *answers)


@check("protocol.responses.side-by-side", on=(side_by_side,))
async def requests_at_once_are_all_granted(scene: Scene) -> None:
    """Counts the results."""
    answers = _answers(scene, "requests")
    results = [e for e in answers if kind_of(e.message or {}) is Kind.RESPONSE]
    require_equal(len(results), SIDE_BY_SIDE, "the number of results", *answers[-1:])


@check("protocol.overload.refusal", on=(flooded,))
async def floods_are_refused_politely(scene: Scene) -> None:
    """Reads every answer to a flood of requests."""
    heard = [e for e in scene.transcript.from_server() if is_answer(e.message or {})]
    flood = [e for e in heard if str(at(e.message, "id")).startswith("flood-")]
    for entry in some(flood, "answer to the flood"):
        if kind_of(entry.message or {}) is Kind.ERROR:
            found = at(entry.message, "error")
            expected = {"code": OVERLOADED, "message": "Server overloaded; retry later."}
            require_equal(found, expected, "the error", entry)
    require(len(flood) <= FLOOD, f"at most {FLOOD} answers", len(flood))


@check("protocol.overload.recovers", on=(flooded,))
async def the_app_server_recovers(scene: Scene) -> None:
    """Looks for a result behind the flood."""
    results = [
        e for e in _answers(scene, "afterwards") if kind_of(e.message or {}) is Kind.RESPONSE
    ]
    if not results:
        violated("a result after the flood", "none", *section_of(scene, "afterwards")[-2:])


@check("protocol.errors.unknown-thread-elsewhere", on=(unknown_threads,))
async def unknown_threads_are_refused_everywhere(scene: Scene) -> None:
    """Reads the answers of every other method that names a thread."""
    for method, (_, text) in UNKNOWN_THREADS.items():
        judge_refusal(scene, method, f"{text}{UNKNOWN_THREAD}")


@check("protocol.errors.unknown-variant", on=(unknown_threads,))
async def unknown_values_are_refused(scene: Scene) -> None:
    """Reads the answer to a sandbox that does not exist."""
    text = "Invalid request: unknown variant `bogus`, expected one of "
    judge_refusal(scene, "unknown variant", text)


@check("protocol.errors.malformed-session-id", on=(unknown_threads,))
async def malformed_session_ids_are_refused(scene: Scene) -> None:
    """Reads the answer of thread/resume to an id that is no UUID."""
    judge_refusal(scene, "malformed session", "invalid session id: ")


@check("protocol.errors.not-supported", on=(unknown_threads,))
async def items_of_unknown_threads_are_not_supported(scene: Scene) -> None:
    """Reads the answer of thread/items/list."""
    judge_refusal(scene, "items", "thread/items/list is not supported yet", UNSUPPORTED)


@check("protocol.errors.contradiction", on=(unknown_threads,))
async def contradictions_are_refused(scene: Scene) -> None:
    """Reads the answer to permissions with a sandbox."""
    judge_refusal(scene, "sandbox twice", "`permissions` cannot be combined with `sandbox`")


@check("protocol.errors.input-too-long", on=(large_requests,))
async def long_inputs_are_refused(scene: Scene) -> None:
    """Reads code, text and data of the refusal."""
    text = f"Input exceeds the maximum length of {INPUT_LIMIT} characters."
    judge_refusal(scene, "too long", text, TOO_LONG)
    answer = _answers(scene, "too long")[0]
    expected = {
        "input_error_code": "input_too_large",
        "max_chars": INPUT_LIMIT,
        "actual_chars": INPUT_LIMIT + 1,
    }
    require_equal(at(answer.message, "error", "data"), expected, "the data", answer)


@check("protocol.experimental.methods", on=(unexperimental,))
async def experimental_methods_are_gated(scene: Scene) -> None:
    """Reads the answer to a method that needs the capability."""
    judge_refusal(scene, "method", f"{GATED_METHOD} requires experimentalApi capability")


@check("protocol.experimental.fields", on=(unexperimental,))
async def experimental_fields_are_gated(scene: Scene) -> None:
    """Reads the answer to a field that needs the capability."""
    text = f"thread/start.{GATED_FIELD} requires experimentalApi capability"
    judge_refusal(scene, "field", text)


@check("protocol.experimental.notifications", on=(unexperimental,))
async def experimental_notifications_are_withheld(scene: Scene) -> None:
    """Looks for the two notifications, and reads how the turn ended."""
    turn = turn_at(scene, 0)
    ended_well(turn)
    told = [entry for entry in scene.entries if entry.method in _WITHHELD]
    require(not told, f"neither {' nor '.join(_WITHHELD)}", len(told), *told)


@check("protocol.initialize.name-refused", on=(introductions,))
async def bad_names_are_refused(scene: Scene) -> None:
    """Reads the answer to a name of two lines, and to the next try."""
    judge_refusal(scene, "bad name", "Invalid clientInfo.name: ")
    _granted(scene, "short")


@check("protocol.initialize.short", on=(introductions,))
async def introductions_may_be_short(scene: Scene) -> None:
    """Looks for the result of an introduction whose title and capabilities are null."""
    _granted(scene, "short")


@check("protocol.initialize.each-client", on=(left_alone,))
async def each_client_introduces_itself(scene: Scene) -> None:
    """Reads the answer to a client that had not, while another one had."""
    present(scene.section("unintroduced"), "client without introduction")
    judge_refusal(scene, "unintroduced", "Not initialized")
