"""What Codex must send to its model, checked on every request.

May import the requests and the rendered calls. The invariant: pure; a finding is made only from
what was sent to this server and what this server answered, so a request that another server would
understand differently is no finding.

The rules, as the real binary keeps them:

* The body is a JSON object with ``model``, ``stream: true`` and a list of items.
* Every call in the history is one that the model made, word for word, and is there once.
* Every call has exactly one output, of its kind, behind it; every output has its call.
* Within one window of a thread the history only grows: the items of the request before, in their
  order, start the next one. That holds across interrupts, steers, failed turns and a restart.
  Compaction starts another window. Reverting cuts turns off the end: Codex then reads the thread
  back from disk and says so, and the first item that is gone begins a turn.
* What a regular response called is in the next request of that window, interrupted or not.

The last two need to know the conversation: a request that names no window is checked by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from codex_fakes.responses.render import MadeCall
    from codex_fakes.responses.requests import ModelRequest

OUTPUT_OF: Final = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
}
"""The kind of output that each kind of call has."""

_SHOWN: Final = 200
_PAYLOAD: Final = {"function_call": "arguments", "custom_tool_call": "input"}


@dataclass(slots=True)
class _Window:
    items: list[str] = field(default_factory=list)
    due: set[str] = field(default_factory=set)


class Ledger:
    """Keeps what was sent and received, and checks each request against it.

    Args:
        known_history: Whether every call in a conversation must be one of this model.
    """

    def __init__(self, *, known_history: bool) -> None:
        self._known_history = known_history
        self._made: dict[str, MadeCall] = {}
        self._windows: dict[str, _Window] = {}

    def answering(self, calls: Iterable[MadeCall]) -> None:
        """Take note of the calls of a response that is about to be sent."""
        for call in calls:
            self._made[call.call_id] = call

    def finished(self, request: ModelRequest, calls: Iterable[MadeCall]) -> None:
        """Take note that a response was sent to its regular end."""
        if not request.window_id:
            return
        window = self._windows.setdefault(request.window_id, _Window())
        window.due.update(call.call_id for call in calls)

    def check(self, request: ModelRequest) -> list[str]:
        """Check a request, and remember it.

        Args:
            request: The newest request.

        Returns:
            What is wrong with it, one text each.
        """
        if request.unreadable:
            return [request.unreadable]
        found = [*_shape(request), *_pairing(request.items), *self._calls(request.items)]
        if request.window_id and request.kind in {"turn", ""}:
            found += self._growth(request)
        return found

    def _calls(self, items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        for item in items:
            kind = item.get("type")
            if kind not in OUTPUT_OF:
                continue
            call_id = str(item.get("call_id"))
            made = self._made.get(call_id)
            if made is None:
                if self._known_history:
                    yield f"the call {call_id!r} was never made"
            elif (kind, item.get("name"), item.get(_PAYLOAD[kind])) != (
                made.kind,
                made.name,
                made.payload,
            ):
                yield f"the call {call_id!r} is not told as it was made"

    def _growth(self, request: ModelRequest) -> Iterator[str]:
        window = self._windows.setdefault(request.window_id, _Window())
        items = [_essence(item) for item in request.items]
        kept = _common(window.items, items)
        here = {str(item.get("call_id")) for item in request.items}
        if kept < len(window.items) and _may_cut(request, window.items[kept]):
            window.due &= here
        elif kept < len(items) and kept < len(window.items):
            before, now = window.items[kept][:_SHOWN], items[kept][:_SHOWN]
            yield f"item {kept} of the history was changed from {before} to {now}"
        elif kept < len(window.items):
            yield f"the history shrank from {len(window.items)} items to {len(items)}"
        for call_id in sorted(window.due - here):
            yield f"the call {call_id!r} of a response before is missing"
        window.items = items


def _common(before: Sequence[str], now: Sequence[str]) -> int:
    for number, (one, other) in enumerate(zip(before, now, strict=False)):
        if one != other:
            return number
    return min(len(before), len(now))


def _may_cut(request: ModelRequest, first_gone: str) -> bool:
    read_back = request.turn_metadata.get("history_initialization") not in {None, "new"}
    gone = json.loads(first_gone)
    begins_turn = gone.get("type") == "message" and gone.get("role") in {"user", "developer"}
    return bool(read_back and begins_turn)


def _shape(request: ModelRequest) -> Iterator[str]:
    if not request.model:
        yield "it names no model"
    if request.body.get("stream") is not True:
        yield "it does not ask for a stream"
    items = request.body.get("input")
    if not isinstance(items, list) or not items:
        yield "its input is no list of items"
    elif len(request.items) != len(items):
        yield "its input holds something that is no item"


def _pairing(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    called: dict[str, str] = {}
    answered: set[str] = set()
    for item in items:
        kind, call_id = str(item.get("type")), str(item.get("call_id"))
        if kind in OUTPUT_OF:
            if call_id in called:
                yield f"the call {call_id!r} is there twice"
            called[call_id] = kind
        elif kind in OUTPUT_OF.values():
            if call_id not in called:
                yield f"there is an output, but no call {call_id!r} before it"
            elif OUTPUT_OF[called[call_id]] != kind:
                yield f"the output of {call_id!r} is a {kind}, its call a {called[call_id]}"
            if call_id in answered:
                yield f"the call {call_id!r} has two outputs"
            answered.add(call_id)
    for call_id in called:
        if call_id not in answered:
            yield f"the call {call_id!r} has no output"


def _essence(item: Mapping[str, Any]) -> str:
    told = {key: value for key, value in item.items() if key not in {"id", "status"}}
    return json.dumps(told, sort_keys=True)
