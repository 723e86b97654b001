"""Playing a recording of the real app-server to the simulated one, and comparing what they say.

What differs between two runs of the real server is no difference: ids, times, process ids, and the
order of messages that come from parts of the server that work side by side.
"""

from __future__ import annotations

import json
import re
from collections import Counter

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STAMPS = (
    (re.compile(r"/\d{4}/\d\d/\d\d/rollout-[\dT-]+?-(?=[0-9a-f]{8}-)"), "/<DAY>/rollout-<TIME>-"),
    (
        re.compile(r"archived_sessions/rollout-[\dT-]+?-(?=[0-9a-f]{8}-)"),
        "archived/rollout-<TIME>-",
    ),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<TIME>"),
    (re.compile(r'"rolloutOrdinal":\d+'), '"rolloutOrdinal":0'),
    (re.compile(r"try again at .*"), "try again at <TIME>"),
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
    ]
)
OPAQUE = frozenset(["cursor", "path"])
"""Params whose value is what an earlier answer said, whatever that was."""
NEW_PROCESS = "---- new app-server process, same CODEX_HOME ----"
INITIAL = ("configWarning", "remoteControl/status/changed")


# --- reading recordings --------------------------------------------------------------------------


def processes(rows):
    """Cut a recording into its processes."""
    parts = [[]]
    for row in rows:
        if row.get("msg") == NEW_PROCESS:
            parts.append([])
        else:
            parts[-1].append(row)
    return parts


def without(part, left_out):
    """Leave requests out, with all that the server says because of them."""
    ids, rest_from = left_out
    kept, open_windows, own_threads = [], Counter(), set()
    for row in part:
        message = row["msg"]
        if row["dir"] == "c2s" and "method" in message and "id" in message:
            request_id = json.dumps(message["id"])
            if request_id == rest_from:
                break
            if request_id in ids:
                open_windows[request_id] += 1
                continue
        elif row["dir"] == "s2c":
            answered = "" if "method" in message else json.dumps(message["id"])
            if open_windows[answered]:
                open_windows[answered] -= 1
                thread = (message.get("result") or {}).get("thread") or {}
                own_threads.add(thread.get("id"))
                continue
            notice = message.get("method") in {"configWarning", "deprecationNotice"}
            if (notice and open_windows.total()) or thread_of(message) in own_threads - {None}:
                continue
        kept.append(row)
    return kept


def key(message):
    """What a message is, so far as it can be told without comparing ids."""
    if "method" in message:
        return message["method"]
    return ("answer", json.dumps(message["id"]))


# --- comparing -----------------------------------------------------------------------------------


