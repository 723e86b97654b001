"""What becomes of a source: whole sources give a lock, others a code."""

from __future__ import annotations

import copy

import pytest

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock import MethodKind
from codex_runtime.tooling.schema.layout import WIDTH, lay_out
from codex_runtime.tooling.schema.normalising import make_lock
from codex_runtime.tooling.schema.source import BUNDLE, generate_source, read_source
from codex_runtime.tooling.schema.writing import lock_files, write_lock
from support.schema_source import HEADER, message, protocol, ref, types, write_source


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "source", protocol())


def refused(folder):
    with pytest.raises(ConfigurationError) as caught:
        make_lock(read_source(folder))
    return caught.value


def test_a_lock_has_the_methods_of_its_source_with_params_and_results(source):
    lock = make_lock(read_source(source))
    start, stop = lock.methods[MethodKind.CLIENT_REQUEST]
    assert (start.name, start.params, start.params_required, start.result) == (
        "alpha/start",
        {"$ref": "#/definitions/AlphaParams"},
        True,
        "AlphaResponse",
    )
    assert (stop.name, stop.params, stop.result) == ("alpha/stop", None, "AlphaStopResponse")
    assert lock.named(MethodKind.SERVER_REQUEST, "ask").result == "AskResponse"
    assert lock.named(MethodKind.SERVER_NOTIFICATION, "told").result is None


def test_prose_is_no_part_of_a_lock(source):
    texts = lock_files(make_lock(read_source(source))).values()
    assert not [text for text in texts if b"prose" in text or b"title" in text]


def test_a_source_of_the_same_messages_in_another_order_gives_the_same_lock(source, tmp_path):
    def backwards(value):
        if isinstance(value, dict):
            return {name: backwards(value[name]) for name in reversed(value)}
        return value

    other = write_source(tmp_path / "other", backwards(protocol()))
    assert lock_files(make_lock(read_source(other))) == lock_files(make_lock(read_source(source)))


def test_what_is_experimental_is_known_only_from_a_source_that_tells(source, tmp_path):
    assert make_lock(read_source(source)).methods[MethodKind.CLIENT_REQUEST][0].experimental is None
    stable = protocol()
    stable["definitions"]["ClientRequest"]["oneOf"].pop()
    told = write_source(tmp_path / "told", protocol(), stable=stable)
    start, stop = make_lock(read_source(told)).methods[MethodKind.CLIENT_REQUEST]
    assert (start.experimental, stop.experimental) == (False, True)


@pytest.mark.parametrize("name", [BUNDLE, "index.ts", "v2/index.ts"])
def test_a_source_that_lacks_a_file_is_incomplete(source, name):
    (source / name).unlink()
    error = refused(source)
    assert error.code == "E_SCHEMA_SOURCE_INCOMPLETE"
    assert name in error.text


def test_a_folder_that_does_not_exist_is_incomplete(tmp_path):
    assert refused(tmp_path / "nowhere").code == "E_SCHEMA_SOURCE_INCOMPLETE"


def test_a_source_that_lacks_a_type_is_incomplete(tmp_path):
    bundle = protocol()
    del types(bundle)["Input"]
    error = refused(write_source(tmp_path, bundle))
    assert (error.code, "Input" in error.text) == ("E_SCHEMA_SOURCE_INCOMPLETE", True)


def test_a_source_that_lacks_a_direction_is_incomplete(tmp_path):
    bundle = protocol()
    del bundle["definitions"]["ServerRequest"]
    assert refused(write_source(tmp_path, bundle)).code == "E_SCHEMA_SOURCE_INCOMPLETE"


@pytest.mark.parametrize("text", ["", "[]", '{"definitions": 1}', "{"])
def test_a_bundle_that_is_none_is_invalid(source, text):
    (source / BUNDLE).write_text(text)
    assert refused(source).code == "E_SCHEMA_SOURCE_INVALID"


def test_a_typescript_file_without_the_generators_header_is_invalid(source):
    (source / "index.ts").write_text("export {};\n")
    error = refused(source)
    assert error.code == "E_SCHEMA_SOURCE_INVALID"
    assert "Schema files missing generated header: index.ts" in error.text


def test_a_keyword_that_is_not_understood_is_refused(tmp_path):
    bundle = protocol()
    types(bundle)["Mode"]["patternProperties"] = {}
    error = refused(write_source(tmp_path, bundle))
    assert error.code == "E_SCHEMA_SOURCE_INVALID"
    assert "patternProperties" in error.text


def test_two_different_types_of_one_name_are_refused(tmp_path):
    bundle = protocol()
    bundle["definitions"]["Mode"] = {"type": "integer"}
    assert refused(write_source(tmp_path, bundle)).code == "E_SCHEMA_SOURCE_INVALID"


