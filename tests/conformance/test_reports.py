"""Reports: what people and machines are told."""

from __future__ import annotations

import io

import pytest

from codex_conformance.report.console import ConsoleReporter
from codex_conformance.report.ndjson import NdjsonReporter, read_record
from codex_conformance.runner.events import (
    CheckFinished,
    CheckStarted,
    Outcome,
    RunFinished,
    RunStarted,
)
from codex_runtime.errors import ConfigurationError

IDS = ("lifecycle.turn.same-id", "protocol.ids.echoed", "fake.subject.rule")

EVENTS = (
    RunStarted(target="stdio:my server", found="x/1.2.3 (", capabilities=("exit",), checks=IDS),
    CheckStarted(id=IDS[0]),
    CheckFinished(
        id=IDS[0],
        level="must",
        outcome=Outcome.FAIL,
        scene="plain-turns",
        expected="one id",
        found="another id",
        evidence=('<- {"a":1}', "<- \u00fc"),
    ),
    CheckFinished(id=IDS[1], level="must", outcome=Outcome.PASS),
    CheckFinished(id=IDS[2], level="should", outcome=Outcome.UNKNOWN, reason="it broke off"),
    RunFinished(exit_code=1, complete=True, seconds=1.25),
)


def shown(events, **options):
    stream = io.StringIO()
    reporter = ConsoleReporter(stream, **{"terminal": False, **options})
    for event in events:
        reporter.report(event)
    return stream.getvalue()


def test_the_last_line_sums_the_run_up():
    assert shown(EVENTS).splitlines()[-1] == (
        "3 checks: 1 passed, 1 failed, 1 unknown in 1.2 s (exit code 1)"
    )


def test_the_table_names_every_check_in_order():
    lines = shown(EVENTS).splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("check "))) + 1 : -2]
    assert [line.split() for line in table] == [
        [IDS[0], "must", "fail"],
        [IDS[1], "must", "pass"],
        [IDS[2], "should", "unknown"],
    ]


def test_a_failure_shows_rule_evidence_source_and_the_command_that_replays_it():
    text = shown(EVENTS, replay=("--without", "exit"))
    assert "FAIL lifecycle.turn.same-id (must)" in text
    assert "  expected: one id\n  found:    another id\n" in text
    assert '    <- {"a":1}\n' in text
    assert "  source:   FACTS §8\n" in text
    assert (
        "  replay:   codex-conformance run --only lifecycle.turn.same-id "
        "--app-server 'stdio:my server' --without exit\n"
    ) in text


def test_a_check_that_passed_is_only_in_the_table():
    assert shown(EVENTS).count("protocol.ids.echoed") == 1


def test_checks_that_were_not_run_are_in_the_table_and_in_the_summary():
    finished = RunFinished(
        exit_code=2, complete=False, not_run=IDS[1:], cut_short="the run was interrupted"
    )
    text = shown((*EVENTS[:3], finished))
    assert text.count("not run") == 3
    assert text.splitlines()[-1].startswith("3 checks: 0 passed, 1 failed, 2 not run in")
    assert "the run was interrupted (exit code 2)" in text.splitlines()[-1]


def test_on_a_terminal_the_table_is_drawn_and_ends_with_the_same_line():
    text = shown(EVENTS, terminal=True)
    assert "┃" in text
    assert text.splitlines()[-1] == shown(EVENTS).splitlines()[-1]


def write(path, events=EVENTS):
    with NdjsonReporter(path) as reporter:
        for event in events:
            reporter.report(event)
    return path


def code_of(path):
    with pytest.raises(ConfigurationError) as caught:
        read_record(path)
    return caught.value.code


def test_a_run_that_was_written_reads_back_the_same(tmp_path):
    record = read_record(write(tmp_path / "run.ndjson"))
    assert record.events == EVENTS
    assert record.results == EVENTS[2:5]
    assert record.finished == EVENTS[-1]
    assert record.header.tool == "codex-conformance"
    assert record.footer.outcomes["fail"] == 1


def test_a_run_that_did_not_end_has_no_footer_and_is_refused(tmp_path):
    path = write(tmp_path / "run.ndjson", EVENTS[:-1])
    assert code_of(path) == "E_CONFORMANCE_REPORT_TRUNCATED"


def test_a_file_cut_anywhere_is_refused(tmp_path):
    data = write(tmp_path / "whole.ndjson").read_bytes()
    for length in range(len(data)):
        path = tmp_path / "cut.ndjson"
        path.write_bytes(data[:length])
        assert code_of(path) == "E_CONFORMANCE_REPORT_TRUNCATED"


def test_a_file_with_a_line_taken_out_is_refused(tmp_path):
    lines = write(tmp_path / "whole.ndjson").read_bytes().splitlines(keepends=True)
    for missing in range(len(lines)):
        path = tmp_path / "fewer.ndjson"
        path.write_bytes(b"".join(lines[:missing] + lines[missing + 1 :]))
        assert code_of(path).startswith("E_CONFORMANCE_REPORT_")


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b'{"event":"check_finished"}',
        b'{"event":"unheard_of"}',
        b"[]",
        b"\xff",
        b'{"event":"check_started","id":"a","more":1}',
    ],
)
def test_a_line_of_another_format_is_refused_with_its_number(tmp_path, line):
    lines = write(tmp_path / "whole.ndjson").read_bytes().splitlines()
    path = tmp_path / "strange.ndjson"
    path.write_bytes(b"\n".join([*lines[:2], line, *lines[2:], b""]))
    with pytest.raises(ConfigurationError, match="line 3") as caught:
        read_record(path)
    assert caught.value.code == "E_CONFORMANCE_REPORT_INVALID"


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        NdjsonReporter(tmp_path / "no" / "such" / "folder.ndjson")
    assert caught.value.code == "E_CONFORMANCE_REPORT_UNWRITABLE"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert code_of(tmp_path / "nothing.ndjson") == "E_CONFORMANCE_REPORT_INVALID"
