"""The command ``codex-fakes``, as a user meets it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from codex_fakes.script.json_schema import published_schema

COMMAND = Path(sys.executable).with_name("codex-fakes")


def run(*arguments):
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def hello(tmp_path):
    file = tmp_path / "hello.yaml"
    file.write_text("responses: [{steps: [{do: wait, gate: g}, {do: say, text: hi}]}]")
    return file


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    for name in ("responses", "script-schema", "check-script"):
        assert name in done.stdout


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom codex_fakes.cli import cli\n"
        "try:\n    cli(['--help'])\nexcept SystemExit as leaving:\n    assert not leaving.code\n"
        "print({'asyncio', 'msgspec', 'starlette', 'uvicorn', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_the_schema_is_printed_as_it_is_shipped():
    assert run("script-schema").stdout == published_schema()


def test_a_good_script_is_described(hello):
    done = run("check-script", hello)
    assert (done.returncode, done.stdout) == (0, f"{hello}: 1 responses; gates: g\n")


@pytest.mark.parametrize("arguments", [["check-script"], ["responses", "--script"]])
def test_a_mistake_is_two_lines_and_exit_code_3(tmp_path, arguments):
    file = tmp_path / "bad.json"
    file.write_text('{"responses": [{"steps": [{"do": "sey"}]}]}')
    done = run(*arguments, file)
    assert done.returncode == 3
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith(f"[E_SCRIPT_INVALID] {file}: response 1, step 1, field do:")
    assert "codex-fakes script-schema" in second


def test_a_mistake_stays_on_one_line_whatever_the_file_says(tmp_path):
    file = tmp_path / "bad.json"
    file.write_text('{"two\\nlines": 1}')
    first, _ = run("check-script", file).stderr.splitlines()
    assert "field two lines: there is no such field" in first


def test_a_missing_file_is_a_mistake(tmp_path):
    done = run("check-script", tmp_path / "none.json")
    assert done.returncode == 3
    assert done.stderr.startswith("[E_SCRIPT_FILE_UNREADABLE]")


@pytest.mark.parametrize(
    ("number", "ask", "code"), [(signal.SIGINT, False, 0), (signal.SIGTERM, True, 1)]
)
def test_it_serves_until_it_is_told_to_stop(hello, number, ask, code):
    process = subprocess.Popen(
        [COMMAND, "responses", "--script", hello, "--control"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            url = process.stdout.readline().strip()
            door = url.removesuffix("/v1") + "/_fake/state"
            assert httpx.get(door, trust_env=False).json()["left"] == 1
            if ask:
                httpx.post(f"{url}/responses", content=b"{", trust_env=False)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out) == (code, "")
    assert ("E_MODEL_REQUEST_INVALID" in err) is ask


def test_a_busy_port_is_a_mistake(hello):
    process = subprocess.Popen(
        [COMMAND, "responses", "--script", hello], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            port = process.stdout.readline().strip().removesuffix("/v1").rpartition(":")[2]
            done = run("responses", "--script", hello, "--port", port)
        finally:
            process.terminate()
    assert done.returncode == 3
    assert done.stderr.startswith("[E_FAKE_PORT_BUSY]")
