"""The command codex-conformance: what it prints, and what it exits with."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from codex_conformance.cli import cli
from codex_conformance.miniatures import MINIATURES
from codex_conformance.miniatures.hosts import HOST_MINIATURES
from codex_conformance.miniatures.runtimes import RUNTIME_MINIATURES
from codex_conformance.report.ndjson import read_record
from codex_conformance.runner.events import CheckFinished
from codex_conformance.suites.catalogue import CHECKS, EVERY_CHECK
from codex_conformance.suites.runtime_catalogue import RUNTIME_CHECKS
from codex_conformance.targets.door import Capability

SUMMARY = re.compile(r"(\d+) checks?: (\d+) passed.* in \d+\.\d s.*\(exit code (\d+)\)")


def invoke(*args):
    return CliRunner().invoke(cli, args)


@contextlib.contextmanager
def serving():
    """A Codex host in a process of its own: its URL and its admin key."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from codex_fakes.cli import main; main()", "convex", "--codex"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().strip(), process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=60)


def outcome_in_process(check):
    """What a check comes to on an app-server that is no process."""
    of_processes = {Capability.PROCESS, Capability.HTTP}
    return "not_applicable" if check.needs & of_processes else "pass"


def test_without_options_everything_passes_on_both_fakes(tmp_path):
    done = invoke("run", "--workspace", str(tmp_path))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    expected = [
        [check.id, check.requirement.level.value, outcome_in_process(check)]
        for check in EVERY_CHECK.values()
    ]
    passed = sum(row[2] == "pass" for row in expected)
    assert SUMMARY.fullmatch(lines[-1]).groups() == (str(len(EVERY_CHECK)), str(passed), "0")
    assert [line.split() for line in lines[-2 - len(EVERY_CHECK) : -2]] == expected
    named = [line.partition(" (")[0] for line in lines[:3]]
    assert named == ["target: simulated", "convex: fake", "runtime: codex-runtime"]


def test_only_the_suites_run_that_there_is_a_target_for():
    one = ("--only", "deletion.job.unknown", "--only", "protocol.ids.echoed")
    for option, check in (
        (("--convex", "fake"), "deletion.job.unknown"),
        (("--app-server", "simulated"), "protocol.ids.echoed"),
    ):
        done = invoke("run", *option, *one)
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[-3].split() == [check, "must", "pass"]
    both = invoke("run", "--convex", "fake", "--app-server", "simulated", *one)
    assert both.stdout.splitlines()[-1].startswith("2 checks: 2 passed in ")


def test_a_runtime_is_judged_between_the_neighbours_that_are_named_and_the_fakes_of_the_others():
    one = ("--only", "lifecycle.phase.created", "--only", "protocol.ids.echoed")
    for options, count in (
        (("--runtime", "codex-runtime"), 1),
        (("--app-server", "simulated"), 2),
        (("--runtime", "codex-runtime", "--convex", "fake"), 1),
    ):
        done = invoke("run", *options, *one)
        assert done.exit_code == 0, done.output
        assert "runtime: codex-runtime (the host runtime of codex-runtime " in done.stdout
        assert done.stdout.splitlines()[-1].startswith(f"{count} check")


def test_the_suites_of_a_runtime_do_not_run_where_only_a_deployment_is_named():
    done = invoke("run", "--convex", "fake", "--only", "lifecycle.phase.created")
    assert done.exit_code == 3
    assert "[E_CONFORMANCE_NOTHING_SELECTED]" in done.stderr
    assert "give one with --runtime or --app-server" in done.stderr


def test_a_broken_runtime_exits_with_1_and_shows_how_to_replay_it():
    broken = ("--runtime", "miniature:never-idle", "--only", "lifecycle.phase.*")
    done = invoke("run", *broken)
    assert done.exit_code == 1
    replay = re.search(r"replay: +codex-conformance (.*)", done.stdout).group(1)
    named = "--app-server simulated --convex fake --runtime miniature:never-idle"
    assert named in replay
    again = invoke(*shlex.split(replay))
    assert SUMMARY.fullmatch(again.stdout.splitlines()[-1]).groups() == ("1", "0", "1")


def test_a_runtime_that_cannot_be_imported_exits_with_3():
    done = invoke("run", "--runtime", "python:no_such_module_here:make")
    assert done.exit_code == 3
    assert done.stderr.startswith("[E_CONFORMANCE_TARGET_INVALID]")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP here")
