"""The requirements about requests at their limits, refusals, the account, and several clients.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should
from codex_conformance.targets.door import Capability

REQUESTS: Final[tuple[Requirement, ...]] = (
    must(
        "protocol.requests.large-allowed",
        "A line of some megabytes is a line like any other.",
        "FACTS §3",
    ),
    should(
        "protocol.requests.thread-id-forms",
        "A thread id may be written in upper case, and as `urn:uuid:ID`.",
        "FACTS §4",
    ),
    must(
        "protocol.requests.params-optional",
        "A method without params may be asked with none and with {}.",
        "FACTS §4",
    ),
    should(
        "protocol.responses.same-ids",
        "Two requests with one id that are under way at once are both answered.",
        "FACTS §4",
    ),
    must(
        "protocol.responses.side-by-side",
        "64 requests that are made at once are all answered, and none is refused.",
        "FACTS §16",
    ),
    must(
        "protocol.overload.refusal",
        "A request that is one too many is refused with -32001 `Server overloaded; retry later.`, "
        "without data, or lost; the others are answered.",
        "FACTS §4, §16",
    ),
    must(
        "protocol.overload.recovers",
        "After a flood of requests the app-server answers again.",
        "FACTS §16",
    ),
    must(
        "protocol.errors.unknown-thread-elsewhere",
        "A thread that does not exist is refused with -32600 by every method that names one: "
        "`no rollout found …`, `thread not found: ID` or `thread not loaded: ID`.",
        "FACTS §4",
    ),
    must(
        "protocol.errors.unknown-variant",
        "A value that is none of those there are is refused with -32600 `Invalid request: unknown "
        "variant `VALUE`, expected one of …`.",
        "FACTS §4",
    ),
    should(
        "protocol.errors.malformed-session-id",
        "thread/resume refuses an id that is no UUID with -32600 `invalid session id: …`.",
        "FACTS §4",
    ),
    should(
        "protocol.errors.not-supported",
        "Listing the items of a thread that does not exist is refused with -32601.",
        "FACTS §4",
    ),
    should(
        "protocol.errors.contradiction",
        "thread/start with both permissions and sandbox is refused with -32600.",
        "FACTS §7",
    ),
    must(
        "protocol.errors.input-too-long",
        "An input of more than 1,048,576 characters is refused with -32602, and data says "
        "input_too_large, the limit and the length.",
        "FACTS §4",
    ),
    must(
        "protocol.experimental.methods",
        "A method that needs the capability experimentalApi is refused without it: -32600 `METHOD "
        "requires experimentalApi capability`.",
        "FACTS §4, §5",
    ),
    must(
        "protocol.experimental.fields",
        "So is a field: -32600 `METHOD.FIELD requires experimentalApi capability`.",
        "FACTS §4, §5",
    ),
    should(
        "protocol.experimental.notifications",
        "Without it thread/readState/changed and thread/settings/updated do not come, and all "
        "else does.",
        "FACTS §5",
    ),
    should(
        "protocol.initialize.name-refused",
        "A client's name that no header can hold is refused with -32600 `Invalid clientInfo.name: "
        "…`, and the client may try again.",
        "FACTS §5",
    ),
    must(
        "protocol.initialize.short",
        "title and capabilities may be null.",
        "FACTS §5",
    ),
    must(
        "protocol.initialize.each-client",
        "Each connection introduces itself; until then it is refused with `Not initialized`.",
        "FACTS §15",
        Capability.CLIENTS,
    ),
    must(
        "protocol.account.read",
        "account/read gives account, requiresOpenaiAuth and workspaceRouting; account is null "
        "until somebody has logged in, and when they have logged out.",
        "FACTS §14",
    ),
    must(
        "protocol.account.login",
        "A login with an API key is answered, then account/login/completed and account/updated "
        "come.",
        "FACTS §14",
    ),
    must(
        "protocol.account.logout",
        "account/logout is answered with {}, and then account/updated says null.",
        "FACTS §14",
    ),
    should(
        "protocol.account.limits-refused",
        "Rate limits are refused with -32600 to nobody and to an API key.",
        "FACTS §4, §14",
    ),
    should(
        "protocol.account.cancel",
        "Cancelling an unknown login says notFound; an id that is none is refused.",
        "FACTS §14",
    ),
)
"""Every one of these requirements, in the order of reports."""
