"""The commands of codex-runtime schema: what they find, what they say, what they exit with."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from codex_runtime.protocol.lock import packaged_lock_folder, read_lock
from codex_runtime.protocol.lock.reading import read_manifest
from codex_runtime.tooling.cli import ExitCode, cli
from support.schema_source import STRING, message, protocol, types, write_source

OWN = Path(str(packaged_lock_folder()))
RECORDINGS = Path(__file__).parents[1] / "recordings"


def run(*arguments):
    return CliRunner().invoke(cli, ["schema", *map(str, arguments)])


@pytest.fixture
def synced(tmp_path):
    """A lock of the small protocol, and its source."""
    source, target = write_source(tmp_path / "source", protocol()), tmp_path / "lock"
    done = run("sync", "--source", source, "--target", target, "--source-ref", "r1")
    assert done.exit_code == ExitCode.OK, done.output
    return source, target


def changed_source(tmp_path, change):
    bundle = protocol()
    change(bundle)
    return write_source(tmp_path / "changed", bundle)


def test_sync_says_what_it_wrote_and_where_it_comes_from(synced):
    _, target = synced
    manifest = read_manifest(target)
    assert manifest.source.ref == "r1"
    assert [record.path for record in manifest.source.files] == [
        "codex_app_server_protocol.schemas.json",
        "index.ts",
        "v2/index.ts",
    ]
    assert [record.path for record in manifest.files] == ["methods.json", "types.json"]


def test_sync_again_changes_nothing_and_check_is_content(synced):
    source, target = synced
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    run("sync", "--source", source, "--target", target, "--source-ref", "r1")
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    done = run("check", "--target", target, "--source", source)
    assert (done.exit_code, done.output) == (
        ExitCode.OK,
        "Protocol schema manifest is up to date.\nThe lock is what its source gives.\n",
    )


def test_without_a_source_check_says_what_it_did_not_look_at(synced):
    done = run("check", "--target", synced[1])
    assert done.exit_code == ExitCode.OK
    assert "Compared with no source" in done.output


def method_removed(bundle):
    bundle["definitions"]["ServerRequest"]["oneOf"].pop()


def value_removed(bundle):
    types(bundle)["Mode"]["enum"].pop()


def field_removed(bundle):
    del types(bundle)["AskParams"]["properties"]["hint"]


def field_required(bundle):
    types(bundle)["AlphaParams"]["required"].append("count")


def type_narrowed(bundle):
    types(bundle)["AlphaParams"]["properties"]["note"] = STRING


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (method_removed, "method removed: ask"),
        (field_removed, "field removed: ask params.hint"),
        (field_required, "field made required: alpha/start params.count"),
        (type_narrowed, "type narrowed: alpha/start params.note"),
        (value_removed, "enum value removed: alpha/start params.mode"),
    ],
)
def test_check_fails_on_what_is_removed_or_narrowed(synced, tmp_path, change, said):
    source = changed_source(tmp_path, change)
    done = run("check", "--target", synced[1], "--source", source)
    assert done.exit_code == ExitCode.FAILED
    assert said in done.output
    assert "drift" in done.output


def test_check_reports_additions_and_passes(synced, tmp_path):
    def more(bundle):
        types(bundle)["AlphaParams"]["properties"]["extra"] = STRING
        types(bundle)["Mode"]["enum"].append("medium")
        bundle["definitions"]["ClientRequest"]["oneOf"].append(message("beta", "AlphaParams"))

    done = run("check", "--target", synced[1], "--source", changed_source(tmp_path, more))
    assert done.exit_code == ExitCode.OK
    for said in ("field added: alpha/start params.extra", "method added: beta", "medium"):
        assert said in done.output


def test_check_passes_on_other_words(synced, tmp_path):
    source = changed_source(tmp_path, lambda bundle: types(bundle)["Mode"].update(minLength=0))
    done = run("check", "--target", synced[1], "--source", source)
    assert done.exit_code == ExitCode.OK
    assert "other words" in done.output


def test_a_lock_edited_by_hand_fails_the_check(synced):
    _, target = synced
    place = target / "types.json"
    place.write_text(place.read_text().replace('"fast"', '"quick"'))
    done = run("check", "--target", target)
    assert done.exit_code == ExitCode.FAILED
    assert "[E_SCHEMA_LOCK_EDITED]" in done.output


def test_a_lock_edited_together_with_its_manifest_fails_against_its_source(synced, tmp_path):
    source, target = synced
    other = changed_source(tmp_path, field_removed)
    run("sync", "--source", other, "--target", tmp_path / "forged")
    forged = json.loads((tmp_path / "forged" / ".schema-manifest.json").read_text())
    manifest = json.loads((target / ".schema-manifest.json").read_text())
    manifest["files"] = forged["files"]
    (target / ".schema-manifest.json").write_text(json.dumps(manifest))
    shutil.copy(tmp_path / "forged" / "types.json", target)
    # The source only adds to the forged lock: nothing but its own hash tells the forgery.
    done = run("check", "--target", target, "--source", source)
    assert done.exit_code == ExitCode.FAILED
    assert "[E_SCHEMA_LOCK_EDITED]" in done.output
    assert "field added: ask params.hint" in done.output


@pytest.mark.parametrize("command", ["sync", "check", "verify"])
def test_an_incomplete_source_is_one_coded_line(synced, command):
    source, target = synced
    (source / "v2" / "index.ts").unlink()
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    done = run(command, "--target", target, "--source", source)
    assert done.exit_code == ExitCode.USAGE
    assert done.stderr.startswith("[E_SCHEMA_SOURCE_INCOMPLETE]")
    assert len(done.stderr.splitlines()) == 2
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


@pytest.mark.parametrize("below", ["", "inside"])
def test_a_target_in_its_source_is_refused(synced, below):
    source, _ = synced
    done = run("sync", "--source", source, "--target", source / below)
    assert done.exit_code == ExitCode.USAGE
    assert "Refusing nested sync paths." in done.stderr
    assert (source / "index.ts").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--nonsense"),
        ("check", "--source"),
        ("check", "--source", "a", "--codex", "b"),
        ("unheard-of",),
        ("check", "--target", "nowhere"),
        ("sync", "--codex", "no-such-binary"),
        ("verify", "--messages", "nowhere", "--no-simulated"),
    ],
)
def test_a_users_mistake_is_told_without_a_traceback(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == ExitCode.USAGE
    assert "Traceback" not in done.output


def test_a_relative_path_is_read_from_where_the_tool_was_called(synced, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("INIT_CWD", str(tmp_path))
    done = run("check", "--target", "lock", "--source", "source")
    assert done.exit_code == ExitCode.OK, done.output


def test_the_paths_may_come_from_the_environment(synced, monkeypatch):
    source, target = synced
    monkeypatch.setenv("CODEX_PROTOCOL_SCHEMA_SOURCE_DIR", str(source))
    monkeypatch.setenv("CODEX_PROTOCOL_SCHEMA_TARGET_DIR", str(target))
    assert "what its source gives" in run("check").output


def test_verify_holds_the_recordings_and_our_own_messages_to_the_lock():
    done = run("verify", "--messages", RECORDINGS, "--no-simulated")
    assert done.exit_code == ExitCode.OK, done.output
    assert "Everything fits." in done.output
    assert "the census are not verified" in done.output


def recording(folder, *rows):
    path = folder / "said.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_verify_says_which_line_does_not_fit_and_why(tmp_path):
    delta = {"threadId": "t", "turnId": "u", "itemId": "i"}
    path = recording(
        tmp_path,
        {"dir": "note", "msg": "anything"},
        {"dir": "s2c", "msg": {"method": "item/agentMessage/delta", "params": delta}},
        {"dir": "s2c", "msg": {"method": "item/unheardOf", "params": {}}},
        {"dir": "c2s", "msg": {"id": 1, "method": "thread/unsubscribe", "params": {"thread": 1}}},
        {"dir": "s2c", "msg": {"id": 1, "result": {"status": "?"}}},
        {"dir": "c2s", "msg": {"id": 2, "method": "thread/read", "params": {"wrong": True}}},
        {"dir": "s2c", "msg": {"id": 2, "error": {"code": -32600, "message": "Invalid request"}}},
        {"dir": "c2s", "msg": {"id": 3, "method": "thread/read", "params": {}}},
        {"dir": "s2c", "msg": {"id": 3, "error": "no"}},
    )
    done = run("verify", "--messages", path, "--no-simulated")
    assert done.exit_code == ExitCode.FAILED
    wrong = [line for line in done.output.splitlines() if line.startswith("does not fit")]
    assert [" ".join(line.split()[3:6]) for line in wrong] == [
        "said.jsonl:2: params of",
        "said.jsonl:3: the lock",
        "said.jsonl:5: params of",
        "said.jsonl:5: result of",
        "said.jsonl:9: thread/read is",
    ]
    assert "expected the member delta" in wrong[0]


@pytest.mark.parametrize("text", ["{", "[]", '"s2c"', '{"msg": {}}', "\udcff"])
def test_a_line_that_is_no_row_of_a_recording_is_refused(tmp_path, text):
    path = tmp_path / "said.jsonl"
    path.write_bytes(text.encode(errors="surrogateescape") + b"\n")
    done = run("verify", "--messages", path, "--no-simulated")
    assert done.exit_code == ExitCode.USAGE
    assert done.stderr.startswith("[E_SCHEMA_MESSAGES_UNREADABLE]")


def test_help_is_there_before_anything_it_does_not_need():
    program = (
        "import sys; import codex_runtime.tooling.cli; "
        "print(sorted({'asyncio', 'jsonschema', 'jsonschema_rs', 'msgspec', 'subprocess'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_the_installed_command_runs_in_a_process_of_its_own():
    done = subprocess.run(
        [sys.executable, "-m", "codex_runtime.tooling.cli", "schema", "check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Protocol schema manifest is up to date.")


@pytest.mark.real
def test_the_committed_lock_is_what_the_installed_binary_generates(tmp_path):
    target = tmp_path / "lock"
    done = run("sync", "--codex", "--target", target)
    assert done.exit_code == ExitCode.OK, done.output
    for name in ("methods.json", "types.json", ".schema-manifest.json"):
        assert (target / name).read_bytes() == (OWN / name).read_bytes(), name


@pytest.mark.real
def test_check_and_verify_are_content_with_the_installed_binary():
    done = run("verify", "--codex", "--messages", RECORDINGS, "--no-simulated")
    assert done.exit_code == ExitCode.OK, done.output
    assert "The lock is what its source gives." in done.output


@pytest.mark.real
def test_a_folder_the_binary_generated_without_the_stable_schemas_is_a_source(tmp_path):
    from codex_runtime.app_server.binary import find_codex

    source = tmp_path / "source"
    for command in ("generate-json-schema", "generate-ts"):
        subprocess.run(
            [find_codex(), "app-server", command, "--experimental", "--out", source],
            check=True,
            timeout=60,
        )
    done = run("check", "--source", source)
    assert done.exit_code == ExitCode.OK, done.output
    run("sync", "--source", source, "--target", tmp_path / "lock")
    lock, own = read_lock(tmp_path / "lock"), read_lock(OWN)
    assert lock.types == own.types
    assert {method.experimental for _, method in lock.every()} == {None}
