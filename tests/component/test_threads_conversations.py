"""Threads and their conversations: making, finding, listing, archiving (spec 01 §5.1, D-SCO)."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_runtime.contract.limits import PAGE_MOST
from support.campaign import examples
from support.host import Host, Stream, asked, deployment, lifecycle, said
from support.imports import tamper

pytestmark = pytest.mark.anyio


@pytest.fixture
def host():
    return Host()


def resolved(host, conversation="c", **more):
    return host.call("threads.resolve", conversationId=conversation, **more)


def listed(host, *, size=50, cursor=None, **more):
    return host.call("threads.list", paginationOpts={"numItems": size, "cursor": cursor}, **more)


def archived(host, conversation, thread, name="archive"):
    return host.call(f"threads.{name}ByConversation", conversationId=conversation, threadId=thread)


def row(host, thread):
    return host.rows("codex_threads", threadId=thread)[0]


def test_resolving_a_conversation_twice_gives_the_same_thread(host):
    first = resolved(host)
    assert first["created"] is True
    again = resolved(host)
    assert again == {**first, "created": False}
    assert len(host.rows("codex_threads")) == len(host.rows("codex_thread_bindings")) == 1


def test_resolving_without_a_conversation_makes_a_thread_each_time(host):
    first, second = host.call("threads.resolve"), host.call("threads.resolve")
    assert first["threadId"] != second["threadId"]
    assert set(first) == {"threadId", "created"}
    assert host.rows("codex_thread_bindings") == []
    assert listed(host)["page"] == []


def test_a_bound_thread_that_is_gone_is_made_again_under_its_id(host):
    thread = resolved(host)["threadId"]
    identity = row(host, thread)["_id"]
    tamper(host.backend, lambda db: db.delete(identity))
    assert host.refusal("threads.listByConversation", conversationId="c") == "E_THREAD_NOT_FOUND"
    assert resolved(host) == {"threadId": thread, "conversationId": "c", "created": False}
    assert host.rows("codex_thread_bindings")[0]["conversationRef"] == row(host, thread)["_id"]
    assert [shown["conversationId"] for shown in listed(host)["page"]] == ["c"]


def test_making_a_thread_again_touches_it_and_keeps_what_is_not_given(host):
    host.call("threads.create", threadId="t", model="m", cwd="", localThreadId="l")
    first = row(host, "t")
    assert (first["model"], first["localThreadId"], first["status"]) == ("m", "l", "active")
    assert "cwd" not in first
    host.call("threads.create", threadId="t", model="", personality="p")
    second = row(host, "t")
    assert (second["model"], second["personality"], second["localThreadId"]) == ("", "p", "l")
    assert second["createdAt"] == first["createdAt"]


async def test_touching_bumps_an_archived_thread_and_leaves_it_archived(host):
    thread = resolved(host)["threadId"]
    archived(host, "c", thread)
    await host.advance(10)
    host.call("threads.create", threadId=thread)
    assert row(host, thread)["status"] == "archived"
    assert row(host, thread)["updatedAt"] == host.backend.clock.now_ms()


def test_what_belongs_to_somebody_else_is_not_found(host):
    thread = resolved(host)["threadId"]
    other = host.acting("other")
    assert other.refusal("threads.getState", threadId=thread) == "E_THREAD_NOT_FOUND"
    assert other.refusal("threads.resume", threadId=thread) == "E_THREAD_NOT_FOUND"
    assert other.call("threads.resolveByConversationId", conversationId="c") is None
    assert listed(other) == {"page": [], "isDone": True, "continueCursor": ""}
    args = {"conversationId": "c", "threadId": thread}
    assert other.refusal("threads.archiveByConversation", **args) == "E_CONVERSATION_NOT_FOUND"
    made = other.call("threads.create", threadId=thread)
    assert made == {"threadId": thread}
    assert len(host.rows("codex_threads", threadId=thread)) == 2


def test_blanks_around_a_name_make_no_other_person():
    backend = deployment(trusted_actor=True)
    thread = resolved(Host(backend, user=" u "))["threadId"]
    plain = Host(backend, user="u")
    assert resolved(plain)["threadId"] == thread
    assert plain.rows("codex_threads")[0]["userId"] == "u"
    plain.call("threads.create", threadId=thread)


def test_an_archived_conversation_is_hidden_until_it_is_asked_for(host):
    thread = resolved(host)["threadId"]
    assert archived(host, "c", thread) == {
        "conversationId": "c",
        "threadId": thread,
        "status": "archived",
    }
    one = {"conversationId": "c"}
    empty = {"page": [], "isDone": True, "continueCursor": ""}
    assert host.call("threads.listByConversation", **one) == empty
    assert listed(host)["page"] == []
    for shown in (
        host.call("threads.listByConversation", **one, includeArchived=True)["page"],
        listed(host, includeArchived=True)["page"],
    ):
        assert [(found["conversationId"], found["status"]) for found in shown] == [
            ("c", "archived")
        ]
    assert archived(host, "c", thread)["status"] == "archived"
    assert archived(host, "c", thread, "unarchive")["status"] == "active"
    assert len(host.call("threads.listByConversation", **one)["page"]) == 1


def test_resuming_brings_a_thread_back_from_the_archive(host):
    thread = resolved(host)["threadId"]
    archived(host, "c", thread)
    assert host.call("threads.resume", threadId=thread) == {"threadId": thread, "status": "active"}
    assert row(host, thread)["status"] == "active"
    assert host.refusal("threads.resume", threadId="no") == "E_THREAD_NOT_FOUND"


@pytest.mark.parametrize("name", ["archive", "unarchive"])
def test_the_archive_takes_a_conversation_only_with_its_own_thread(host, name):
    thread = resolved(host)["threadId"]
    other = resolved(host, "d")["threadId"]
    call = f"threads.{name}ByConversation"
    wrong = {"conversationId": "c", "threadId": other}
    assert host.refusal(call, **wrong) == "E_CONVERSATION_THREAD_MISMATCH"
    unknown = {"conversationId": "x", "threadId": thread}
    assert host.refusal(call, **unknown) == "E_CONVERSATION_NOT_FOUND"
    identity = row(host, thread)["_id"]
    tamper(host.backend, lambda db: db.delete(identity))
    gone = {"conversationId": "c", "threadId": thread}
    assert host.refusal(call, **gone) == "E_THREAD_NOT_FOUND"


def test_an_archived_thread_is_readable_and_writable(host):
    thread = host.conversation()
    archived(host, "c", thread)
    stream = Stream("T")
    assert host.ingest(thread, stream.item_completed(said("m", "hi")))["status"] == "ok"
    assert row(host, thread)["status"] == "archived"
    assert host.call("threads.getState", threadId=thread)["threadStatus"] == "archived"


def test_a_conversation_that_is_bound_to_nothing_is_an_empty_page(host):
    page = host.call("threads.listByConversation", conversationId="unknown")
    assert page == {"page": [], "isDone": True, "continueCursor": ""}
    assert host.call("threads.resolveByConversationId", conversationId="unknown") is None


async def test_the_list_shows_the_latest_changed_first(host):
    for name in "abc":
        resolved(host, name)
        await host.advance(1)
    resolved(host, "a")
    assert [shown["conversationId"] for shown in listed(host)["page"]] == ["a", "c", "b"]


@settings(max_examples=examples(25, 500))
@given(
    changes=st.lists(st.sampled_from(["bound", "bound", "unbound", "archived"]), max_size=12),
    size=st.integers(1, 5),
    apart=st.booleans(),
    everything=st.booleans(),
)
def test_pages_are_full_and_give_each_conversation_once(changes, size, apart, everything):
    host = Host()
    wanted = []
    for number, change in enumerate(changes):
        name = f"c{number}"
        if apart:
            host.backend.clock.advance_to(host.backend.clock.now_ms() + 1)
        if change == "unbound":
            host.call("threads.resolve")
            continue
        thread = resolved(host, name)["threadId"]
        if change == "archived":
            archived(host, name, thread)
        if change == "bound" or everything:
            wanted.append(name)
    seen, cursor = [], None
    while True:
        page = listed(host, size=size, cursor=cursor, includeArchived=everything)
        seen += [shown["conversationId"] for shown in page["page"]]
        if page["isDone"]:
            break
        assert len(page["page"]) == size
        cursor = page["continueCursor"]
    assert sorted(seen) == sorted(wanted)
    if apart:
        assert seen == wanted[::-1]


def test_a_page_of_nothing_says_whether_there_is_more(host):
    assert listed(host, size=0) == {"page": [], "isDone": True, "continueCursor": ""}
    resolved(host)
    assert listed(host, size=0) == {"page": [], "isDone": False, "continueCursor": ""}


@pytest.mark.parametrize("size", [-1, 0.5, PAGE_MOST + 1, float("nan"), float("inf")])
def test_a_page_of_no_size_is_refused(host, size):
    opts = {"numItems": size, "cursor": None}
    assert host.refusal("threads.list", paginationOpts=opts) == "E_PAGE_SIZE_INVALID"


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "1",
        "null",
        "[]",
        "{}",
        '{"updatedAt":1}',
        '{"updatedAt":"1","threadId":"t"}',
        '{"updatedAt":true,"threadId":"t"}',
        '{"updatedAt":1,"threadId":2}',
        '{"updatedAt":1,"threadId":"t","more":1}',
        "[" * 100_000,
    ],
    ids=range(11),
)
def test_a_cursor_that_this_list_has_not_given_out_is_refused(host, cursor):
    opts = {"numItems": 1, "cursor": cursor}
    assert host.refusal("threads.list", paginationOpts=opts) == "E_KEYSET_CURSOR_INVALID"


def preview(host):
    return listed(host)["page"][0]["preview"]


def named(name, event, at, **payload):
    message = {"method": "thread/name/updated", "params": {"threadName": name}} if name else payload
    return lifecycle("thread/name/updated", message, event=event, at=at)


def ingested(host, thread, *events):
    return host.call(
        "sync.ingestSafe",
        sessionId="s",
        threadId=thread,
        streamDeltas=[event for event in events if event["type"] == "stream_delta"],
        lifecycleEvents=[event for event in events if event["type"] == "lifecycle_event"],
    )


def test_a_thread_without_words_has_a_title_all_the_same(host):
    host.conversation()
    assert preview(host) == "Untitled thread"


def test_a_thread_is_shown_by_what_its_user_said_first(host):
    thread = host.conversation()
    stream = Stream("T")
    events = [
        stream.item_completed(said("m0", "I speak first")),
        stream.item_completed(asked("m1", "  summarize this log  ")),
        stream.item_completed(asked("m2", "something else")),
    ]
    ingested(host, thread, *events)
    assert preview(host) == "summarize this log"


def test_the_newest_name_wins_over_what_was_said(host):
    thread = host.conversation()
    stream = Stream("T")
    ingested(host, thread, stream.item_completed(asked("m", "words")))
    ingested(host, thread, named("Older", "n1", 2_000), named(" Release planning ", "n2", 3_000))
    assert preview(host) == "Release planning"


def test_a_newest_name_that_is_none_is_not_replaced_by_an_older_one(host):
    thread = host.conversation()
    stream = Stream("T")
    ingested(host, thread, stream.item_completed(asked("m", "summarize this log")))
    ingested(host, thread, named("Older name", "n1", 2_000))
    ingested(host, thread, lifecycle("thread/name/updated", {"params": {}}, event="n2", at=3_000))
    assert preview(host) == "summarize this log"


def test_a_listed_conversation_has_its_status_time_and_preview(host):
    resolved(host)
    shown = listed(host)["page"][0]
    assert shown == {
        "conversationId": "c",
        "status": "active",
        "updatedAt": host.backend.clock.now_ms(),
        "preview": "Untitled thread",
    }
    assert host.call("threads.listByConversation", conversationId="c")["page"] == [shown]
    assert json.loads(listed(host)["continueCursor"]).keys() == {"updatedAt", "threadId"}