class Comparison:
    """Compares messages, and learns which id stands for which."""

    def __init__(self, home, cwd):
        self.ids = {}
        self.opaque = {}
        self.differences = []
        self._places = ((str(home), "<CODEX_HOME>"), (str(cwd), "<CWD>"))

    def translate(self, message):
        """Say what the recorded client said with the ids, cursors and paths of this run."""
        given = message.get("params")
        if isinstance(given, dict):
            own = {
                name: self.opaque.get(value, value) if name in OPAQUE else value
                for name, value in given.items()
            }
            message = {**message, "params": own}
        text = UUID.sub(lambda m: self.ids.get(m.group(), m.group()), json.dumps(message))
        for path, name in self._places:
            text = text.replace(name, path)
        return text.encode()

    def learn(self, recorded, found):
        """Learn ids, cursors and paths of two corresponding messages without comparing them."""
        theirs, ours = recorded.get("result"), found.get("result")
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for one, other in ((theirs, ours), (theirs.get("thread"), ours.get("thread"))):
                for name in ("nextCursor", "backwardsCursor", "path"):
                    if one and other and None not in (one.get(name), other.get(name)):
                        self.opaque[one[name]] = other[name]
        pairs = zip(
            UUID.findall(json.dumps(recorded)), UUID.findall(json.dumps(found)), strict=False
        )
        for theirs, ours in pairs:
            self.ids.setdefault(theirs, ours)

    def compare(self, recorded, found, path):
        if isinstance(recorded, dict) and isinstance(found, dict):
            if list(recorded) != list(found):
                self._differ(path, list(recorded), list(found))
            for name in recorded.keys() & found.keys():
                inner = f"{path}.{name}"
                if name in TIMES or name == "processId":
                    self._same_kind(recorded[name], found[name], inner)
                elif name == "readStates":
                    self._keyed_by_id(recorded[name], found[name], inner)
                else:
                    self.compare(recorded[name], found[name], inner)
        elif isinstance(recorded, list) and isinstance(found, list):
            if len(recorded) != len(found):
                self._differ(path, recorded, found)
            for number, (one, other) in enumerate(zip(recorded, found, strict=False)):
                self.compare(one, other, f"{path}[{number}]")
        elif isinstance(recorded, str) and isinstance(found, str):
            self._strings(recorded, found, path)
        elif type(recorded) is not type(found) or recorded != found:
            self._differ(path, recorded, found)

    def _keyed_by_id(self, recorded, found, path):
        for theirs, value in recorded.items():
            self.compare(value, found.get(self.ids.get(theirs)), f"{path}.{theirs}")

    def _same_kind(self, recorded, found, path):
        if type(recorded) is not type(found):
            self._differ(path, recorded, found)

    def _strings(self, recorded, found, path):
        for place, name in self._places:
            found = found.replace(place, name)
        for pattern, name in STAMPS:
            recorded, found = pattern.sub(name, recorded), pattern.sub(name, found)
        pairs = list(zip(UUID.findall(recorded), UUID.findall(found), strict=False))
        for theirs, ours in pairs:
            if self.ids.setdefault(theirs, ours) != ours:
                self._differ(path, f"{theirs} = {self.ids[theirs]}", ours)
        if path.endswith(".diff"):
            # Diffs are shown from the repository's root, which was / where this was recorded.
            recorded = recorded.replace(" a<CWD>/", " a/").replace(" b<CWD>/", " b/")
        if UUID.sub("<ID>", recorded) != UUID.sub("<ID>", found):
            self._differ(path, recorded, found)

    def _differ(self, path, recorded, found):
        self.differences.append(f"{path}\n  recorded  {recorded!r}\n  simulated {found!r}")


def settled(messages):
    """Order what the server says side by side: of an answered approval, and of a cut stream."""
    ordered = _with_last_drafts(messages)
    for place in range(len(ordered) - 1):
        this, next_one = ordered[place : place + 2]
        if next_one.get("method") == "account/rateLimits/updated" and "method" not in this:
            ordered[place : place + 2] = next_one, this
            continue
        settings = next_one.get("method") == "thread/settings/updated"
        if settings and "turn" in (this.get("result") or {}):
            ordered[place : place + 2] = next_one, this
            continue
        told_aside = next_one.get("method") in {"thread/started", "thread/status/changed"}
        if this.get("method") == "warning" and told_aside:
            ordered[place : place + 2] = next_one, this
            continue
        if ordered[place].get("method") != "item/completed":
            continue
        following = ordered[place + 1]
        item = ordered[place]["params"]["item"]
        if following.get("method") == "thread/status/changed" and item.get("status") in {
            "declined",
            "failed",
        }:
            ordered[place], ordered[place + 1] = following, ordered[place]
    return ordered


def _with_last_drafts(messages):
    """Leave out drafts of a patch that are followed by more of it: how many come is timing."""
    draft = "item/fileChange/patchUpdated"
    following = [*messages[1:], {}]
    pairs = zip(messages, following, strict=True)
    return [m for m, n in pairs if not (m.get("method") == n.get("method") == draft)]


def answered_first(messages):
    """Put the answer to turn/start before what it starts: a busy machine may say it later."""
    told = list(messages)
    for answer in messages:
        turn = ((answer.get("result") or {}).get("turn") or {}).get("id")
        begun = next(
            (
                place
                for place, message in enumerate(told[: told.index(answer)])
                if message.get("method") == "turn/started"
                and message["params"]["turn"]["id"] == turn
            ),
            None,
        )
        if turn is not None and begun is not None and answer["result"]["turn"]["items"] == []:
            active = told[begun - 1] if begun else {}
            place = begun - (active.get("method") == "thread/status/changed")
            told.remove(answer)
            told.insert(place, answer)
    return told


def streams(messages, asked):
    """Split messages into streams, each of which has an order of its own."""
    threads = {m["params"]["thread"]["id"] for m in messages if m.get("method") == "thread/started"}
    alone = len(threads) <= 1
    split = {}
    for message in settled(answered_first(messages)):
        method = message.get("method")
        if method in INITIAL or (method is None and asked.get(message["id"]) == "initialize"):
            name = "initialize"
        elif alone:
            name = "everything"
        else:
            name = thread_of(message) or (method, message.get("id"))
        split.setdefault(name, []).append(message)
    return split


