"""A turn: its states, the table of moves between them, and what is known of it while it runs.

May import the order of calls, and types of the simulation. The rules:

* A turn that was answered is ``STARTING`` until turn/started is out; in that window an interrupt
  by id is refused (FACTS §10).
* Whatever a turn waits for (a gate, a timer, an answer) is named by the turn's epoch. Asking the
  model again, being steered and ending raise the epoch, so that what comes late finds nobody.

The invariant: a turn moves along :data:`TRANSITIONS` only, and never leaves ``ENDED``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from codex_fakes.app_server.threads.call_order import CallOrder

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import RpcId
    from codex_fakes.app_server.model.plan_mode import PlanDraft, PlanReading
    from codex_fakes.app_server.threads.items import Item
    from codex_fakes.app_server.threads.plan import Action
    from codex_fakes.app_server.tools.patches import TurnDiff
    from codex_fakes.app_server.tools.running import Command

TurnKind: TypeAlias = Literal["regular", "compact", "review"]


class Phase(Enum):
    """Where a turn is."""

    STARTING = auto()
    """turn/start is answered; turn/started is not out yet."""
    STARTED = auto()
    """turn/started is out; the user's message is not."""
    ASKING = auto()
    """A request to the model is under way."""
    STREAMING = auto()
    """The model answers."""
    HELD = auto()
    """The model says nothing for now: a gate, a pause between deltas, a stall."""
    TOOLS = auto()
    """The model has finished; its calls have not."""
    BACKING_OFF = auto()
    """The stream broke, or was refused; the next request waits."""
    ENDED = auto()
    """turn/completed is out."""


class Move(Enum):
    """What can happen to a turn."""

    ANNOUNCE = auto()
    ASK = auto()
    ANSWER = auto()
    HOLD = auto()
    GO_ON = auto()
    FINISH = auto()
    BACK_OFF = auto()
    STEER = auto()
    FAIL = auto()
    ABORT = auto()
    COMPLETE = auto()


TRANSITIONS: Final[dict[tuple[Phase, Move], Phase]] = {
    (Phase.STARTING, Move.ANNOUNCE): Phase.STARTED,
    (Phase.STARTED, Move.ASK): Phase.ASKING,
    (Phase.STARTED, Move.FAIL): Phase.ENDED,
    (Phase.ASKING, Move.ANSWER): Phase.STREAMING,
    (Phase.STREAMING, Move.HOLD): Phase.HELD,
    (Phase.HELD, Move.GO_ON): Phase.STREAMING,
    (Phase.STREAMING, Move.FINISH): Phase.TOOLS,
    (Phase.TOOLS, Move.ASK): Phase.ASKING,
    (Phase.TOOLS, Move.COMPLETE): Phase.ENDED,
    (Phase.STREAMING, Move.BACK_OFF): Phase.BACKING_OFF,
    (Phase.BACKING_OFF, Move.ASK): Phase.ASKING,
    (Phase.STREAMING, Move.STEER): Phase.ASKING,
    (Phase.HELD, Move.STEER): Phase.ASKING,
    (Phase.STREAMING, Move.FAIL): Phase.ENDED,
    (Phase.BACKING_OFF, Move.FAIL): Phase.ENDED,
    **{
        (phase, Move.ABORT): Phase.ENDED
        for phase in Phase
        if phase not in {Phase.STARTING, Phase.ENDED}
    },
}
"""Every move there is; any other is a defect of the simulation."""


@dataclass(slots=True)
class UserInput:
    """Input that becomes a user message."""

    content: list[dict[str, Any]]
    text: str
    client_id: str | None


@dataclass(slots=True)
class OpenItem:
    """An item of the model that is still streamed.

    Attributes:
        item: The item as it started.
        started_ms: When it started.
        texts: What it says so far, or the parts of its summary.
        raw: The raw chain of thought.
        prefix: The start of every delta notification.
        plan: How the plan in it is read; ``None`` outside of plan mode.
    """

    item: Item
    started_ms: int
    texts: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    prefix: bytes = b""
    plan: PlanReading | None = None


class Compacting(NamedTuple):
    """A compaction that the model is asked for.

    Attributes:
        item: Its item.
        started_ms: When that started.
        midway: Whether the turn had already begun its work, and goes on with it behind it.
        spare: How many items of the history may be left out, one by one, if it is too long even
            for the request to summarize it.
    """

    item: Item
    started_ms: int
    midway: bool
    spare: int


