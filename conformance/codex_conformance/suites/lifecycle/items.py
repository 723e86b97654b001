"""Checks of items, messages, reasoning, and token usage.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codex_conformance.suites.plays.groups import GOOD_TURNS, INTERRUPTED, TURNS
from codex_conformance.suites.plays.turns import (
    ANSWER,
    CLIENT_MESSAGE_ID,
    REASONING,
    SECOND_ANSWER,
    plain_turns,
    reasoning_turn,
    two_threads,
)
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import (
    final_status,
    present,
    require,
    require_equal,
    some,
    turns_in,
)
from codex_conformance.wire.messages import at, keyed

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn

_DELTA: Final = "item/agentMessage/delta"
_USAGE: Final = "thread/tokenUsage/updated"


def _item_id(entry: Entry) -> str:
    """The id of the item a message is about, as a key."""
    named = at(entry.message, "params", "itemId")
    return keyed(at(entry.message, "params", "item", "id") if named is None else named)


@check("lifecycle.item.started-first", on=TURNS)
async def completed_items_were_started(scene: Scene) -> None:
    """Looks for the item/started of every item/completed."""
    for turn in turns_in(scene):
        for completed in some(turn.of("item/completed"), "item/completed"):
            started = any(
                _item_id(entry) == _item_id(completed) and entry.index < completed.index
                for entry in turn.of("item/started")
            )
            expected = f"item/started of {_item_id(completed)} before"
            require(started, expected, "none", completed)


@check("lifecycle.item.completed-once", on=TURNS)
async def items_start_and_complete_once(scene: Scene) -> None:
    """Counts item/started and item/completed of every item."""
    for turn in turns_in(scene):
        events = some(turn.of("item/started", "item/completed"), "item")
        counted = Counter((entry.method, _item_id(entry)) for entry in events)
        for entry in events:
            times = counted[entry.method, _item_id(entry)]
            require(times == 1, f"one {entry.method} of {_item_id(entry)}", times, entry)


@check("lifecycle.item.all-completed", on=GOOD_TURNS)
async def all_items_complete(scene: Scene) -> None:
    """Looks for the item/completed of every item of a turn that ended well."""
    for turn in turns_in(scene):
        completed = present(turn.first("turn/completed"), "turn/completed")
        done = {
            _item_id(entry) for entry in turn.of("item/completed") if entry.index < completed.index
        }
        for started in some(turn.of("item/started"), "item/started"):
            expected = f"item/completed of {_item_id(started)} before turn/completed"
            require(_item_id(started) in done, expected, "none", started, completed)


@check("lifecycle.item.user-message-first", on=TURNS)
async def the_user_speaks_first(scene: Scene) -> None:
    """Reads the first item of each turn."""
    for turn in turns_in(scene):
        first = some(turn.of("item/started"), "item/started")[0]
        item = at(first.message, "params", "item")
        require_equal(at(item, "type"), "userMessage", "the first item", first)
        require_equal(at(item, "content", 0, "text"), turn.text, "the text", first)


@check("lifecycle.item.client-id", on=(plain_turns,))
async def the_client_id_is_kept(scene: Scene) -> None:
    """Reads the clientId of a message that got one, and of one that did not."""
    for turn, expected in zip(turns_in(scene), (CLIENT_MESSAGE_ID, None), strict=False):
        for entry in some(turn.item_events("item/started", "userMessage"), "user message"):
            found = at(entry.message, "params", "item")
            require_equal(at(found, "clientId"), expected, "the clientId", entry)
            require("clientId" in (found or {}), "a clientId, or null", "no such member", entry)


def _streamed(turn: Turn) -> dict[str, list[Entry]]:
    """The deltas of each message of a turn."""
    found: dict[str, list[Entry]] = {}
    for entry in turn.of(_DELTA):
        found.setdefault(_item_id(entry), []).append(entry)
    return found


@check("lifecycle.message.deltas-inside", on=(*GOOD_TURNS, two_threads, *INTERRUPTED))
async def deltas_come_while_the_item_is_open(scene: Scene) -> None:
    """Compares the places of a message's deltas with its item/started and item/completed."""
    some((delta for turn in turns_in(scene) for delta in turn.of(_DELTA)), "delta")
    for turn in turns_in(scene):
        for item, deltas in _streamed(turn).items():
            started = [e for e in turn.of("item/started") if _item_id(e) == item]
            completed = [e for e in turn.of("item/completed") if _item_id(e) == item]
            opened = bool(started) and started[0].index < deltas[0].index
            require(opened, f"item/started of {item} before its deltas", "none", *deltas[:3])
            open_still = not completed or deltas[-1].index < completed[0].index
            require(
                open_still,
                f"no delta of {item} after item/completed",
                "one",
                *completed,
                deltas[-1],
            )


