"""What the model did in each recording, in the language of scripts, and how it was configured."""

from __future__ import annotations

from dataclasses import dataclass, field

from codex_fakes.script.steps import (
    Ask,
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Option,
    Patch,
    Question,
    Response,
    Run,
    Say,
    Script,
    Stall,
    Think,
    TypeInto,
    Usage,
    Wait,
)


@dataclass
class Process:
    """One process of a recording.

    Attributes:
        script: What its model does.
        settings: How it is configured, where that is not the default.
        real_time: Whether its clock is the machine's, so that a command can be caught running.
        crashes: Whether it is killed when the client has said all it says.
        opens: The gate that opens before the client sends the message with this place.
        disconnects: The connections that end before a connection begins.
        finally_opens: The gates that open when the client has said all it says.
    """

    script: Script = field(default_factory=Script)
    settings: dict = field(default_factory=dict)
    real_time: bool = False
    crashes: bool = False
    opens: dict = field(default_factory=dict)
    disconnects: dict = field(default_factory=dict)
    finally_opens: tuple = ()


def responses(*answers, otherwise="fail"):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows), otherwise=otherwise)


def say(*pieces, item="msg_1", **options):
    return Say(text=pieces, item_id=item, **options)


def run(command, output="", call="call_1", **options):
    return Run(command=command, output=output, call_id=call, **options)


def held(*pieces):
    return say(*pieces, left_open=True), Stall()


def failing(*answers, **settings):
    """The recordings of failures: a turn that fails, and one that recovers."""
    return [Process(responses(*answers, say("recovered")), settings)]


MADE = run("touch made.txt && echo made", "made\n")
MADE_AGAIN = run("touch made.txt && echo made", "made\n", "call_2")
TOUCH = run("touch x")
ADD = "*** Begin Patch\n*** Add File: new.txt\n+line one\n+line two\n*** End Patch\n"
UPDATE = (
    "*** Begin Patch\n*** Update File: new.txt\n@@\n-line one\n+line 1\n line two\n*** End Patch\n"
)
MOVE = (
    "*** Begin Patch\n*** Update File: new.txt\n*** Move to: moved.txt\n@@\n-line 1\n+line uno\n"
    " line two\n*** End Patch\n"
)
DELETE = "*** Begin Patch\n*** Delete File: moved.txt\n*** End Patch\n"
NO_SUCH_FILE = "*** Begin Patch\n*** Update File: nope.txt\n@@\n-x\n+y\n*** End Patch\n"
CUT = (say("par", "tial", left_open=True), Drop())
PLAN = CallTool(
    tool="update_plan",
    arguments={
        "explanation": "why",
        "plan": [{"step": "a", "status": "in_progress"}, {"step": "b", "status": "pending"}],
    },
    call_id="call_p",
)
COLOUR = Question(
    id="color",
    header="Color",
    question="Which color?",
    options=(Option("Red", "warm"), Option("Blue", "cold")),
)
TWO_TURNS = (say("answer one"), run("echo ran", "ran\n"), say("answer two"))

