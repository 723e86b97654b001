"""`codex-fakes convex`: a process of its own, its state file, its control door."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest
from click.testing import CliRunner
from convex.http_client import ConvexHttpClient

from codex_fakes.cli import cli
from codex_fakes.convex.wire import FAULTS, ConvexProcess
from codex_fakes.convex.wire.loading import load_app
from codex_runtime.errors import ConfigurationError
from support.convex_app import APP as APP_HERE

TESTS = Path(__file__).parent.parent
APP = "support.convex_app:APP"
LATER = """
from codex_fakes.convex import App, mutation, query

@mutation
def note(ctx, args):
    ctx.db.insert("notes", {"at": ctx.now()})

@mutation
def later(ctx, args):
    ctx.scheduler.run_after(args["ms"], "m:note", {})

@query
def count(ctx, args):
    return len(ctx.db.query("notes").collect())

app = App(modules={"m": {"note": note, "later": later, "count": count}})
not_an_app = 1
"""


@pytest.fixture
def app_file(tmp_path):
    file = tmp_path / "later.py"
    file.write_text(LATER)
    return file


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    file = tmp_path_factory.mktemp("app") / "later.py"
    file.write_text(LATER)
    with ConvexProcess(f"{file}:app", virtual_clock=True) as process:
        yield process


@pytest.fixture
def later(running):
    """The process, its data and its faults gone; its time goes on from where it was."""
    running.control("reset")
    return running


# The process ---------------------------------------------------------------------------------


def test_a_process_serves_an_app_by_the_name_of_its_module():
    with ConvexProcess(APP, cwd=TESTS) as process:
        http = ConvexHttpClient(process.url)
        http.mutation("messages:send", {"body": "hi"})

        assert http.query("messages:list")[0]["body"] == "hi"


def test_a_process_without_an_app_serves_one_without_functions():
    with ConvexProcess() as process, pytest.raises(Exception, match="Could not find public"):
        ConvexHttpClient(process.url).query("messages:list")


def test_data_answers_and_tokens_survive_a_killed_process(tmp_path):
    process = ConvexProcess(APP, cwd=TESTS, state=tmp_path / "state")
    with process:
        token = process.token("ada")
        for number in range(3):
            ConvexHttpClient(process.url).mutation("messages:send", {"body": str(number)})
        url = process.url
        process.kill()
        process.start()
        http = ConvexHttpClient(process.url)
        http.set_auth(token)

        assert process.url == url
        assert [message["body"] for message in http.query("messages:list")] == ["0", "1", "2"]
        assert http.query("who:am") == "ada"


def test_what_was_scheduled_runs_in_the_next_process(app_file, tmp_path):
    state = tmp_path / "state"
    with ConvexProcess(f"{app_file}:app", state=state, virtual_clock=True) as process:
        ConvexHttpClient(process.url).mutation("m:later", {"ms": 1000})
        process.kill()
        process.start()
        process.control("advance", milliseconds=1000)

        assert ConvexHttpClient(process.url).query("m:count") == 1.0


def test_a_process_that_cannot_start_says_why(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        ConvexProcess(f"{tmp_path}/none.py:app").start()

    assert caught.value.code == "E_FAKE_CONVEX_PROCESS_FAILED"
    assert "E_FAKE_CONVEX_APP_NOT_FOUND" in str(caught.value)


def test_a_signal_ends_it_with_exit_code_0():
    process = subprocess.Popen(
        [sys.executable, "-c", "from codex_fakes.cli import main; main()", "convex"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = Timer(60, process.kill)
    watch.start()
    try:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    finally:
        watch.cancel()

    assert (process.returncode, said) == (0, "")


# The control door ----------------------------------------------------------------------------


def test_time_passes_when_the_door_says_so(later):
    http = ConvexHttpClient(later.url)
    http.mutation("m:later", {"ms": 60_000})
    before = later.control("state")
    later.control("advance", milliseconds=59_999)
    assert http.query("m:count") == 0.0
    after = later.control("advance", milliseconds=1)

    assert http.query("m:count") == 1.0
    assert after["nowMs"] - before["nowMs"] == 60_000
    assert (before["nextDueMs"], after["nextDueMs"]) == (before["nowMs"] + 60_000, None)


def test_the_door_runs_until_nothing_is_scheduled(later):
    http = ConvexHttpClient(later.url)
    http.mutation("m:later", {"ms": 1e9})
    later.control("run_until_idle")

    assert http.query("m:count") == 1.0


def test_a_snapshot_can_be_brought_back(later):
    http = ConvexHttpClient(later.url)
    http.mutation("m:note", {})
    kept = later.control("snapshot")
    later.control("reset")
    assert http.query("m:count") == 0.0
    later.control("restore", **kept)

    assert http.query("m:count") == 1.0


def test_the_door_tells_every_fault(later):
    assert set(later.control("faults")) == set(FAULTS)


def test_the_door_counts_the_faults_that_are_to_come(later):
    later.control("faults/http_503", times=2)

    assert later.control("state")["faults"] == {"http_503": 2}
    assert later.control("reset")["faults"] == {}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("faults/nothing", {}, "E_FAKE_CONVEX_FAULT_UNKNOWN"),
        ("faults/restart", {"times": 1}, "E_FAKE_CONVEX_FAULT_INVALID"),
        ("faults/delay", {"times": 0}, "E_FAKE_CONVEX_FAULT_INVALID"),
        ("faults/delay", {"milliseconds": "5"}, "E_FAKE_CONVEX_FAULT_INVALID"),
        ("faults/delay", {"times": True}, "E_FAKE_CONVEX_FAULT_INVALID"),
        ("faults/delay", {"path": "a b"}, "E_FAKE_CONVEX_FAULT_INVALID"),
        ("advance", {}, "E_FAKE_CONVEX_REQUEST_INVALID"),
        ("advance", {"milliseconds": "1"}, "E_FAKE_CONVEX_REQUEST_INVALID"),
        ("token", {"subject": 1}, "E_FAKE_CONVEX_REQUEST_INVALID"),
        ("restore", {"snapshot": "!"}, "E_FAKE_CONVEX_REQUEST_INVALID"),
        ("restore", {"snapshot": "AAAA"}, "E_FAKE_CONVEX_SNAPSHOT_INVALID"),
    ],
)
def test_a_mistake_at_the_door_has_a_code(later, path, body, code):
    with pytest.raises(ConfigurationError) as caught:
        later.control(path, **body)

    assert caught.value.code == code


def test_the_machines_clock_is_not_moved():
    with ConvexProcess() as process, pytest.raises(ConfigurationError) as caught:
        process.control("advance", milliseconds=1)

    assert caught.value.code == "E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL"


# Mistakes on the command line ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nothing", "does not name an attribute"),
        (":app", "does not name an attribute"),
        ("no.such.module:app", "cannot import no.such.module"),
        ("..:app", "is not the name of a module"),
        ("BROKEN:app", "ZeroDivisionError"),
        ("none.py:app", "there is no file"),
        ("FILE:none", "no such name"),
        ("FILE:not_an_app", "a int of that name"),
    ],
)
def test_an_app_that_is_not_there_is_a_coded_error(app_file, spec, said):
    broken = app_file.with_name("broken_app.py")
    broken.write_text("1 / 0")
    with pytest.raises(ConfigurationError) as caught:
        load_app(spec.replace("FILE", str(app_file)).replace("BROKEN", str(broken)))

    assert caught.value.code == "E_FAKE_CONVEX_APP_NOT_FOUND"
    assert said in str(caught.value)


def test_an_app_is_found_by_its_module():
    assert load_app(APP) is APP_HERE


def test_the_command_explains_itself():
    shown = CliRunner().invoke(cli, ["convex", "--help"])

    assert shown.exit_code == 0
    for option in ("--app", "--port", "--state", "--control", "--virtual-clock", "--redact-logs"):
        assert option in shown.output


# The state file: see also test_kept_state.py -----------------------------------------------------


def test_a_state_file_of_something_else_is_a_coded_error(tmp_path):
    state = tmp_path / "state"
    state.write_text(json.dumps({"not": "ours"}))

    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_SNAPSHOT_INVALID"):
        ConvexProcess(state=state).start()
