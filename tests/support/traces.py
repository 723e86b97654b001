"""Comparing what two app-servers said, message by message, in the order that means something.

Two messages that come from parts of the server which work side by side may come in either order:
the table :data:`SIDE_BY_SIDE` says which, and why. Each transcript is brought into the first of
the orders that are equal to its own; then everything must be equal but ids, times and places.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
STAMPS = (
    (re.compile(r"/\d{4}/\d\d/\d\d/rollout-[\dT-]+?-(?=[0-9a-f]{8}-)"), "/<DAY>/rollout-<TIME>-"),
    (re.compile(r"/rollout-\d{4}-[\dT-]+?-(?=[0-9a-f]{8}-)"), "/rollout-<TIME>-"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<TIME>"),
    (re.compile(r'\\"rolloutOrdinal\\":\d+'), r"\"rolloutOrdinal\":0"),
    (re.compile(r"try again at [^\"\\]*"), "try again at <TIME>"),
)
TIMES = frozenset(
    [
        "emittedAtMs",
        "startedAtMs",
        "completedAtMs",
        "startedAt",
        "completedAt",
        "createdAt",
        "updatedAt",
        "recencyAt",
        "durationMs",
        "processId",
        "requestId",
    ]
)
"""Members whose value is measured; their type is compared."""
LONG_MS = 500
"""Milliseconds after which a command has surely been seen running."""
INITIAL = frozenset({"configWarning", "remoteControl/status/changed"})
TOOLS = frozenset({"commandExecution", "fileChange", "dynamicToolCall"})


@dataclass(frozen=True)
class Heard:
    """A message of the server, and what it belongs to.

    Attributes:
        message: The message.
        method: Its method, or that of the request it answers.
        answers: Whether it is an answer.
        stream: What it is in order with: a thread, or a part of the server.
        item: The item it is about, as turn and id.
        shown: Itself, without what differs between any two runs.
    """

    message: dict
    method: str
    answers: bool
    stream: tuple
    item: tuple | None
    shown: str

    @property
    def title(self) -> str:
        return f"answer to {self.method}" if self.answers else self.method


def _status(heard: Heard) -> bool:
    params = heard.message.get("params", {})
    return (
        heard.method == "thread/status/changed"
        and not heard.answers
        and params["status"]["type"] == "active"
    )


def _decided(heard: Heard) -> bool:
    item = (heard.message.get("params") or {}).get("item") or {}
    return (
        heard.method == "item/completed"
        and item["type"] in TOOLS
        and item["status"] in {"declined", "failed"}
    )


def _usage(heard: Heard) -> bool:
    return heard.method in {"thread/tokenUsage/updated", "account/rateLimits/updated"}


def _tool(heard: Heard) -> bool:
    return heard.item is not None and not heard.answers


def _output(heard: Heard) -> bool:
    return heard.method == "item/commandExecution/outputDelta"


SIDE_BY_SIDE = (
    (
        _decided,
        _status,
        "what became of an answered approval is reported by the tool, the status by the thread",
    ),
    (
        lambda heard: (
            (heard.answers and heard.method in {"turn/interrupt", "turn/steer", "turn/start"})
            or heard.method == "thread/settings/updated"
        ),
        _usage,
        "the usage of a stream that is cut is reported while the request is answered",
    ),
    (
        lambda heard: heard.method == "thread/settings/updated",
        lambda heard: heard.answers and heard.method == "turn/start",
        "what a turn changes for good is told while the request that starts it is answered",
    ),
    (
        lambda heard: heard.method == "warning",
        lambda heard: heard.method == "thread/started",
        "what is wrong with a new thread's configuration is told while the thread is announced",
    ),
    (
        lambda heard: heard.answers and heard.method == "turn/start",
        lambda heard: not heard.answers and (_status(heard) or heard.method == "turn/started"),
        "a busy machine announces a turn before it answers the request that started it",
    ),
    (
        lambda heard: heard.method == "warning",
        lambda heard: not heard.answers and (_status(heard) or heard.method == "turn/started"),
        "what is wrong with what the model gets to see is told while the turn begins",
    ),
    (
        lambda heard: heard.method == "warning",
        _usage,
        "what does not fit into a new context is told while the summary that led to it is counted",
    ),
    (_output, lambda heard: True, "a command's output comes when it is printed"),
)
"""Messages of one thread that have no order: two kinds, and why."""


def in_order(one: Heard, other: Heard) -> bool:
    """Whether the order of two messages means something."""
    if one.stream != other.stream:
        return False
    if one.item is not None and one.item == other.item:
        return True
    if _tool(one) and _tool(other) and one.item[2] in TOOLS and other.item[2] in TOOLS:
        # Two calls of one response of the model are executed at the same time.
        return False
    return not any(
        (first(one) and second(other)) or (first(other) and second(one))
        for first, second, _ in SIDE_BY_SIDE
    )


class Reader:
    """Reads the messages of one connection.

    Args:
        names: The ids that the program knows by name.
        places: The folders and addresses of this run, and what stands for them.
        stable: How error texts are cut to what is stable.
    """

    def __init__(self, names, places, stable=lambda message: message):
        self._names = {value: name for name, value in names.items()}
        self._places = places
        self._stable = stable

    def read(self, messages, asked):
        """Say what each message belongs to."""
        known, heard, pending = {}, [], []
        previous = ("server",)
        for message in _joined(messages):
            method = message.get("method") or asked.get(json.dumps(message["id"]), "?")
            answers = "method" not in message
            stream = self._stream(message, method, answers, previous)
            if stream[0] == "thread" and not answers:
                previous = stream
            item = self._item(message, known)
            entry = Heard(message, method, answers, stream, item, self._shown(message))
            if method == "deprecationNotice":
                pending.append(entry)
                continue
            if answers and pending:
                # What is deprecated is what was asked: the notice belongs to the answer.
                heard += [_in_stream(notice, stream) for notice in pending]
                pending = []
            heard.append(entry)
        return heard + pending

    def _stream(self, message, method, answers, previous):
        if method in INITIAL or (answers and method == "initialize"):
            return ("server",)
        if method == "account/rateLimits/updated":
            return previous
        body = message.get("params") or message.get("result") or {}
        thread = None
        if isinstance(body, dict):
            thread = body.get("threadId") or (body.get("thread") or {}).get("id")
        if answers:
            thread = thread or message.get("$thread")
        if thread is not None:
            return ("thread", self._named(thread))
        if answers:
            return ("answer", json.dumps(message["id"]))
        return ("part", method.partition("/")[0])

    def _item(self, message, known):
        params = message.get("params")
        if not isinstance(params, dict) or "turnId" not in params:
            return None
        if "item" in params:
            item = params["item"]
            known[params["turnId"], item["id"]] = item["type"]
            return (params["turnId"], item["id"], item["type"])
        if "itemId" in params:
            place = (params["turnId"], params["itemId"])
            return (*place, known.get(place, "commandExecution"))
        return None

    def _named(self, value):
        name = self._names.get(value)
        return f"<{name}>" if name else value

    def _shown(self, message):
        message = {key: value for key, value in message.items() if key != "$thread"}
        if "method" in message and "id" in message:
            # Which of two requests that are made at the same time has which number is open.
            message["id"] = "<REQUEST>"
        text = json.dumps(self._measured(self._stable(message)))
        for place, name in self._places:
            text = text.replace(json.dumps(str(place))[1:-1], name)
        for pattern, name in STAMPS:
            text = pattern.sub(name, text)
        return UUID.sub(
            lambda m: f"<{self._names[m[0]]}>" if m[0] in self._names else f"<ID{m[1]}>", text
        )

    def _measured(self, value):
        if isinstance(value, dict):
            changed = {
                key: f"<{type(inner).__name__}>" if key in TIMES else self._measured(inner)
                for key, inner in value.items()
            }
            if "readStates" in changed:
                states = changed["readStates"]
                changed["readStates"] = {key: states[key] for key in sorted(states)}
            return changed
        if isinstance(value, list):
            return [self._measured(inner) for inner in value]
        return value


def _in_stream(entry, stream):
    return Heard(entry.message, entry.method, entry.answers, stream, entry.item, entry.shown)


def _joined(messages):
    """In which pieces a command's output comes, and from when on, is decided by the machine.

    What is printed before the item starts is never shown as a piece, so that two runs of the real
    server show different ones. Of a command that takes its time it is compared that there are any;
    of one that ends at once, not even that. The whole output is a member of the item.
    """
    quick = {
        (message["params"]["turnId"], message["params"]["item"]["id"])
        for message in messages
        if message.get("method") == "item/completed"
        and (message["params"]["item"].get("durationMs") or 0) < LONG_MS
    }
    joined, printed = [], set()
    for message in messages:
        if message.get("method") == "item/commandExecution/outputDelta":
            place = (message["params"]["turnId"], message["params"]["itemId"])
            if place in printed | quick:
                continue
            printed.add(place)
            message = {**message, "params": {**message["params"], "delta": "<OUTPUT>"}}
        joined.append(message)
    return joined


def sorted_out(heard: list[Heard]) -> list[Heard]:
    """The first of all orders of these messages that are equal to the one they came in."""
    streams: dict[tuple, list[Heard]] = {}
    for entry in heard:
        streams.setdefault(entry.stream, []).append(entry)
    ordered = []
    # Threads that have no name are in the order in which they were first heard of.
    for left in sorted(streams.values(), key=lambda s: UUID.sub("", str(s[0].stream))):
        while left:
            free = [
                place
                for place, entry in enumerate(left)
                if not any(in_order(earlier, entry) for earlier in left[:place])
            ]
            ordered.append(left.pop(min(free, key=lambda place: left[place].shown)))
    return ordered


def differences(one: list[Heard], other: list[Heard], names=("real", "simulated")) -> list[str]:
    """Compare two transcripts of one connection.

    Returns:
        What is different, in words; nothing when they say the same.
    """
    one, other = sorted_out(one), sorted_out(other)
    found: list[str] = []
    ids: dict[str, str] = {}
    for place in range(max(len(one), len(other))):
        left = one[place] if place < len(one) else None
        right = other[place] if place < len(other) else None
        if left is None or right is None or left.title != right.title:
            context = slice(max(place - 3, 0), place + 5)
            found.append(
                f"message {place}:\n"
                f"  {names[0]:10}{_titles(one[context])}\n"
                f"  {names[1]:10}{_titles(other[context])}\n"
                f"  {names[0]:10}{left.shown[:600] if left else 'nothing'}\n"
                f"  {names[1]:10}{right.shown[:600] if right else 'nothing'}"
            )
            return found
        if left.shown != right.shown:
            found += [
                f"message {place}, {left.title}{path}\n"
                f"  {names[0]:10}{json.dumps(a)[:400]}\n  {names[1]:10}{json.dumps(b)[:400]}"
                for path, a, b in _unlike(json.loads(left.shown), json.loads(right.shown), "")
            ]
        for theirs, ours in zip(_ids(left.message), _ids(right.message), strict=False):
            if ids.setdefault(theirs, ours) != ours:
                found.append(f"message {place}, {left.title}: {theirs} was {ids[theirs]}: {ours}")
    return found


def _ids(message):
    """The ids in a message that another run gives otherwise."""
    found = [match[0] for match in UUID.finditer(json.dumps(message))]
    if "method" in message and "id" in message:
        found.append(f"request {message['id']}")
    if "requestId" in (message.get("params") or {}):
        found.append(f"request {message['params']['requestId']}")
    return found


def _titles(heard):
    return [entry.title for entry in heard]


def _unlike(one: Any, other: Any, path: str):
    if isinstance(one, dict) and isinstance(other, dict):
        if list(one) != list(other):
            yield path, list(one), list(other)
        for key in one:
            if key in other:
                yield from _unlike(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _unlike(*pair, f"{path}[{number}]")
    elif one != other:
        yield path, one, other