@check("lifecycle.message.deltas-join", on=(*GOOD_TURNS, two_threads))
async def deltas_join_to_the_text(scene: Scene) -> None:
    """Joins the deltas of each completed message and compares them with its text."""
    for turn in turns_in(scene):
        streamed = _streamed(turn)
        messages = turn.item_events("item/completed", "agentMessage")
        for completed in some(messages, "completed message"):
            deltas = streamed.get(_item_id(completed), [])
            joined = "".join(str(at(entry.message, "params", "delta")) for entry in deltas)
            found = at(completed.message, "params", "item", "text")
            require_equal(found, joined, "the text", *deltas, completed)


@check("lifecycle.message.as-said", on=(plain_turns,))
async def messages_are_what_the_model_said(scene: Scene) -> None:
    """Compares the text of each completed message with what the script lets the model say."""
    for turn, said in zip(turns_in(scene), (ANSWER, SECOND_ANSWER), strict=False):
        messages = some(turn.item_events("item/completed", "agentMessage"), "completed message")
        for completed in messages:
            found = at(completed.message, "params", "item", "text")
            require_equal(found, "".join(said), "the text", completed)


@check("lifecycle.reasoning.parts-announced", on=(reasoning_turn,))
async def reasoning_parts_are_announced(scene: Scene) -> None:
    """Follows the parts of a summary: each announced in order, before its deltas."""
    for turn in turns_in(scene):
        announced: list[object] = []
        events = turn.of("item/reasoning/summaryPartAdded", "item/reasoning/summaryTextDelta")
        for entry in some(events, "part of a reasoning summary"):
            index = at(entry.message, "params", "summaryIndex")
            if entry.method == "item/reasoning/summaryPartAdded":
                require_equal(index, len(announced), "the index of the next part", *events)
                announced.append(index)
            else:
                require(index in announced, f"part {index} to be announced first", index, *events)


@check("lifecycle.reasoning.parts-join", on=(reasoning_turn,))
async def reasoning_parts_join_to_the_summary(scene: Scene) -> None:
    """Joins the deltas of each part and compares them with the completed item's summary."""
    for turn in turns_in(scene):
        parts: dict[str, str] = {}
        deltas = some(turn.of("item/reasoning/summaryTextDelta"), "reasoning delta")
        for entry in deltas:
            index = keyed(at(entry.message, "params", "summaryIndex"))
            parts[index] = parts.get(index, "") + str(at(entry.message, "params", "delta"))
        items = some(turn.item_events("item/completed", "reasoning"), "completed reasoning item")
        found = at(items[0].message, "params", "item", "summary")
        expected = [parts[index] for index in sorted(parts)]
        require_equal(found, expected, "the summary", *deltas, items[0])
        said = ["".join(part) for part in REASONING]
        require_equal(found, said, "the summary", items[0])


@check("lifecycle.usage.cumulative", on=(plain_turns, *GOOD_TURNS[1:]))
async def usage_adds_up(scene: Scene) -> None:
    """Adds up what each report says was used last, and compares it with the totals."""
    reports = some(
        (entry for turn in turns_in(scene) for entry in turn.of(_USAGE)), "report of token usage"
    )
    sums: Counter[str] = Counter()
    for entry in reports:
        usage = at(entry.message, "params", "tokenUsage")
        last, total = at(usage, "last"), at(usage, "total")
        numbers = isinstance(last, dict) and isinstance(total, dict)
        require(numbers, "last and total", usage, entry)
        sums.update({key: value for key, value in last.items() if type(value) is int})
        expected = {key: sums[key] for key in last}
        require_equal(total, expected, "the total", *reports)


@check("lifecycle.usage.per-response", on=GOOD_TURNS)
async def each_response_reports_its_usage(scene: Scene) -> None:
    """Counts the reports of a play's turns; the model answers as often as its script says."""
    turns = turns_in(scene)
    for turn in turns:
        present(final_status(turn), "turn/completed")
    reports = [entry for turn in turns for entry in turn.of(_USAGE)]
    expected = len(scene.play.script.responses)
    require_equal(len(reports), expected, "the number of reports", *reports)


@check("lifecycle.usage.rate-limits", on=GOOD_TURNS)
async def rate_limits_follow_usage(scene: Scene) -> None:
    """Reads the message right behind each report of token usage."""
    for turn in turns_in(scene):
        received = [entry for entry in turn.around if entry.received]
        for entry in some(turn.of(_USAGE), "report of token usage"):
            place = received.index(entry)
            behind = received[place + 1] if place + 1 < len(received) else None
            found = behind.method if behind is not None else "nothing"
            require_equal(found, "account/rateLimits/updated", "the message behind", entry, behind)
