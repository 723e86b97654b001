"""The specification's vectors and defects of the host runtime, and what shows each.

Vectors about importing stand in :mod:`support.import_vectors`, those about the deployment in
:mod:`support.vectors`. A defect is one that the specification marks in its chapter of the runtime,
or in its index of defects, by its place there; what shows it is a test of the behaviour that it
lacks. The invariant, held by tests/host/test_runtime_vectors.py: every vector has one entry, and
every test that is named exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support.vectors import Because, by

TURNS, THREADS = "host/test_core_turns", "host/test_core_threads"
LIFECYCLE, REQUESTS = "host/test_core_lifecycle", "host/test_core_requests"
CONNECTING, STOPPING = "host/test_runtime_connecting", "host/test_runtime_stopping"
ASKING, LISTENERS = "host/test_runtime_requests", "host/test_runtime_listeners"
KEPT, RUNTIME = "host/test_runtime_kept_requests", "host/test_runtime"
KEEPING, PROGRESS = "host/test_ingest_keeping", "host/test_ingest_progress"
QUEUE = "host/test_ingest_queue"
IMPORTS, PLAN = "host/test_import_flow", "host/test_import_plan"
ENDINGS, IDENTITY = "host/test_import_endings", "host/test_import_identity"
ADAPTERS = "host_persistence/test_adapters"
TERMINAL = "protocol/test_terminal"

BEHIND: Final = by(
    REQUESTS, "test_a_request_that_cannot_be_kept_at_once_is_kept_behind_its_turn_later"
)

IDS: Final[Mapping[str, str]] = {
    "10": """U-RTH-01 U-RTH-02 U-RTH-03 U-RTH-04 U-RTH-05 U-RTH-07 U-RTH-08 U-MOD-01
        U-MOD-02""",
    "11": """U-RUN-01 U-RUN-03 U-RUN-04 U-RUN-08 U-RUN-09 U-RUN-10 U-RUN-11 U-RUN-12 U-RUN-13
        U-RUN-14 U-RUN-17 U-RUN-18 U-RUN-19 U-RUN-20 U-RUN-21 U-RUN-22 U-RUN-23 U-RUN-25 U-RUN-26
        U-RUN-27 U-RUN-28 U-RUN-30 U-RUN-31 U-RUN-32 U-RUN-33 U-RUN-36 U-RUN-37""",
    "13": "U-ADP-01 U-ADP-02 U-ADP-03 U-ADP-04 U-ADP-05",
    "25": """D-RUN-01 D-RUN-02 D-RUN-03 D-RUN-04 D-RUN-05 D-RUN-10 D-RUN-11 D-RUN-12 D-RUN-16
        D-RUN-17 D-RUN-18""",
}
"""The ids by section; ids between them that are not here are not given out, or are an import's."""

