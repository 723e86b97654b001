"""A lock is what its manifest vouches for, or it is not read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock import packaged_lock, packaged_lock_folder, read_lock
from codex_runtime.protocol.lock.reading import read_manifest
from codex_runtime.protocol.methods import PROTOCOL_VERSION
from codex_runtime.tooling.schema.method_rows import render_rows
from codex_runtime.tooling.schema.writing import lock_files

OWN = Path(str(packaged_lock_folder()))


@pytest.fixture
def copied(tmp_path):
    folder = tmp_path / "lock"
    shutil.copytree(OWN, folder)
    return folder


def refused(folder):
    with pytest.raises(ConfigurationError) as caught:
        read_lock(folder)
    return caught.value


def test_the_packaged_lock_is_read_and_vouched_for(copied):
    assert read_lock(copied) == packaged_lock()


def test_writing_the_packaged_lock_again_gives_its_files():
    for name, content in lock_files(packaged_lock()).items():
        assert (OWN / name).read_bytes() == content, name


def test_the_method_rows_say_what_the_lock_says():
    rows = OWN.parents[1] / "method_rows.py"
    assert rows.read_text() == render_rows(packaged_lock())


def test_the_lock_is_of_the_version_that_everything_is_built_on():
    assert read_manifest(OWN).source.ref == f"codex-cli {PROTOCOL_VERSION}"


def test_importing_the_lock_reads_no_file_and_needs_no_extra():
    program = (
        "import sys; import codex_runtime.protocol.lock as lock; "
        "assert not {'jsonschema', 'jsonschema_rs'} & set(sys.modules); "
        "assert lock.packaged_lock.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("name", ["methods.json", "types.json"])
def test_a_file_that_was_edited_is_noticed(copied, name):
    text = (copied / name).read_text()
    (copied / name).write_text(text.replace('"string"', '"number"', 1).replace("true", "false", 1))
    error = refused(copied)
    assert error.code == "E_SCHEMA_LOCK_EDITED"
    assert f"changed: {name}" in error.text


def test_a_file_that_is_missing_or_too_many_is_noticed(copied):
    (copied / "types.json").rename(copied / "other.json")
    error = refused(copied)
    assert error.code == "E_SCHEMA_LOCK_EDITED"
    assert "missing: types.json; added: other.json" in error.text


def test_a_folder_without_a_manifest_is_no_lock(tmp_path):
    assert refused(tmp_path).code == "E_SCHEMA_LOCK_MISSING"


def without_types(manifest):
    manifest["files"].pop()


def upwards(manifest):
    manifest["files"][0]["path"] = "../methods.json"


MALFORMED = {
    "of another version": lambda m: m.update(version=2),
    "without files": lambda m: m.pop("files"),
    "with files that are no list": lambda m: m.update(files={}),
    "with an entry that is no object": lambda m: m["files"].append("types.json"),
    "with a short hash": lambda m: m["files"][0].update(sha256="ab"),
    "with a negative size": lambda m: m["files"][0].update(size=-1),
    "with an empty path": lambda m: m["files"][0].update(path=""),
    "with a path upwards": upwards,
    "that does not name the types": without_types,
}


@pytest.mark.parametrize("how", MALFORMED)
def test_a_malformed_manifest_is_refused(copied, how):
    place = copied / ".schema-manifest.json"
    manifest = json.loads(place.read_text())
    MALFORMED[how](manifest)
    place.write_text(json.dumps(manifest))
    assert refused(copied).code == "E_SCHEMA_LOCK_INVALID"


@pytest.mark.parametrize("text", ["", "[]", "{", "nonsense"])
def test_a_manifest_that_is_no_object_is_refused(copied, text):
    (copied / ".schema-manifest.json").write_text(text)
    assert refused(copied).code == "E_SCHEMA_LOCK_INVALID"
