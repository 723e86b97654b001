"""Trying the wiring of a host: its queries by executing them, its mutations in a rehearsal.

May import the calls, rehearsals, witnesses and the contract. The invariant: a check passes only
when what it names was really called, answered in the contract's shape, let nobody act as somebody
else, and the component shows what was written; nothing that was tried is left behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.host.rehearsal import PREFLIGHT, REHEARSALS, Stage
from codex_fakes.component.host.witnesses import WITNESSES, seen
from codex_fakes.convex.engine.errors import FunctionError
from codex_runtime.contract.classification import code_of, message_of
from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.shapes import validator_of
from codex_runtime.errors import CodexRuntimeError, ContractError
from codex_runtime.values import ConvexError, ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_fakes.component.host.calls import Call
    from codex_fakes.component.rows import Row
    from codex_runtime.contract.endpoints import Endpoint

REHEARSED: Final = "E_HOST_WIRING_REHEARSED"
"""What a rehearsal throws when everything went well, so that nothing of it remains."""

_STRANGER: Final = {"userId": f"{PREFLIGHT}:somebody-else"}
_FORBIDDEN: Final = "E_AUTH_SESSION_FORBIDDEN"
_NOT_THERE: Final = frozenset({"E_THREAD_NOT_FOUND", "E_TURN_NOT_FOUND"})
_OPTIONS: Final = {"numItems": 1, "cursor": None}

_QUERIES: Final[Mapping[str, Row]] = {
    "getConversationSyncJob": {"conversationId": PREFLIGHT},
    "listConversationSyncJobs": {"conversationId": PREFLIGHT},
    "listThreadsForConversation": {"conversationId": PREFLIGHT},
    "getDeletionStatus": {"deletionJobId": PREFLIGHT},
    "persistenceStats": {"conversationId": PREFLIGHT},
    "durableHistoryStats": {"conversationId": PREFLIGHT},
    "dataHygiene": {"conversationId": PREFLIGHT},
    "threadSnapshotByConversation": {"conversationId": PREFLIGHT},
    "listThreadMessagesByConversation": {
        "conversationId": PREFLIGHT,
        "paginationOpts": _OPTIONS,
    },
    "listTurnMessagesByConversation": {"conversationId": PREFLIGHT, "turnId": PREFLIGHT},
    "listPendingApprovals": {"paginationOpts": _OPTIONS},
    "listTokenUsageByConversation": {"conversationId": PREFLIGHT},
    "listPendingServerRequestsByConversation": {"conversationId": PREFLIGHT, "limit": 1},
    "listThreadReasoningByConversation": {
        "conversationId": PREFLIGHT,
        "paginationOpts": _OPTIONS,
    },
    "extendedManifest": {},
    "listOpenTurnDispatches": {"threadId": PREFLIGHT},
    "listStreamCheckpoints": {"threadId": PREFLIGHT},
    "auditActorRows": {},
}
"""What each query is tried with; with nothing there, all of them answer."""

_READS: Final[Mapping[str, Row]] = {
    "threads.getState": {"threadId": PREFLIGHT},
    "messages.listByThread": {"threadId": PREFLIGHT, "paginationOpts": _OPTIONS},
    "messages.getByTurn": {"threadId": PREFLIGHT, "turnId": PREFLIGHT},
    "approvals.listPending": {"paginationOpts": _OPTIONS},
    "reasoning.listByThread": {
        "threadId": PREFLIGHT,
        "paginationOpts": _OPTIONS,
        "includeRaw": False,
    },
    "serverRequests.listPending": {"limit": 1},
}
"""The reads of the component that are tried first, in this order (spec 05 §7)."""


def _validate(call: Call) -> Row:
    """Try the component's reads, every query of the host, and the binding of the actor."""
    thread = PREFLIGHT
    if "conversationId" in call.args:
        found, _ = _tried(call.thread)
        thread = found or PREFLIGHT
    checks = [_read(call, name, thread) for name in _READS]
    queries = [
        endpoint
        for endpoint in call.host.endpoints
        if endpoint.kind == "query" and endpoint.name in _QUERIES
    ]
    checks += [_query(call, endpoint) for endpoint in queries]
    if not call.host.trusted_actor:
        checks.append(_actor_binding(call, queries))
    return _report(checks)


def _probe(call: Call) -> Row:
    """Rehearse every mutation of the host."""
    checks = [
        _mutation(call, endpoint)
        for endpoint in call.host.endpoints
        if endpoint.kind == "mutation" and endpoint.name in REHEARSALS
    ]
    return _report(checks)


def _report(checks: list[Row]) -> Row:
    return {"ok": all(check["ok"] for check in checks), "checks": checks}


def _read(call: Call, name: str, thread: str) -> Row:
    args = {**_READS[name]}
    if "threadId" in args:
        args["threadId"] = thread
    _, error = _tried(lambda: call.ask(name, **args))
    if error is None or code_of(error) in _NOT_THERE:
        return _passed(name)
    return _failed(name, _problem(error))