def thread_of(message):
    params = message.get("params") or message.get("result") or {}
    return params.get("threadId") or (params.get("thread") or {}).get("id")


# --- replaying ----------------------------------------------------------------------------------


class Replay:
    """One process of a recording, played to the simulation."""

    def __init__(self, server, process, comparison):
        self.server = server
        self.process = process
        self.comparison = comparison
        self.dials = {}
        self.expected = {}
        self.asked = {}

    async def play(self, part):
        for row in part:
            name = row.get("conn", "")
            if row["dir"] == "s2c":
                self.expected.setdefault(name, []).append(row["msg"])
            elif row["dir"] == "c2s":
                await self._send(name, row["msg"])
        for gate in self.process.finally_opens:
            await self.server.settle()
            self.server.gates.open(gate)
        if not self.process.real_time:
            await self.server.settle()
        for name, dial in self.dials.items():
            await self._until_said(name)
            self._learn(name)
            if self.process.crashes:
                self.server.crash()
            await dial.hang_up()
            self._compare(name, dial.messages)

    async def _send(self, name, message):
        dial = self.dials.get(name)
        if dial is None:
            for earlier in self.process.disconnects.get(name, ()):
                await self._until_said(earlier)
                await self.dials[earlier].hang_up()
            dial = self.dials[name] = self.server.dial()
        expected = self.expected.setdefault(name, [])
        gate = self.process.opens.get(f"{name}{message.get('id')}")
        if gate is not None:
            # The recorded client opened it once its requests were answered.
            answers = {key(m) for m in expected if "method" not in m}
            await dial.until(lambda seen: answers <= {key(m) for m in seen}, "its answers")
            self.server.gates.open(gate)
        await self._until_said(name)
        self._learn(name)
        if "method" in message and "id" in message and not isinstance(message["id"], dict | list):
            self.asked[message["id"]] = message["method"]
        await dial.send_line(self.comparison.translate(message))

    def _learn(self, name):
        """Learn what the client may say again: of answers, and of the turns that have started."""
        expected, found = self.expected.get(name, []), self.dials[name].messages
        answers = {key(m): m for m in found}
        for recorded in expected:
            if "method" not in recorded:
                self.comparison.learn(recorded, answers[key(recorded)])
        started = (
            [m for m in told if m.get("method") == "turn/started"] for told in (expected, found)
        )
        for theirs, ours in zip(*started, strict=False):
            thread = self.comparison.ids.get(theirs["params"]["threadId"])
            if thread == ours["params"]["threadId"]:
                self.comparison.learn(theirs, ours)

    async def _until_said(self, name):
        """Wait until the simulation has said what the real server had said by now."""
        expected = self.expected.get(name, [])
        due = Counter(key(m) for m in expected if m.get("method") not in INITIAL)
        await self.dials[name].until(
            lambda seen: not due - Counter(key(m) for m in seen), f"{sorted(map(str, due))}"
        )

    def _compare(self, name, found):
        recorded = self.expected[name]
        theirs, ours = streams(recorded, self.asked), streams(found, self.asked)
        named = {self.comparison.ids.get(n, n): n for n in theirs if isinstance(n, str)}
        for stream, messages in ours.items():
            counterpart = theirs.pop(named.get(stream, stream), [])
            self._compare_stream(stream, counterpart, messages)
        for stream, messages in theirs.items():
            self._compare_stream(stream, messages, [])

    def _compare_stream(self, stream, recorded, found):
        titles, others = [key(m) for m in recorded], [key(m) for m in found]
        if titles != others:
            place = next(
                (
                    i
                    for i, (one, other) in enumerate(zip(titles, others, strict=False))
                    if one != other
                ),
                min(len(titles), len(others)),
            )
            self.comparison.differences.append(
                f"{stream}: message {place}\n"
                f"  recorded  {titles[max(place - 3, 0) : place + 6]}\n"
                f"  simulated {others[max(place - 3, 0) : place + 6]}"
            )
            return
        for number, (one, other) in enumerate(zip(recorded, found, strict=False)):
            self.comparison.compare(one, other, f"{stream}[{number}] {titles[number]}")