def test_a_run_that_ignores_signals_measures_the_same():
    run = (
        "import signal; "
        "signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "from codex_conformance.cli import cli; cli()"
    )
    chosen = ("--app-server", "simulated:stdio", "--only", "protocol.process.other-signals")
    done = subprocess.run(
        [sys.executable, "-c", run, "run", "--strict", *chosen],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_host_exits_with_1_and_shows_how_to_replay_it():
    done = invoke("run", "--convex", "miniature:nothing-fails", "--suite", "ingest")
    assert done.exit_code == 1
    assert "mutation ingestBatch" in done.stdout
    replay = re.search(r"replay: +codex-conformance (.*)", done.stdout).group(1)
    assert "--convex miniature:nothing-fails" in replay
    again = invoke(*shlex.split(replay))
    assert SUMMARY.fullmatch(again.stdout.splitlines()[-1]).groups() == ("1", "0", "1")


def test_a_deployment_that_does_not_answer_exits_with_4():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = invoke("run", "--convex", f"url:http://127.0.0.1:{port},trusted")
    assert done.exit_code == 4
    assert done.stderr.startswith("[E_CONFORMANCE_DEPLOYMENT_UNREACHABLE]")


def test_secrets_are_in_no_report(tmp_path):
    path = tmp_path / "run.ndjson"
    with serving() as (url, key):
        target = f"url:{url},admin-key={key}"
        done = invoke(
            "run", "--convex", target, "--only", "deletion.job.unknown", "--report", str(path)
        )
    assert done.exit_code == 0, done.output
    assert key not in done.output + path.read_text()
    assert "admin-key=***" in done.stdout


def test_a_broken_must_exits_with_1_and_shows_how_to_replay_it():
    done = invoke("run", "--app-server", "miniature:wrong-turn-id", "--only", "lifecycle.turn.*")
    assert done.exit_code == 1
    replay = re.search(r"replay: +codex-conformance (.*)", done.stdout).group(1)
    again = invoke(*shlex.split(replay))
    assert again.exit_code == 1
    assert SUMMARY.fullmatch(again.stdout.splitlines()[-1]).groups() == ("1", "0", "1")


def test_a_broken_should_exits_with_0_and_with_strict_with_1():
    broken = ("run", "--app-server", "miniature:no-rate-limits", "--only", "lifecycle.usage.*")
    lenient, strict = invoke(*broken), invoke(*broken, "--strict")
    assert (lenient.exit_code, strict.exit_code) == (0, 1)
    assert "FAIL lifecycle.usage.rate-limits (should)" in lenient.stdout


def test_an_unknown_outcome_exits_with_2():
    done = invoke(
        "run", "--app-server", "miniature:crashes-mid-item", "--only", "lifecycle.turn.same-id"
    )
    assert done.exit_code == 2
    assert "1 unknown" in done.stdout.splitlines()[-1]


def test_a_run_that_takes_too_long_exits_with_2():
    done = invoke("run", "--timeout", "0.000001")
    assert done.exit_code == 2
    assert "the run took longer than" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "args",
    [
        ("run", "--no-such-option"),
        ("run", "--convex", "faek"),
        ("run", "--convex", "url:https://x.test"),
        ("run", "--convex", "fake", "--suite", "protocol"),
        ("run", "--app-server", "simulated", "--suite", "isolation"),
        ("run", "--level", "may"),
        ("run", "--jobs", "0"),
        ("run", "--app-server", "codx"),
        ("run", "--app-server", "codex:path=/no/such/binary"),
        ("run", "--suite", "nonsense"),
        ("run", "--only", "nonsense"),
        ("run", "--report", "/no/such/folder/report.ndjson"),
        ("run", "--workspace", "/no/such/folder"),
        ("list", "--only", "nonsense"),
        ("explain", "nonsense"),
        ("explain",),
        ("nonsense",),
    ],
)
def test_a_users_mistake_exits_with_3_and_no_traceback(args):
    done = invoke(*args)
    assert done.exit_code == 3
    assert "Traceback" not in done.output
    assert re.match(r"\[E_[A-Z_]+\] .+\n  .+|Usage: ", done.stderr)


