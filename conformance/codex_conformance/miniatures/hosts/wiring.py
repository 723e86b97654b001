"""Miniatures whose host is wired wrongly: endpoints, safe answers, what waits, what is read.

May import what alters hosts, and the component's rows.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.hosts.altering import (
    Args,
    HostMiniature,
    Inner,
    answers,
    code_in,
    defined,
    given,
    host,
    instead,
    refusal,
    store,
)
from codex_fakes.component.callers import caller_of
from codex_fakes.component.rows import one, select
from codex_runtime.values import ConvexError

if TYPE_CHECKING:
    from codex_fakes.convex.engine.functions.declarations import Function


def _lacking(*names: str) -> Any:
    def define(definitions: dict[str, Function]) -> dict[str, Function]:
        return {name: value for name, value in definitions.items() if name not in names}

    return define


def _changed(name: str, **changes: Any) -> Any:
    def define(definitions: dict[str, Function]) -> dict[str, Function]:
        return {**definitions, name: replace(definitions[name], **changes)}

    return define


def _known_only(name: str) -> Any:
    """An endpoint that leaves arguments out which it does not know."""

    def define(definitions: dict[str, Function]) -> dict[str, Function]:
        real = definitions[name]

        def handler(ctx: Any, args: Args) -> Any:
            known = {key: value for key, value in args.items() if key != _STRAY}
            return real.handler(ctx, known)

        return {**definitions, name: replace(real, handler=handler, args=None)}

    return define


_STRAY: Final = "conformanceUnknownArgument"


def _leaving_a_trace(ctx: Any, args: Args, inner: Inner) -> Any:
    told = {"actor": args["actor"], "conversationId": "a trace of the wiring"}
    ctx.run_mutation("chat:ensureConversationBinding", told)
    return inner(ctx, args)


def _untried(report: Any) -> Any:
    return {**report, "checks": report["checks"][1:]}


def _without_fields(*names: str) -> Any:
    return answers(
        lambda answer: {name: value for name, value in answer.items() if name not in names}
    )


def _unsafe(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    if answer["threadStatus"] != "ok":
        raise refusal(answer["code"])
    return answer


def _no_streams(answer: Any) -> Any:
    if answer["threadStatus"] == "ok":
        return answer
    return {name: value for name, value in answer.items() if name != "streams"}


def _making_it(ctx: Any, args: Args, inner: Inner) -> Any:
    told = {"actor": args["actor"], "conversationId": args["conversationId"]}
    ctx.run_mutation("chat:ensureConversationBinding", told)
    return inner(ctx, args)


def _in_texts(ctx: Any, args: Args, inner: Inner) -> Any:
    try:
        return inner(ctx, args)
    except ConvexError as error:
        raise RuntimeError(f"[{code_in(error)}] said in a text alone") from error


def _not_null(answer: Any) -> Any:
    return {} if answer is None else answer


ENDPOINTS: Final[tuple[HostMiniature, ...]] = (
    defined(
        "mutation-missing",
        "The host has no endpoint cancelDeletion.",
        _lacking("cancelDeletion"),
        "host_wiring.endpoints.mutations",
        "host_wiring.validate.tries-mutations",
        "isolation.others.deletions",
        "deletion.job.cancel",
        "deletion.job.ended",
        "deletion.job.unknown",
    ),
    defined(
        "query-missing",
        "The host has no endpoint listThreadReasoningByConversation.",
        _lacking("listThreadReasoningByConversation"),
        "host_wiring.endpoints.queries",
        "host_wiring.validate.passes",
        "host_wiring.safe.reads",
        "isolation.others.reads",
    ),
    defined(
        "swallows-arguments",
        "ensureConversationBinding leaves out arguments that it does not know.",
        _known_only("ensureConversationBinding"),
        "host_wiring.endpoints.unknown-refused",
    ),
    host(
        "manifest-of-another-version",
        "The host says that its extended manifest has version 2.",
        {"extendedManifest": answers(lambda answer: {**answer, "version": 2})},
        "host_wiring.endpoints.extended",
    ),
    defined(
        "audit-for-everybody",
        "Anybody may count the rows of anybody.",
        _changed("auditActorRows", internal=False),
        "host_wiring.endpoints.operators-only",
    ),
    host(
        "wiring-half-tried",
        "validateHostWiring leaves out the first read.",
        {"validateHostWiring": answers(_untried)},
        "host_wiring.validate.passes",
    ),
    host(
        "mutation-untried",
        "probeHostWiring leaves out the first mutation.",
        {"probeHostWiring": answers(_untried)},
        "host_wiring.validate.tries-mutations",
    ),
    host(
        "probe-leaves-a-trace",
        "Trying the wiring leaves a conversation behind.",
        {"probeHostWiring": _leaving_a_trace},
        "host_wiring.validate.leaves-nothing",
    ),
)

SAFE: Final[tuple[HostMiniature, ...]] = (
    host(
        "unsafe-reads",
        "A read of a conversation that is bound to nothing throws.",
        {"persistenceStats": _unsafe},
        "host_wiring.safe.reads",
        "isolation.others.reads",
    ),
    host(
        "lists-of-null",
        "A conversation without an import has an empty one.",
        {"getConversationSyncJob": answers(_not_null)},
        "host_wiring.validate.passes",
        "host_wiring.safe.lists",
        "sync_verification.job.newest",
    ),
    host(
        "safe-without-streams",
        "Safe answers have no streams.",
        {"listThreadMessagesByConversation": answers(_no_streams)},
        "host_wiring.safe.streams",
    ),
    host(
        "makes-what-it-archives",
        "Archiving makes the conversation it does not find.",
        {"archiveConversation": _making_it},
        "host_wiring.safe.mutations",
        "host_wiring.safe.codes-as-data",
    ),
    host(
        "codes-in-texts",
        "Codes stand in the texts of errors alone.",
        {"*": _in_texts},
        "host_wiring.safe.codes-as-data",
    ),
)


def _ascending(answer: Any) -> Any:
    return {**answer, "page": answer["page"][::-1]}


def _moment_only(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    cursor = args["paginationOpts"]["cursor"]
    if not cursor:
        return answer
    last = json.loads(cursor)
    page = [
        row
        for row in answer["page"]
        if (row["createdAt"], row["messageId"]) != (last["createdAt"], last["messageId"])
    ]
    return {**answer, "page": page}


def _from_the_start(*, json_only: bool) -> Any:
    """Lists that begin anew where a cursor is none of theirs."""

    def around(ctx: Any, args: Args, inner: Inner) -> Any:
        try:
            return inner(ctx, args)
        except ConvexError as error:
            options = args["paginationOpts"]
            if code_in(error) != "E_KEYSET_CURSOR_INVALID" or json_only != _is_json(options):
                raise
            return inner(ctx, {**args, "paginationOpts": {**options, "cursor": None}})

    return around


def _is_json(options: Args) -> bool:
    try:
        json.loads(options["cursor"])
    except ValueError:
        return False
    return True


CONVERSATIONS: Final[tuple[HostMiniature, ...]] = (
    host(
        "always-created",
        "Every opening of a conversation says that it was created.",
        {"ensureConversationBinding": answers(lambda answer: {**answer, "created": True})},
        "host_wiring.binding.same-thread",
    ),
    host(
        "nameless-conversations",
        "A conversation without an id is called default.",
        {
            "ensureConversationBinding": given(
                lambda args: {**args, "conversationId": args["conversationId"] or "default"}
            )
        },
        "host_wiring.binding.id-required",
    ),
    host(
        "archive-answers-too-much",
        "archiveConversation answers with the thread as well.",
        {"archiveConversation": answers(lambda answer: {**answer, "threadId": "thread"})},
        "host_wiring.validate.tries-mutations",
        "host_wiring.archive.answers",
    ),
    host(
        "archive-hides-nothing",
        "Archived conversations are listed whether asked for or not.",
        {"listThreadsForConversation": given(lambda args: {**args, "includeArchived": True})},
        "host_wiring.archive.hides",
    ),
    store(
        "pages-upside-down",
        "Each page of messages has the oldest one first.",
        {"messages.listByThread": answers(_ascending)},
        "host_wiring.pages.walk",
    ),
    store(
        "cursors-without-turns",
        "A cursor tells messages of one id and one moment not apart.",
        {"messages.listByThread": _moment_only},
        "host_wiring.pages.same-moment",
    ),
    store(
        "bad-cursors-begin-anew",
        "A cursor that is no JSON gives the first page.",
        {"messages.listByThread": _from_the_start(json_only=False)},
        "host_wiring.pages.bad-cursor",
    ),
    store(
        "foreign-cursors-begin-anew",
        "A cursor of another list gives the first page.",
        {"messages.listByThread": _from_the_start(json_only=True)},
        "host_wiring.pages.foreign-cursor",
    ),
)


def _undecided(ctx: Any, args: Args, inner: Inner) -> Any:
    where = {"userScope": caller_of(args).scope}
    where |= {name: args[name] for name in ("threadId", "turnId", "itemId")}
    approval = one(ctx.db, "codex_approvals", where)
    if approval is not None:
        ctx.db.patch(approval["_id"], {"status": "pending"})
    return inner(ctx, args)


def _text_ids(args: Args) -> Args:
    request = args["requestId"]
    return {**args, "requestId": request if isinstance(request, str) else f"{request:g}"}


def _request(ctx: Any, args: Args) -> Any:
    where = {"userScope": caller_of(args).scope, "threadId": args["threadId"]}
    rows = select(ctx.db, "codex_server_requests", where).collect()
    return next((row for row in rows if row["requestIdText"] == args["requestId"]), None)


def _answered_for_good(ctx: Any, args: Args, inner: Inner) -> Any:
    found = _request(ctx, args)
    return None if found is not None and found["status"] != "pending" else inner(ctx, args)


def _unsettled(ctx: Any, args: Args, inner: Inner) -> Any:
    found = _request(ctx, args)
    if found is not None:
        ctx.db.patch(found["_id"], {"status": "pending"})
    return inner(ctx, args)


def _unquestioned(ctx: Any, args: Args, inner: Inner) -> Any:
    try:
        return inner(ctx, args)
    except ConvexError:
        return inner(ctx, {k: v for k, v in args.items() if k != "questionsJson"})


def _forgetful(ctx: Any, args: Args, inner: Inner) -> Any:
    where = {"userScope": caller_of(args).scope}
    where |= {name: args[name] for name in ("threadId", "turnId")}
    row = one(ctx.db, "codex_token_usage", where)
    if row is not None:
        ctx.db.delete(row["_id"])
    return inner(ctx, args)


WAITING: Final[tuple[HostMiniature, ...]] = (
    store(
        "decides-nothing",
        "A decision about an approval changes nothing.",
        {"approvals.respond": instead()},
        "host_wiring.validate.tries-mutations",
        "host_wiring.approval.respond",
        "host_wiring.approval.once",
    ),
    store(
        "decides-again",
        "An approval that was decided can be decided otherwise.",
        {"approvals.respond": _undecided},
        "host_wiring.approval.once",
    ),
    store(
        "request-ids-are-texts",
        'Server requests with the ids 1 and "1" are one.',
        {
            "serverRequests.upsertPending": given(_text_ids),
            "serverRequests.resolve": given(_text_ids),
        },
        "host_wiring.request.ids-apart",
    ),
    store(
        "answered-for-good",
        "A server request that was answered never waits again.",
        {"serverRequests.upsertPending": _answered_for_good},
        "host_wiring.request.asked-again",
    ),
    store(
        "settled-again",
        "A server request that was settled can be settled otherwise.",
        {"serverRequests.resolve": _unsettled},
        "host_wiring.request.settled",
    ),
    store(
        "questions-unchecked",
        "Questions that are none are left out, and the request is written down.",
        {"serverRequests.upsertPending": _unquestioned},
        "host_wiring.request.questions",
    ),
    store(
        "context-window-forgotten",
        "Writing the usage of a turn again forgets its context window.",
        {"tokenUsage.upsert": _forgetful},
        "host_wiring.usage.kept",
    ),
)


def _scanning(ctx: Any, args: Args, inner: Inner) -> Any:
    ctx.db.query("codex_turns").collect()
    return inner(ctx, args)


def _collecting(ctx: Any, args: Args, inner: Inner) -> Any:
    where = {"userScope": caller_of(args).scope, "threadId": args["threadId"]}
    select(ctx.db, "codex_messages", where).collect()
    return inner(ctx, args)


READS: Final[tuple[HostMiniature, ...]] = (
    store(
        "reads-everybodys-turns",
        "The thread at a glance reads the turns of all users.",
        {"threads.getState": _scanning},
        "host_wiring.reads.of-others",
    ),
    store(
        "reads-the-whole-thread",
        "A page of messages reads all messages of the thread.",
        {"messages.listByThread": _collecting},
        "host_wiring.reads.of-the-past",
    ),
)
