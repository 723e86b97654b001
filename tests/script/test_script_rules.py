"""The rules of a script that types cannot say, each with the words of its error."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from codex_fakes.script import (
    Ask,
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Incomplete,
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
    check_script,
    script,
)
from codex_runtime.errors import ConfigurationError

from .strategies import UNHURRIED, scripts

A, B = Say(text="a"), Say(text="b")
OPEN = Say(text="a", left_open=True)
COLOR = Question(id="c", header="h", question="q", options=(Option(label="red"),))


def refusal(*responses):
    with pytest.raises(ConfigurationError) as caught:
        check_script(
            Script(
                responses=tuple(
                    row if isinstance(row, Response) else Response(steps=row) for row in responses
                )
            )
        )
    assert caught.value.code == "E_SCRIPT_INVALID"
    return caught.value.text


@UNHURRIED
@given(scripts())
def test_a_valid_script_is_given_back_as_it_is(valid):
    assert check_script(valid) == valid


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (A, B),
        (OPEN, Wait(gate="g"), B),
        (OPEN, Wait(gate="g"), Usage()),
        (OPEN, Stall()),
        (OPEN, Drop()),
        (OPEN, Garbage(), B),
        (OPEN, B),
        (OPEN, Wait(gate="g"), Say(text="b", left_open=True), Drop()),
        (OPEN, Wait(gate="g"), Run(command="ls")),
        (Say(text="a", item_id="m", left_open=True), Stall()),
        (Say(text="a", item_id="m", left_open=True), Wait(gate="g"), Say(text="b", item_id="m")),
        (Wait(gate="g"), FailHttp(status=500)),
        (Garbage(text="half an event"), Drop()),
        (Drop(),),
    ],
)
def test_what_makes_sense_is_accepted(steps):
    assert script(steps).responses[0].steps == steps


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((Drop(), A), "response 1, step 2 (say): nothing may follow step 1: it ends the response"),
        ((FailHttp(status=500), Usage()), "step 2 (usage): nothing may follow step 1"),
        ((A, FailHttp(status=500)), ("response 1, step 2 (fail_http): an HTTP error comes instead "
                                    "of a stream, so only wait may stand before it, not say")),
        ((Usage(), FailHttp(status=500)), "only wait may stand before it, not usage"),
        ((Usage(), A, Usage()), "step 3 (usage): step 1 already says the usage"),
        ((Usage(), Drop()), ("step 1 (usage): a response that ends with response 1, step 2 (drop) "
                            "reports no usage")),
        ((Usage(), Incomplete()), "reports no usage"),
        ((Usage(), FailResponse(code="x")), "reports no usage"),
        ((Usage(input=1, cached=2),), "field cached: 2 is more than the input 1"),
        ((Usage(output=1, reasoning=2),), "field reasoning: 2 is more than the output 1"),
        ((OPEN,), "step 1 (say), field left_open: the regular end of the response finishes"),
        ((OPEN, Usage()), "field left_open: the regular end"),
        ((OPEN, Run(command="ls")), ("field left_open: response 1, step 2 (run) finishes the "
                                    "message at once")),
        ((OPEN, Think()), "field left_open: response 1, step 2 (think) finishes"),
        ((OPEN, Say(text="b", item_id="m")), ("step 2 (say), field item_id: continues a message "
                                             "that has another id")),
        ((OPEN, Say(text="b", phase="commentary")), "field phase: continues a message of another"),
        ((Say(text="a", item_id="m"), Think(item_id="m")), ("step 2 (think), field item_id: 'm' is "
                                                           "the id of response 1, step 1 (say)")),
        ((Garbage(text="half an event"), A), "step 1 (garbage), field text: without a blank line"),
        ((Garbage(text="half an event"),), "step 1 (garbage), field text: without a blank line"),
        ((FailHttp(status=500, headers={"a b": "c"}),), "'a b' cannot be the name of an HTTP"),
        ((FailHttp(status=500, headers={"a": "b\r\nc: d"}),), "field headers.a: cannot be the"),
        ((FailHttp(status=500, headers={"Content-Length": "5"}),), "the server itself sends"),
        ((FailHttp(status=500, details={"code": "x"}),), "field details.code: say it in the field"),
        ((Ask(questions=(COLOR, COLOR)),), "field questions[1].id: 'c' is the id of another"),
        ((Ask(questions=(Question(id="c", header="h", question="q"),)),),
         "field questions[0].options: Codex refuses a question that offers no answer"),
        ((Run(command="a", call_id="x"), Patch(patch="p", call_id="x")),
         "step 2 (patch), field call_id: 'x' is the id of response 1, step 1 (run) already"),
        ((Run(command="a"), Run(command="b", call_id="call_0_0")),
         "step 2 (run), field call_id: 'call_0_0' is the id of response 1, step 1 (run) already"),
        ((Run(command="a", call_id="x"), TypeInto(into="x", text="t")),
         ("step 2 (type), field into: 'x' is the call_id of no run step in an earlier response; "
         "there are: none")),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_place(steps, said):
    assert said in refusal(steps)


def test_typing_names_a_command_of_an_earlier_response():
    run, other = Run(command="cat", call_id="cat"), CallTool(tool="t", call_id="tool")
    check_script(script((run, other), TypeInto(into="cat", text="x")))
    check_script(script(Run(command="cat"), TypeInto(into="call_0_0", text="x")))
    assert "response 2, step 1 (type), field into: 'tool'" in refusal(
        (run, other), (TypeInto(into="tool", text="x"),)
    )


def test_a_repeated_response_lets_its_calls_name_themselves():
    steps = (Run(command="ls", call_id="x"),)
    assert "response 1, step 1 (run), field call_id: a response that is played again" in refusal(
        Response(steps=steps, repeat=True)
    )


def test_a_response_behind_one_that_always_fits_is_never_played():
    always, sometimes = Response(steps=(A,), repeat=True), Response(steps=(A,), when="x")
    assert refusal(always, sometimes) == (
        "response 2: is never played: response 1 repeats and fits every request"
    )
    script(Response(steps=(A,), when="x", repeat=True), always)


def test_headers_of_a_stream_are_checked():
    assert "response 1, field headers.a" in refusal(Response(steps=(), headers={"a": "\u2603"}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("text", "the script: expected a Script, got str"),
        (Script(responses=5), "the script, field responses: expected a tuple, got int"),
        (Script(responses=(A,)), "response 1: expected a Response, got Say"),
        (Script(responses=(Response(steps="ab"),)), "response 1, field steps: expected a tuple"),
        (Script(responses=(Response(steps=("a",)),)), "response 1, step 1: expected a step"),
        (Script(responses=(Response(steps=({"do": "drop"},)),)), "expected a step, got dict"),
        (Script(otherwise="what"), "field otherwise: invalid enum value 'what'"),
        (script.__class__, "expected a Script, got type"),
    ],
)
def test_a_value_that_is_no_script_is_refused(wrong, said):
    with pytest.raises(ConfigurationError) as caught:
        check_script(wrong)
    assert said in caught.value.text


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Run(command="ls", exit_code=False), "field exit_code: expected int, got bool"),
        (Run(command=b"ls"), "step 1 (run), field command: JSON has no bytes"),
        (CallTool(tool="t", arguments={"a": {1, 2}}), "field arguments.a: JSON has no set"),
        (CallTool(tool="t", arguments={"a": (1,)}), "field arguments.a: JSON has no tuple"),
        (CallTool(tool="t", arguments={1: 2}), "field arguments: expected a text as key, got int"),
        (CallTool(tool="t", arguments={"a": float("nan")}), "expected a finite number, got nan"),
        (Say(text="\ud800"), "character 0 is half of a surrogate pair"),
        (Usage(input=2**53), "field input: expected int <= 9007199254740991"),
    ],
)
def test_what_python_lets_pass_is_refused(step, said):
    assert said in refusal((step,))


def test_the_checked_script_is_in_canonical_form():
    loose = Script(responses=[Response(steps=[Say(text=["a"]), Think(summary=["b"])])])
    checked = check_script(loose)
    assert checked.responses[0].steps == (
        Say(text=("a",)),
        Think(summary=("b",)),
    )


def test_an_argument_that_contains_itself_is_refused():
    endless = {}
    endless["a"] = endless
    assert "nested more than" in refusal((CallTool(tool="t", arguments=endless),))


@pytest.mark.parametrize("step", [Say(text="a", item_id="x"), Think(summary=("a",), item_id="x")])
def test_an_item_that_has_an_id_cannot_be_anonymous(step):
    named = msgspec.structs.replace(step, anonymous=True)
    assert "has an id, and is said to have none" in refusal((named,))


@pytest.mark.parametrize("more", [{"when": "x"}, {"repeat": True}])
def test_a_model_that_becomes_unreachable_has_no_conditions(more):
    asked = Response(steps=(Say(text="a"),), **more)
    with pytest.raises(ConfigurationError) as caught:
        check_script(Script(responses=(asked,), otherwise="unreachable"))
    assert caught.value.text.startswith("response 1 is conditional or repeated")
