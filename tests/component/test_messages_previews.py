"""The preview of a conversation: its name, else what the user said first."""

from __future__ import annotations

import pytest

from support.host import Host, Stream, asked, lifecycle, said


@pytest.fixture
def host():
    return Host()


def preview(host):
    (row,) = host.call("listThreadsForConversation", conversationId="c")["page"]
    return row["preview"]


def name(host, thread, *payloads):
    """Name the thread, once for each payload, one after the other."""
    events = [
        lifecycle("thread/name/updated", payload, event=f"n{place}", at=1_000 + place)
        for place, payload in enumerate(payloads)
    ]
    host.call(
        "sync.ingest", sessionId="s", threadId=thread, streamDeltas=[], lifecycleEvents=events
    )


def under(key, value):
    return {"method": "thread/name/updated", "params": {"threadId": "rt", key: value}}


def test_a_thread_nobody_named_or_spoke_in_is_untitled(host):
    thread = host.conversation()
    assert preview(host) == "Untitled thread"
    host.ingest(thread, Stream().item_completed(said("m", "the agent does not count")))
    assert preview(host) == "Untitled thread"


def test_without_a_name_the_first_words_of_the_user_stand_for_it(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(
        thread,
        stream.item_completed(asked("q1", "  summarize this log \n")),
        stream.item_completed(asked("q2", "and that one")),
    )
    assert preview(host) == "summarize this log"


@pytest.mark.parametrize(
    "payload",
    [
        under("threadName", " Release planning "),
        under("thread_name", "Release planning"),
        {"threadName": "Release planning"},
        {"thread_name": "Release planning"},
        {"threadName": " ", "params": {"threadName": "Release planning"}},
    ],
)
def test_a_name_goes_before_what_the_user_said(host, payload):
    thread = host.conversation()
    host.ingest(thread, Stream().item_completed(asked("q", "hello")))
    name(host, thread, payload)
    assert preview(host) == "Release planning"


@pytest.mark.parametrize(
    "newest",
    [under("threadName", ""), under("other", "x"), {"params": None}, [], "text", None],
)
def test_the_newest_name_decides_even_if_it_is_none(host, newest):
    thread = host.conversation()
    host.ingest(thread, Stream().item_completed(asked("q", "summarize this log")))
    name(host, thread, under("threadName", "Older name"), newest)
    assert preview(host) == "summarize this log"


def test_a_name_is_found_behind_any_number_of_other_events_and_messages(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.item_completed(said(f"m{place}", ".")) for place in range(40)])
    host.ingest(thread, stream.item_completed(asked("q", "a late question")))
    assert preview(host) == "a late question"
    name(host, thread, under("threadName", "Named early"))
    notes = [lifecycle("vendor/note", {}, event=f"v{place}", at=9_000) for place in range(40)]
    host.call("sync.ingest", sessionId="s", threadId=thread, streamDeltas=[], lifecycleEvents=notes)
    assert preview(host) == "Named early"
