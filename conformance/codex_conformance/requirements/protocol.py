"""The requirements of the suite ``protocol``: the dialect of JSON-RPC, and the process.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should
from codex_conformance.targets.door import Capability

PROTOCOL: Final[tuple[Requirement, ...]] = (
    must(
        "protocol.lines.json-objects",
        "Every line the app-server writes is one JSON object in UTF-8, and every line ends.",
        "FACTS §3",
    ),
    should(
        "protocol.lines.compact",
        "The app-server writes compact JSON: no blanks between tokens.",
        "FACTS §3",
    ),
    should(
        "protocol.messages.no-jsonrpc",
        "No message of the app-server has a `jsonrpc` member.",
        "FACTS §4",
    ),
    must(
        "protocol.responses.members",
        "A response has the members id and result; an error has id and error, with an integer "
        "code, a text message and possibly data.",
        "FACTS §4",
    ),
    must(
        "protocol.notifications.members",
        "A notification has the members method, params and emittedAtMs, and no other.",
        "FACTS §4",
    ),
    must(
        "protocol.server-requests.members",
        "A request of the app-server has the members method, id and params, and possibly trace.",
        "FACTS §4",
    ),
    must(
        "protocol.notifications.emitted-at",
        "emittedAtMs is an integer: milliseconds since 1970.",
        "FACTS §4, §6",
    ),
    should(
        "protocol.server-requests.counted-ids",
        "The ids of the app-server's requests are integers, counted from 0 in each process.",
        "FACTS §6",
    ),
    must(
        "protocol.ids.echoed",
        "A request id that is a string or a 64-bit integer comes back unchanged, its JSON type "
        'included: also "", 0, negative numbers and 2^63 - 1.',
        "FACTS §4",
    ),
    must(
        "protocol.responses.asked-for",
        "Every response names a request that the client made.",
        "FACTS §4",
    ),
    must(
        "protocol.responses.once",
        "No request is answered twice.",
        "FACTS §4",
    ),
    must(
        "protocol.responses.order-in-thread",
        "Requests that touch the same thread are answered in the order in which they were sent.",
        "FACTS §4",
    ),
    must(
        "protocol.silence.unparseable",
        "A line that is no message (broken JSON, a scalar, an array, an object of no known shape) "
        "gets no answer.",
        "FACTS §4",
    ),
    must(
        "protocol.silence.survives",
        "A line that is no message changes nothing: the next request is answered.",
        "FACTS §4",
    ),
    must(
        "protocol.silence.id-types",
        "A request whose id is neither a string nor a 64-bit integer gets no answer.",
        "FACTS §4",
    ),
    should(
        "protocol.silence.one-object-per-line",
        "Two objects on one line, and one object on two lines, are no messages and get no answer.",
        "FACTS §3",
    ),
    must(
        "protocol.silence.notifications",
        "A notification is never answered, whether its method is known or not.",
        "FACTS §4",
    ),
    must(
        "protocol.silence.stray-answers",
        "An answer to a request that the app-server did not make is ignored.",
        "FACTS §4",
    ),
    should(
        "protocol.requests.blanks-allowed",
        "CR LF ends a line as well, and blanks around and inside a message do not matter.",
        "FACTS §3",
    ),
    must(
        "protocol.requests.jsonrpc-allowed",
        "A request may have a `jsonrpc` member, whatever its value.",
        "FACTS §4",
    ),
    must(
        "protocol.requests.unknown-fields-allowed",
        "Members the app-server does not know are ignored: beside params, in params, and in the "
        "client's capabilities.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.not-initialized",
        "Before initialize, a request is refused with -32600 `Not initialized`.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.already-initialized",
        "A second initialize is refused with -32600 `Already initialized`.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.unknown-method",
        "An unknown method is refused with -32600 ``Invalid request: unknown variant `METHOD` ``.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.missing-field",
        "A request without a required field is refused with -32600 ``Invalid request: missing "
        "field `FIELD` ``.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.wrong-type",
        "A field of the wrong type is refused with -32600 `Invalid request: invalid type: …`.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.malformed-thread-id",
        "A thread id that is no UUID is refused with -32600 `invalid thread id: …`.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.unknown-thread",
        "A thread that does not exist is refused with -32600: `thread not found: ID` for "
        "turn/start, `thread not loaded: ID` for thread/read, `no rollout found for thread id ID` "
        "for thread/resume.",
        "FACTS §4",
    ),
    must(
        "protocol.initialize.result",
        "The result of initialize has userAgent, codexHome, platformFamily and platformOs, all "
        "texts.",
        "FACTS §5",
    ),
    must(
        "protocol.initialize.user-agent",
        "userAgent begins with the client's name and the app-server's version: `NAME/VERSION (`.",
        "FACTS §5, §18",
    ),
    should(
        "protocol.initialize.remote-control",
        "After initialize the app-server reports remoteControl/status/changed without being asked.",
        "FACTS §5",
    ),
    must(
        "protocol.initialize.initialized-optional",
        "Requests are answered without the notification `initialized`, and repeating it is "
        "harmless.",
        "FACTS §5",
    ),
    should(
        "protocol.initialize.opt-out",
        "A notification that the client opted out of is not sent to it.",
        "FACTS §5",
    ),
    must(
        "protocol.process.stays",
        "The app-server does not end while the client keeps its side open.",
        "FACTS §3",
    ),
    must(
        "protocol.process.ends-with-input",
        "When the client closes its side, the app-server ends with exit code 0, also while a turn "
        "runs.",
        "FACTS §3",
        Capability.EXIT,
    ),
)
"""Every requirement of the suite, in the order of reports."""
