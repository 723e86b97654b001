"""Scripts in files: what loads, what does not, and how the errors read."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.script import Response, Run, Say, Script, check_script
from codex_fakes.script.files import dump_script, load_script, parse_script
from codex_runtime.errors import ConfigurationError

from .strategies import UNHURRIED, plain_values, scripts

HELLO = Script(responses=(Response(steps=(Say(text=("Hel", "lo")), Run(command="ls"))),))
VERDICTS = {"script", "E_SCRIPT_INVALID", "E_SCRIPT_FILE_UNREADABLE"}
KINDS = st.sampled_from(["json", "yaml"])


def refused(content, kind="yaml"):
    with pytest.raises(ConfigurationError) as caught:
        parse_script(content, kind, name="a.file")
    assert caught.value.code.startswith("E_SCRIPT_")
    return caught.value.text


def verdict(content, kind):
    """The code of the refusal, or "script"."""
    try:
        assert isinstance(parse_script(content, kind), Script)
    except ConfigurationError as error:
        return error.code
    return "script"


def steps(*rows):
    return json.dumps({"responses": [{"steps": list(rows)}]})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.json", ('{"responses":[{"steps":[{"do":"say","text":["Hel","lo"]},'
                   '{"do":"run","command":"ls"}]}]}')),
        ("s.yaml", ("responses:\n- steps:\n  - {do: say, text: [Hel, lo]}\n"
                   "  - do: run\n    command: ls\n")),
        ("s.YML", ("\ufeffresponses: [{steps: [{do: say, text: [Hel, lo]}, "
                   "{do: run, command: ls}]}]")),
    ],
)  # fmt: skip
def test_a_file_is_read_by_its_ending(tmp_path, name, content):
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    assert load_script(file) == HELLO


@UNHURRIED
@given(script=scripts(), kind=KINDS)
def test_a_dumped_script_loads_back_equal(script, kind):
    checked = check_script(script)
    assert checked == script
    assert parse_script(dump_script(script, kind), kind) == script


@UNHURRIED
@given(content=st.binary() | st.text().map(lambda t: t.encode("utf-8", "replace")), kind=KINDS)
def test_whatever_the_bytes_there_is_a_script_or_a_coded_error(content, kind):
    assert verdict(content, kind) in VERDICTS


@UNHURRIED
@given(value=plain_values(), kind=KINDS, inside=st.sampled_from(["%s", '{"responses": %s}',
       '{"responses": [%s]}', '{"responses": [{"steps": [%s]}]}']))  # fmt: skip
def test_whatever_the_value_there_is_a_script_or_a_coded_error(value, kind, inside):
    assert verdict(inside % json.dumps(value), kind) in {"script", "E_SCRIPT_INVALID"}


@UNHURRIED
@given(script=scripts(), data=st.data())
def test_a_damaged_file_gives_a_script_or_a_coded_error(script, data):
    kind = data.draw(KINDS)
    content = bytearray(dump_script(script, kind).encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=2))
    assert verdict(bytes(content), kind) in {
        "script",
        "E_SCRIPT_INVALID",
        "E_SCRIPT_FILE_UNREADABLE",
    }


@pytest.mark.parametrize(("kind", "depth"), [("json", 50_000), ("yaml", 2_000)])
def test_a_text_nested_too_deeply_is_a_coded_error(kind, depth):
    assert refused("[" * depth + "]" * depth, kind) == "a.file: nested too deeply"


def test_a_character_beyond_the_first_plane_may_be_escaped_as_in_json():
    text = '{"responses": [{"steps": [{"do": "say", "text": "\\ud83d\\ude00"}]}]}'
    for kind in ("json", "yaml"):
        assert parse_script(text, kind).responses[0].steps == (Say(text="\N{GRINNING FACE}"),)


def test_arguments_nested_deeply_are_a_coded_error():
    inner = "[" * 80 + "]" * 80
    text = f'{{"responses":[{{"steps":[{{"do":"call","tool":"t","arguments":{{"a":{inner}}}}}]}}]}}'
    assert "response 1, step 1 (call), field arguments" in refused(text, "json")


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        ('{"responses": [}', "json", "a.file, line 1, column 16: Expecting value"),
        ('{\n "version": 1,\n}', "json", "a.file, line 2, column 14: Illegal trailing comma"),
        ("responses:\n  - [", "yaml", "a.file, line 2, column 6: "),
        ("responses: \x00", "yaml", "a.file, line 1, column 12: special characters"),
        ("a: &x []\nb: *x", "yaml", "a.file, line 2, column 4: an alias"),
        ("a: 1\na: 2", "yaml", "a.file, line 2, column 1: the field 'a' is there twice"),
        ("1: 2", "yaml", "a.file, line 1, column 1: expected the name of a field"),
        ("responses: !!set {a}", "yaml", "a.file, line 1, column 12: the tag"),
        ("responses: !!python/object:os.system {}", "yaml", "a.file, line 1, column 12: the tag"),
        ("responses: !!int many", "yaml", "invalid literal for int()"),
        ("---\n---\n", "yaml", "a.file, line 2, column 1: "),
        ('responses: "\\UFFFFFFFF"', "yaml", "a.file: "),
        ('{"a": 1, "a": 2}', "json", "a.file: the field 'a' is there twice"),
        ('{"version": NaN}', "json", "a.file: NaN is no number of JSON"),
        ('{"version": 1e999}', "json", "the script, field version: expected a finite number"),
        ('{"version": ' + "1" * 5000 + "}", "json", "a.file: "),
        ("", "yaml", "a.file: the script: expected a mapping with the field responses, got null"),
        ("", "json", "a.file, line 1, column 1: Expecting value"),
        (b"\xff", "json", "a.file: byte 0 is not UTF-8 (invalid start byte)"),
    ],
)  # fmt: skip
def test_what_is_no_json_or_yaml_is_located(content, kind, said):
    text = refused(content, kind)
    if "trailing comma" in said and sys.version_info < (3, 13):
        said = "a.file, line 3, column 1: Expecting property name"
    assert said in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", None),
        ('{"responses": 1}', "the script, field responses: expected a list, got int"),
        ('{"respones": []}', ("the script, field respones: there is no such field; did you mean "
                             "responses?")),
        ('{"version": 2}', "the script, field version: invalid enum value 2"),
        ('{"otherwise": "ecko"}', "the script, field otherwise: invalid enum value 'ecko'"),
        ('{"responses": [[]]}', "response 1: expected a mapping with the field steps, got list"),
        ('{"responses": [{}]}', "response 1, field steps: is missing"),
        ('{"responses": [{"steps": [], "wen": "x"}]}', ("response 1, field wen: there is no such "
                                                       "field; did you mean when?")),
        (steps("say"), "response 1, step 1: expected a mapping with the field do, got str"),
        (steps({"text": "x"}), "response 1, step 1, field do: is missing"),
        (steps({"do": 5}), "response 1, step 1, field do: expected str, got int"),
        (steps({"do": "sya", "text": "x"}), ("response 1, step 1, field do: no step is called "
                                            "'sya'; did you mean say?")),
        (steps({"do": "zzzzzz"}), "no step is called 'zzzzzz'; known: say, think, run"),
        (steps({"do": "say", "text": "a"}, {"do": "run", "command": "ls", "exit_code": "1"}),
         "response 1, step 2 (run), field exit_code: expected int, got str"),
        (steps({"do": "run", "comand": "ls"}), ("response 1, step 1 (run), field comand: there is "
                                               "no such field; did you mean command?")),
        (steps({"do": "run"}), "response 1, step 1 (run), field command: is missing"),
        (steps({"do": "run", "command": ""}), "field command: expected str of length >= 1"),
        (steps({"do": "say", "text": ["a", 5]}), "field text[1]: expected str, got int"),
        (steps({"do": "say", "text": "a", "phase": "x"}), "field phase: invalid enum value 'x'"),
        (steps({"do": "fail_http", "status": 200}), "field status: expected int >= 400"),
        (steps({"do": "ask", "questions": [{"id": "a", "header": "", "question": "",
                                            "options": [{"labl": "x"}]}]}),
         "field questions[0].options[0].labl: there is no such field; did you mean label?"),
        (steps({"do": "ask", "questions": [{"id": "a", "headr": ""}]}),
         "field questions[0].headr: there is no such field; did you mean header?"),
        (steps({"do": "ask", "questions": [{"id": "a", "header": ""}]}),
         "field questions[0].question: is missing"),
        (steps({"do": "say", "text": "\ud800"}), "character 0 is half of a surrogate pair"),
        (steps({"do": "call", "tool": "t", "arguments": {"\udfff": 1}}), "surrogate pair"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_its_response_and_step(content, said):
    if said is None:
        assert parse_script(content, "json") == Script()
    else:
        assert said in refused(content, "json")


def test_yaml_means_what_json_means():
    text = "responses: [{steps: [{do: say, text: [yes, 2026-01-01, 0x10, 1_000, 1:30, ~x, '5']}]}]"
    said = parse_script(text, "yaml").responses[0].steps[0].text
    assert said == ("yes", "2026-01-01", "0x10", "1_000", "1:30", "~x", "5")


def test_a_file_without_a_known_ending_is_not_read(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        load_script(tmp_path / "script.toml")
    assert caught.value.code == "E_SCRIPT_FILE_UNREADABLE"
    assert "'.toml', expected one of .json, .yaml, .yml" in caught.value.text


@pytest.mark.parametrize("name", ["missing.json", "folder.json", "nul\0.json"])
def test_a_file_that_cannot_be_read_is_a_coded_error(tmp_path, name):
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        load_script(f"{tmp_path}/{name}")
    assert caught.value.code == "E_SCRIPT_FILE_UNREADABLE"


def test_without_pyyaml_a_yaml_file_names_the_extra(tmp_path):
    (tmp_path / "s.yaml").write_text("{}")
    program = (
        "import sys; sys.modules['yaml'] = None\n"
        "from codex_fakes.script.files import load_script\n"
        "from codex_runtime.errors import ConfigurationError\n"
        "try:\n    load_script(sys.argv[1])\n"
        "except ConfigurationError as error:\n    print(error.code, error.text)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "s.yaml"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("E_EXTRA_MISSING")
    assert "fakes" in done.stdout


def test_the_language_itself_imports_no_reader_of_files():
    program = (
        "import sys, codex_fakes.script as s; s.script(s.Say(text='x'))\n"
        "print(sorted({'yaml', 'json', 'difflib', 'starlette', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
