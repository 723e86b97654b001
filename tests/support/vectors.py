"""The specification's vectors about the contract, the component and the host, and what shows each.

A vector is shown by tests, named as pytest names them, or does not apply here, for a reason. The
ids are written out by section beside the table, so that a vector cannot be forgotten by not being
in it. The invariant, held by tests/component/test_vectors_of_the_specification.py: every vector has
one entry, and every test that is named exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Because:
    """Why a vector does not apply here.

    Attributes:
        reason: The reason, as a sentence.
    """

    reason: str


def by(file: str, *tests: str) -> tuple[str, ...]:
    """Name tests of one file.

    Args:
        file: The file, without its ending, seen from the folder of all tests.
        tests: The functions.

    Returns:
        The tests as pytest names them.
    """
    return tuple(f"tests/{file}.py::{test}" for test in tests)


SHIM: Final = Because(
    "It is about the file of TypeScript that an application on a real deployment is given; a host "
    "in memory takes its definitions from a function."
)
VIEW: Final = Because(
    "It is about the view of a conversation that a user interface shows, of what is sent and not "
    "yet kept; it reads from the host and is no part of it."
)

IDS: Final[Mapping[str, str]] = {
    "1": "U-ERR-01 U-ERR-02 U-ERR-04 U-ERR-05 U-ERR-06 U-REC-01 U-REC-02",
    "2": """U-OPT-02 U-OPT-03 U-OPT-04 U-OPT-05 U-OPT-06 U-OPT-07 U-OPT-08 U-OPT-09 U-OPT-10
        U-OPT-11 U-IDN-01 U-IDN-02 U-IDN-03 U-IDN-04 U-DEL-01 U-DEL-02""",
    "3": "U-PRV-01 U-PRV-02",
    "4": """U-ING-01 U-ING-02 U-ING-03 U-ING-04 U-ING-05 U-ING-06 U-ING-07 U-ING-09 U-ING-10""",
    "5": """U-SYH-01 U-SYH-02 U-SYH-05 U-SYH-06 U-SYH-07 U-SYH-08 U-SYH-09 U-SYH-11 U-SYH-12
        U-SYH-13""",
    "9": "U-MSP-01 U-MSP-02 U-MSP-03 U-JOB-01 U-JOB-03",
    "12": """U-HST-01 U-HST-02 U-HST-03 U-HST-04 U-HST-06 U-HST-07 U-HST-08 U-HST-09 U-HST-10
        U-HST-11 U-HST-12 U-HST-13 U-HST-14 U-HST-17 U-HST-18 U-HST-19 U-HST-20 U-HST-21 U-HST-22
        U-HST-23 U-HST-24 U-SLC-03 U-SLC-04 U-SLC-05 U-SLC-06 U-SLC-07 U-SLC-08 U-SLC-09 U-SLC-10
        U-SLC-11 U-SLC-12 U-SLC-13 U-AUT-01 U-AUT-02 U-AUT-03 U-AUT-04 U-AUT-05 U-AUT-06""",
    "20": "D-SCO-01 D-SCO-02 D-SCO-03 D-SCO-04 D-SCO-05 D-SCO-06 D-SCO-08 D-SCO-09",
    "21": """D-ING-01 D-ING-02 D-ING-03 D-ING-04 D-ING-05 D-ING-06 D-ING-07 D-ING-13 D-ING-14
        D-ING-15 D-ING-16 D-ING-17 D-ING-18 D-ING-19 D-ING-20 D-STR-04 D-REP-01 D-REP-02 D-REP-03
        D-REP-04 D-REP-05 D-SES-01""",
    "22": "D-REQ-01 D-REQ-02 D-REQ-03 D-REQ-04 D-REQ-05 D-TOK-01 D-TOK-02 D-TOK-03",
    "23": """D-SYN-01 D-SYN-02 D-SYN-03 D-SYN-04 D-SYN-05 D-SYN-06 D-SYN-07 D-SYN-08 D-SYN-11
        D-SYN-12 D-SYN-13 D-SYN-14 D-SYN-15 D-SYN-16 D-SYN-17""",
    "24": """D-DEL-01 D-DEL-02 D-DEL-03 D-DEL-04 D-DEL-05 D-DEL-06 D-DEL-07 D-DEL-08 D-DEL-09
        D-DEL-10 D-DEL-11""",
    "26": "D-SHM-01 D-SHM-02 D-UI-01 D-UI-02 D-UI-03 D-UI-04 D-UI-05 D-UI-06 D-UI-07",
}
"""The ids by section; ids between them that are not here are not given out."""

ACTORS = "contract/test_actors"
DECLARED = "contract/test_declarations"
ERRORS, ITEMS, TERMINAL = "protocol/test_errors", "protocol/test_items", "protocol/test_terminal"
CLOCK = "convex_engine/test_functions_determinism"
APPROVALS = "component/test_requests_approvals"
BATCHES = "component/test_ingest_batches"
BINDINGS = "component/test_bindings_sync"
CASCADES = "component/test_deletion_cascades"
CONVERSATIONS = "component/test_threads_conversations"
FEEDING = "component/test_ingest_feeding"
HELPERS = "component/test_host_helpers"
HOST = "component/test_host_definitions"
JOBS = "component/test_import_jobs"
LOOKALIKES = "component/test_isolation_actors"
MEANWHILE = "component/test_deletion_meanwhile"
MESSAGES = "component/test_messages_states"
NAMES = "component/test_names_texts_and_bounds"
PREVIEWS = "component/test_messages_previews"
PURGES = "component/test_purge_actors"
RAN = "component/test_usage_of_a_turn_that_ran"
READS = "component/test_host_reads"
REPLAY = "component/test_replay_windows"
REQUESTS = "component/test_requests_server"
SCHEDULES = "component/test_deletion_schedules"
SESSIONS = "component/test_streams_sessions"
SOURCES = "component/test_import_sources"
STREAMS = "component/test_streams_states"
TURNS = "component/test_turns_states"
USAGE = "component/test_requests_token_usage"
WORKERS = "component/test_import_workers"

VECTORS: Final[Mapping[str, tuple[str, ...] | Because]] = {
    # Error classifiers, ingest recovery
    "U-ERR-01": by(HELPERS, "test_the_code_of_an_error_is_found_in_its_data_then_in_its_text"),
    "U-ERR-02": by(HELPERS, "test_an_error_of_a_read_says_what_is_the_matter"),
    "U-ERR-04": by(HELPERS, "test_an_error_that_binding_the_session_helps_against_is_recoverable"),
    "U-ERR-05": by(HELPERS, "test_a_turn_that_is_not_there_is_told_from_everything_else"),
    "U-ERR-06": by(HELPERS, "test_an_error_that_binding_the_session_helps_against_is_recoverable"),
    "U-REC-01": by(HELPERS, "test_one_recoverable_error_among_several_is_enough"),
    "U-REC-02": by(HELPERS, "test_one_recoverable_error_among_several_is_enough"),
    # Component utilities
    "U-OPT-02": by(ERRORS, "test_the_text_of_an_error_begins_with_its_code"),
    "U-OPT-03": by(TURNS, "test_a_turn_keeps_the_first_five_hundred_units_of_its_texts"),
    "U-OPT-04": by(READS, "test_who_is_not_who_they_say_is_forbidden_and_reads_nothing"),
    "U-OPT-05": by(CASCADES, "test_of_a_deleted_thread_nothing_remains_and_everything_else_does"),
    "U-OPT-06": by(READS, "test_a_conversation_whose_thread_is_gone_is_missing"),
    "U-OPT-07": by(CONVERSATIONS, "test_a_bound_thread_that_is_gone_is_made_again_under_its_id"),
    "U-OPT-08": by(NAMES, "test_a_turn_that_is_not_there_is_named_in_the_refusal"),
    "U-OPT-09": by(CASCADES, "test_of_a_deleted_turn_nothing_remains_and_everything_else_does"),
    "U-OPT-10": by(STREAMS, "test_ended_streams_never_hide_one_that_goes_on"),
    "U-OPT-11": by(
        CLOCK,
        "test_a_virtual_clock_moves_only_when_it_is_moved_and_never_back",
        "test_the_system_clock_never_goes_back",
    ),
    "U-IDN-01": by(
        NAMES, "test_a_binding_names_its_thread_and_that_of_the_runtime_and_nothing_older"
    ),
    "U-IDN-02": by(NAMES, "test_no_function_of_threads_takes_or_tells_an_older_name"),
    "U-IDN-03": by(ACTORS, "test_a_scope_is_made_of_the_trimmed_identity"),
    "U-IDN-04": by(ACTORS, "test_a_scope_is_made_of_the_trimmed_identity"),
    "U-DEL-01": by(
        NAMES, "test_deltas_are_found_by_the_row_of_their_stream_in_the_order_of_their_places"
    ),
    "U-DEL-02": by(
        CASCADES,
        "test_of_a_deleted_thread_nothing_remains_and_everything_else_does",
        "test_of_a_deleted_turn_nothing_remains_and_everything_else_does",
        "test_no_batch_takes_more_rows_than_it_may_and_none_leaves_an_orphan",
    ),
    # Thread preview
    "U-PRV-01": by(PREVIEWS, "test_a_name_goes_before_what_the_user_said"),
    "U-PRV-02": by(
        CONVERSATIONS, "test_a_newest_name_that_is_none_is_not_replaced_by_an_older_one"
    ),
    # Ingest normalisation and linking
    "U-ING-01": by(BATCHES, "test_a_lifecycle_event_comes_behind_the_deltas_of_an_earlier_time"),
    "U-ING-02": by(BATCHES, "test_a_lifecycle_event_counts_for_the_turn_of_its_payload_alone"),
    "U-ING-03": by(
        BATCHES, "test_the_turn_in_the_payload_stands_for_the_placeholder_of_the_envelope"
    ),
    "U-ING-04": by(BATCHES, "test_a_malformed_payload_of_a_known_kind_is_rejected"),
    "U-ING-05": by(
        BATCHES, "test_an_envelope_that_names_another_turn_than_the_payload_is_rejected"
    ),
    "U-ING-06": by(
        NAMES, "test_the_end_of_a_turn_that_names_no_turn_is_refused_as_a_lifecycle_event_too"
    ),
    "U-ING-07": by(
        BATCHES, "test_a_lifecycle_event_that_names_another_turn_than_its_payload_is_refused"
    ),
    "U-ING-09": by(NAMES, "test_a_code_of_ingest_has_its_public_code_and_helps_or_does_not")
    + by(HELPERS, "test_an_error_that_binding_the_session_helps_against_is_recoverable"),
    "U-ING-10": by(BATCHES, "test_a_stream_belongs_to_one_turn_and_one_thread"),
    # Sync helper parsers
    "U-SYH-01": by(
        TERMINAL, "test_an_ending_has_a_status_and_says_why", "test_other_messages_end_nothing"
    ),
    "U-SYH-02": by(TURNS, "test_of_two_endings_the_worse_stands_with_its_own_text"),
    "U-SYH-05": by(APPROVALS, "test_an_approval_that_is_asked_and_decided_in_one_batch_is_decided"),
    "U-SYH-06": by(NAMES, "test_a_command_that_runs_is_a_snapshot_with_its_payload_as_it_came"),
    "U-SYH-07": by(
        BATCHES, "test_batches_of_deltas_in_a_row_are_ok_whether_deltas_are_saved_or_not"
    ),
    "U-SYH-08": by(BATCHES, "test_a_stream_that_begins_late_is_taken_in_as_partial"),
    "U-SYH-09": by(
        ITEMS,
        "test_a_started_item_is_a_streaming_message_and_a_snapshot_in_progress",
        "test_every_item_has_a_voice_and_a_text",
    ),
    "U-SYH-11": by(ITEMS, "test_a_text_delta_names_its_message"),
    "U-SYH-12": by(ITEMS, "test_a_tool_call_and_a_question_stand_as_messages_of_the_tool"),
    "U-SYH-13": by(ITEMS, "test_reasoning_comes_as_summary_text_section_breaks_and_raw_text"),
    # Progress of synchronisation, the worker
    "U-MSP-01": by(BINDINGS, "test_a_call_that_expects_another_job_changes_nothing"),
    "U-MSP-02": by(BINDINGS, "test_marking_synced_clears_the_error_of_the_job_in_row_and_answer"),
    "U-MSP-03": by(NAMES, "test_every_state_of_an_import_can_be_marked_and_is_told"),
    "U-JOB-01": by(NAMES, "test_an_import_whose_first_chunk_is_gone_fails"),
    "U-JOB-03": by(JOBS, "test_an_import_whose_chunks_hold_no_messages_is_synced"),
    # Host surface
    "U-HST-01": by(HOST, "test_reads_of_imports_are_queries_and_nothing_is_named_after_a_handle"),
    "U-HST-02": by(HOST, "test_a_host_has_exactly_the_endpoints_of_its_manifests"),
    "U-HST-03": by(HOST, "test_a_host_has_exactly_the_endpoints_of_its_manifests"),
    "U-HST-04": by(DECLARED, "test_the_endpoints_are_those_of_the_specification_in_their_order"),
    "U-HST-06": by(HOST, "test_a_component_may_be_mounted_under_any_name"),
    "U-HST-07": by(HOST, "test_a_binding_tells_the_thread_and_whether_it_is_new_and_nothing_more"),
    "U-HST-08": by(HOST, "test_a_binding_needs_a_conversation"),
    "U-HST-09": by(HOST, "test_a_caller_acts_as_who_they_are")
    + by(LOOKALIKES, "test_each_of_a_crowd_of_lookalikes_has_their_own_conversation"),
    "U-HST-10": by(HOST, "test_a_caller_acts_as_who_they_are"),
    "U-HST-11": by(
        READS, "test_what_the_component_refuses_across_the_boundary_becomes_a_safe_answer"
    ),
    "U-HST-12": by(
        READS, "test_what_the_component_refuses_across_the_boundary_becomes_a_safe_answer"
    ),
    "U-HST-13": by(READS, "test_a_safe_answer_has_the_fields_of_a_full_one"),
    "U-HST-14": by(READS, "test_a_conversation_that_was_never_opened_is_missing_and_empty"),
    "U-HST-17": by(MESSAGES, "test_messages_of_a_turn_are_in_the_order_they_came_in"),
    "U-HST-18": by(READS, "test_a_conversation_that_was_never_opened_is_missing_and_empty"),
    "U-HST-19": by(HOST, "test_requests_of_a_conversation_are_as_many_as_asked_for"),
    "U-HST-20": by(READS, "test_a_list_of_a_conversation_that_was_never_opened_is_empty"),
    "U-HST-21": by(READS, "test_the_requests_and_the_usage_of_a_thread_that_is_gone_are_empty"),
    "U-HST-22": by(READS, "test_any_other_refusal_of_the_component_is_thrown"),
    "U-HST-23": by(NAMES, "test_no_module_of_the_host_has_a_facade_that_was_removed"),
    "U-HST-24": SHIM,
    "U-SLC-03": by(HOST, "test_a_component_that_lacks_a_function_is_never_worked_around"),
    "U-SLC-04": by(HOST, "test_a_component_that_lacks_a_function_is_never_worked_around"),
    "U-SLC-05": by(HOST, "test_a_component_that_lacks_a_function_is_never_worked_around"),
    "U-SLC-06": by(NAMES, "test_a_conversation_leads_to_the_thread_it_is_bound_to"),
    "U-SLC-07": by(CONVERSATIONS, "test_a_conversation_that_is_bound_to_nothing_is_an_empty_page"),
    "U-SLC-08": by(HOST, "test_a_component_that_lacks_a_function_is_never_worked_around"),
    "U-SLC-09": by(HELPERS, "test_events_are_parted_into_streams_and_lifecycle"),
    "U-SLC-10": by(HELPERS, "test_events_are_read_and_what_no_event_has_is_left_out"),
    "U-SLC-11": by(HELPERS, "test_statistics_leave_out_rows_that_are_none"),
    "U-SLC-12": by(HELPERS, "test_the_latest_five_of_six_messages_are_shown_in_their_order"),
    "U-SLC-13": by(HELPERS, "test_stats_whose_streams_are_gone_are_orphans"),
    "U-AUT-01": by(ACTORS, "test_an_actor_is_who_the_caller_is"),
    "U-AUT-02": by(ACTORS, "test_nobody_acts_as_somebody_else"),
    "U-AUT-03": by(ACTORS, "test_an_actor_is_who_the_caller_is"),
    "U-AUT-04": by(ACTORS, "test_an_actor_is_who_the_caller_is"),
    "U-AUT-05": by(ACTORS, "test_nobody_acts_as_somebody_else"),
    "U-AUT-06": by(ACTORS, "test_nobody_acts_as_somebody_else"),
    # Scope and access
    "D-SCO-01": by(ACTORS, "test_a_scope_is_made_of_the_trimmed_identity")
    + by(CONVERSATIONS, "test_blanks_around_a_name_make_no_other_person"),
    "D-SCO-02": by(ACTORS, "test_a_scope_is_made_of_the_trimmed_identity"),
    "D-SCO-03": by(ACTORS, "test_two_actors_share_a_scope_only_if_they_are_the_same_actor")
    + by(LOOKALIKES, "test_each_of_a_crowd_of_lookalikes_has_their_own_conversation"),
    "D-SCO-04": by(CONVERSATIONS, "test_what_belongs_to_somebody_else_is_not_found")
    + by(CASCADES, "test_what_is_not_there_cannot_be_deleted")
    + by(FEEDING, "test_the_thread_of_another_user_is_not_there")
    + by(REPLAY, "test_the_thread_of_another_user_cannot_be_replayed_and_shows_no_message"),
    "D-SCO-05": by(CONVERSATIONS, "test_touching_bumps_an_archived_thread_and_leaves_it_archived"),
    "D-SCO-06": by(
        CONVERSATIONS,
        "test_resolving_a_conversation_twice_gives_the_same_thread",
        "test_resolving_without_a_conversation_makes_a_thread_each_time",
    ),
    "D-SCO-08": by(
        CONVERSATIONS,
        "test_the_archive_takes_a_conversation_only_with_its_own_thread",
        "test_an_archived_conversation_is_hidden_until_it_is_asked_for",
    ),
    "D-SCO-09": by(
        BINDINGS, "test_bindings_of_runtime_threads_are_found_directly_and_by_their_last_import"
    ),
    # Ingest and streams
    "D-ING-01": by(BATCHES, "test_an_empty_batch_is_refused_at_the_door_and_rejected_behind_it"),
    "D-ING-02": by(FEEDING, "test_an_unknown_session_is_made_and_the_batch_taken_in"),
    "D-ING-03": by(FEEDING, "test_a_session_of_another_thread_is_bound_to_this_one_from_the_start"),
    "D-ING-04": by(BATCHES, "test_cursors_that_do_not_advance_are_rejected"),
    "D-ING-05": by(BATCHES, "test_a_stream_that_begins_late_is_taken_in_as_partial"),
    "D-ING-06": by(BATCHES, "test_a_new_event_behind_the_end_of_its_stream_is_rejected"),
    "D-ING-07": by(
        BATCHES, "test_a_stored_event_that_comes_again_is_acknowledged_and_not_stored_again"
    ),
    "D-ING-13": by(TURNS, "test_an_error_and_a_completion_in_one_batch_are_a_failure"),
    "D-ING-14": by(
        TURNS,
        "test_of_two_endings_the_worse_stands_with_its_own_text",
        "test_a_turn_moves_as_expected_by_what_is_ingested",
    ),
    "D-ING-15": by(APPROVALS, "test_an_approval_that_is_asked_and_decided_in_one_batch_is_decided"),
    "D-ING-16": by(BATCHES, "test_ids_with_colons_are_taken_as_they_are"),
    "D-ING-17": by(
        BATCHES,
        "test_kinds_are_stored_for_replay_as_the_options_say",
        "test_batches_of_deltas_in_a_row_are_ok_whether_deltas_are_saved_or_not",
    ),
    "D-ING-18": by(BATCHES, "test_raw_reasoning_is_kept_only_where_it_is_asked_for"),
    "D-ING-19": by(BATCHES, "test_a_rejected_batch_leaves_no_trace_of_its_good_events"),
    "D-ING-20": by(
        BATCHES, "test_batches_of_deltas_in_a_row_are_ok_whether_deltas_are_saved_or_not"
    ),
    "D-STR-04": by(
        NAMES, "test_a_sweep_of_expired_deltas_takes_a_thousand_and_leaves_the_rest_to_the_next"
    ),
    "D-REP-01": by(REPLAY, "test_a_reader_gets_everything_that_was_ingested_from_the_beginning"),
    "D-REP-02": by(REPLAY, "test_a_stream_that_begins_later_than_asked_is_rebased"),
    "D-REP-03": by(REPLAY, "test_a_window_of_expired_deltas_is_stale"),
    "D-REP-04": by(REPLAY, "test_the_budget_of_a_request_goes_to_the_streams_in_their_order"),
    "D-REP-05": by(REPLAY, "test_a_checkpoint_moves_forwards_only_and_in_whole_steps"),
    "D-SES-01": by(
        SESSIONS,
        "test_a_session_that_falls_silent_is_stale_after_three_minutes",
        "test_a_stale_session_that_is_heard_from_is_active_and_watched_again",
    ),
    # Server requests, tokens
    "D-REQ-01": by(REQUESTS, "test_ids_that_are_a_number_and_a_text_are_two"),
    "D-REQ-02": by(
        REQUESTS, "test_asking_again_opens_the_request_and_leaves_nothing_of_the_answer"
    ),
    "D-REQ-03": by(REQUESTS, "test_a_request_that_is_not_there_cannot_be_resolved"),
    "D-REQ-04": by(REQUESTS, "test_requests_are_listed_the_latest_changed_first_as_many_as_wanted"),
    "D-REQ-05": by(REQUESTS, "test_a_request_needs_its_thread_and_its_turn"),
    "D-TOK-01": by(USAGE, "test_counts_of_an_unknown_turn_are_left_out_without_an_error"),
    "D-TOK-02": by(USAGE, "test_the_latest_counts_of_a_turn_stand_and_the_window_is_kept"),
    "D-TOK-03": by(RAN, "test_the_window_of_the_model_is_kept_as_the_app_server_told_it"),
    # Durable synchronisation
    "D-SYN-01": by(JOBS, "test_an_import_ends_synced_with_every_message_and_its_thread_bumped")
    + by(BINDINGS, "test_every_trigger_leads_from_every_state_where_the_table_says"),
    "D-SYN-02": by(JOBS, "test_an_import_of_nothing_is_synced"),
    "D-SYN-03": by(
        SOURCES,
        "test_the_same_chunk_again_changes_nothing",
        "test_another_chunk_under_the_same_index_is_refused",
        "test_nothing_is_appended_to_a_sealed_source",
        "test_a_chunk_with_counts_that_are_none_is_refused",
    ),
    "D-SYN-04": by(SOURCES, "test_a_source_with_a_gap_can_be_filled_and_sealed_again"),
    "D-SYN-05": by(SOURCES, "test_a_wrong_checksum_is_refused_and_leaves_the_source_collecting"),
    "D-SYN-06": by(
        SOURCES, "test_a_manifest_that_names_no_messages_is_refused_and_the_source_stays"
    ),
    "D-SYN-07": by(JOBS, "test_sealing_a_newer_source_cancels_the_older_job"),
    "D-SYN-08": by(SOURCES, "test_sealing_again_gives_the_job_of_this_source"),
    "D-SYN-11": by(JOBS, "test_a_manifest_of_more_messages_than_came_fails_the_import"),
    "D-SYN-12": by(JOBS, "test_messages_beyond_the_manifest_are_no_harm"),
    "D-SYN-13": by(JOBS, "test_a_cancelled_import_stays_cancelled_and_keeps_what_it_has")
    + by(WORKERS, "test_an_import_can_be_cancelled_in_every_state_before_its_end"),
    "D-SYN-14": by(
        JOBS, "test_the_newest_job_is_read_without_an_id_and_only_the_newest_sixteen_with_one"
    ),
    "D-SYN-15": by(JOBS, "test_jobs_are_listed_newest_first_within_the_limit"),
    "D-SYN-16": by(JOBS, "test_whoever_somebody_is_their_import_works_as_them"),
    "D-SYN-17": by(WORKERS, "test_a_restart_between_two_chunks_goes_on_behind_the_last_one"),
    # Deletion
    "D-DEL-01": by(
        CASCADES, "test_a_thread_of_twelve_hundred_messages_goes_in_batches_of_five_hundred"
    ),
    "D-DEL-02": by(CASCADES, "test_no_batch_takes_more_rows_than_it_may_and_none_leaves_an_orphan"),
    "D-DEL-03": by(SCHEDULES, "test_a_deletion_waits_as_long_as_it_may"),
    "D-DEL-04": by(SCHEDULES, "test_a_cancelled_deletion_deletes_nothing"),
    "D-DEL-05": by(SCHEDULES, "test_a_forced_deletion_happens_at_once_and_only_once"),
    "D-DEL-06": by(SCHEDULES, "test_what_runs_or_has_ended_is_neither_cancelled_nor_forced"),
    "D-DEL-07": by(SCHEDULES, "test_nobody_sees_or_moves_another_ones_deletion"),
    "D-DEL-08": by(CASCADES, "test_of_a_deleted_turn_nothing_remains_and_everything_else_does"),
    "D-DEL-09": by(
        PURGES,
        "test_of_a_purged_actor_nothing_remains_but_the_record_of_the_purge",
        "test_a_purge_does_not_touch_whoever_only_looks_like_the_actor",
    ),
    "D-DEL-10": by(PURGES, "test_of_a_purged_actor_nothing_remains_but_the_record_of_the_purge"),
    "D-DEL-11": by(
        MEANWHILE, "test_a_batch_that_raises_fails_the_deletion_and_the_thread_takes_writes_again"
    ),
    # Shim and user interface
    "D-SHM-01": SHIM,
    "D-SHM-02": SHIM,
    "D-UI-01": VIEW,
    "D-UI-02": VIEW,
    "D-UI-03": VIEW,
    "D-UI-04": VIEW,
    "D-UI-05": VIEW,
    "D-UI-06": VIEW,
    "D-UI-07": VIEW,
}
"""What shows each vector, or why it does not apply."""
