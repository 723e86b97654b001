"""What one response of the script makes the server do, in its smallest steps.

May import the script's steps. The invariant: a plan is a pure function of the response; it names
what happens and never waits, so that one pump can play it and an interrupt can drop the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from codex_fakes.script.steps import (
    CALLS,
    Ask,
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Incomplete,
    Patch,
    Run,
    Say,
    Stall,
    Step,
    Think,
    TypeInto,
    Usage,
    Wait,
    pieces,
)

if TYPE_CHECKING:
    from codex_fakes.script.playing import PlannedResponse

Ending: TypeAlias = FailHttp | FailResponse | Incomplete | Drop
Call: TypeAlias = Run | Patch | CallTool | Ask | TypeInto


class OpenMessage(NamedTuple):
    """The model starts a message."""

    item_id: str
    phase: str | None


class MessageDelta(NamedTuple):
    """A piece of the message that is open."""

    text: str


class CloseItem(NamedTuple):
    """The message or the reasoning that is open is complete."""


class OpenReasoning(NamedTuple):
    """The model starts to reason."""

    item_id: str


class SummaryPart(NamedTuple):
    """A part of the reasoning's summary starts."""

    part: int


class SummaryDelta(NamedTuple):
    """A piece of a part of the summary."""

    part: int
    text: str


class RawDelta(NamedTuple):
    """A piece of the raw chain of thought."""

    text: str


class Pause(NamedTuple):
    """The model says nothing for some milliseconds."""

    ms: int


class AtGate(NamedTuple):
    """The model says nothing until a gate is open."""

    gate: str


class Stalled(NamedTuple):
    """The model says nothing more."""


class Called(NamedTuple):
    """The model calls something."""

    call: Call


class Broken(NamedTuple):
    """The response ends badly."""

    ending: Ending


class Done(NamedTuple):
    """The response is complete.

    Attributes:
        usage: Total, input, cached, cache-written, output and reasoning tokens.
    """

    usage: tuple[int, int, int, int, int, int]


Action: TypeAlias = (
    OpenMessage
    | MessageDelta
    | CloseItem
    | OpenReasoning
    | SummaryPart
    | SummaryDelta
    | RawDelta
    | Pause
    | AtGate
    | Stalled
    | Called
    | Broken
    | Done
)


def token_counts(usage: Usage) -> tuple[int, int, int, int, int, int]:
    """Spell a usage step out in the order of the wire."""
    return (
        usage.input + usage.output,
        usage.input,
        usage.cached,
        0,
        usage.output,
        usage.reasoning,
    )


def plan(response: PlannedResponse) -> list[Action]:
    """Take a response apart.

    Args:
        response: The response, its ids filled in.

    Returns:
        What happens, in order; the last action ends the response.
    """
    actions: list[Action] = []
    usage = Usage()
    message_open = False
    for step in response.steps:
        if isinstance(step, Usage):
            usage = step
            continue
        if message_open and _finishes_message(step):
            actions.append(CloseItem())
            message_open = False
        if isinstance(step, Say):
            _say(step, actions, goes_on=message_open)
            message_open = step.left_open
        else:
            _other(step, actions)
    if not (actions and isinstance(actions[-1], Broken | Stalled)):
        if message_open:
            actions.append(CloseItem())
        actions.append(Done(token_counts(usage)))
    return actions


def _other(step: Step, actions: list[Action]) -> None:
    """Plan a step that is neither a message nor the usage."""
    if isinstance(step, Think):
        _think(step, actions)
    elif isinstance(step, Wait):
        actions.append(AtGate(step.gate))
    elif isinstance(step, Stall):
        actions.append(Stalled())
    elif isinstance(step, FailHttp | FailResponse | Incomplete | Drop):
        actions.append(Broken(step))
    elif isinstance(step, CALLS):
        actions.append(Called(step))
    # What is left is garbage between events, which Codex skips without a trace (FACTS §12).


def _finishes_message(step: Step) -> bool:
    """Whether a step finishes a message that was left open: it starts another item."""
    return isinstance(step, (Think, *CALLS))


def _say(step: Say, actions: list[Action], *, goes_on: bool) -> None:
    if not goes_on:
        actions.append(OpenMessage(step.item_id or "", step.phase))
    for number, text in enumerate(pieces(step.text)):
        if number and step.pause_ms:
            actions.append(Pause(step.pause_ms))
        actions.append(MessageDelta(text))
    if not step.left_open:
        actions.append(CloseItem())


def _think(step: Think, actions: list[Action]) -> None:
    actions.append(OpenReasoning(step.item_id or ""))
    for index, part in enumerate(step.summary):
        actions.append(SummaryPart(index))
        actions.extend(SummaryDelta(index, text) for text in pieces(part))
    actions.extend(RawDelta(text) for text in step.raw)
    actions.append(CloseItem())
