"""``approvals`` and ``serverRequests``: what waits for an answer (spec 01 §5.6-5.7, "Better").

May import the callers, rows, long texts, pages and the contract's states. The invariant: an answer
is given once; the same answer again changes nothing, another one is refused.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from codex_fakes.component.callers import (
    caller_of,
    given,
    thread_of,
    thread_to_write,
    turn_to_write,
)
from codex_fakes.component.declared import implements
from codex_fakes.component.endings import reconcile_soon
from codex_fakes.component.ingest.approvals import find_approval
from codex_fakes.component.long_texts import bytes_of, insert, patch, whole
from codex_fakes.component.pages import page_of
from codex_fakes.component.rows import Row, one, select
from codex_runtime.contract.functions.reading import Question
from codex_runtime.contract.limits import (
    READ_BYTES_MOST,
    SERVER_REQUESTS_DEFAULT,
    SERVER_REQUESTS_MOST,
)
from codex_runtime.contract.shapes import from_value
from codex_runtime.contract.states import APPROVAL, SERVER_REQUEST, TURN
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

_TEXTS = ("payloadJson", "questionsJson", "responseJson")
_QUESTION_FIELDS = ("id", "header", "question", "isOther", "isSecret", "options")


@implements("approvals.listPending")
def list_pending_approvals(ctx: Any, args: Row) -> Row:
    """Approvals that wait, newest first."""
    caller = caller_of(args)
    where = dict(caller.owner)
    if "threadId" in args:
        where["threadId"] = thread_of(ctx, caller, args["threadId"])["threadId"]
    where["status"] = "pending"
    shown = ("threadId", "turnId", "itemId", "kind", "reason", "createdAt")
    return page_of(
        ctx,
        "approvals.listPending",
        "codex_approvals",
        where,
        args["paginationOpts"],
        lambda row: given(row, *shown),
    )


@implements("approvals.respond")
def respond(ctx: Any, args: Row) -> None:
    """Decide an approval; the same decision again changes nothing."""
    caller = caller_of(args)
    thread_to_write(ctx, caller, args["threadId"])
    place = {"userScope": caller.scope, **given(args, "threadId", "turnId")}
    approval = find_approval(ctx, place, args["itemId"])
    if approval is None:
        raise ContractError("E_APPROVAL_NOT_FOUND", f"Approval not found: {args['itemId']}")
    event = {"accepted": "accept", "declined": "decline"}[args["decision"]]
    status = APPROVAL.move(approval["status"], event, f"Approval {args['itemId']}")
    if status != approval["status"]:
        ctx.db.patch(
            approval["_id"],
            {"status": status, "decidedBy": caller.user_id, "decidedAt": ctx.now()},
        )


@implements("serverRequests.upsertPending")
def upsert_pending(ctx: Any, args: Row) -> None:
    """Write down a request of the app-server that waits for an answer."""
    caller = caller_of(args)
    thread = thread_to_write(ctx, caller, args["threadId"])
    turn = turn_to_write(ctx, caller, args["threadId"], args["turnId"])
    if args.get("questionsJson"):
        questions_in(args["questionsJson"])
    told = {
        **given(args, "turnId", "itemId", "method", "payloadJson"),
        **{name: args[name] for name in ("reason", "questionsJson") if args.get(name)},
        "turnRef": turn["_id"],
        "status": "pending",
    }
    if turn["status"] in TURN.terminal:
        # It came too late to be answered: the turn's end settles it with the rest.
        reconcile_soon(ctx, turn)
    request = _find(ctx, caller.scope, args["threadId"], args["requestId"])
    if request is not None:
        SERVER_REQUEST.move(request["status"], "upsert", f"Server request {args['requestId']}")
        again = {"updatedAt": ctx.now(), "resolvedAt": UNDEFINED, "responseJson": UNDEFINED}
        patch(ctx, _without_response(request), {**told, **again}, "payloadJson", "questionsJson")
        return
    asked = args["requestedAt"]
    row = {
        **caller.owner,
        **told,
        "threadId": thread["threadId"],
        "threadRef": thread["_id"],
        **_key(args["requestId"]),
        "createdAt": asked,
        "updatedAt": asked,
    }
    insert(ctx, "codex_server_requests", row, *_TEXTS)


def _without_response(request: Row) -> Row:
    return {name: value for name, value in request.items() if name != "responseJson"}


@implements("serverRequests.resolve")
def resolve(ctx: Any, args: Row) -> None:
    """Write down that a request was answered, or will never be."""
    caller = caller_of(args)
    thread_to_write(ctx, caller, args["threadId"])
    request = _find(ctx, caller.scope, args["threadId"], args["requestId"])
    if request is None:
        raise ContractError(
            "E_SERVER_REQUEST_NOT_FOUND", f"Server request not found: {args['requestId']}"
        )
    event = {"answered": "answer", "expired": "expire"}[args["status"]]
    what = f"Server request {request['requestIdText']}"
    status = SERVER_REQUEST.move(request["status"], event, what)
    if status == request["status"]:
        return
    resolved = args["resolvedAt"]
    changes = {"status": status, "updatedAt": resolved, "resolvedAt": resolved}
    if args.get("responseJson"):
        changes["responseJson"] = args["responseJson"]
    patch(ctx, request, changes, "responseJson")


@implements("serverRequests.listPending")
def list_pending_requests(ctx: Any, args: Row) -> list[Row]:
    """Requests that wait for an answer, the latest changed first."""
    caller = caller_of(args)
    limit = args.get("limit", SERVER_REQUESTS_DEFAULT)
    if not math.isfinite(limit):
        limit = SERVER_REQUESTS_DEFAULT
    most = max(1, min(math.floor(limit), SERVER_REQUESTS_MOST))
    where = dict(caller.owner)
    if "threadId" in args:
        where["threadId"] = args["threadId"]
    where["status"] = "pending"
    shown: list[Row] = []
    read = 0
    for row in select(ctx.db, "codex_server_requests", where, "updatedAt").order("desc"):
        full = whole(ctx, row)
        read += bytes_of(full, *_TEXTS)
        shown.append(_shown(full))
        if len(shown) == most or read > READ_BYTES_MOST:
            break
    return shown


def _shown(request: Row) -> Row:
    shown = given(
        request,
        "method",
        "threadId",
        "turnId",
        "itemId",
        "payloadJson",
        "status",
        "reason",
        "createdAt",
        "updatedAt",
        "resolvedAt",
        "responseJson",
    )
    text = request["requestIdText"]
    shown["requestId"] = float(text) if request["requestIdType"] == "number" else text
    if "questionsJson" in request:
        try:
            shown["questions"] = questions_in(request["questionsJson"])
        except ContractError:
            # Written by an older component: one bad row must not hide the others.
            return shown
    return shown


def questions_in(text: str) -> list[Row]:
    """Read the questions of a request.

    Args:
        text: A JSON array of questions.

    Returns:
        The questions, without members nobody knows.

    Raises:
        ContractError: ``E_SERVER_REQUEST_QUESTIONS_JSON_INVALID``.
    """
    code = "E_SERVER_REQUEST_QUESTIONS_JSON_INVALID"
    try:
        questions = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ContractError(code, f"Failed to parse questions JSON: {error}") from error
    wrong = "questionsJson is not a valid ToolRequestUserInputQuestion[]"
    if not isinstance(questions, list) or not all(isinstance(one, dict) for one in questions):
        raise ContractError(code, wrong)
    known = [given(question, *_QUESTION_FIELDS) for question in questions]
    try:
        for question in known:
            from_value(question, Question)
    except msgspec.ValidationError as error:
        raise ContractError(code, f"{wrong}: {error}") from error
    return known


def _key(request_id: str | float) -> Row:
    """The stored form of a request's id: ``1`` and ``"1"`` are two."""
    if isinstance(request_id, str):
        return {"requestIdType": "string", "requestIdText": request_id}
    return {"requestIdType": "number", "requestIdText": f"{request_id:.17g}"}


def _find(ctx: Any, scope: str, thread_id: str, request_id: str | float) -> Row | None:
    where = {"userScope": scope, "threadId": thread_id, **_key(request_id)}
    return one(ctx.db, "codex_server_requests", where)