@dataclass(slots=True)
class Turn:
    """A turn that runs.

    Attributes:
        id: The turn's id.
        kind: What it is for; only a regular one takes input.
        root: The turn it is a part of; ``None`` for one that is a part of no other.
        nudged: Whether the model is to be asked once more, because its goal is another now.
        phase: Where it is; changed by :meth:`move` only.
        epoch: Rises whenever what the turn waited for is void.
        started_at: When turn/started was sent, in seconds; ``None`` before.
        started_ms: The same in milliseconds.
        inputs: Input that has not become a user message yet.
        newest_text: The text of the newest user message.
        queue: What is left of the model's answer.
        streaming: Whether a model stream is open, and its rate limits are owed.
        open_item: The item the model is writing.
        calls: How many calls of the current response have not finished.
        order: The order in which its calls are taken up.
        called: Whether the current response called anything, so that the model is asked again.
        compaction: The compaction that the model is asked for.
        inner: The id that the turn of a review has for turn/started and turn/interrupt.
        hint: What a review is shown to be about.
        review: What the model has written in a review.
        usage: The tokens of a response whose calls have not finished.
        last_message: The newest message of the model that answers the user.
        writable: Files and folders that the user lets the model write in this turn.
        approved: Commands the user consented to, which run once nothing is asked any more.
        plan: The plan that the current response proposes, in plan mode.
        changes: What the turn has changed, when it has changed files.
        diff: The cumulative diff of the turn, when it changed files.
        reconnects: How often the stream was reopened since it last succeeded.
        network_waits: How often nobody was there to be asked.
        request_retries: How often the current request was repeated.
        refreshed: Whether the client was asked for a new token because of this turn.
        interrupts: Interrupts that wait for the turn to end, as connection and request id.
        interrupting: Whether the turn ends at the next opportunity.
        interrupt_after_input: Whether it ends as soon as the user's message is out.
    """

    id: str
    kind: TurnKind = "regular"
    root: str | None = None
    nudged: bool = False
    phase: Phase = Phase.STARTING
    epoch: int = 0
    started_at: int | None = None
    started_ms: int = 0
    inputs: deque[UserInput] = field(default_factory=deque)
    newest_text: str = ""
    queue: deque[Action] = field(default_factory=deque)
    streaming: bool = False
    open_item: OpenItem | None = None
    calls: int = 0
    order: CallOrder = field(default_factory=CallOrder)
    called: bool = False
    compaction: Compacting | None = None
    inner: str | None = None
    hint: str = ""
    review: list[str] = field(default_factory=list)
    usage: tuple[int, ...] | None = None
    last_message: Item | None = None
    writable: set[str] = field(default_factory=set)
    approved: list[Command] = field(default_factory=list)
    plan: PlanDraft | None = None
    changes: TurnDiff | None = None
    diff: str | None = None
    reconnects: int = 0
    network_waits: int = 0
    request_retries: int = 0
    refreshed: bool = False
    interrupts: list[tuple[int, RpcId]] = field(default_factory=list)
    interrupting: bool = False
    interrupt_after_input: bool = False

    def move(self, move: Move) -> None:
        """Make a move.

        Args:
            move: What happens.

        Raises:
            RuntimeError: The table has no such move: a defect of the simulation.
        """
        following = TRANSITIONS.get((self.phase, move))
        if following is None:
            raise RuntimeError(f"turn {self.id}: no {move.name} in {self.phase.name}")
        self.phase = following

    def void(self) -> int:
        """Make everything the turn waited for come too late.

        Returns:
            The new epoch.
        """
        self.epoch += 1
        return self.epoch

    @property
    def running(self) -> bool:
        """Whether turn/started is out and turn/completed is not."""
        return self.phase not in {Phase.STARTING, Phase.ENDED}

    def on_wire(self) -> dict[str, Any]:
        """The turn as turn/start and turn/started show it."""
        return {
            "id": self.id,
            "rootTurnId": self.root or self.id,
            "items": [],
            "itemsView": "notLoaded",
            "status": "inProgress",
            "error": None,
            "startedAt": self.started_at,
            "completedAt": None,
            "durationMs": None,
        }
