"""Miniatures that mix actors up.

May import what alters hosts, and the component's rows.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.hosts.altering import (
    Args,
    HostMiniature,
    Inner,
    code_in,
    defined,
    given,
    host,
    refusal,
    store,
)
from codex_fakes.component.callers import caller_of
from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.rows import one
from codex_runtime.values import ConvexError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.convex.engine.functions.declarations import Function


def _trusting(_: dict[str, Function]) -> dict[str, Function]:
    return define_codex_host_definitions(trusted_actor=True)


def _naming_the_subject(ctx: Any, args: Args, inner: Inner) -> Any:
    try:
        return inner(ctx, args)
    except ConvexError as error:
        code = code_in(error)
        identity = ctx.auth.get_user_identity()
        if code != "E_AUTH_SESSION_FORBIDDEN" or identity is None:
            raise
        told = f"[{code}] you are signed in as {identity['subject']}"
        raise ConvexError({"code": code, "message": told}) from error


def _untrimmed(ctx: Any, args: Args, inner: Inner) -> Any:
    user = args["actor"].get("userId", "")
    if user != user.strip():
        raise refusal("E_AUTH_SESSION_FORBIDDEN")
    return inner(ctx, args)


def _as(change: Callable[[Args], Args]) -> Any:
    """Every function acts as another actor than it was told."""

    def changed(args: Args) -> Args:
        if "actor" not in args:
            return args
        return {**args, "actor": change(args["actor"])}

    return {"*": given(changed)}


def _everybody(_: Args) -> Args:
    return {"userId": "everybody"}


def _scope_as_anonymous(actor: Args) -> Args:
    user = actor.get("userId", "")
    return {"anonymousId": user.removeprefix("anon:")} if user.startswith("anon:") else actor


def _scope_as_nobody(actor: Args) -> Args:
    return {} if actor.get("userId") == "__anonymous__" else actor


def _normalised(actor: Args) -> Args:
    if "userId" not in actor:
        return actor
    return {"userId": unicodedata.normalize("NFC", actor["userId"])}


def _anonymous_are_one(actor: Args) -> Args:
    return {} if "anonymousId" in actor else actor


def _any_stream(ctx: Any, args: Args, inner: Inner) -> Any:
    for wanted in args["streamCursorsById"]:
        where = {"userScope": caller_of(args).scope, "streamId": wanted["streamId"]}
        stream = one(ctx.db, "codex_streams", where)
        if stream is not None:
            return inner(ctx, {**args, "threadId": stream["threadId"]})
    return inner(ctx, args)


MIXED_UP: Final[tuple[HostMiniature, ...]] = (
    defined(
        "trusts-callers",
        "Callers are believed who they say they are.",
        _trusting,
        "isolation.auth.other-user",
        "isolation.auth.signed-out",
        "isolation.auth.anonymous",
        "isolation.auth.filled-in",
        "isolation.auth.subject-unsaid",
    ),
    host(
        "names-the-subject",
        "A refusal says who the caller is signed in as.",
        {"*": _naming_the_subject},
        "isolation.auth.subject-unsaid",
    ),
    host(
        "blanks-are-strangers",
        "A user's id with blanks around it is another user's.",
        {"*": _untrimmed},
        "isolation.identity.trimmed",
    ),
    store(
        "one-scope-for-all",
        "All actors share one scope.",
        _as(_everybody),
        "host_wiring.reads.of-others",
        "isolation.others.same-name",
        "isolation.others.reads",
        "isolation.others.thread-not-found",
        "isolation.others.unchanged",
        "isolation.others.imports",
        "isolation.others.deletions",
        "isolation.others.approvals",
        "isolation.others.dispatches",
        "isolation.identity.anonymous",
        "isolation.identity.nobody",
        "isolation.identity.exact",
        "isolation.identity.anonymous-apart",
        "deletion.purge.others-stay",
    ),
    store(
        "anonymous-by-name",
        "A user whose id begins with anon: is an anonymous actor.",
        _as(_scope_as_anonymous),
        "isolation.identity.anonymous",
    ),
    store(
        "nobody-by-name",
        "A user who is called __anonymous__ is an actor without an id.",
        _as(_scope_as_nobody),
        "isolation.identity.nobody",
    ),
    store(
        "ids-are-normalised",
        "Users whose ids Unicode can write in two ways are one.",
        _as(_normalised),
        "isolation.identity.exact",
    ),
    store(
        "anonymous-are-one",
        "All anonymous actors share one scope.",
        _as(_anonymous_are_one),
        "isolation.identity.anonymous-apart",
    ),
    store(
        "streams-of-any-thread",
        "A stream is replayed in any conversation.",
        {"sync.replay": _any_stream},
        "isolation.threads.streams",
    ),
)
