"""Miniatures that break members, refusals, the introduction, and the process by a name.

May import the definition of a miniature.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.miniatures.miniature import Miniature, broken_by

WIRE: Final[tuple[Miniature, ...]] = (
    broken_by(
        "garbage-before-turns",
        "A line that is no JSON comes before turn/started.",
        "garbage=turn/started",
        "protocol.lines.json-objects",
    ),
    broken_by(
        "jsonrpc-in-notifications",
        "turn/started carries jsonrpc 2.0.",
        'put=turn/started:jsonrpc="2.0"',
        "protocol.messages.no-jsonrpc",
    ),
    broken_by(
        "null-error-in-thread-start",
        "The response to thread/start carries an error member that is null.",
        "put=thread/start[result]:error=null",
        "protocol.responses.members",
    ),
    broken_by(
        "turn-started-unstamped",
        "turn/started does not say when it was emitted.",
        "omit=turn/started:emittedAtMs",
        "protocol.notifications.members",
    ),
    broken_by(
        "requests-stamped",
        "A request for approval carries emittedAtMs.",
        "put=item/commandExecution/requestApproval:emittedAtMs=1795330000000",
        "protocol.server-requests.members",
    ),
    broken_by(
        "stamped-in-seconds",
        "emittedAtMs of turn/started is in seconds.",
        "put=turn/started:emittedAtMs=1795330000",
        "protocol.notifications.emitted-at",
    ),
    broken_by(
        "request-ids-of-their-own",
        "The first request of the app-server has the id 7.",
        "put=item/commandExecution/requestApproval[id=0]:id=7",
        "protocol.server-requests.counted-ids",
        "lifecycle.turn.completed-once",
        "lifecycle.clients.all-resolved",
    ),
    broken_by(
        "answers-the-unasked",
        "A response comes behind turn/started for a request that nobody made.",
        'insert=turn/started:{"id":987654,"result":{}}',
        "protocol.responses.asked-for",
    ),
    broken_by(
        "refuses-jsonrpc",
        "A request with jsonrpc 1.0 is refused.",
        'refuse=thread/loaded/list[jsonrpc="1.0"]:Invalid request: jsonrpc',
        "protocol.requests.jsonrpc-allowed",
    ),
    broken_by(
        "refuses-later-fields",
        "A request with a field of a later version is refused.",
        "refuse=thread/loaded/list[params.futureField]:Invalid request: unknown field",
        "protocol.requests.unknown-fields-allowed",
    ),
    broken_by(
        "second-initialize-misworded",
        "A second initialize is refused with another text.",
        "put=initialize[error.message=Already initialized]:error.message=again",
        "protocol.errors.already-initialized",
    ),
    broken_by(
        "unknown-method-coded-otherwise",
        "An unknown method is refused with -32601.",
        "put=conformance/noSuchMethod[error]:error.code=-32601",
        "protocol.errors.unknown-method",
    ),
    broken_by(
        "missing-field-unnamed",
        "A request without a field is refused without naming the field.",
        "put=turn/start[error.message^=Invalid request: missing "
        "field]:error.message=Invalid request",
        "protocol.errors.missing-field",
    ),
    broken_by(
        "wrong-type-unnamed",
        "A field of the wrong type is refused without saying so.",
        "put=thread/read[error.message^=Invalid request: invalid "
        "type]:error.message=Invalid request",
        "protocol.errors.wrong-type",
    ),
    broken_by(
        "malformed-id-unexplained",
        "A malformed thread id is refused without saying so.",
        "put=thread/read[error.message^=invalid thread id]:error.message=no",
        "protocol.errors.malformed-thread-id",
    ),
    broken_by(
        "refuses-the-uninitialized",
        "A request right behind initialize is refused.",
        "refuse=thread/loaded/list[id=2]:Not initialized",
        "protocol.initialize.initialized-optional",
        "protocol.responses.side-by-side",
    ),
    broken_by(
        "opt-outs-forgotten",
        "thread/started comes although the client opted out of it.",
        'insert=thread/start[id=1][result]:{"method":"thread/started","params":{"thread":"@result.thread"},"emittedAtMs":1795330000000}',
        "protocol.initialize.opt-out",
        "lifecycle.thread.started-once",
    ),
    broken_by(
        "crashes-mid-item",
        "The process dies in the middle of a message.",
        "crash-mid-item",
        "protocol.process.stays",
        "protocol.process.ends-with-input",
        "lifecycle.plan.deltas-join",
        "lifecycle.interrupt.twice",
    ),
    broken_by(
        "settings-told-to-all",
        "thread/settings/updated comes behind every turn/completed.",
        'insert=turn/completed:{"method":"thread/readState/changed","params":{"threadId":"@params.threadId","readState":null},"emittedAtMs":"@emittedAtMs"}',
        "protocol.experimental.notifications",
    ),
    broken_by(
        "server-info",
        "The result of initialize has a serverInfo.",
        'put=initialize[result]:result.serverInfo={"name":"codex"}',
        "protocol.initialize.result",
    ),
    broken_by(
        "anonymous-user-agent",
        "The user agent names neither client nor version.",
        "put=initialize[result]:result.userAgent=Codex",
        "protocol.initialize.user-agent",
    ),
    broken_by(
        "no-remote-control-status",
        "remoteControl/status/changed does not come.",
        "drop=remoteControl/status/changed",
        "protocol.initialize.remote-control",
    ),
)
"""Miniatures of the dialect."""
