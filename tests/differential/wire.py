"""The wire: ids, params, handshakes, several connections, accounts."""

from __future__ import annotations

from codex_fakes.script import Run, Say, Wait, script
from support.programs import (
    COMMAND,
    HELLO,
    NEVER,
    Call,
    Connect,
    Disconnect,
    Open,
    Program,
    Reply,
    Restart,
    Tell,
    interrupt,
    read,
    start,
    text,
    turn,
)

LOADED = "thread/loaded/list"
GATED = (Say(text="partial ", left_open=True), Wait(gate="go"))
CLIENT = {"clientInfo": {"name": "c", "version": "1"}}
HELLOS = (
    {"clientInfo": {"name": "c", "title": None, "version": "1"}, "capabilities": None},
    {**CLIENT, "capabilities": {}},
    {**CLIENT, "capabilities": {"experimentalApi": True, "futureField": 1}, "unknownTop": 2},
    {"clientInfo": {"name": "codex_vscode", "version": "9"}},
    {"clientInfo": {"name": "", "version": ""}},
    {"clientInfo": {"name": "na\u00efve client \u2603", "version": "1"}},
)
IDS = ("abc", "", 0, -5, 2**53 + 1, 2**63 - 1, 2**63, 1.5, None, True, [1], {"a": 1})
LEGACY = (
    "newConversation",
    "resumeConversation",
    "listConversations",
    "forkConversation",
    "archiveConversation",
    "interruptConversation",
    "sendUserMessage",
    "sendUserTurn",
    "addConversationListener",
    "removeConversationListener",
    "loginApiKey",
    "loginChatGpt",
    "logoutChatGpt",
    "getUserAgent",
    "userInfo",
    "getUserSavedConfig",
    "setDefaultModel",
    "execOneOffCommand",
    "thread/rollback",
    "thread/backgroundTerminals/clean",
    "item/tool/requestUserInput",
)


def begun(**params) -> Call:
    return Call("thread/start", params)


def turned(**params) -> Call:
    return Call("turn/start", {"threadId": "$t", **params})