def test_methods_that_only_the_typescript_has_come_from_it(source):
    index = source / "index.ts"
    names = ("ClientRequest", "OldParams", "OldResponse")
    index.write_text(
        index.read_text() + "".join(f'export type {{ {n} }} from "./{n}";\n' for n in names)
    )
    for name, text in {
        "ClientRequest": '{ "method": "old", id: Id, params: OldParams, } | '
        '{ "method": "alpha/start", id: Id, params: AlphaParams, } | '
        '{ "method": "alpha/stop", id: Id, params: undefined, }',
        "OldParams": "{ mode: Mode, path: string | null, }",
        "OldResponse": "{ ok: boolean, }",
    }.items():
        (source / f"{name}.ts").write_text(f"{HEADER}export type {name} = {text};\n")
    lock = make_lock(read_source(source))
    names = [method.name for method in lock.methods[MethodKind.CLIENT_REQUEST]]
    assert names == ["old", "alpha/start", "alpha/stop"]
    old = lock.named(MethodKind.CLIENT_REQUEST, "old")
    assert (old.result, old.params_required) == ("OldResponse", True)
    assert lock.types["OldParams"]["required"] == ["mode"]


def test_a_typescript_without_a_method_of_the_bundle_is_refused(source):
    index = source / "index.ts"
    index.write_text(index.read_text() + 'export type { ClientRequest } from "./ClientRequest";\n')
    (source / "ClientRequest.ts").write_text(
        f'{HEADER}export type ClientRequest = {{ "method": "alpha/start", params: AlphaParams }};\n'
    )
    assert refused(source).code == "E_SCHEMA_SOURCE_INVALID"


def test_a_result_that_no_name_finds_is_not_made_up(tmp_path):
    bundle = protocol()
    variants = bundle["definitions"]["ClientRequest"]["oneOf"]
    variants.append(message("odd/one", "Mode"))
    lock = make_lock(read_source(write_source(tmp_path, bundle)))
    assert lock.named(MethodKind.CLIENT_REQUEST, "odd/one").result is None


# --- writing --------------------------------------------------------------------------------------


def test_a_failing_copy_leaves_the_old_lock(source, tmp_path, monkeypatch):
    opened = read_source(source)
    files = lock_files(make_lock(opened))
    target = tmp_path / "lock"
    write_lock(target, files, opened.provenance())
    before = {path.name: path.read_bytes() for path in target.iterdir()}

    moves = []

    def fails(self, other):
        moves.append(self.name)
        if len(moves) == 2:  # the new lock, on its way to the place that the old one has left
            raise OSError(28, "No space left on device")
        return rename(self, other)

    rename = type(target).rename
    monkeypatch.setattr(type(target), "rename", fails)
    changed = {**files, "types.json": b"{}\n"}
    with pytest.raises(ConfigurationError) as caught:
        write_lock(target, changed, opened.provenance())
    assert caught.value.code == "E_SCHEMA_TARGET_INVALID"
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "source"]


def test_a_folder_that_holds_something_else_is_not_replaced(source, tmp_path):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    opened = read_source(source)
    with pytest.raises(ConfigurationError) as caught:
        write_lock(target, lock_files(make_lock(opened)), opened.provenance())
    assert caught.value.code == "E_SCHEMA_TARGET_INVALID"
    assert (target / "thesis.txt").read_text() == "years of work"


def test_a_binary_that_generates_nothing_is_a_coded_error(tmp_path):
    binary = tmp_path / "codex"
    binary.write_text("#!/bin/sh\necho 'no such command' >&2\nexit 2\n")
    binary.chmod(0o755)
    with pytest.raises(ConfigurationError) as caught:
        generate_source(binary, tmp_path / "out")
    assert caught.value.code == "E_SCHEMA_SOURCE_FAILED"
    assert "exit code 2: no such command" in caught.value.text


def test_a_change_to_one_type_changes_the_lines_of_that_type_only(tmp_path):
    bundle = protocol()
    before = make_lock(read_source(write_source(tmp_path / "a", bundle)))
    changed = copy.deepcopy(bundle)
    types(changed)["AskParams"]["properties"]["extra"] = ref("Mode")
    after = make_lock(read_source(write_source(tmp_path / "b", changed)))
    old, new = (lock_files(one)["types.json"].decode().splitlines() for one in (before, after))
    assert set(old) <= set(new)
    assert len(new) - len(old) == 1


def test_lines_are_as_long_as_a_screen_unless_a_value_is_longer():
    text = lay_out({"a": list(range(60)), "b": {"c": "d" * 150}, "e": [], "f": {}})
    lines = text.splitlines()
    assert [line for line in lines if len(line) > WIDTH] == [f'  "c": "{"d" * 150}"']
    assert text.endswith("}\n")