RUNTIME_VECTORS: Final[Mapping[str, tuple[str, ...] | Because]] = {
    # Helpers and modes
    "U-RTH-01": by(
        REQUESTS,
        "test_an_id_that_is_a_number_is_not_the_one_that_is_a_text",
        "test_a_request_of_a_method_that_nobody_knows_is_refused",
        "test_a_request_that_cannot_be_read_is_refused_and_reported",
        "test_a_question_is_written_down_with_its_questions",
    ),
    "U-RTH-02": by(TERMINAL, "test_an_ending_has_a_status_and_says_why")
    + by(TURNS, "test_a_turn_ends_as_codex_says"),
    "U-RTH-03": Because(
        "There is no timer to clear: what is written down waits in the queue, behind its turn."
    ),
    "U-RTH-04": by(
        REQUESTS,
        "test_a_request_is_written_down_under_the_persisted_turn_and_told",
        "test_a_registered_tool_is_run_and_its_answer_sent",
    ),
    "U-RTH-05": by(REQUESTS, "test_a_question_is_written_down_with_its_questions"),
    "U-RTH-07": BEHIND,
    "U-RTH-08": by(THREADS, "test_the_first_thread_is_its_own_conversation"),
    "U-MOD-01": by(KEPT, "test_without_persistence_a_thread_is_opened_and_a_turn_is_sent"),
    "U-MOD-02": Because(
        "The arguments have names, so that Python itself refuses an object in their place."
    ),
    # The runtime
    "U-RUN-01": by(
        CONNECTING, "test_codex_is_greeted_and_asked_for_nothing_until_a_thread_is_opened"
    ),
    "U-RUN-03": by(
        LIFECYCLE, "test_a_persistence_that_takes_nothing_is_told_and_what_waits_waits_on"
    ),
    "U-RUN-04": by(ASKING, "test_threads_are_listed_in_their_order_with_their_messages_counted"),
    "U-RUN-08": by(RUNTIME, "test_a_turn_needs_an_open_thread"),
    "U-RUN-09": by(THREADS, "test_the_first_thread_is_its_own_conversation")
    + by(TURNS, "test_codex_is_given_the_dispatch_and_what_the_turn_is_to_run_with"),
    "U-RUN-10": by(THREADS, "test_the_first_thread_is_kept_in_the_conversation_it_is_pinned_to"),
    "U-RUN-11": by(
        CONNECTING,
        "test_tools_are_announced_when_connecting_and_given_when_a_thread_is_opened",
    ),
    "U-RUN-12": by(ASKING, "test_a_thread_is_not_changed_while_a_turn_is_in_flight"),
    "U-RUN-13": by(ASKING, "test_a_method_asks_codex_for_the_one_thing_it_is_for"),
    "U-RUN-14": by(ASKING, "test_a_method_asks_codex_for_the_one_thing_it_is_for"),
    "U-RUN-17": by(THREADS, "test_an_old_thread_is_opened_by_its_id_alone"),
    "U-RUN-18": by(REQUESTS, "test_an_answer_goes_to_codex_first_and_is_written_down_then"),
    "U-RUN-19": by(REQUESTS, "test_a_request_is_answered_once"),
    "U-RUN-20": by(REQUESTS, "test_a_registered_tool_is_run_and_its_answer_sent"),
    "U-RUN-21": by(REQUESTS, "test_a_registered_tool_is_run_and_its_answer_sent"),
    "U-RUN-22": by(THREADS, "test_a_message_that_is_of_no_turn_is_counted_and_not_kept"),
    "U-RUN-23": by(THREADS, "test_a_message_of_a_turn_is_counted_and_kept"),
    "U-RUN-25": by(
        TURNS,
        "test_a_steer_reaches_the_turn_in_flight_under_codexs_own_id",
        "test_an_interrupt_reaches_the_turn_in_flight_under_codexs_own_id",
    ),
    "U-RUN-26": BEHIND
    + by(REQUESTS, "test_a_request_is_written_down_under_the_persisted_turn_and_told"),
    "U-RUN-27": by(REQUESTS, "test_the_end_of_a_turn_expires_its_requests_in_both_stores"),
    "U-RUN-28": by(
        TURNS,
        "test_an_interrupt_without_a_turn_does_nothing_now_or_later",
        "test_an_interrupt_of_a_turn_that_failed_to_start_does_not_reach_the_next_one",
    ),
    "U-RUN-30": by(KEEPING, "test_an_event_that_is_out_of_order_was_kept_before_and_is_no_trouble"),
    "U-RUN-31": by(REQUESTS, "test_a_request_that_cannot_be_read_is_refused_and_reported"),
    "U-RUN-32": by(TURNS, "test_an_end_without_a_turn_is_reported_and_the_turn_in_flight_fails"),
    "U-RUN-33": by(
        ASKING,
        "test_a_method_asks_codex_for_the_one_thing_it_is_for",
        "test_what_has_no_params_is_asked_without_any",
    ),
    "U-RUN-36": by(
        LISTENERS,
        "test_a_listener_hears_of_the_present_state_at_once_and_of_every_other",
    ),
    "U-RUN-37": by(
        REQUESTS, "test_the_requests_of_the_open_conversation_are_listed_as_they_are_kept"
    ),
    # The persistence adapter
    "U-ADP-01": by(KEPT, "test_how_far_an_import_is_and_what_waits_is_read_and_never_written"),
    "U-ADP-02": by(ADAPTERS, "test_an_import_goes_from_its_source_to_its_end"),
    "U-ADP-03": by(
        REQUESTS, "test_the_requests_of_the_open_conversation_are_listed_as_they_are_kept"
    ),
    "U-ADP-04": by(KEPT, "test_how_far_an_import_is_and_what_waits_is_read_and_never_written"),
    "U-ADP-05": by(KEPT, "test_how_far_an_import_is_and_what_waits_is_read_and_never_written"),
    # The runtime, derived
    "D-RUN-01": by(LIFECYCLE, "test_connecting_again_changes_nothing_and_shows_the_state"),
    "D-RUN-02": Because(
        "There is always a way to open Codex: the installed binary, where no other is given."
    ),
    "D-RUN-03": by(LIFECYCLE, "test_what_cannot_be_read_is_shown_and_survived"),
    "D-RUN-04": by(CONNECTING, "test_somebody_without_a_name_is_a_new_somebody_each_time"),
    "D-RUN-05": by(CONNECTING, "test_a_session_keeps_its_name_and_gets_a_unique_part"),
    "D-RUN-10": BEHIND
    + by(KEEPING, "test_a_note_that_is_refused_is_reported_and_holds_nothing_up"),
    "D-RUN-11": by(TURNS, "test_an_interrupt_without_a_turn_does_nothing_now_or_later"),
    "D-RUN-12": by(TURNS, "test_two_turns_sent_at_once_are_one_turn_and_one_refusal"),
    "D-RUN-16": by(
        THREADS, "test_a_thread_that_cannot_be_bound_is_told_and_bound_before_the_next_turn"
    ),
    "D-RUN-17": by(ASKING, "test_fresh_tokens_reach_codex_as_they_are_given"),
    "D-RUN-18": by(LIFECYCLE, "test_codex_may_end_late_after_the_runtime_was_stopped"),
}
"""What shows each vector."""