PROGRAMS = {
    "11a account": Program(
        script(),
        (
            Call("account/read"),
            Call("account/read", {"refreshToken": True}),
            Call("account/rateLimits/read", None),
            Call("getAuthStatus", {"includeToken": True, "refreshToken": False}),
            Call("account/login/start", {"type": "apiKey", "apiKey": "sk-test"}),
            Call("account/read"),
            Call("account/rateLimits/read", None),
            Call("getAuthStatus", {"includeToken": True, "refreshToken": False}),
            Call("account/login/start", {"type": "apiKey", "apiKey": ""}),
            Call("account/login/start", {"type": "bogus"}),
            Call("account/login/cancel", {"loginId": NEVER}),
            Call("account/login/cancel", {"loginId": "nope"}),
            Call("account/logout", None),
            Call("account/read"),
            Call("account/logout", None),
        ),
    ),
    "11b a provider that wants a login": Program(
        script(Say(text="x"), Say(text="x")),
        (
            Call("account/read"),
            Call("account/rateLimits/read", None),
            start(),
            turn("one", "hi"),
            Call("account/login/start", {"type": "apiKey", "apiKey": "sk-test"}),
            Call("account/read"),
            turn("two", "hi"),
        ),
        {"requires_openai_auth": True},
    ),
    "13a before initialize": Program(
        script(Say(text="works without initialized")),
        (
            begun(),
            Call("model/list"),
            Call("bogus/method"),
            Tell({"method": "initialized"}),
            Tell({"method": "bogus/notification", "params": {"x": 1}}),
            Call("initialize", {}),
            Call("initialize", {"clientInfo": {"name": "x"}}),
            Call("initialize", {"clientInfo": {"name": "bad\nname", "version": "1"}}),
            Call("initialize", HELLO),
            Call(LOADED),
            start(),
            turn(),
            Call("initialize", HELLO),
            Tell({"method": "initialized"}),
            Tell({"method": "initialized"}),
            Call(LOADED),
        ),
        hello=None,
    ),
    "13b ways to introduce oneself": Program(
        script(),
        tuple(step for hello in HELLOS for step in (Restart(hello=hello), Call(LOADED))),
        hello=CLIENT,
    ),
    "13d request ids": Program(
        script(),
        tuple(Call(LOADED, id=request_id) for request_id in IDS),
    ),
    "13e wrong methods and params": Program(
        script(),
        (
            Call("bogus/method"),
            Call("newConversation"),
            begun(cwd=5),
            begun(cwd="relative/dir"),
            begun(cwd="/does/not/exist"),
            begun(unknownField=1, sandbox="read-only"),
            begun(sandbox="bogus"),
            begun(model="no-such-model"),
            begun(modelProvider="no-such-provider"),
            begun(config={"no_such_key": 1}),
            begun(permissions=":read-only", sandbox="read-only"),
            begun(permissions=":read-only"),
            begun(),
            Call("thread/start", None),
            start(),
            turned(),
            turned(input="hi"),
            turned(input=[{"type": "bogus", "text": "x"}]),
            turned(input=[{"type": "text"}]),
            turned(input=text("x" * 1_100_000)),
        ),
    ),
    "13g answers that nobody waits for": Program(
        script(),
        (
            Tell({"id": 5, "result": {}}),
            Tell({"id": "x", "error": {"code": 1, "message": "m"}}),
            Tell({"id": 6, "result": None}),
            Tell({"method": "thread/start", "params": {}}),
            Tell({"method": "exit"}),
            Tell({"method": "$/cancelRequest", "params": {"id": 1}}),
            Tell(b"{not json"),
            Tell(b""),
            Tell(b"[]"),
            Tell(b"null"),
            Call(LOADED),
        ),
    ),
    "13h pipelined on one thread": Program(
        script(Say(text="x")),
        (
            start(),
            turn(until="nothing"),
            Call("thread/name/set", {"threadId": "$t", "name": "nm"}, until="nothing"),
            Call("thread/read", {"threadId": "$t"}, until="nothing"),
            interrupt(""),
        ),
    ),
    "13j interrupt without an id in the start window": Program(
        script(Say(text="x")), (start(), turn(until="answer"), interrupt(""))
    ),
    "13k methods of the first version": Program(
        script(Say(text="x")),
        (
            *(Call(method) for method in LEGACY),
            start(),
            turn(),
            Call("getConversationSummary", {"conversationId": "$t"}),
            Call("getConversationSummary", {"conversationId": NEVER}),
            Call("getAuthStatus"),
        ),
    ),
    "15a a turn over a websocket": Program(
        script(Say(text=("Hel", "lo"))), (start(), turn(), read()), websocket=True
    ),
    "15c a pending approval is asked again": Program(
        script(Run(command="touch x"), Say(text="done")),
        (
            start(approvalPolicy="untrusted"),
            turn(),
            Connect("B"),
            Disconnect(""),
            Call("thread/resume", {"threadId": "$t", "excludeTurns": True}, conn="B"),
            Reply(COMMAND, {"decision": "accept"}, conn="B"),
        ),
        websocket=True,
    ),
    "15d a client leaves in the middle of a turn": Program(
        script(GATED),
        (
            start(),
            turn(),
            Connect("B"),
            Disconnect(""),
            Call(LOADED, conn="B"),
            Call("thread/read", {"threadId": "$t"}, conn="B"),
            Call("thread/resume", {"threadId": "$t"}, conn="B"),
            Open("go"),
            Call("thread/read", {"threadId": "$t", "includeTurns": True}, conn="B"),
        ),
        websocket=True,
    ),
    "15m what other connections hear": Program(
        script(Say(text="x")),
        (
            Connect("B"),
            start(),
            turn("one", "one", effort="low"),
            Call("thread/name/set", {"threadId": "$t", "name": "n"}),
            Call("thread/goal/set", {"threadId": "$t", "objective": "o", "status": "paused"}),
            Call("thread/fork", {"threadId": "$t", "excludeTurns": True}, saves="f"),
            Call("account/login/start", {"type": "apiKey", "apiKey": "sk-x"}),
            Call("thread/archive", {"threadId": "$t"}),
            Call("thread/unarchive", {"threadId": "$t"}),
            Call("thread/delete", {"threadId": "$t"}),
            Call("thread/delete", {"threadId": "$f"}),
        ),
        websocket=True,
    ),
    "16p ids that the model does not send": Program(
        script(Say(text="a"), Say(text="b")), (start(), turn("one"), turn("two"), read())
    ),
}