CASES = {
    "01_hello": [Process(responses(say("Hel", "lo", " wor", "ld")))],
    "01b_hello_experimental_false": [Process(responses(say("Hel", "lo")))],
    "02_reasoning": [
        Process(
            responses(
                (
                    Think(
                        summary=(
                            ("**Plan", "ning**", "\n\nfirst ", "thought"),
                            ("**Second**", "\n\nmore"),
                        ),
                        item_id="rs_1",
                    ),
                    say("The ", "answer", item="msg_2"),
                )
            )
        )
    ],
    "02b_reasoning_raw": [
        Process(
            responses(
                (
                    Think(summary=("summary",), raw=("raw ", "chain"), item_id="rs_1"),
                    say("ans", item="msg_2"),
                )
            ),
            {"show_raw_reasoning": True},
        )
    ],
    "03a_cmd_untrusted_accept": [Process(responses(MADE, say("done")))],
    "03b_cmd_untrusted_decline": [Process(responses(MADE, say("done")))],
    "03d_cmd_untrusted_acceptForSession_twice": [
        Process(responses(MADE, say("done"), MADE_AGAIN, say("done again")))
    ],
    "03e_cmd_acceptWithExecpolicyAmendment": [
        Process(
            responses(
                run("touch made.txt"),
                say("done"),
                run("touch made.txt", call="call_2"),
                say("done again"),
            )
        )
    ],
    "03g_cmd_onrequest_escalated_decline": [
        Process(
            responses(
                run("touch made.txt && echo made", escalate="May I touch?"),
                say("done"),
            )
        )
    ],
    "03h_cmd_onrequest_sandboxed_noapproval": [
        Process(
            responses(
                run(
                    "echo out; echo err >&2; sleep 0.3; echo more; exit 3",
                    ("out\nerr\n", "more\n"),
                    exit_code=3,
                    duration_ms=300,
                ),
                say("done"),
            )
        )
    ],
    "03j_cmd_never_dangerfullaccess": [
        Process(
            responses(
                run(
                    "printf 'a\\n'; sleep 0.3; printf 'b\\n'",
                    ("a\n", "b\n"),
                    duration_ms=300,
                ),
                say("done"),
            ),
            {"approval_policy": "never", "sandbox": "danger-full-access"},
        )
    ],
    "03k_cmd_onrequest_sandbox_denied": [
        Process(
            responses(
                run(
                    "touch /etc/codexfacts_should_fail",
                    "touch: cannot touch '/etc/codexfacts_should_fail': Read-only file system\n",
                    exit_code=1,
                ),
                say("done"),
            )
        )
    ],
    "03m_cmd_approval_jsonrpc_error": [Process(responses(TOUCH, say("done")))],
    "03n_cmd_approval_wrong_id_type": [Process(responses(TOUCH, say("done")))],
    "03p_cmd_background_terminal": [
        Process(
            responses(
                run(
                    "echo start; read x; echo got $x; sleep 30",
                    ("start\r\n", ""),
                    duration_ms=30_000,
                    tty=True,
                    yield_ms=500,
                ),
                TypeInto(
                    into="call_1",
                    text="hello\n",
                    output=("hello\r\n", "got hello\r\n"),
                    yield_ms=500,
                    call_id="call_2",
                ),
                say("left it running"),
            ),
            {"approval_policy": "never", "sandbox": "danger-full-access"},
            real_time=True,
        )
    ],
    "03q_fast_sandbox_denied_command_has_no_item": [
        Process(
            responses(
                run("touch /etc/nope", "Read-only file system\n", "call_0", exit_code=1),
                say("ok"),
                run(
                    "echo 'Permission denied' >&2; exit 1",
                    "Permission denied\n",
                    "call_1",
                    exit_code=1,
                ),
                say("ok"),
                run("echo fine; exit 1", "fine\n", "call_2", exit_code=1),
                say("ok"),
            )
        )
    ],
    "04a_patch_untrusted_accept": [
        Process(responses(Patch(patch=ADD, call_id="call_0"), say("done")))
    ],
    "04b_patch_untrusted_decline": [
        Process(responses(Patch(patch=ADD, call_id="call_0"), say("done")))
    ],
    "04d_patch_acceptForSession_then_update": [
        Process(
            responses(
                Patch(patch=ADD, call_id="call_0"),
                say("done"),
                Patch(patch=UPDATE, call_id="call_1"),
                say("done"),
            )
        )
    ],
    "04e_patch_onrequest_workspacewrite_auto": [
        Process(
            responses(
                *(
                    answer
                    for number, patch in enumerate((ADD, UPDATE, MOVE, DELETE))
                    for answer in (Patch(patch=patch, call_id=f"call_{number}"), say("done"))
                )
            )
        )
    ],
    "04g_patch_invalid": [
        Process(
            responses(
                Patch(patch=NO_SUCH_FILE, call_id="call_0"),
                say("done"),
                Patch(patch="not a patch", call_id="call_1"),
                say("done"),
            )
        )
    ],
    "04h_patch_streaming_feature": [
        Process(
            responses(Patch(patch=ADD, call_id="call_0"), say("done")),
            {"features": frozenset({"apply_patch_streaming_events"})},
        )
    ],
    "05a_interrupt_midstream": [Process(responses(held("partial ", "text "), say("after")))],
    "05b_interrupt_while_approval_pending": [Process(responses(TOUCH))],
    "05d_interrupt_while_command_running": [
        Process(
            responses(run("echo begin; sleep 20; echo end", duration_ms=20_000)),
            {"approval_policy": "never", "sandbox": "danger-full-access"},
            real_time=True,
        )
    ],
    "05e_interrupt_errors": [Process(responses(held("partial ")))],
    "05g_interrupt_twice_and_interrupt_then_idle": [
        Process(responses(held("partial "), say("next")))
    ],
    "05h_interrupt_immediately_after_turn_start": [
        Process(responses(held("partial ")), {"stream_idle_timeout_ms": 20_000})
    ],
    "05j_interrupt_after_failed_turn_and_after_resume": [
        Process(responses(FailHttp(status=500), held("partial "))),
        Process(),
    ],
    "06a_turn_steer": [Process(responses(held("first "), say("steered answer")))],
    "06b_turn_steer_errors": [
        Process(responses((say("first ", left_open=True), Wait("go"))), opens={"9": "go"})
    ],
    "06d_token_usage_two_turns": [
        Process(
            responses(say("a"), (say("b"), Usage(input=250, cached=120, output=30, reasoning=7)))
        )
    ],
    "06e_steer_second_request_input": [
        Process(responses(held("first ", "chunk "), say("steered answer")))
    ],
    "06g_steer_while_approval_pending": [Process(responses(run("touch zz"), say("ok both")))],
    "07_two_threads_concurrent": [
        Process(
            Script(
                responses=tuple(
                    Response(
                        when=name,
                        steps=(
                            say(f"{name} 1 ", item=f"msg_{name}", left_open=True),
                            Wait(name),
                            say(f"{name} 2"),
                        ),
                    )
                    for name in ("alpha", "bravo")
                )
            ),
            finally_opens=("bravo", "alpha"),
        )
    ],
    "08a_resume_after_restart": [
        Process(responses(*TWO_TURNS)),
        Process(responses(say("answer three"))),
    ],
    "08b_resume_errors": [Process()],
    "08d_thread_fork": [Process(responses(*TWO_TURNS, say("forked answer")))],
    "08e_thread_list_read_name_archive": [Process(responses(*TWO_TURNS, say("other")))],
    "08g_auto_compact": [
        Process(
            responses(
                (say("answer one"), Usage(input=600, cached=0, output=20, reasoning=0)),
                say("SUMMARY"),
                (say("answer two"), Usage(input=100, cached=0, output=20, reasoning=0)),
            ),
            {
                "auto_compact_token_limit": 500,
                "compacted_context_tokens": 7_510,
                "model_context_window": 1_900,
            },
        )
    ],
    "08h_rollback_and_revert": [Process(responses(*TWO_TURNS, say("after revert")))],
    "08j_ephemeral_thread": [Process(responses(say("a"), say("b")))],
    "08k_kill9_midturn_then_resume": [
        Process(
            responses(
                say("answer one"),
                (
                    Think(summary=("thinking",), item_id="rs_9"),
                    say("I will run it", item="msg_9"),
                    run("touch before"),
                ),
                (say("partial answer ", item="msg_10", left_open=True), Stall()),
            ),
            crashes=True,
        ),
        Process(responses(say("answer three"))),
    ],
    "09a_exit_stdin_eof_idle": [Process()],
    "09b_exit_stdin_eof_midstream": [Process(responses(held("partial "))), Process()],
    "09d_exit_stdin_eof_command_running": [
        Process(
            responses(run("sleep 31.7; echo late > late.txt", duration_ms=31_700)),
            real_time=True,
        ),
        Process(),
    ],
    "10a_dynamic_tool_call": [
        Process(
            responses(
                *(
                    answer
                    for number, query in enumerate(("abc", "fail", "err", "bad"), 1)
                    for answer in (
                        CallTool(tool="lookup", arguments={"q": query}, call_id=f"call_d{number}"),
                        say("done"),
                    )
                ),
                CallTool(tool="lookup", arguments={"q": "int"}, call_id="call_d5"),
            )
        )
    ],
    "10b_dynamic_tool_spec_errors": [
        Process(
            responses(CallTool(tool="t1", namespace="ns", call_id="call_n1"), say("done")),
        )
    ],
    "10d_request_user_input_default_mode": [
        Process(
            responses(Ask(questions=(COLOUR,), call_id="call_q"), say("ok")),
            {"features": frozenset({"default_mode_request_user_input"})},
        )
    ],
    "10e_update_plan_tool": [Process(responses(PLAN, say("ok")))],
    "10g_request_permissions_tool": [
        Process(
            responses(
                say("x"),
                CallTool(
                    tool="request_permissions",
                    arguments={
                        "reason": "need net",
                        "permissions": {"network": {"enabled": True}},
                    },
                    call_id="call_rp",
                ),
                say("ok"),
            ),
            {"features": frozenset({"request_permissions_tool"})},
        )
    ],
    "11a_account": [Process()],
    "11b_account_requires_openai_auth": [
        Process(),
        Process(responses(say("x"), say("x")), {"requires_openai_auth": True}),
    ],
    "12a_fail_http500_no_retry": failing(FailHttp(status=500)),
    "12b_fail_http500_retries_then_ok": failing(
        FailHttp(status=500),
        FailHttp(status=500),
        say("third time lucky"),
        request_max_retries=3,
    ),
    "12d_fail_disconnect_midstream_no_retry": failing(CUT),
    "12e_fail_disconnect_midstream_retry_ok": failing(
        CUT, say("second try ok"), stream_max_retries=2
    ),
    "12g_fail_http429": failing(FailHttp(status=429, code="rate_limit_exceeded")),
    "12h_fail_http429_usage_limit": failing(
        FailHttp(
            status=429,
            type="usage_limit_reached",
            details={"plan_type": "plus", "resets_at": 1_900_000_000},
        )
    ),
    "12j_fail_http503_overloaded": failing(FailHttp(status=503, code="server_is_overloaded")),
    "12k_fail_response_failed_context_length": failing(
        FailResponse(code="context_length_exceeded"), say("a summary"), say("(no script)")
    ),
    "12m_fail_response_failed_quota": failing(FailResponse(code="insufficient_quota")),
    "12n_fail_response_failed_rate_limit": failing(
        FailResponse(
            code="rate_limit_exceeded", message="Rate limit reached. Please try again in 1s."
        )
    ),
    "12p_fail_garbage_sse_then_eof": failing((Garbage(), say("a"), Drop())),
    "12q_fail_empty_200": failing(Drop()),
    "12s_fail_stream_idle_timeout": [
        Process(),
        Process(responses(held("partial ")), {"stream_idle_timeout_ms": 1_500}),
    ],
    "13a_protocol_before_initialize": [Process(responses(say("works without initialized")))],
    "13b_initialize_variants": [Process() for _ in range(8)],
    "13d_protocol_request_id_types": [Process()],
    "13e_protocol_unknown_method_invalid_params": [
        Process(responses(say("(no script)"), say("empty ok?")))
    ],
    "13g_client_sends_unsolicited_responses": [Process()],
    "13h_pipelined_requests_response_order": [Process()],
    "13j_interrupt_empty_id_right_after_turn_start": [Process()],
    "13k_legacy_v1_methods": [Process(responses(say("x")))],
    "15d_ws_client_disconnects_midturn_turn_continues": [
        Process(
            responses((say("partial ", left_open=True), Wait("go"))),
            opens={"B4": "go"},
            disconnects={"B": ("A",)},
        )
    ],
    "15m_ws_which_notifications_reach_other_connections": [Process(responses(say("x")))],
    "16f_update_plan_enabled_try": [Process(responses(PLAN, say("ok")), {"plan_tool": True})],
    "16a2_compact_start_while_turn_running": [
        Process(
            responses(say("first"), held("partial "), say("(no script)")),
            {"compacted_context_tokens": 7_868},
        )
    ],
    "16a3_review_start_while_turn_running": [
        Process(responses(say("first"), held("partial "), say("(no script)")))
    ],
    "16b_archive_and_delete_while_turn_running": [
        Process(responses(say("first"), held("partial "), say("first"), held("partial ")))
    ],
    "16k_unsubscribe_while_turn_running": [
        Process(
            responses(
                say("first"),
                (say("partial ", left_open=True), Wait("go")),
                say("second"),
                say("ok"),
            ),
            opens={"5": "go"},
        )
    ],
}

NOT_SIMULATED = {
    # Two requests of one id that are answered differently, in either order.
    "13d_protocol_request_id_types": (('"dup"',), None),
    "13h_pipelined_requests_response_order": (('"slow-exec"',), None),
}
"""What a recording has that the simulation does not play yet: requests by their ids, and the
request from which on everything is left out."""
