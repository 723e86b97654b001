"""What a scripted model does, as values: steps, responses, and the script they make up.

May import msgspec only, and is pure data: nothing here waits, sends or reads a file. The invariant:
one script means the same to the simulated app-server and to the real binary; a field that only one
of the two needs (what a command prints, say) describes what happens in the other.

A script is a list of *responses*. Each time Codex asks the model, the next response that fits is
played, its steps in order. A response that calls something (runs a command, applies a patch, calls
a tool, asks the user) is followed by another request of Codex, which takes the next response.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Text: TypeAlias = str | tuple[str, ...]
"""One string, or the pieces it arrives in."""


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """What all steps have in common: they are immutable, and a misspelt field is an error."""


class Say(_Step, frozen=True, tag="say"):
    """The model writes a message.

    Attributes:
        text: The text; as a list, the deltas it is streamed in.
        phase: Which part of the answer this is, when the model says so.
        item_id: The model's id of the message; made up from the step's place when left out.
        anonymous: The model sends no id, so that Codex makes one up.
        pause_ms: Milliseconds between two deltas.
        left_open: Leave the message unfinished for now, so that the model waits, stalls or drops
            in the middle of it. The next :class:`Say` continues it; anything else that starts an
            item, and a regular end of the response, finishes it first.
    """

    text: Text
    phase: Literal["commentary", "final_answer"] | None = None
    item_id: Name | None = None
    anonymous: bool = False
    pause_ms: Milliseconds = 0
    left_open: bool = False


class Think(_Step, frozen=True, tag="think"):
    """The model reasons.

    Attributes:
        summary: The parts of the summary; each one a string, or the deltas it is streamed in.
        raw: The deltas of the raw chain of thought (shown by Codex only when configured so).
        item_id: The model's id of the reasoning item.
        anonymous: The model sends no id, so that Codex makes one up.
    """

    summary: tuple[Text, ...] = ()
    raw: tuple[str, ...] = ()
    item_id: Name | None = None
    anonymous: bool = False


class Run(_Step, frozen=True, tag="run"):
    """The model runs a shell command.

    The real app-server really runs it; the simulated one reports ``output`` and ``exit_code``.

    Attributes:
        command: The command line.
        output: What the simulated app-server says it printed; as a list, in these chunks, spread
            evenly from its start to its end. A single one comes at the end.
        exit_code: What the simulated app-server says it exited with.
        duration_ms: How long the simulated command takes.
        escalate: The model's justification when it asks to leave the sandbox.
        tty: Whether the command gets a terminal.
        yield_ms: After how long the model stops waiting for a command that goes on.
        call_id: The model's id of the call.
    """

    command: Name
    output: Text = ""
    exit_code: int = 0
    duration_ms: Milliseconds = 0
    escalate: str | None = None
    tty: bool = False
    yield_ms: Milliseconds | None = None
    call_id: Name | None = None


class TypeInto(_Step, frozen=True, tag="type"):
    """The model types into a command that is still running.

    Attributes:
        into: The ``call_id`` of the :class:`Run` step that started the command.
        text: What is typed.
        output: What the simulated command prints because of it; as a list, in these chunks.
        exit_code: What the simulated command exits with because of it; it goes on when left out.
        yield_ms: After how long the model stops waiting for more output.
        call_id: The model's id of the call.
    """

    into: Name
    text: str
    output: Text = ""
    exit_code: int | None = None
    yield_ms: Milliseconds | None = None
    call_id: Name | None = None


class Patch(_Step, frozen=True, tag="patch"):
    """The model applies a patch to the working folder.

    Attributes:
        patch: The patch in Codex's format (``*** Begin Patch`` … ``*** End Patch``).
        call_id: The model's id of the call.
    """

    patch: Name
    call_id: Name | None = None


class CallTool(_Step, frozen=True, tag="call"):
    """The model calls a tool: one that the client offers, or one of Codex's own.

    Attributes:
        tool: The tool's name.
        arguments: Its arguments, or a string that is sent as it is (and may be no JSON at all).
        namespace: The namespace the tool is in.
        call_id: The model's id of the call.
    """

    tool: Name
    arguments: dict[str, Any] | str = msgspec.field(default_factory=dict)
    namespace: Name | None = None
    call_id: Name | None = None


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the answers that a question offers."""

    label: Name
    description: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question to the user."""

    id: Name
    header: str
    question: str
    options: tuple[Option, ...] = ()


class Ask(_Step, frozen=True, tag="ask"):
    """The model asks the user.

    Attributes:
        questions: What it asks.
        call_id: The model's id of the call.
    """

    questions: Annotated[tuple[Question, ...], Meta(min_length=1)]
    call_id: Name | None = None


class Usage(_Step, frozen=True, tag="usage"):
    """What the response reports as its use of tokens; the defaults hold when it says nothing.

    Attributes:
        input: Tokens of the request.
        cached: How many of them came from the cache.
        output: Tokens of the response.
        reasoning: How many of them were reasoning.
    """

    input: Count = 100
    cached: Count = 10
    output: Count = 20
    reasoning: Count = 5


class FailHttp(_Step, frozen=True, tag="fail_http"):
    """The model API answers with an HTTP error instead of a stream.

    Only :class:`Wait` may stand before it in its response.

    Attributes:
        status: The status, 400 to 599.
        code: The ``code`` member of the error.
        type: The ``type`` member of the error.
        message: The ``message`` member of the error.
        headers: Additional response headers.
        details: Additional members of the error object.
    """

    status: Annotated[int, Meta(ge=400, le=599)]
    code: str | None = None
    type: str | None = None
    message: str = "scripted failure"
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    details: dict[str, Any] = msgspec.field(default_factory=dict)


class FailResponse(_Step, frozen=True, tag="fail_response"):
    """The stream ends with ``response.failed``.

    Attributes:
        code: The error's code, e.g. ``context_length_exceeded``.
        message: The error's message.
    """

    code: Name
    message: str = "scripted failure"


class Incomplete(_Step, frozen=True, tag="incomplete"):
    """The stream ends with ``response.incomplete``.

    Attributes:
        reason: Why.
    """

    reason: Name = "max_output_tokens"


class Drop(_Step, frozen=True, tag="drop"):
    """The model API ends the stream in the middle; as the only step, before its first event."""


class Stall(_Step, frozen=True, tag="stall"):
    """The model API keeps the connection open and says nothing more."""


class Wait(_Step, frozen=True, tag="wait"):
    """The model waits until the test opens a gate.

    Attributes:
        gate: The gate's name.
    """

    gate: Name


class Garbage(_Step, frozen=True, tag="garbage"):
    """The model API sends something that is no event.

    Attributes:
        text: What is sent, as it is. Two newlines at its end end the event; without them only
            :class:`Drop` or :class:`Stall` may follow.
    """

    text: Name = "event: response.created\ndata: {not json\n\n"


Step: TypeAlias = (
    Say
    | Think
    | Run
    | TypeInto
    | Patch
    | CallTool
    | Ask
    | Usage
    | FailHttp
    | FailResponse
    | Incomplete
    | Drop
    | Stall
    | Wait
    | Garbage
)

ENDINGS: Final = (FailHttp, FailResponse, Incomplete, Drop, Stall)
"""Steps that end a response: nothing may follow them."""

CALLS: Final = (Run, TypeInto, Patch, CallTool, Ask)
"""Steps after which Codex asks the model again."""


class Response(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model answers to one request.

    Attributes:
        steps: What it does, in order.
        when: Played only when the newest user message contains this text.
        repeat: Played every time it fits, instead of once.
        headers: Additional headers of the stream, e.g. ``x-codex-primary-used-percent``.
    """

    steps: tuple[Step, ...]
    when: str | None = None
    repeat: bool = False
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the model does.

    Attributes:
        responses: What it answers; each request takes the first one that fits and is not used up.
        otherwise: What happens to a request that no response fits: ``"fail"`` (the request is
            refused, and the fake reports ``E_SCRIPT_EXHAUSTED``), ``"echo"`` (the model says
            the user's text back), or ``"unreachable"`` (once every response has been played,
            nobody listens any more; no response may be conditional or repeated then).
        version: The version of this language.
    """

    responses: tuple[Response, ...] = ()
    otherwise: Literal["fail", "echo", "unreachable"] = "fail"
    version: Literal[1] = 1


def script(*responses: Response | Step | tuple[Step, ...], otherwise: str = "fail") -> Script:
    """Write a script down in Python.

    Args:
        responses: One argument per response: a single step, a tuple of steps, or a
            :class:`Response` when it needs ``when`` or ``repeat``.
        otherwise: What happens to a request that no response fits, see :class:`Script`.

    Returns:
        The script, checked.

    Raises:
        ConfigurationError: ``E_SCRIPT_INVALID``; the text names response, step and field.
    """
    from codex_fakes.script.validation import check_script

    rows = tuple(
        row
        if isinstance(row, Response)
        else Response(steps=row if isinstance(row, tuple) else (row,))
        for row in responses
    )
    return check_script(Script(responses=rows, otherwise=otherwise))  # type: ignore[arg-type]


def pieces(text: Text) -> tuple[str, ...]:
    """Split a :data:`Text` into the pieces it arrives in; an empty string has none."""
    if isinstance(text, str):
        return (text,) if text else ()
    return text


def whole(text: Text) -> str:
    """Join a :data:`Text` into one string."""
    return text if isinstance(text, str) else "".join(text)
