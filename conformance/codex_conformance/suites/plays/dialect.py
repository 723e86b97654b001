"""Plays about the JSON-RPC dialect: what a client may write, and what comes back.

May import the stage and the definition of a play. The invariant: every line whose effect is judged
has a section of its own, closed by a fence.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.playing import play
from codex_conformance.wire.messages import encode
from codex_fakes.script.steps import Say, Script, script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_conformance.suites.stage import Stage

NO_MODEL: Final = Script()
"""The model is never asked."""

UNKNOWN_THREAD: Final = "01a201df-0000-7000-8000-000000000000"
"""A thread id of the right form that no app-server has given out."""

UNKNOWN_METHOD: Final = "conformance/noSuchMethod"
"""A method that does not exist."""

ECHOED_IDS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "a string": "abc",
        "the empty string": "",
        "a string of digits": "12",
        "zero": 0,
        "a negative integer": -5,
        "2^53 + 1": 2**53 + 1,
        "2^63 - 1": 2**63 - 1,
    }
)
"""Request ids that must come back unchanged."""

REFUSED_IDS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "a fraction": 1.5,
        "null": None,
        "a boolean": True,
        "an array": [1],
        "an object": {"a": 1},
        "2^63": 2**63,
    }
)
"""Request ids that make a line unparseable."""

UNPARSEABLE: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "broken JSON": b'{"id":"broken","method":"thread/loaded/list",',
        "a word": b"hello",
        "an empty line": b"",
        "a string": b'"thread/loaded/list"',
        "a number": b"7",
        "null": b"null",
        "an array": b'[{"id":"in-array","method":"thread/loaded/list","params":{}}]',
        "an object of no shape": b'{"hello":"there"}',
    }
)
"""Lines that are no message."""

ONE_LINE_RULE: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "two objects on one line": (
            b'{"id":"one","method":"thread/loaded/list","params":{}}'
            b'{"id":"two","method":"thread/loaded/list","params":{}}'
        ),
        "one object on two lines": (b'{"id":"split","method":\n"thread/loaded/list","params":{}}'),
    }
)
"""Objects that do not stand on a line of their own."""

UNASKED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "an unknown notification": {"method": "exit"},
        "a cancellation": {"method": "$/cancelRequest", "params": {"id": 1}},
        "a request method without an id": {"method": "thread/loaded/list", "params": {}},
    }
)
"""Notifications that mean nothing to the app-server."""

STRAY_ANSWERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "a response nobody waits for": {"id": 999_999, "result": {"decision": "accept"}},
        "a response with a null result": {"id": 999_998, "result": None},
        "an error nobody waits for": {"id": "stray", "error": {"code": 1, "message": "no"}},
    }
)
"""Answers to requests that the app-server never made."""


@play("introduction", NO_MODEL)
async def introduction(stage: Stage) -> None:
    """The client asks before it introduces itself, introduces itself, and does so again."""
    await stage.start(greet=False)
    with stage.section("before initialize"):
        await stage.probe.request("thread/loaded/list", {})
    with stage.section("initialize"):
        await stage.introduce()
        await stage.probe.fence()
    with stage.section("without initialized"):
        await stage.probe.request("thread/loaded/list", {})
    with stage.section("initialized twice"):
        await stage.probe.send({"method": "initialized"})
        await stage.probe.send({"method": "initialized"})
        await stage.probe.request("thread/loaded/list", {})
    with stage.section("initialize again"):
        await stage.introduce()
    with stage.section("after the second initialize"):
        await stage.probe.request("thread/loaded/list", {})


@play("request-ids", NO_MODEL)
async def request_ids(stage: Stage) -> None:
    """The client uses every kind of request id there is."""
    await stage.start()
    for name, id_ in ECHOED_IDS.items():
        with stage.section(name):
            await stage.probe.request("thread/loaded/list", {}, request_id=id_)


@play("refused-ids", NO_MODEL)
async def refused_ids(stage: Stage) -> None:
    """The client uses request ids that no request may have."""
    await stage.start()
    for name, id_ in REFUSED_IDS.items():
        with stage.section(name):
            message = {"id": id_, "method": "thread/loaded/list", "params": {}}
            await stage.probe.send_raw(encode(message))
            await stage.probe.fence()


@play("unparseable-lines", NO_MODEL)
async def unparseable_lines(stage: Stage) -> None:
    """The client writes lines that are no message, and an ordinary request after each."""
    await stage.start()
    for name, raw in UNPARSEABLE.items():
        with stage.section(name):
            await stage.probe.send_raw(raw)
            await stage.probe.fence()


@play("objects-and-lines", NO_MODEL)
async def objects_and_lines(stage: Stage) -> None:
    """The client puts two objects on one line, and one object on two lines."""
    await stage.start()
    for name, raw in ONE_LINE_RULE.items():
        with stage.section(name):
            for part in raw.split(b"\n"):
                await stage.probe.send_raw(part)
            await stage.probe.fence()


@play("unknown-notifications", NO_MODEL)
async def unknown_notifications(stage: Stage) -> None:
    """The client sends notifications that mean nothing to the app-server."""
    await stage.start()
    for name, message in UNASKED.items():
        with stage.section(name):
            await stage.probe.send(message)
            await stage.probe.fence()


@play("stray-answers", NO_MODEL)
async def stray_answers(stage: Stage) -> None:
    """The client answers requests that were never made."""
    await stage.start()
    for name, message in STRAY_ANSWERS.items():
        with stage.section(name):
            await stage.probe.send(message)
            await stage.probe.fence()


@play("lenient-lines", NO_MODEL)
async def lenient_lines(stage: Stage) -> None:
    """The client ends lines with CR LF, puts blanks around messages, and writes wide JSON."""
    await stage.start()
    plain = b'{"id":"%s","method":"thread/loaded/list","params":{}}'
    forms = {
        "CR LF": plain % b"crlf" + b"\r",
        "blanks around": b"  \t" + plain % b"blanks" + b"  ",
        "blanks inside": b'{ "id" : "wide" , "method" : "thread/loaded/list" , "params" : { } }',
    }
    for name, raw in forms.items():
        with stage.section(name):
            await stage.probe.send_raw(raw)
            await stage.probe.fence()


@play("versioned-requests", NO_MODEL)
async def versioned_requests(stage: Stage) -> None:
    """The client adds a ``jsonrpc`` member to its requests, as JSON-RPC wants it."""
    await stage.start()
    for version in ("2.0", "1.0"):
        with stage.section(f"jsonrpc {version}"):
            await stage.probe.send(
                {
                    "jsonrpc": version,
                    "id": f"v{version}",
                    "method": "thread/loaded/list",
                    "params": {},
                }
            )
            await stage.probe.fence()


@play("unknown-fields", NO_MODEL)
async def unknown_fields(stage: Stage) -> None:
    """The client sends members the app-server does not know."""
    await stage.start(greet=False)
    with stage.section("in capabilities"):
        await stage.greet(futureCapability=1)
    with stage.section("beside params"):
        await stage.probe.send(
            {"id": "beside", "method": "thread/loaded/list", "params": {}, "futureMember": 1}
        )
        await stage.probe.fence()
    with stage.section("in params"):
        await stage.probe.request(
            "thread/loaded/list", {"futureField": {"a": 1}}, request_id="inside"
        )


@play("refusals", NO_MODEL)
async def refusals(stage: Stage) -> None:
    """The client asks for things that cannot be, one after the other."""
    await stage.start()
    asked: dict[str, tuple[str, Any]] = {
        "unknown method": (UNKNOWN_METHOD, {}),
        "missing params": ("thread/read", None),
        "missing field": ("turn/start", {"input": []}),
        "wrong type": ("thread/read", {"threadId": 5}),
        "malformed thread id": ("thread/read", {"threadId": "no-uuid"}),
        "turn/start": ("turn/start", {"threadId": UNKNOWN_THREAD, "input": []}),
        "thread/read": ("thread/read", {"threadId": UNKNOWN_THREAD}),
        "thread/resume": ("thread/resume", {"threadId": UNKNOWN_THREAD}),
    }
    for name, (method, params) in asked.items():
        with stage.section(name):
            await stage.probe.request(method, params)


@play("opted-out", NO_MODEL)
async def opted_out(stage: Stage) -> None:
    """The client opts out of one notification, and then does what usually causes it."""
    await stage.start(greet=False)
    await stage.greet(optOutNotificationMethods=["thread/started"])
    with stage.section("thread/start"):
        await stage.thread()
        await stage.probe.fence()


@play("pipelined", script(Say(text="done")))
async def pipelined(stage: Stage) -> None:
    """The client sends several requests for one thread without waiting for answers."""
    await stage.start()
    thread = await stage.thread()
    read = {"threadId": thread}
    with stage.section("pipelined"):
        requests = [
            await stage.probe.send_request("thread/read", read),
            await stage.probe.send_request(
                "turn/start", {"threadId": thread, "input": [{"type": "text", "text": "go"}]}
            ),
            await stage.probe.send_request("thread/read", read),
            await stage.probe.send_request("thread/read", read),
        ]
        for request in requests:
            await stage.probe.answer_to(request)
    await stage.probe.until("turn/completed", lambda entry: entry.method == "turn/completed")
