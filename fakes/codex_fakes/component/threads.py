"""``threads``: making threads, finding them, the archive (spec 01 §5.1).

May import the callers, rows, bindings and pages. The invariant: a thread is listed exactly while a
conversation is bound to it.
"""

from __future__ import annotations

from typing import Any

from codex_fakes.component.bindings import bind, rebound
from codex_fakes.component.callers import (
    binding_of,
    bound,
    caller_of,
    check_not_purging,
    check_writable,
    given,
    new_id,
    thread_of,
    thread_to_write,
)
from codex_fakes.component.declared import implements
from codex_fakes.component.pages import page_of
from codex_fakes.component.previews import preview_of
from codex_fakes.component.rows import Row, one, select
from codex_fakes.component.touching import touch
from codex_runtime.contract.limits import RUNTIME_IDS_MOST
from codex_runtime.errors import ContractError

_SETTINGS = ("model", "cwd", "personality", "localThreadId")


@implements("threads.create")
def create(ctx: Any, args: Row) -> Row:
    """Make a thread, or touch the one there is."""
    touch(ctx, caller_of(args), args["threadId"], given(args, *_SETTINGS))
    return {"threadId": args["threadId"]}


@implements("threads.resolve")
def resolve(ctx: Any, args: Row) -> Row:
    """Find the thread of a conversation, or make it."""
    caller = caller_of(args)
    settings = given(args, *_SETTINGS)
    conversation = args.get("conversationId")
    if conversation is None:
        thread = touch(ctx, caller, new_id(ctx), settings)
        return {"threadId": thread["threadId"], "created": True}
    binding = binding_of(ctx, caller, conversation)
    if binding is not None:
        thread = touch(ctx, caller, binding["threadId"], settings, listed=True)
        rebound(ctx, binding, thread, conversation)
        return {
            "threadId": thread["threadId"],
            "conversationId": conversation,
            "created": False,
        }
    check_not_purging(ctx, caller)
    thread = touch(ctx, caller, new_id(ctx), settings, listed=True)
    bind(ctx, caller, thread, conversation, conversation)
    return {"threadId": thread["threadId"], "conversationId": conversation, "created": True}


@implements("threads.resolveByConversationId")
def resolve_by_conversation_id(ctx: Any, args: Row) -> Row | None:
    """Find the thread of a conversation."""
    binding = binding_of(ctx, caller_of(args), args["conversationId"])
    if binding is None:
        return None
    return {"conversationId": args["conversationId"], "threadId": binding["threadId"]}


@implements("threads.listByConversation")
def list_by_conversation(ctx: Any, args: Row) -> Row:
    """One conversation as a page."""
    caller = caller_of(args)
    binding = binding_of(ctx, caller, args["conversationId"])
    page = []
    if binding is not None:
        thread = thread_of(ctx, caller, binding["threadId"])
        if args.get("includeArchived") is True or thread["status"] != "archived":
            page.append(_listed(ctx, thread, binding))
    return {"page": page, "isDone": True, "continueCursor": ""}


@implements("threads.listRuntimeConversationBindings")
def list_runtime_conversation_bindings(ctx: Any, args: Row) -> list[Row]:
    """Where threads of the local Codex are kept."""
    caller = caller_of(args)
    wanted = list(dict.fromkeys(args["runtimeConversationIds"]))
    if len(wanted) > RUNTIME_IDS_MOST:
        raise ContractError(
            "E_TOO_MANY_IDS", f"{len(wanted)} ids were given; {RUNTIME_IDS_MOST} are allowed."
        )
    found = []
    for runtime_id in wanted:
        where = {**caller.owner, "runtimeConversationId": runtime_id}
        binding = one(ctx.db, "codex_thread_bindings", where)
        if binding is None:
            jobs = select(ctx.db, "codex_sync_import_jobs", where, "startedAt").order("desc")
            job = jobs.first()
            binding = None if job is None else binding_of(ctx, caller, job["conversationId"])
        if binding is not None:
            found.append(
                {
                    "runtimeConversationId": runtime_id,
                    "threadId": binding["threadId"],
                    "conversationId": binding["conversationId"],
                }
            )
    return found


@implements("threads.resume")
def resume(ctx: Any, args: Row) -> Row:
    """Make a thread active again."""
    caller = caller_of(args)
    thread = thread_to_write(ctx, caller, args["threadId"], "unarchive")
    ctx.db.patch(thread["_id"], {"status": "active", "updatedAt": ctx.now()})
    return {"threadId": args["threadId"], "status": "active"}


@implements("threads.archiveByConversation")
def archive_by_conversation(ctx: Any, args: Row) -> Row:
    """Put a conversation into the archive."""
    return _set_status(ctx, args, "archive")


@implements("threads.unarchiveByConversation")
def unarchive_by_conversation(ctx: Any, args: Row) -> Row:
    """Take a conversation out of the archive."""
    return _set_status(ctx, args, "unarchive")


def _set_status(ctx: Any, args: Row, event: str) -> Row:
    caller = caller_of(args)
    conversation, thread_id = args["conversationId"], args["threadId"]
    if bound(ctx, caller, conversation)["threadId"] != thread_id:
        raise ContractError(
            "E_CONVERSATION_THREAD_MISMATCH",
            f"Conversation {conversation} is not bound to thread {thread_id}",
        )
    thread = thread_of(ctx, caller, thread_id)
    status = check_writable(ctx, caller, thread, event)
    ctx.db.patch(thread["_id"], {"status": status, "updatedAt": ctx.now()})
    return {"conversationId": conversation, "threadId": thread_id, "status": status}


@implements("threads.list")
def list_threads(ctx: Any, args: Row) -> Row:
    """Pages of conversations, the latest changed first."""
    caller = caller_of(args)
    where: Row = {"userScope": caller.scope, "bound": True}
    if args.get("includeArchived") is not True:
        where["status"] = "active"

    def show(thread: Row) -> Row | None:
        key = {**caller.owner, "threadId": thread["threadId"]}
        binding = one(ctx.db, "codex_thread_bindings", key)
        # A deletion takes the binding first; nobody can open what is left.
        return None if binding is None else _listed(ctx, thread, binding)

    return page_of(ctx, "threads.list", "codex_threads", where, args["paginationOpts"], show)


def _listed(ctx: Any, thread: Row, binding: Row) -> Row:
    return {
        "conversationId": binding["conversationId"],
        "status": thread["status"],
        "updatedAt": thread["updatedAt"],
        "preview": preview_of(ctx, thread),
    }
