"""The steps at which somebody is killed, by name, and what the model does meanwhile.

A step is something that goes over a line: a message of the app-server's wire, or a call of the
deployment. Whoever watches the line acts at the moment it is seen; what would come next waits for
something that does not come, so that where somebody is killed is never a matter of time.
"""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import pytest

from codex_fakes.script import Response, Run, Say, Script, Wait
from support.campaign import CAMPAIGN

BEFORE, FIRST, AGAIN = "Hello.", "Look at it.", "And again?"
"""What the user says: long before the crash, before it, and after it."""
EARLIER, LOOKING, SEEN, MORE = "Hello to you.", ("I will", " look."), "It is there.", "Yes."
"""What the model says: to the first, then streamed, after its command, and after the crash."""
SPOKEN = (EARLIER, "".join(LOOKING), SEEN, MORE)
"""All of its messages."""
ENDLESS_MS = 600_000

Message = dict[str, Any]
Seen = Callable[[str, Message], bool]


def _is(method: str, **of_item: Any) -> Seen:
    def seen(asked: str, message: Message) -> bool:
        item = (message.get("params") or {}).get("item") or {}
        return message.get("method") == method and of_item.items() <= item.items()

    return seen


def _answer_to(method: str) -> Seen:
    return lambda asked, message: asked == method and "method" not in message


_APPROVAL = "item/commandExecution/requestApproval"

TURN_STEPS: dict[str, tuple[str, Seen]] = {
    "turn/start written": ("sent", _is("turn/start")),
    "turn/start answered": ("heard", _answer_to("turn/start")),
    "turn/started": ("heard", _is("turn/started")),
    "user message completed": ("heard", _is("item/completed", type="userMessage")),
    "first delta": ("heard", _is("item/agentMessage/delta")),
    "item completed": ("heard", _is("item/completed", type="agentMessage")),
    "approval pending": ("heard", _is(_APPROVAL)),
    "approval answered": ("sent", _answer_to(_APPROVAL)),
    "command running": ("heard", _is("serverRequest/resolved")),
    "command completed": ("heard", _is("item/completed", type="commandExecution")),
    "last item completed": ("heard", _is("item/completed", type="agentMessage", text=SEEN)),
    "turn/completed": ("heard", _is("turn/completed")),
}
"""The steps of a turn on the app-server's wire, in order: in which direction, and what is seen."""
UNWRITTEN = ("turn/start written", "turn/start answered")
"""Steps at which Codex may have nothing yet of a thread whose first turn it is."""
READ_STEPS: dict[str, tuple[str, Seen]] = {
    "thread/read written": ("sent", _is("thread/read")),
    "thread/read answered": ("heard", _answer_to("thread/read")),
}
"""Those of an import."""
WIRE_STEPS = TURN_STEPS | READ_STEPS

_SIDES = ("sent", "answered")
TURN_CALLS = tuple(
    f"{name} {side}"
    for name in (
        "syncOpenConversationBinding",
        "ensureSession",
        "listOpenTurnDispatches",
        "threadSnapshotByConversation",
        "acceptTurnSend",
        "claimTurnDispatch",
        "markTurnDispatchStarted",
        "ingestBatch",
        "upsertPendingServerRequest",
        "resolvePendingServerRequest",
        "upsertTokenUsage",
        "markTurnDispatchCompleted",
        "markConversationSyncProgress",
    )
    for side in _SIDES
)
"""The steps of a turn on the line to the deployment: a call is on its way, or has been done and
nobody has been told."""
IMPORT_CALLS = tuple(
    f"{name} {side}"
    for name in (
        "getConversationSyncJob",
        "syncOpenConversationBinding",
        "ensureSession",
        "startConversationSyncSource",
        "appendConversationSyncSourceChunk",
        "sealConversationSyncSource",
    )
    for side in _SIDES
)
"""Those of an import."""


PAGINATED, LEGACY = "paginated", "legacy"
"""The two kinds of history that Codex writes."""
SIMULATED, REAL = "simulated", "real"
"""The two kinds of Codex."""

Case = tuple[str, str, str]


def cases(steps: Iterable[str], *some: Case, modes: tuple[str, ...] = (PAGINATED, LEGACY)) -> Any:
    """Give a test its cases: every step on either Codex in the campaign, else one of each kind.

    Args:
        steps: The names of all steps.
        some: What the default command takes: which Codex, which step, which history.
        modes: The histories.
    """
    every = tuple(product((SIMULATED, REAL), steps, modes))
    assert set(some) <= set(every)
    return pytest.mark.parametrize(
        ("kind", "step", "mode"),
        [
            pytest.param(*case, marks=[pytest.mark.real] if case[0] == REAL else [])
            for case in (every if CAMPAIGN else some)
        ],
    )


def script_until(step: str | None) -> Script:
    """What the model does: a turn, held where it is to be killed, and others around it."""
    first, rest = LOOKING
    never = (Wait(gate="never opened"),)
    held = never if step == "first delta" else ()
    behind = never if step in ("approval answered", "command completed") else ()
    lasts = step == "command running"
    command = Run(
        command="cat hold" if lasts else "echo done",
        output="done\n",
        duration_ms=ENDLESS_MS if lasts else 0,
        escalate="to see it",
    )
    say = (Say(text=first, left_open=True), *held, Say(text=rest))
    return Script(
        responses=(
            Response(steps=(Say(text=EARLIER),), when=BEFORE),
            Response(steps=(*say, command), when=FIRST),
            Response(steps=(*behind, Say(text=SEEN)), when=FIRST),
            Response(steps=(Say(text=MORE),), when=AGAIN),
        )
    )
