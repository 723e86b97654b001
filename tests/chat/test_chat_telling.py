"""What is shown of what Codex says: one line for each thing, and nothing of what is not known."""

from __future__ import annotations

import pytest

from codex_runtime.chat.effects import Line, Stream
from codex_runtime.chat.telling import (
    changes_of,
    coded,
    completed_lines,
    delta_of,
    history_lines,
    imported_lines,
    progress_text,
    retry_line,
    started_line,
    state_lines,
    thread_lines,
)
from codex_runtime.host.import_records import Imported, ImportProgress
from codex_runtime.host.listing import ListedThread, ListedThreads
from codex_runtime.host.phases import IngestMetrics
from support.chat_pieces import state, told


class Turn:
    """A turn of a thread that was read."""

    def __init__(self, *items):
        self.items = items


@pytest.mark.parametrize(
    ("message", "delta"),
    [
        (told("item/agentMessage/delta", itemId="a", delta="x"), ("a", Stream("x"))),
        (
            told("item/reasoning/summaryTextDelta", itemId="r", summaryIndex=1, delta="x"),
            ("r 1", Stream("x", "dim")),
        ),
        (told("item/commandExecution/outputDelta", itemId="c", delta="x"), None),
        (told("some/thing/new", delta="x"), None),
    ],
)
def test_the_texts_that_grow_are_the_answer_and_the_summary_of_the_reasoning(message, delta):
    assert delta_of(message) == delta


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"type": "commandExecution", "command": "ls\n-l"}, "$ ls\u240a-l"),
        ({"type": "mcpToolCall", "tool": "look"}, "calls look"),
        ({"type": "dynamicToolCall", "tool": "look"}, "calls look"),
        ({"type": "webSearch", "query": "cats"}, "searches for cats"),
        ({"type": "commandExecution"}, "$ "),
    ],
)
def test_what_codex_begins_to_do_is_one_line(item, text):
    assert started_line(item) == Line(text, "dim")


@pytest.mark.parametrize("item", [{}, {"type": "agentMessage"}, {"type": "newThing"}])
def test_what_is_not_known_shows_nothing(item):
    assert started_line(item) is None
    assert completed_lines(item) == ()


@pytest.mark.parametrize(
    ("item", "texts"),
    [
        ({"type": "commandExecution", "exitCode": 0, "status": "completed"}, ["  exit code 0"]),
        ({"type": "commandExecution", "exitCode": 1, "status": "declined"}, ["  declined"]),
        ({"type": "commandExecution", "exitCode": None, "status": "failed"}, ["  failed"]),
        (
            {
                "type": "fileChange",
                "status": "completed",
                "changes": [
                    {"path": "a\x1b", "kind": {"type": "add"}},
                    {"path": "b", "kind": "delete"},
                    "odd",
                ],
            },
            ["add a\u241b  completed", "delete b  completed"],
        ),
    ],
)
def test_what_became_of_it_is_told(item, texts):
    assert [line.text for line in completed_lines(item)] == texts


@pytest.mark.parametrize("changes", [None, "odd", []])
def test_an_item_without_changes_changes_nothing(changes):
    assert changes_of({"changes": changes}) == ()


def test_only_an_error_after_which_codex_tries_again_is_told_as_one():
    error = {"message": "the line was busy"}
    again = told("error", error=error, willRetry=True)
    assert retry_line(again) == Line("tries again: the line was busy", "dim")
    assert retry_line(told("error", error=error, willRetry=False)) is None
    assert retry_line(told("error", error="odd", willRetry=True)) is None


def test_of_a_thread_that_goes_on_the_last_turn_is_shown():
    old = Turn({"type": "agentMessage", "text": "old"})
    last = Turn(
        {"type": "userMessage", "content": [{"type": "text", "text": "hi"}]},
        {"type": "reasoning", "summary": ["hm"]},
        {"type": "agentMessage", "text": "hello"},
    )
    texts = [line.text for line in history_lines([old, last])]
    assert texts == ["The thread has 2 turns.", "> hi", "hello"]
    assert [line.text for line in history_lines([])] == ["The thread has 0 turns."]


