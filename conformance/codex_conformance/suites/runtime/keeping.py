"""Checks of what is kept of a conversation: its words, its events, its tokens.

May import the trials.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import present, require, require_equal, some
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Say, Think, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

MOST_EVENTS: Final = 32
"""Events of a batch, at most (spec 06 §8)."""

_TOLD: Final = "thread/tokenUsage/updated"
_DELTA: Final = "item/agentMessage/delta"
_TWO_TURNS: Final = script(Say(("Hel", "lo", " you")), Say("again"))


def deltas(trial: Trial, since: int = 0) -> list[Any]:
    """The events that were delivered, from a certain batch on."""
    return [one for call in trial.line.called("ingestBatch")[since:] for one in call.args["deltas"]]


@check("lifecycle.kept.words", script=_TWO_TURNS)
async def words_are_kept(trial: Trial) -> None:
    """Plays two turns."""
    await trial.opened()
    await trial.play_turn("one")
    await trial.play_turn("two")
    await trial.says(
        ("user", "one"), ("assistant", "Hello you"), ("user", "two"), ("assistant", "again")
    )


@check("lifecycle.kept.reasoning", script=script((Think(("mulling it over",)), Say("x"))))
async def thoughts_are_kept(trial: Trial) -> None:
    """Has the model think."""
    await trial.opened()
    await trial.play_turn()

    async def thoughts() -> str:
        return "".join(str(row.get("text", "")) for row in await trial.talk().reasoning())

    await trial.durably(thoughts, lambda text: "mulling it over" in text, "what the model thinks")


@check("lifecycle.kept.turn-id", script=_TWO_TURNS)
async def events_carry_the_persisted_turn(trial: Trial) -> None:
    """Plays two turns, and looks which turn each event names."""
    await trial.opened()
    turns = [await trial.play_turn(), await trial.play_turn()]
    for one in some(deltas(trial), "event that was delivered"):
        payload = json.loads(one["payloadJson"])
        named = {one["turnId"], at(payload, "params", "turnId")}
        named.add(at(payload, "params", "turn", "id"))
        require(named - {None} <= set(turns), f"turns among {turns}", f"{named} in {one['kind']}")


@check("lifecycle.kept.cursors", script=_TWO_TURNS)
async def streams_are_numbered_without_gaps(trial: Trial) -> None:
    """Plays two turns, and looks at the cursors of each stream."""
    await trial.opened()
    await trial.play_turn()
    await trial.play_turn()
    ends: dict[str, float] = {}
    for one in some(deltas(trial), "event that was delivered"):
        expected = ends.get(one["streamId"], 0)
        require_equal(one["cursorStart"], expected, f"{one['kind']} begins at")
        require(one["cursorEnd"] > one["cursorStart"], "an end behind the beginning", one)
        ends[one["streamId"]] = one["cursorEnd"]


_MESSAGES: Final = 15


@check(
    "lifecycle.kept.batches",
    script=script(tuple(Say((f"{n}a", f"{n}b", f"{n}c")) for n in range(_MESSAGES))),
)
async def what_waits_is_delivered_in_batches(trial: Trial) -> None:
    """Holds the first batch back until the turn is over, and looks at those behind it."""
    await trial.opened()
    held = trial.line.fault("held", "ingestBatch", times=1)
    await trial.send()
    await trial.until(lambda: bool(trial.tap.said("codex", "turn/completed")), "turn/completed")
    await trial.until(lambda: bool(trial.line.called("ingestBatch")), "a first batch")
    await trial.heard()
    trial.line.lift(held)
    await trial.at_rest()
    sizes = [len(call.args["deltas"]) for call in trial.line.called("ingestBatch")]
    require(max(sizes) <= MOST_EVENTS, f"at most {MOST_EVENTS} events in a batch", sizes)
    items = [
        at(json.loads(one["payloadJson"]), "params", "itemId")
        for one in deltas(trial, since=1)
        if one["kind"] == _DELTA
    ]
    runs = {item: len(list(found)) for item, found in groupby(some(items, "delta that waited"))}
    require_equal(set(runs.values()), {1}, "deltas of each message that waited together:")
    words = await trial.texts()
    said = [text for role, text, _ in words if role == "assistant"]
    require_equal(said, [f"{n}a{n}b{n}c" for n in range(_MESSAGES)], "what was said:")


@check("lifecycle.kept.counted", script=script((Think(("hm",)), Say(("a", "b")))))
async def events_are_counted(trial: Trial) -> None:
    """Plays a turn, and counts what Codex has said."""
    thread = await trial.opened()
    before = len(trial.tap.said("codex"))
    await trial.play_turn()
    said = Counter(
        str(one.get("method"))
        for one in trial.tap.said("codex")[before:]
        if at(one, "params", "threadId") == thread
    )
    kept = {kind: n for kind, n in said.items() if kind.startswith(("item/", "turn/"))}
    metrics = trial.state.ingest_metrics
    by_kind = [(row.kind, row.count) for row in metrics.enqueued_by_kind]
    require_equal(by_kind, sorted(kept.items()), "what was kept, by kind:")
    require_equal(metrics.enqueued_event_count, sum(kept.values()), "what was kept:")
    skipped = [(row.kind, row.count) for row in metrics.skipped_by_kind]
    require_equal(skipped, sorted(skipped), "what was not, in order:")
    require_equal(dict(skipped).get(_TOLD), said[_TOLD], f"{_TOLD} not kept as an event:")


async def _usage(trial: Trial, turn: str) -> Any:
    """What is kept of the tokens of a turn."""
    rows = await trial.guest.query(
        "listTokenUsageByConversation", conversationId=trial.conversation
    )
    return next((row for row in rows if row["turnId"] == turn), {})


async def _used(trial: Trial) -> tuple[str, Any]:
    """Play a turn; give it, and what Codex has told of its tokens."""
    await trial.opened()
    turn = await trial.play_turn()
    told = at(some(trial.tap.said("codex", _TOLD), _TOLD)[-1], "params", "tokenUsage")
    return turn, present(told, "use of tokens")


@check("lifecycle.kept.usage", script=script(Say("x")))
async def tokens_are_kept(trial: Trial) -> None:
    """Plays a turn, and compares the tokens."""
    turn, told = await _used(trial)
    expected = tuple(told["total"][name] for name in ("totalTokens", "inputTokens", "outputTokens"))

    async def found() -> Any:
        total = (await _usage(trial, turn)).get("total", {})
        return tuple(total.get(name) for name in ("totalTokens", "inputTokens", "outputTokens"))

    await trial.durably(found, lambda kept: bool(kept == expected), f"tokens of {expected}")


@check("lifecycle.kept.window", script=script(Say("x")))
async def the_window_is_kept(trial: Trial) -> None:
    """Plays a turn, and compares the size of the model's window."""
    turn, told = await _used(trial)
    expected = present(told.get("modelContextWindow"), "size of the window")

    async def found() -> Any:
        return (await _usage(trial, turn)).get("modelContextWindow")

    await trial.durably(found, lambda kept: bool(kept == expected), f"a window of {expected}")