def _query(call: Call, endpoint: Endpoint) -> Row:
    answer, error = _ask_host(call, endpoint, call.actor)
    if error is None:
        problem = _shape_problem(endpoint, answer)
    else:
        problem = None if code_of(error) in _NOT_THERE else _problem(error)
    return _passed(endpoint.name) if problem is None else _failed(endpoint.name, problem)


def _actor_binding(call: Call, queries: list[Endpoint]) -> Row:
    """Ask every query as somebody else; each must turn the caller away."""
    name = "actorBinding"
    for endpoint in queries:
        if endpoint.operators_only:
            continue
        problem = _binding_problem(endpoint.name, *_ask_host(call, endpoint, _STRANGER))
        if problem is not None:
            return _failed(name, problem)
    return _passed(name)


def _ask_host(call: Call, endpoint: Endpoint, actor: Row) -> tuple[Any, Any]:
    path = f"{call.host.module}:{endpoint.name}"
    args = {"actor": actor, **_QUERIES[endpoint.name]}
    return _tried(lambda: call.ctx.run_query(path, args))


def _binding_problem(name: str, answer: Any, error: Any) -> ContractError | None:
    """Say what is wrong when somebody asked to act as somebody else; they must be turned away."""
    told = answer.get("code") if isinstance(answer, dict) else None
    code = told if error is None else code_of(error)
    if code == _FORBIDDEN:
        return None
    if error is not None and code in (None, "E_HOST_WIRING_COMPONENT_MISSING"):
        # It did not get as far as to look at who calls.
        return _problem(error)
    return ContractError(
        "E_HOST_WIRING_ACTOR_UNBOUND", f"{name} lets a caller act as somebody else."
    )


def _mutation(call: Call, endpoint: Endpoint) -> Row:
    path = f"{call.host.module}:rehearseHostMutation"
    args = {"actor": call.actor, "name": endpoint.name}
    _, error = _tried(lambda: call.ctx.run_mutation(path, args))
    if code_of(error) == REHEARSED:
        return _passed(endpoint.name)
    if error is None:
        error = ContractError("E_HOST_WIRING_ANSWER", "The rehearsal was not taken back.")
    return _failed(endpoint.name, _problem(error))


def _rehearse(call: Call) -> None:
    """Call one mutation with everything it needs, then take it all back.

    Raises:
        ContractError: Always: ``E_HOST_WIRING_REHEARSED`` when nothing was wrong.
    """
    name = call.args["name"]
    if name not in REHEARSALS:
        raise ContractError("E_HOST_WIRING_ENDPOINT_MISSING", f"{name} is no mutation to rehearse.")
    _, error = _tried(lambda: _play(call, name))
    if error is not None:
        raise _problem(error)
    raise ContractError(REHEARSED, f"{name} was rehearsed.")


def _play(call: Call, name: str) -> None:
    stage = Stage(call)
    args = REHEARSALS[name](stage)
    if not call.host.trusted_actor:
        path = f"{call.host.module}:{name}"
        stranger = {"actor": _STRANGER, **args}
        problem = _binding_problem(name, *_tried(lambda: call.ctx.run_mutation(path, stranger)))
        if problem is not None:
            raise problem
    before = seen(call, stage, name) if name in WITNESSES else None
    answer = stage.mutate(name, **args)
    problem = _shape_problem(ENDPOINTS[name], answer)
    if problem is not None:
        raise problem
    if name in WITNESSES and seen(call, stage, name, answer) == before:
        raise ContractError(
            "E_HOST_WIRING_WRITES_ELSEWHERE",
            f"{name} answered, but the component shows nothing of it.",
        )


def _shape_problem(endpoint: Endpoint, answer: Any) -> ContractError | None:
    try:
        validator_of(endpoint.returns).check(answer)
    except ValidationFailed as failure:
        return ContractError(
            "E_HOST_WIRING_ANSWER", f"{endpoint.name} answers otherwise: {failure.message}"
        )
    return None


def _problem(error: Any) -> ContractError:
    """Say what is wrong with the wiring, given what was thrown."""
    code = code_of(error)
    if code is not None:
        return ContractError(code, message_of(error).removeprefix(f"[{code}] "))
    text = message_of(error)
    if "Could not find public function" in text or "Trying to execute" in text:
        return ContractError("E_HOST_WIRING_ENDPOINT_MISSING", text)
    if "ArgumentValidationError" in text:
        return ContractError("E_HOST_WIRING_ARGUMENTS", text)
    return ContractError("E_HOST_WIRING_ANSWER", text)


def _passed(name: str) -> Row:
    return {"name": name, "ok": True}


def _failed(name: str, problem: ContractError) -> Row:
    return {"name": name, "ok": False, "code": problem.code, "error": str(problem)}


def _tried(call: Callable[[], Any]) -> tuple[Any, Any]:
    try:
        return call(), None
    except (ConvexError, FunctionError, CodexRuntimeError) as error:
        return None, error


WIRING: Final[Mapping[str, Callable[[Call], Any]]] = {
    "validateHostWiring": _validate,
    "probeHostWiring": _probe,
    "rehearseHostMutation": _rehearse,
}
"""The endpoints that try the others."""
