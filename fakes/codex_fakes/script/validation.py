"""The rules of a script that types cannot say.

May import the steps and their reading. The invariant: a script that passes means something to both
app-servers in every step: nothing in it is unreachable, contradicts itself, or says what only one
of the two could do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.script.reading import STEP_TYPES, as_plain, read_script
from codex_fakes.script.steps import (
    CALLS,
    ENDINGS,
    Ask,
    Drop,
    FailHttp,
    Garbage,
    Response,
    Run,
    Say,
    Script,
    Stall,
    Step,
    Think,
    TypeInto,
    Usage,
    Wait,
)
from codex_fakes.script.wording import Place
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STARTS_ITEM: Final = (Think, *CALLS)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_OUR_HEADERS: Final = frozenset({"content-length", "content-type", "transfer-encoding"})


def check_script(script: Script) -> Script:
    """Check a script: the types of its fields, then the rules between them.

    Args:
        script: A script, as written in Python or read from a file.

    Returns:
        The script in its canonical form: tuples where the language has them, lists in arguments.

    Raises:
        ConfigurationError: ``E_SCRIPT_INVALID``; the text names response, step and field, and
            counts responses and steps from 1.
    """
    _check_parts(script)
    checked = read_script(as_plain(script))
    for number, response in enumerate(checked.responses, start=1):
        _check_order(response, number)
        _check_messages(response, number)
        _check_garbage(response, number)
        _check_values(response, number)
    _check_calls(checked)
    _check_reachable(checked)
    _check_unreachable(checked)
    return checked


def place_of(number: int, position: int, step: Step) -> Place:
    """Name a step's place; both numbers count from 1."""
    return Place(number, position, str(step.__struct_config__.tag))


def _check_parts(script: Any) -> None:
    if not isinstance(script, Script):
        raise Place().wrong(f"expected a Script, got {type(script).__name__}")
    # A Python caller can put anything anywhere: what is no response or step is refused by its
    # type here, before it could be mistaken for the plain value it looks like.
    responses: Any = script.responses
    if not isinstance(responses, (tuple, list)):
        raise Place().wrong(f"expected a tuple, got {type(responses).__name__}", "responses")
    for number, response in enumerate(responses, start=1):
        place = Place(number)
        if not isinstance(response, Response):
            raise place.wrong(f"expected a Response, got {type(response).__name__}")
        if not isinstance(response.steps, (tuple, list)):
            raise place.wrong(f"expected a tuple, got {type(response.steps).__name__}", "steps")
        for position, step in enumerate(response.steps, start=1):
            if not isinstance(step, tuple(STEP_TYPES.values())):
                where = Place(number, position)
                raise where.wrong(f"expected a step, got {type(step).__name__}")


def _steps(response: Response, number: int) -> Iterator[tuple[Place, Step]]:
    for position, step in enumerate(response.steps, start=1):
        yield place_of(number, position, step), step


def _check_order(response: Response, number: int) -> None:
    ending: Place | None = None
    usage: Place | None = None
    for place, step in _steps(response, number):
        if ending is not None:
            raise place.wrong(f"nothing may follow step {ending.step}: it ends the response")
        if isinstance(step, FailHttp):
            _check_fail_http_comes_first(response, place)
        if isinstance(step, ENDINGS):
            ending = place
        if isinstance(step, Usage):
            if usage is not None:
                raise place.wrong(f"step {usage.step} already says the usage of this response")
            usage = place
    if usage is not None and ending is not None:
        # Codex takes no usage from response.incomplete either: it reports zeros.
        raise usage.wrong(f"a response that ends with {ending} reports no usage")


def _check_fail_http_comes_first(response: Response, place: Place) -> None:
    for step in response.steps[: place.step - 1]:
        if not isinstance(step, Wait):
            raise place.wrong(
                "an HTTP error comes instead of a stream, so only wait may stand before it, "
                f"not {step.__struct_config__.tag}"
            )


def _check_messages(response: Response, number: int) -> None:
    opened: tuple[Place, Say] | None = None
    interrupted = False
    item_ids: dict[str, Place] = {}
    for place, step in _steps(response, number):
        if isinstance(step, Say | Think):
            _check_named(step, place)
        if isinstance(step, Say):
            if opened is not None:
                _check_continues(step, place, opened[1])
            else:
                _check_new_item(step.item_id, place, item_ids)
                opened = (place, step)
            interrupted = False
            if not step.left_open:
                opened = None
        elif isinstance(step, _STARTS_ITEM):
            if opened is not None and not interrupted:
                raise _finished_at_once(opened[0], str(place))
            opened = None
            if isinstance(step, Think):
                _check_new_item(step.item_id, place, item_ids)
        elif not isinstance(step, Usage):
            interrupted = True
    if opened is not None and not interrupted:
        raise _finished_at_once(opened[0], "the regular end of the response")


