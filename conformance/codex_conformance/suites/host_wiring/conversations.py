"""Checks of conversations as a user interface has them: opening, archiving, paging.

May import the visits, conversations and events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import CREATED_AT, Stream
from codex_conformance.suites.talking import Talk, open_talk
from codex_conformance.suites.verdicts import require, require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit


@check("host_wiring.binding.same-thread")
async def a_conversation_has_one_thread(visit: Visit) -> None:
    """Opens a conversation three times, by two endpoints."""
    guest, name = visit.guest(), visit.name("conversation")
    first = await guest.does("ensureConversationBinding", conversationId=name)
    guest.conversations.append(name)
    require_equal(first.get("created"), True, "created at first:")
    again = await guest.does("ensureConversationBinding", conversationId=name)
    require_equal(again, {"threadId": first["threadId"], "created": False}, "the second answer")
    opened = await guest.does(
        "syncOpenConversationBinding", conversationId=name, runtimeConversationId="r"
    )
    require_equal(opened["threadId"], first["threadId"], "the thread")
    require_equal(opened["created"], False, "created by opening:")


@check("host_wiring.binding.id-required")
async def a_conversation_has_an_id(visit: Visit) -> None:
    """Opens a conversation without a name."""
    await visit.guest().cannot("ensureConversationBinding", conversationId="")


@check("host_wiring.archive.answers")
async def archiving_answers_with_the_status(visit: Visit) -> None:
    """Archives a conversation and takes it back."""
    talk = await open_talk(visit.guest())
    told = {"conversationId": talk.conversation}
    for endpoint, status in (
        ("archiveConversation", "archived"),
        ("unarchiveConversation", "active"),
    ):
        found = await talk.guest.does(endpoint, **told)
        require_equal(found, {**told, "status": status}, f"the answer of {endpoint}")


@check("host_wiring.archive.hides")
async def archived_conversations_are_hidden(visit: Visit) -> None:
    """Lists a conversation before, while and after it is archived."""
    talk = await open_talk(visit.guest())
    require_equal(await _listed(talk), ["active"], "listed at first:")
    await talk.guest.mutate("archiveConversation", conversationId=talk.conversation)
    require_equal(await _listed(talk), [], "listed while archived:")
    require_equal(await _listed(talk, includeArchived=True), ["archived"], "listed when asked for:")
    await talk.guest.mutate("unarchiveConversation", conversationId=talk.conversation)
    require_equal(await _listed(talk), ["active"], "listed afterwards:")


async def _listed(talk: Talk, **args: Any) -> list[Any]:
    found = await talk.guest.reads(
        "listThreadsForConversation", conversationId=talk.conversation, **args
    )
    return [row["status"] for row in found["page"]]


async def _page(talk: Talk, size: int, cursor: str | None) -> Any:
    return await talk.guest.reads(
        "listThreadMessagesByConversation",
        conversationId=talk.conversation,
        paginationOpts={"numItems": size, "cursor": cursor},
    )


async def _walk(talk: Talk, size: int, most: int) -> list[Any]:
    rows: list[Any] = []
    cursor = None
    for _ in range(most):
        page = await _page(talk, size, cursor)
        rows += page["page"]
        require(len(page["page"]) <= size, f"at most {size} messages", len(page["page"]))
        if page["isDone"]:
            return rows
        cursor = page["continueCursor"]
    require(False, f"the last page among {most}", "more pages")
    return rows


@check("host_wiring.pages.walk")
async def pages_give_every_message_once(visit: Visit) -> None:
    """Follows the pages of seven messages, three at a time and one at a time."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    stream = Stream(visit.name("turn"))
    ids = [f"m{place}" for place in range(7)]
    await talk.takes(*(stream.closes(item, "text") for item in ids))
    for size in (3, 1):
        found = [row["messageId"] for row in await _walk(talk, size, 9)]
        require_equal(found, ids[::-1], f"the messages by {size}:")


@check("host_wiring.pages.same-moment")
async def messages_of_one_moment_are_told_apart(visit: Visit) -> None:
    """Follows the pages of three messages with one id and one moment, one at a time."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    turns = [visit.name("turn") for _ in range(3)]
    for turn in turns:
        event = Stream(turn).closes("same", "text")
        await talk.takes({**event, "createdAt": CREATED_AT})
    found = sorted(row["turnId"] for row in await _walk(talk, 1, 5))
    require_equal(found, sorted(turns), "the turns of the messages")


@check("host_wiring.pages.bad-cursor")
async def a_cursor_is_json(visit: Visit) -> None:
    """Asks for the page behind a cursor that is no JSON."""
    talk = await open_talk(visit.guest())
    await _cannot_go_on(talk, "{no json")


@check("host_wiring.pages.foreign-cursor")
async def a_cursor_is_of_its_list(visit: Visit) -> None:
    """Asks for the pages behind cursors that no list of messages gives out."""
    talk = await open_talk(visit.guest())
    for cursor in ("7", "[]", '{"createdAt":1}', '{"createdAt":"x","messageId":1}'):
        await _cannot_go_on(talk, cursor)


async def _cannot_go_on(talk: Talk, cursor: str) -> None:
    await talk.guest.cannot_read(
        "listThreadMessagesByConversation",
        "E_KEYSET_CURSOR_INVALID",
        conversationId=talk.conversation,
        paginationOpts={"numItems": 1, "cursor": cursor},
    )