def test_a_target_that_does_not_start_exits_with_4():
    code = "import sys; print('no \\x1b[31mmodel', file=sys.stderr); sys.exit(9)"
    done = invoke("run", "--app-server", f"stdio:{shlex.join((sys.executable, '-c', code))}")
    assert done.exit_code == 4
    assert done.stderr.startswith("[E_APP_SERVER_START_FAILED]")
    assert "exit code 9" in done.stderr
    assert done.stderr.endswith("  stderr:\n    no \\x1b[31mmodel\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_report_that_cannot_be_written_out_exits_with_3():
    done = invoke("run", "--report", "/dev/full")
    assert done.exit_code == 3
    assert done.stderr.startswith("[E_CONFORMANCE_REPORT_UNWRITABLE]")


def test_a_reader_that_stops_reading_is_no_bug():
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "codex_conformance.cli", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as listing:
        listing.stdout.close()
        errors = listing.stderr.read()
        assert listing.wait(timeout=60) == 2
    assert errors == b""


def test_when_nothing_applies_the_exit_code_is_5():
    unscripted = ("--without", "scripted-model", "--suite", "protocol")
    done = invoke("run", "--app-server", "simulated", *unscripted)
    assert done.exit_code == 5
    count = sum(check.requirement.suite == "protocol" for check in CHECKS.values())
    assert f"{count} not applicable" in done.stdout.splitlines()[-1]


def test_a_bug_exits_with_70_and_says_that_it_is_one(monkeypatch):
    monkeypatch.setattr("codex_conformance.runner.selection.Selection.choose", lambda *_args: 1 / 0)
    done = invoke("run")
    assert done.exit_code == 70
    assert "This is a bug in codex-conformance" in done.stderr


def test_checks_that_need_what_is_taken_away_do_not_apply():
    done = invoke("run", "--without", "restart", "--only", "*.restart.*", "--only", "*.ids.echoed")
    assert done.exit_code == 0
    assert "11 not applicable" in done.stdout.splitlines()[-1]


def test_the_report_holds_what_the_console_shows(tmp_path):
    path = tmp_path / "run.ndjson"
    done = invoke("run", "--suite", "protocol", "--report", str(path))
    record = read_record(path)
    assert f"{len(record.results)} checks:" in done.stdout.splitlines()[-1]
    assert {result.id for result in record.results} == {
        id_ for id_ in CHECKS if id_.startswith("protocol.")
    }
    assert record.finished.exit_code == done.exit_code == 0


def test_list_prints_every_check_with_level_and_rule():
    lines = invoke("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(EVERY_CHECK)
    assert all(
        check.requirement.text in line
        for check, line in zip(EVERY_CHECK.values(), lines, strict=True)
    )


def test_list_prints_json_for_programs():
    rows = json.loads(invoke("list", "--json", "--level", "should").stdout)
    assert {row["id"] for row in rows} == {
        check.id for check in EVERY_CHECK.values() if check.requirement.level.value == "should"
    }
    assert set(rows[0]) == {"id", "suite", "level", "text", "source", "needs", "plays"}


@pytest.mark.parametrize("check", EVERY_CHECK.values(), ids=lambda check: check.id)
def test_explain_tells_rule_source_scenes_and_what_breaks_it(check):
    text = invoke("explain", check.id).stdout
    assert check.requirement.text in text
    assert check.requirement.source in text
    assert all(f"    {piece.name}: " in text for piece in check.plays)
    miniatures = {**MINIATURES, **HOST_MINIATURES, **RUNTIME_MINIATURES}.values()
    broken_by = {found.name for found in miniatures if check.id in found.fails}
    assert set(re.findall(r"^    miniature:([a-z0-9-]+): ", text, re.MULTILINE)) == broken_by


def test_help_needs_no_suites_no_fakes_and_no_rich():
    code = (
        "import sys, codex_conformance.cli\n"
        "heavy = ('asyncio', 'msgspec', 'rich', 'codex_fakes', 'codex_conformance.suites')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_program_runs_as_a_process():
    done = subprocess.run(
        [sys.executable, "-m", "codex_conformance.cli", "run", "--only", "protocol.ids.echoed"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].startswith("1 check: 1 passed in ")


# It answers the first request with whatever, says that it is there, and then waits.
ANSWERS_ONCE = """
import json, socket, sys
asked = json.loads(sys.stdin.readline())
print(json.dumps({"id": asked["id"], "result": {"userAgent": "once"}}), flush=True)
socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_exits_with_2_and_reports_what_it_knows(tmp_path, sent):
    report = tmp_path / "run.ndjson"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        port = str(listener.getsockname()[1])
        server = shlex.join((sys.executable, "-c", ANSWERS_ONCE, port))
        running = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "codex_conformance.cli",
                "run",
                "--app-server",
                f"stdio:{server}",
                "--report",
                str(report),
                "--workspace",
                str(tmp_path),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            # The first process is the preflight's, the second one a scene's.
            for _ in range(2):
                listener.accept()[0].close()
            running.send_signal(sent)
            out, err = running.communicate(timeout=60)
        finally:
            running.kill()
            running.communicate()
    assert running.returncode == 2, err
    assert "Traceback" not in err
    assert "the run was interrupted (exit code 2)" in out.splitlines()[-1]
    record = read_record(report)
    assert not record.finished.complete
    known = {event.id for event in record.events if isinstance(event, CheckFinished)}
    assert known | set(record.finished.not_run) == {*CHECKS, *RUNTIME_CHECKS}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.ndjson"]