def _finished_at_once(place: Place, by: str) -> ConfigurationError:
    return place.wrong(
        f"{by} finishes the message at once; put a wait, stall or drop between", "left_open"
    )


def _check_continues(step: Say, place: Place, first: Say) -> None:
    if step.item_id is not None and step.item_id != first.item_id:
        raise place.wrong("continues a message that has another id", "item_id")
    if step.phase is not None and step.phase != first.phase:
        raise place.wrong("continues a message of another phase", "phase")


def _check_named(step: Say | Think, place: Place) -> None:
    if step.anonymous and step.item_id is not None:
        raise place.wrong("has an id, and is said to have none", "anonymous")


def _check_new_item(item_id: str | None, place: Place, seen: dict[str, Place]) -> None:
    if item_id is None:
        return
    if item_id in seen:
        raise place.wrong(f"{item_id!r} is the id of {seen[item_id]} already", "item_id")
    seen[item_id] = place


def _check_garbage(response: Response, number: int) -> None:
    steps = list(_steps(response, number))
    for (place, step), following in zip(steps, [*steps, None][1:], strict=True):
        if not isinstance(step, Garbage) or step.text.endswith("\n\n"):
            continue
        if following is None or not isinstance(following[1], (Drop, Stall)):
            raise place.wrong(
                "without a blank line at its end it swallows the next event; end it with two "
                "newlines, or let drop or stall follow",
                "text",
            )


def _check_values(response: Response, number: int) -> None:
    _check_headers(response.headers, Place(number))
    for place, step in _steps(response, number):
        if isinstance(step, Usage):
            if step.cached > step.input:
                raise place.wrong(f"{step.cached} is more than the input {step.input}", "cached")
            if step.reasoning > step.output:
                text = f"{step.reasoning} is more than the output {step.output}"
                raise place.wrong(text, "reasoning")
        elif isinstance(step, FailHttp):
            _check_headers(step.headers, place)
            for name in ("code", "type", "message"):
                if name in step.details:
                    raise place.wrong(f"say it in the field {name}", f"details.{name}")
        elif isinstance(step, Ask):
            _check_questions(step, place)


def _check_questions(step: Ask, place: Place) -> None:
    ids: set[str] = set()
    for number, question in enumerate(step.questions):
        if question.id in ids:
            text = f"{question.id!r} is the id of another question"
            raise place.wrong(text, f"questions[{number}].id")
        ids.add(question.id)
        if not question.options:
            text = "Codex refuses a question that offers no answer"
            raise place.wrong(text, f"questions[{number}].options")


def _check_headers(headers: Mapping[str, str], place: Place) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise place.wrong(f"{name!r} cannot be the name of an HTTP header", "headers")
        if name.lower() in _OUR_HEADERS:
            raise place.wrong(f"the server itself sends {name}", "headers")
        if not _HEADER_VALUE.fullmatch(value):
            raise place.wrong("cannot be the value of an HTTP header", f"headers.{name}")


def _check_calls(script: Script) -> None:
    seen: dict[str, Place] = {}
    commands: dict[str, Place] = {}
    for number, response in enumerate(script.responses, start=1):
        started: dict[str, Place] = {}
        for place, step in _steps(response, number):
            if not isinstance(step, CALLS):
                continue
            if response.repeat and step.call_id is not None:
                raise place.wrong(
                    "a response that is played again needs a new id each time; leave it out",
                    "call_id",
                )
            # What playing.py makes up for a call that has no id of its own.
            call_id = step.call_id or f"call_{number - 1}_{place.step - 1}"
            if call_id in seen:
                raise place.wrong(f"{call_id!r} is the id of {seen[call_id]} already", "call_id")
            seen[call_id] = place
            if isinstance(step, TypeInto) and step.into not in commands:
                raise place.wrong(
                    f"{step.into!r} is the call_id of no run step in an earlier response; there "
                    f"are: {', '.join(commands) or 'none'}",
                    "into",
                )
            if isinstance(step, Run):
                started[call_id] = place
        # Only now: a command's session is known when its output has come back.
        commands |= started


def _check_unreachable(script: Script) -> None:
    for number, response in enumerate(script.responses, start=1):
        if script.otherwise == "unreachable" and (response.when is not None or response.repeat):
            raise ConfigurationError(
                "E_SCRIPT_INVALID",
                f"response {number} is conditional or repeated, and the script says that nobody "
                "listens once every response has been played",
            )


def _check_reachable(script: Script) -> None:
    always: int | None = None
    for number, response in enumerate(script.responses, start=1):
        if always is not None:
            raise Place(number).wrong(
                f"is never played: response {always} repeats and fits every request"
            )
        if response.repeat and not response.when:
            always = number