RUNTIME_DEFECTS: Final[Mapping[str, tuple[str, ...] | Because]] = {
    "06 §2: a listener that throws breaks what is under way": by(
        LISTENERS, "test_whatever_a_listener_raises_is_logged_and_hurts_nobody"
    ),
    "06 §3: a bridge that does not start leaves the runtime stuck": by(
        LIFECYCLE, "test_a_connection_that_fails_is_an_error_and_can_be_tried_again"
    ),
    "06 §3: a runtime never runs again after a protocol error": by(
        LIFECYCLE, "test_a_runtime_runs_again_with_the_next_thing_that_can_be_read"
    ),
    "06 §3: a process that ends after the stop is an error": by(
        LIFECYCLE, "test_codex_may_end_late_after_the_runtime_was_stopped"
    ),
    "06 §4: options of the adapter that connect takes are ignored": Because(
        "Connecting takes no options of the adapter; the adapter is made with them."
    ),
    "06 §4: a failing answer to initialize is ignored": by(
        CONNECTING,
        "test_the_wrong_version_of_codex_is_named",
        "test_a_codex_that_ends_while_it_is_greeted_fails_the_connection_and_another_may_do",
    ),
    "06 §5: an open that fails changes what is bound": by(
        THREADS,
        "test_an_old_thread_is_opened_by_its_id_alone",
        "test_a_thread_that_codex_refuses_leaves_everything_as_it_was",
    ),
    "06 §5: an open whose binding fails is never settled": by(
        THREADS, "test_a_thread_that_cannot_be_bound_is_told_and_bound_before_the_next_turn"
    ),
    "06 §6: of two turns sent at once the second is queued": by(
        TURNS, "test_two_turns_sent_at_once_are_one_turn_and_one_refusal"
    ),
    "06 §6: a turn that could not be sent is reported as accepted": by(
        TURNS,
        "test_a_turn_that_codex_refuses_fails_with_its_reason_and_the_next_can_be_sent",
        "test_a_turn_that_cannot_be_claimed_is_failed_and_refused",
    ),
    "06 §6: what a turn runs with cannot be set": by(
        TURNS, "test_codex_is_given_the_dispatch_and_what_the_turn_is_to_run_with"
    ),
    "06 §6: a turn that begins before its answer is shown under Codex's id": by(
        TURNS,
        "test_what_is_said_before_the_answer_that_names_the_turn_counts_after_it",
        "test_everything_of_a_turn_is_kept_under_its_persisted_id",
    ),
    "06 §6: any turn that begins is taken for the one that was sent": by(
        TURNS,
        "test_a_turn_that_codex_has_put_into_another_ones_is_said_to_be_so",
        "test_a_turn_that_somebody_begins_while_ours_is_claimed_is_never_steered_by_it",
    ),
    "06 §6: the end of any turn settles the one in flight": by(
        TURNS, "test_the_end_of_another_turn_ends_nothing"
    ),
    "06 §6: the next turn begins before the end of the last one is kept": by(
        TURNS, "test_the_next_turn_waits_until_it_is_written_down_how_the_last_one_ended"
    ),
    "06 §6: an end that names no turn leaves the turn in flight": by(
        TURNS, "test_an_end_without_a_turn_is_reported_and_the_turn_in_flight_fails"
    ),
    "06 §6: an error that is tried again ends the turn": by(
        TURNS, "test_an_error_that_is_tried_again_does_not_end_a_turn"
    ),
    "06 §6: a turn stays queued durably when the runtime stops or Codex ends": by(
        LIFECYCLE,
        "test_stopping_interrupts_the_turn_in_flight_and_it_ends_as_interrupted",
        "test_the_turn_in_flight_fails_with_codex_behind_everything_it_has_said",
    ),
    "06 §6: an interrupt while idle ends the next turn": by(
        TURNS, "test_an_interrupt_without_a_turn_does_nothing_now_or_later"
    ),
    "06 §7: requests that wait are not expired durably when the runtime stops": by(
        REQUESTS, "test_stopping_expires_everything", "test_the_end_of_codex_expires_everything"
    ),
    "06 §8: events of other threads are kept in the open one": by(
        THREADS, "test_what_is_said_of_another_thread_is_told_and_counted_and_never_kept"
    ),
    "06 §8: two lines interleave": by(
        THREADS, "test_what_is_said_of_a_thread_before_it_is_bound_is_kept_when_it_is"
    ),
    "06 §8: deltas of different items are merged": by(
        QUEUE, "test_text_of_something_else_is_never_merged"
    ),
    "06 §8: a batch that fails is lost": by(
        KEEPING,
        "test_a_batch_that_may_not_have_arrived_is_sent_again_as_it_was",
        "test_everything_that_came_while_persistence_was_down_is_kept_in_order",
    ),
    "06 §9: a question whose options are absent is refused": by(
        REQUESTS, "test_a_question_is_written_down_with_its_questions"
    ),
    "06 §9: a request that was never kept cannot be resolved": BEHIND,
    "06 §9: an approval answered here does not settle its row": Because(
        "The row is settled by what Codex says of the item, and by the end of the turn at the "
        "latest: both are kept in order, and an answer that Codex did not take decides nothing."
    ),
    "06 §9: fresh tokens fail the outbound check": by(
        ASKING, "test_fresh_tokens_reach_codex_as_they_are_given"
    ),
    "06 §9: the window of the model is never kept": by(
        LIFECYCLE, "test_token_usage_is_kept_with_the_window_of_its_model"
    ),
    "06 §10: opening a session sets the cursor back": by(
        PROGRESS, "test_the_cursor_goes_on_from_where_it_was_before_this_runtime"
    ),
    "06 §10: a runtime goes on with a session that was replaced": by(
        KEEPING, "test_a_deployment_that_wants_another_session_gets_one_for_good"
    ),
    "06 §10: data that was lost is reported as kept in part": by(
        KEEPING, "test_the_one_event_that_is_refused_is_found_and_set_aside"
    )
    + by(
        PROGRESS,
        "test_a_conversation_that_lacks_something_has_drifted_and_says_so_from_then_on",
    ),
    "06 §11: requests whose ids are a number and its text collide": by(
        ADAPTERS, "test_requests_with_a_number_and_with_its_text_are_two"
    ),
    "06 §11: turns of all threads wait in one line": by(
        ADAPTERS, "test_turns_of_a_thread_are_claimed_in_the_order_they_were_accepted"
    ),
    "06 §11: an import without persistence fails only after the thread was read": by(
        RUNTIME, "test_nothing_is_imported_where_nothing_is_kept"
    ),
    "06 §12: a thread that cannot be read has no code of its own": by(
        ENDINGS, "test_a_thread_that_codex_does_not_have_is_not_imported"
    ),
    "06 §12: a turn that goes on is imported with an error": by(
        PLAN, "test_a_turn_ends_as_codex_says_it_did", "test_a_turn_that_is_not_over_gets_no_end"
    ),
    "06 §12: what is imported again is not recognised": by(
        IMPORTS, "test_importing_again_changes_nothing"
    ),
    "06 §12: an older spelling of a message loses its text": by(
        PLAN, "test_an_older_spelling_of_a_message_is_imported_as_todays"
    ),
    "06 §12: an import that fails is left collecting": by(
        ENDINGS, "test_an_import_whose_chunk_is_refused_fails_and_is_cancelled"
    ),
    "10 §17: importing and then going on live keeps turns twice": by(
        IDENTITY, "test_what_was_imported_is_not_there_twice_when_it_goes_on_live"
    ),
    "10 §17: a failed dispatch is kept as interrupted": by(TURNS, "test_a_turn_ends_as_codex_says"),
    "10 §17: an error while starting Codex ends the host": by(
        CONNECTING, "test_whatever_an_opener_raises_has_a_code"
    ),
}
"""What shows that a defect is not there."""