def listed(*threads, next_cursor=None):
    ordinary = {"thread_id": "t1", "preview": "hi", "updated_at": 0, "message_count": 2}
    rows = tuple(ListedThread(**ordinary | thread) for thread in threads)
    return ListedThreads(data=rows, next_cursor=next_cursor)


def test_threads_are_listed_with_the_open_one_marked():
    lines = thread_lines(listed({}, {"thread_id": "t2", "preview": "a\x1b[2J\nb" * 20}), "t1")
    assert lines[0].text == "* t1  1970-01-01 00:00     2  hi"
    assert lines[1].text.startswith("  t2  ")
    assert lines[1].text.endswith("\u2026")
    assert not set(lines[1].text) & {"\x1b", "\n"}


def test_a_thread_of_no_time_is_listed_nevertheless():
    (line,) = thread_lines(listed({"updated_at": 10**18}), None)
    assert line.text == "  t1  ?                    2  hi"


def test_a_page_that_is_not_the_last_one_says_so():
    lines = thread_lines(listed({}, next_cursor="more"), None)
    assert lines[-1] == Line("There are older ones.", "notice")


def test_no_threads_are_said_to_be_none():
    assert [line.text for line in thread_lines(listed(), "t")] == ["There are no threads."]


def test_the_state_names_what_a_user_can_do_something_about():
    shown = state(
        turn_in_flight=True,
        turn_id="turn-9",
        last_error="odd",
        last_error_code="E_X",
        outbox=True,
        ingest_metrics=IngestMetrics(waiting_event_count=3, waiting_bytes=70),
    )
    text = "\n".join(line.text for line in state_lines(shown, "a\nplace", "ada"))
    for part in ("turn-9", "3 to be written, 70 bytes", "a\u240aplace", "[E_X] odd", "crash: yes"):
        assert part in text


def test_a_code_is_put_before_a_text_once():
    assert coded(None, "odd") == "odd"
    assert coded("E_X", "odd") == "[E_X] odd"
    assert coded("E_X", "[E_X] odd") == "[E_X] odd"


@pytest.mark.parametrize(
    ("progress", "text", "last"),
    [
        ({"state": "reading"}, f"[{'.' * 24}] 0/0 messages: reading", False),
        (
            {"state": "sending", "message_count": 4, "sent_messages": 2},
            f"[{'#' * 6}{'.' * 18}] 0/4 messages: sending",
            False,
        ),
        (
            {
                "state": "verifying",
                "message_count": 4,
                "sent_messages": 4,
                "processed_messages": 2,
            },
            f"[{'#' * 18}{'.' * 6}] 2/4 messages: verifying",
            False,
        ),
        (
            {"state": "synced", "message_count": 4, "sent_messages": 4, "processed_messages": 4},
            f"[{'#' * 24}] 4/4 messages: synced",
            True,
        ),
        ({"state": "failed", "message_count": 4}, f"[{'.' * 24}] 0/4 messages: failed", True),
        ({"state": "cancelled"}, f"[{'.' * 24}] 0/0 messages: cancelled", True),
    ],
)
def test_a_bar_grows_with_what_is_sent_and_with_what_is_kept(progress, text, last):
    assert progress_text(ImportProgress(conversation_id="c", **progress)) == (text, last)


def test_an_import_tells_its_warnings():
    imported = Imported(
        conversation_id="c",
        thread_id="t",
        sync_job_id="j",
        sync_job_policy_version=1,
        sync_job_state="failed",
        last_cursor=0,
        imported_turn_count=1,
        imported_message_count=2,
        sync_state="partial",
        warnings=("W_ONE:1",),
        error_code="E_SYNC_ODD",
    )
    assert imported_lines(imported) == (
        Line("[E_SYNC_ODD] The import is failed.", "error"),
        Line("! W_ONE:1", "notice"),
    )
