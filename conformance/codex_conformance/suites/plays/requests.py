"""Plays about requests at the limits: forms of ids, sizes, gates, refusals of every kind, floods.

May import the stage and the definition of a play. The invariant: every request whose answer is
judged has a section of its own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.dialect import NO_MODEL, UNKNOWN_THREAD
from codex_conformance.suites.stage import CLIENT_NAME, CLIENT_VERSION, text_at
from codex_conformance.wire.messages import at, is_answer
from codex_fakes.script.steps import Say, script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_conformance.suites.stage import Stage
    from codex_conformance.wire.messages import Message

LARGE: Final = 2 << 20
"""Bytes of a large line."""

INPUT_LIMIT: Final = 1 << 20
"""Characters of the longest input there may be."""

SIDE_BY_SIDE: Final = 64
"""Requests that may always be under way at once."""

FLOOD: Final = 1_000
"""Requests that are too many at once."""

GATED_METHOD: Final = "thread/backgroundTerminals/list"
"""A method that needs the capability experimentalApi."""

GATED_FIELD: Final = "dynamicTools"
"""A field of thread/start that needs it."""

UNKNOWN_THREADS: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = MappingProxyType(
    {
        "thread/fork": ({}, "no rollout found for thread id "),
        "thread/archive": ({}, "no rollout found for thread id "),
        "thread/unarchive": ({}, "no archived rollout found for thread id "),
        "thread/delete": ({}, "no rollout found for thread id "),
        "thread/name/set": ({"name": "any"}, "no rollout found for thread id "),
        "thread/turns/list": ({}, "thread not loaded: "),
        "thread/compact/start": ({}, "thread not found: "),
        "turn/steer": ({"expectedTurnId": "any", "input": []}, "thread not found: "),
        "turn/interrupt": ({"turnId": "any"}, "thread not found: "),
    }
)
"""Methods with params, asked of a thread that does not exist, and how the refusals begin."""

THREAD_IDS: Final = ("upper case", "urn")
"""The forms of a thread id that are accepted besides the usual one."""


@play("unknown-threads", NO_MODEL)
async def unknown_threads(stage: Stage) -> None:
    """The client asks everything of a thread that does not exist."""
    await stage.start()
    for method, (params, _) in UNKNOWN_THREADS.items():
        await stage.ask(method, method, {"threadId": UNKNOWN_THREAD, **params})
    await stage.ask("items", "thread/items/list", {"threadId": UNKNOWN_THREAD})
    await stage.ask("malformed session", "thread/resume", {"threadId": "no-uuid"})
    await stage.ask("unknown variant", "thread/start", {"sandbox": "bogus"})
    await stage.ask("sandbox twice", "thread/start", {"sandbox": "read-only", "permissions": "x"})


@play("thread-id-forms", NO_MODEL)
async def thread_id_forms(stage: Stage) -> None:
    """The client writes a thread's id in every form that is accepted."""
    await stage.start()
    thread = await stage.thread()
    forms = dict(zip(THREAD_IDS, (thread.upper(), f"urn:uuid:{thread}"), strict=True))
    for section, written in forms.items():
        await stage.ask(section, "thread/read", {"threadId": written})


@play("large-requests", script(Say(text="done")))
async def large_requests(stage: Stage) -> None:
    """The client writes a line of some megabytes, and an input that is too long."""
    await stage.start()
    await stage.ask("large line", "thread/loaded/list", {"padding": "x" * LARGE})
    thread = await stage.thread()
    text = [{"type": "text", "text": "x" * (INPUT_LIMIT + 1)}]
    await stage.ask("too long", "turn/start", {"threadId": thread, "input": text})


@play("same-ids", NO_MODEL)
async def same_ids(stage: Stage) -> None:
    """The client uses one id for two requests that are under way at once."""
    await stage.start()
    with stage.section("same ids"):
        sent = [
            await stage.probe.send_request("thread/loaded/list", {}, request_id="same")
            for _ in range(2)
        ]
        since = sent[-1].index
        for _ in sent:
            answer = await stage.probe.until(
                "an answer",
                lambda entry: is_answer(entry.message or {}) and at(entry.message, "id") == "same",
                since=since,
            )
            since = answer.index + 1


@play("side-by-side", NO_MODEL)
async def side_by_side(stage: Stage) -> None:
    """The client makes as many requests at once as it always may."""
    await stage.start()
    with stage.section("requests"):
        sent = [
            await stage.probe.send_request("thread/loaded/list", {}) for _ in range(SIDE_BY_SIDE)
        ]
        for request in sent:
            await stage.probe.answer_to(request)


@play("no-params", NO_MODEL)
async def no_params(stage: Stage) -> None:
    """The client leaves params out where a method has none, and gives empty ones."""
    await stage.start()
    await stage.ask("absent", "account/logout")
    await stage.ask("empty", "account/logout", {})
    await stage.probe.fence()


@play("unexperimental", script(Say(text="done")))
async def unexperimental(stage: Stage) -> None:
    """A client without the capability experimentalApi asks for what needs it."""
    await stage.start(greet=False)
    await stage.greet(experimentalApi=False)
    # The history mode is a field that needs the capability, too.
    answer = await stage.probe.request("thread/start", {"cwd": stage.folder})
    thread = text_at(answer, "result", "thread", "id")
    await stage.ask("method", GATED_METHOD, {"threadId": thread})
    await stage.ask("field", "thread/start", {"cwd": stage.folder, GATED_FIELD: []})
    with stage.section("turn"):
        await stage.whole_turn(thread, "go", effort="high")


def _hello(**info: Any) -> Message:
    return {"clientInfo": {"name": CLIENT_NAME, "version": CLIENT_VERSION, **info}}


@play("introductions", NO_MODEL)
async def introductions(stage: Stage) -> None:
    """A client introduces itself by a name that no header can hold, and then shortly."""
    await stage.start(greet=False)
    await stage.ask("bad name", "initialize", _hello(name="two\nlines"))
    await stage.ask("short", "initialize", {**_hello(title=None), "capabilities": None})


@play("flooded", NO_MODEL)
async def flooded(stage: Stage) -> None:
    """The client makes far too many requests at once, and one more when they are dealt with."""
    await stage.start()
    with stage.section("flood"):
        for number in range(FLOOD):
            await stage.probe.send_request("thread/loaded/list", {}, request_id=f"flood-{number}")
    with stage.section("afterwards"):
        await stage.recovered()
