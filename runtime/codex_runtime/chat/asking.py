"""What Codex asks the user, and what an answer means.

May import the effects, what is printable and the protocol. The invariant: only an answer that is
one of the words offered decides anything; whatever else is typed is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from codex_runtime.chat.effects import (
    Decide,
    Elicited,
    GiveAnswers,
    Grant,
    Interrupt,
    Line,
)
from codex_runtime.printable import one_line, printable, quoted
from codex_runtime.protocol.messages import decode_json
from codex_runtime.protocol.server_requests import (
    CommandApprovalRequest,
    ElicitationRequest,
    FileChangeApprovalRequest,
    PermissionsRequest,
    Question,
    UserInputRequest,
    read_server_request,
)

if TYPE_CHECKING:
    from typing import Literal

    from codex_runtime.chat.effects import Call, RequestId
    from codex_runtime.protocol.messages import Request


@dataclass(frozen=True, slots=True)
class Again:
    """The answer is none; ask again.

    Attributes:
        why: What was wrong with it.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is complete.

    Attributes:
        call: What to do.
        told: What to say of it.
    """

    call: Call
    told: str


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that an approval offers.

    Attributes:
        word: The word; its first letter will do.
        call: What to do.
        told: What to say of it.
    """

    word: str
    call: Call
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """May this be done?

    Attributes:
        request_id: The request.
        text: What is to be done.
        options: What can be answered.
        refusal: Which of them is taken when nobody is there to answer.
    """

    request_id: RequestId
    text: str
    options: tuple[Option, ...]
    refusal: Option

    @property
    def lines(self) -> tuple[Line, ...]:
        """What to show before the question."""
        return (Line(self.text, "heading"),)

    @property
    def prompt(self) -> str:
        """The question."""
        words = ", ".join(f"[{option.word[0]}]{option.word[1:]}" for option in self.options)
        return f"Allow? {words}: "

    @property
    def secret(self) -> bool:
        """Whether the answer must not be seen: no."""
        return False

    def read(self, line: str) -> Answered | Again:
        """Read an answer."""
        said = line.strip().lower()
        for option in self.options:
            if said in (option.word, option.word[0]):
                return Answered(option.call, option.told)
        return Again(f"Answer {', '.join(option.word for option in self.options)}.")

    def unanswered(self) -> Answered:
        """What happens when nobody is there to answer: it may not be done."""
        return Answered(self.refusal.call, self.refusal.told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What does the user say? One question at a time.

    Attributes:
        request_id: The request.
        questions: The questions that are left; never none.
        given: The answers so far.
    """

    request_id: RequestId
    questions: tuple[Question, ...]
    given: tuple[tuple[str, str], ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """What to show before the question."""
        question = self.questions[0]
        options = [
            f"  {number}. {one_line(option.label)}: {one_line(option.description)}"
            for number, option in enumerate(question.options or (), 1)
        ]
        heading = f"{one_line(question.header)}: {printable(question.question)}"
        return (Line(heading, "heading"), *map(Line, options))

    @property
    def prompt(self) -> str:
        """The question."""
        question = self.questions[0]
        if not question.options:
            return "Your answer: "
        own = ", or your own" if question.is_other else ""
        return f"Your answer (1-{len(question.options)}{own}): "

    @property
    def secret(self) -> bool:
        """Whether the answer must not be seen."""
        return self.questions[0].is_secret

    def read(self, line: str) -> Answered | Again | Inquiry:
        """Read an answer; give what is left to be asked, when that is not nothing."""
        question = self.questions[0]
        said = line.strip()
        labels = [option.label for option in question.options or ()]
        if said.isdecimal() and 1 <= int(said) <= len(labels):
            said = labels[int(said) - 1]
        elif not said or (labels and said not in labels and not question.is_other):
            return Again("Answer with one of the numbers." if labels else "Answer something.")
        given = (*self.given, (question.id, said))
        if len(self.questions) > 1:
            return replace(self, questions=self.questions[1:], given=given)
        answers = {name: (text,) for name, text in given}
        return Answered(GiveAnswers(self.request_id, answers), "answered")

    def unanswered(self) -> Answered:
        """What happens when nobody is there to answer: the turn cannot go on."""
        return Answered(Interrupt(), "nobody is there to answer; the turn is interrupted")


Asked: TypeAlias = Approval | Inquiry


def asked_by(request: Request, changes: tuple[str, ...] = ()) -> Asked | None:
    """Say what a request of the app-server asks the user.

    Args:
        request: The request.
        changes: The file changes of its item, in words.

    Returns:
        What it asks; ``None`` when it asks nothing that a user can answer here.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``.
    """
    match read_server_request(request):
        case CommandApprovalRequest() as asked:
            text = f"Codex wants to run, in {_folder(asked.cwd)}:\n{quoted(asked.command or '?')}"
            return _decision(request.id, "command", text + _because(asked.reason))
        case FileChangeApprovalRequest() as asked:
            what = "\n".join(f"  | {change}" for change in changes) or "  | (it does not say which)"
            root = "" if asked.grant_root is None else f", anywhere in {one_line(asked.grant_root)}"
            text = f"Codex wants to change files{root}:\n{what}"
            return _decision(request.id, "files", text + _because(asked.reason))
        case PermissionsRequest() as asked:
            return _permissions(request.id, asked)
        case ElicitationRequest() as asked:
            return _elicitation(request, asked)
        case UserInputRequest(questions=(_, *_)) as asked:
            return Inquiry(request_id=request.id, questions=asked.questions)
    return None


def _decision(request_id: RequestId, of: Literal["command", "files"], text: str) -> Approval:
    def option(word: str, decision: Any, told: str) -> Option:
        return Option(word, Decide(request_id, of, decision), told)

    refusal = option("no", "decline", "declined")
    options = (
        option("yes", "accept", "accepted"),
        option("always", "acceptForSession", "accepted, also from now on"),
        refusal,
        option("cancel", "cancel", "declined; the turn is interrupted"),
    )
    return Approval(request_id=request_id, text=text, options=options, refusal=refusal)


def _permissions(request_id: RequestId, asked: PermissionsRequest) -> Approval:
    wanted = "\n".join(f"{name}: {value}" for name, value in asked.permissions.items())
    text = f"Codex wants these permissions, in {_folder(asked.cwd)}:\n{quoted(wanted)}"
    refusal = Option("no", Grant(request_id, {}, "turn"), "not granted")
    options = (
        Option("yes", Grant(request_id, asked.permissions, "turn"), "granted for this turn"),
        Option("always", Grant(request_id, asked.permissions, "session"), "granted from now on"),
        refusal,
    )
    return Approval(
        request_id=request_id,
        text=text + _because(asked.reason),
        options=options,
        refusal=refusal,
    )


def _elicitation(request: Request, asked: ElicitationRequest) -> Approval:
    params: Any = decode_json(request.params or b"{}")
    text = f"The MCP server {one_line(asked.server_name)} asks:\n{quoted(asked.message)}"
    if params.get("url"):
        text += f"\nat {one_line(str(params['url']))}"
    refusal = Option("no", Elicited(request.id, "decline"), "declined")
    options: tuple[Option, ...] = (
        refusal,
        Option("cancel", Elicited(request.id, "cancel"), "cancelled"),
    )
    schema = params.get("requestedSchema")
    if isinstance(schema, dict) and schema.get("properties"):
        text += "\n(It wants a form filled in, which the chat cannot do.)"
    else:
        options = (Option("yes", Elicited(request.id, "accept"), "accepted"), *options)
    return Approval(request_id=request.id, text=text, options=options, refusal=refusal)


def _folder(value: str | None) -> str:
    return "an unknown folder" if value is None else one_line(value)


def _because(reason: str | None) -> str:
    return f"\nbecause:\n{quoted(reason)}" if reason else ""
