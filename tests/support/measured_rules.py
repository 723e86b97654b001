"""What was measured of the real app-server, rule by rule, and which requirement holds it.

The sections are those of the measurements that the requirements name as their source (FACTS). A
rule names the requirements that hold it, separated by blanks, or says why none does. The invariant,
held by tests/conformance/test_measured_rules.py: no rule is without one of the two, and no
requirement without a rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Because:
    """Why a rule is no requirement.

    Attributes:
        reason: The reason, as a sentence.
    """

    reason: str


OUTSIDE: Final = Because("It is outside the subject of the suites; a host does without it.")
"""Web search, MCP, sub-agents, remote control, the unix socket, and the like."""

SAID_ELSEWHERE: Final = Because("Another rule says the same and holds it.")
"""A sentence that sums up what other sentences say."""

FREE: Final = Because("It is a liberty of the app-server: either behaviour is right.")
"""What may come out in several ways."""

MEASURED: Final = Because("It is a time or an amount of one machine; the benchmarks compare those.")
"""Milliseconds and megabytes."""

INSIDE: Final = Because("A client cannot see it over the protocol.")
"""What the app-server tells its model, writes to a log, or keeps in files of its own."""

CONFIGURED: Final = Because("It needs a setting that a host built on this protocol never makes.")
"""Features that are off unless somebody turns them on."""

RULES_OF_THE_WIRE: Final[Mapping[str, Mapping[str, str | Because]]] = {
    "§3": {
        "serves stdin and stdout by default": "protocol.process.stays",
        "has other subcommands and flags": OUTSIDE,
        "stdout: one compact JSON object a line": (
            "protocol.lines.json-objects protocol.lines.compact"
        ),
        "stderr: text for people, not to be parsed": INSIDE,
        "LF or CR LF, blanks allowed": "protocol.requests.blanks-allowed",
        "one object, one line": "protocol.silence.one-object-per-line",
        "a last line without an end is not answered": "protocol.process.unfinished-line",
        "lines of megabytes are answered": "protocol.requests.large-allowed",
        "end of stdin: exit 0, also in a turn": "protocol.process.ends-with-input",
        "no last notifications": "protocol.process.no-last-words",
        "a turn that ran is recorded as interrupted": "lifecycle.restart.interrupted-turn",
        "what a running command was is recorded as failed": FREE,
        "requests in flight at the end may be dropped": FREE,
        "SIGTERM: exit 0": "protocol.process.sigterm",
        "SIGINT and SIGHUP: death by that signal": "protocol.process.other-signals",
        "SIGKILL orphans what it runs": Because("That is what SIGKILL does to any process."),
        "no home: exit 1": "protocol.start.home",
        "policy untrusted, unknown key strictly: exit 1": "protocol.start.configuration",
        "bad flag or address: exit 2": "protocol.start.command-line",
        "listening nowhere, or on a taken port: exit 1": "protocol.start.address",
        "start failures come before any byte of the protocol": "protocol.start.refusal-on-stderr",
        "a broken config.toml is told, and defaults hold": "protocol.start.warned",
        "unknown keys are told": "protocol.start.unknown-keys",
        "thread/start reads config.toml again": INSIDE,
        "a line that is not UTF-8: exit 0": "protocol.process.not-utf-8",
        "files it makes in its home": INSIDE,
    },
    "§4": {
        "no jsonrpc in what it writes": "protocol.messages.no-jsonrpc",
        "jsonrpc ignored in what it reads": "protocol.requests.jsonrpc-allowed",
        "responses and errors have these members": "protocol.responses.members",
        "notifications have these members": (
            "protocol.notifications.members protocol.notifications.emitted-at"
        ),
        "server requests have these members": "protocol.server-requests.members",
        "ids are echoed": "protocol.ids.echoed",
        "ids of other types: silence": "protocol.silence.id-types",
        "duplicate ids are both answered": "protocol.responses.same-ids",
        "every answer belongs to a request, once": (
            "protocol.responses.asked-for protocol.responses.once"
        ),
        "what is no message is dropped": "protocol.silence.unparseable protocol.silence.survives",
        "unknown fields are ignored": "protocol.requests.unknown-fields-allowed",
        "wrong types are refused": "protocol.errors.wrong-type",
        "absent params": "protocol.errors.missing-field protocol.requests.params-optional",
        "unknown notifications are ignored": "protocol.silence.notifications",
        "stray answers are ignored": "protocol.silence.stray-answers",
        "an answer with an id of another type does not count": "lifecycle.approval.id-type",
        "a second answer is ignored": "lifecycle.approval.first-answer-counts",
        "one thread: in order": "protocol.responses.order-in-thread",
        "threads side by side": "lifecycle.turn.apart",
        "answers out of order between threads": FREE,
        "error: not initialized": "protocol.errors.not-initialized",
        "error: already initialized": "protocol.errors.already-initialized",
        "error: unknown method": "protocol.errors.unknown-method",
        "error: unknown value": "protocol.errors.unknown-variant",
        "error: experimental": "protocol.experimental.methods protocol.experimental.fields",
        "error: thread id": "protocol.errors.malformed-thread-id",
        "error: session id": "protocol.errors.malformed-session-id",
        "thread ids in other forms": "protocol.requests.thread-id-forms",
        "error: unknown thread": (
            "protocol.errors.unknown-thread protocol.errors.unknown-thread-elsewhere"
        ),
        "error: archived, not archived": "lifecycle.archive.not-resumed lifecycle.archive.once",
        "unsubscribing an unknown thread": "lifecycle.unsubscribe.status",
        "error: turns of a thread without turns": "lifecycle.unused.no-turns",
        "error: items of a legacy or unknown thread": (
            "protocol.errors.not-supported lifecycle.items.rows"
        ),
        "error: turns of an ephemeral thread": "lifecycle.ephemeral.no-turns",
        "error: interrupt, idle or wrong turn": (
            "lifecycle.interrupt.idle-refused lifecycle.interrupt.wrong-turn-refused"
        ),
        "error: steer, idle, wrong turn or empty": (
            "lifecycle.steer.idle-refused lifecycle.steer.wrong-turn-refused "
            "lifecycle.steer.empty-refused"
        ),
        "error: steering a review": "lifecycle.review.not-steered",
        "error: starting a turn in a review": SAID_ELSEWHERE,
        "error: input too long": "protocol.errors.input-too-long",
        "error: unknown provider": CONFIGURED,
        "error: fork": "lifecycle.fork.refused lifecycle.fork.running",
        "error: cursors": "lifecycle.list.bad-cursor",
        "error: rate limits": "protocol.account.limits-refused",
        "error: configuration writes, file system": OUTSIDE,
        "error: overload": "protocol.overload.refusal",
    },
    "§5": {
        "clientInfo, the rest may be null": "protocol.initialize.short",
        "a name that no header can hold": "protocol.initialize.name-refused",
        "opting out of notifications": "protocol.initialize.opt-out",
        "four members": "protocol.initialize.result",
        "the user agent": "protocol.initialize.user-agent",
        "remote control and warnings come unasked": "protocol.initialize.remote-control",
        "the installation has an id that stays": "protocol.initialize.installation",
        "initialized is optional": "protocol.initialize.initialized-optional",
        "without experimentalApi": (
            "protocol.experimental.methods protocol.experimental.fields "
            "protocol.experimental.notifications"
        ),
        "thread objects name the client and vscode": "lifecycle.thread.origin",
    },
    "§6": {
        "ids of threads and sessions": "lifecycle.thread.ids",
        "a fork has an id of its own and keeps the turns'": (
            "lifecycle.fork.new-thread lifecycle.fork.turns"
        ),
        "ids of messages are the model's": FREE,
        "ids of commands are the call's": "lifecycle.command.ids",
        "the plan's item": "lifecycle.plan.item",
        "legacy items are numbered anew at each reading": FREE,
        "server requests are counted from 0": "protocol.server-requests.counted-ids",
        "cursors are opaque": Because(
            "A client that looks into a cursor breaks the rule, not the app-server."
        ),
        "milliseconds where it says Ms": "protocol.notifications.emitted-at",
        "seconds elsewhere": "lifecycle.turn.times",
        "rate limits: minutes, whole percents": "lifecycle.limits.reported",
        "every field is there, with null": "lifecycle.thread.start-result",
    },
}
"""Process, JSON-RPC, introduction, ids and units."""

RULES_OF_THREADS: Final[Mapping[str, Mapping[str, str | Because]]] = {
    "§7": {
        "defaults of a minimal configuration": CONFIGURED,
        "permissions and sandbox exclude each other": "protocol.errors.contradiction",
        "unknown models and folders are accepted": FREE,
        "thread/start: response, then started": (
            "lifecycle.thread.response-first lifecycle.thread.started-once"
        ),
        "others hear of it, too": "lifecycle.clients.broadcast",
        "the members of the results": "lifecycle.thread.start-result lifecycle.resume.result",
        "a new thread": "lifecycle.thread.starts-idle",
        "a thread without turns is lost on restart": (
            "lifecycle.restart.unused-lost lifecycle.unused.not-resumed lifecycle.unused.no-turns"
        ),
        "the statuses there are": "lifecycle.thread.status-steps lifecycle.question.flag",
        "turn and item notifications go to subscribers": "lifecycle.clients.subscribers-only",
        "read: turns only when asked for": (
            "lifecycle.thread.read-without-turns lifecycle.thread.read-turns"
        ),
        "read: threads that are not loaded": "lifecycle.restart.not-loaded",
        "list: newest first, used ones": (
            "lifecycle.thread.list-complete lifecycle.thread.list-newest-first "
            "lifecycle.thread.list-used-only lifecycle.thread.list-preview "
            "lifecycle.list.ascending lifecycle.restart.listed"
        ),
        "list: never ephemeral ones": "lifecycle.ephemeral.not-listed",
        "list: limit, filters": (
            "lifecycle.list.limit-zero lifecycle.list.folder lifecycle.list.providers "
            "lifecycle.list.search lifecycle.archive.listed-apart"
        ),
        "list: pages by updated_at": "lifecycle.list.pages",
        "list: pages by created_at lose rows": Because("A defect is no promise."),
        "loaded/list": "lifecycle.loaded.listed lifecycle.loaded.pages",
        "stored threads must be resumed for turns": "lifecycle.restart.resume-needed",
        "names": "lifecycle.name.announced lifecycle.name.kept lifecycle.name.empty-refused",
        "archive": (
            "lifecycle.archive.order lifecycle.archive.running lifecycle.archive.readable "
            "lifecycle.archive.once lifecycle.unarchive.order lifecycle.unarchive.goes-on"
        ),
        "delete": "lifecycle.delete.order lifecycle.delete.gone lifecycle.delete.forked-refused",
        "unsubscribe": "lifecycle.unsubscribe.status lifecycle.unsubscribe.silent",
        "the thread stays loaded when nobody is subscribed": MEASURED,
        "fork": (
            "lifecycle.fork.new-thread lifecycle.fork.turns lifecycle.fork.order "
            "lifecycle.fork.last-turn lifecycle.fork.without-turns lifecycle.fork.apart "
            "lifecycle.fork.running lifecycle.fork.deprecation"
        ),
        "revert": (
            "lifecycle.revert.order lifecycle.revert.turns-gone lifecycle.revert.goes-on "
            "lifecycle.revert.running"
        ),
        "turns/list and items/list": (
            "lifecycle.turns.newest-first lifecycle.turns.pages lifecycle.turns.views "
            "lifecycle.items.rows lifecycle.items.pages"
        ),
        "compaction": (
            "lifecycle.compaction.turn lifecycle.compaction.item lifecycle.compaction.goes-on"
        ),
        "compaction interrupts a running turn": "lifecycle.compaction.running",
        "a review does, too": "lifecycle.review.running",
        "compaction by itself": "lifecycle.compaction.automatic",
        "injected items": OUTSIDE,
        "goals and queued turns": OUTSIDE,
        "reviews": (
            "lifecycle.review.response lifecycle.review.entered-first lifecycle.review.exited "
            "lifecycle.review.goes-on"
        ),
        "the user's own shell commands": OUTSIDE,
        "overrides of turn/start stay": "lifecycle.settings.announced lifecycle.settings.sticky",
        "totals are restored": "lifecycle.restart.usage-restored",
    },
    "§13": {
        "items are written when they are complete": "lifecycle.kill.kept",
        "a killed turn reads as interrupted without an end": "lifecycle.kill.kept",
        "the thread goes on behind a kill": "lifecycle.kill.goes-on",
        "a turn cut by the end of input": (
            "lifecycle.restart.interrupted-turn lifecycle.restart.after-interrupted"
        ),
        "the model hears of dangling calls": INSIDE,
        "resume gives the turns, the totals, and goal/cleared": (
            "lifecycle.restart.resume-turns lifecycle.restart.resume-texts "
            "lifecycle.restart.goes-on lifecycle.restart.usage-restored "
            "lifecycle.resume.goal-cleared lifecycle.restart.listed"
        ),
        "full turns of a paginated thread are deprecated": "lifecycle.fork.deprecation",
        "resuming a loaded thread": "lifecycle.resume.status",
        "rejoining a running turn": "lifecycle.resume.running",
        "settings are restored": "lifecycle.restart.settings",
        "ids of items by history mode": FREE,
        "read works without loading": "lifecycle.restart.not-loaded lifecycle.thread.read-turns",
    },
    "§14": {
        "account/read": "protocol.account.read",
        "login with a key": "protocol.account.login",
        "login with ChatGPT": OUTSIDE,
        "cancelling a login": "protocol.account.cancel",
        "logout": "protocol.account.logout",
        "rate limits need ChatGPT": "protocol.account.limits-refused",
        "rate limits from headers": "lifecycle.limits.reported",
        "models and configuration": OUTSIDE,
    },
    "§15": {
        "readyz and healthz": "protocol.http.healthy",
        "other GET: 400": "protocol.http.nothing-else",
        "Origin: 403": "protocol.http.no-pages",
        "text frames, in parts": "protocol.frames.parts",
        "binary frames are ignored": "protocol.frames.binary",
        "several lines in a frame are dropped": "protocol.frames.one-message",
        "ping": "protocol.frames.ping",
        "bad JSON keeps the connection": SAID_ELSEWHERE,
        "beyond loopback only with a token": "protocol.start.unguarded",
        "capability token: 401": "protocol.http.token",
        "each connection introduces itself": "protocol.initialize.each-client",
        "broadcasts": "lifecycle.clients.broadcast lifecycle.clients.changes-broadcast",
        "subscribers": "lifecycle.clients.subscribers-only",
        "pending requests are repeated to who joins": "lifecycle.clients.request-repeated",
        "a turn survives its client": "lifecycle.clients.turn-survives",
        "SIGTERM drains": "protocol.http.drains",
        "the unix socket": OUTSIDE,
    },
    "§16": {
        "a queue of about 128, and -32001 beyond": (
            "protocol.overload.refusal protocol.responses.side-by-side"
        ),
        "later requests work": "protocol.overload.recovers",
        "a client that does not read": MEASURED,
        "memory of loaded threads": MEASURED,
    },
}
"""Threads, what is kept of them, accounts, websockets and floods."""

RULES_OF_TURNS: Final[Mapping[str, Mapping[str, str | Because]]] = {
    "§8": {
        "turn/start's result": "lifecycle.turn.response-members",
        "active right before turn/started": "lifecycle.turn.active-first",
        "each once, with one id": (
            "lifecycle.turn.started-once lifecycle.turn.completed-once lifecycle.turn.same-id "
            "lifecycle.turn.completed-last lifecycle.turn.final-status lifecycle.turn.apart"
        ),
        "the user's message first": "lifecycle.item.user-message-first lifecycle.item.client-id",
        "items are started, then completed": (
            "lifecycle.item.started-first lifecycle.item.completed-once "
            "lifecycle.item.all-completed"
        ),
        "the model's message and its deltas": (
            "lifecycle.message.deltas-inside lifecycle.message.deltas-join "
            "lifecycle.message.as-said"
        ),
        "token usage": "lifecycle.usage.cumulative lifecycle.usage.per-response",
        "rate limits right behind": "lifecycle.usage.rate-limits",
        "readState comes at the end": SAID_ELSEWHERE,
        "idle right before turn/completed": (
            "lifecycle.turn.idle-before-completed lifecycle.thread.status-steps"
        ),
        "turn/completed's summary and times": "lifecycle.turn.summary lifecycle.turn.times",
        "reasoning": "lifecycle.reasoning.parts-announced lifecycle.reasoning.parts-join",
        "raw reasoning": CONFIGURED,
        "plans": ("lifecycle.plan.item lifecycle.plan.deltas-join lifecycle.plan.no-message"),
        "update_plan": CONFIGURED,
        "unknown tools are told to the model alone": INSIDE,
        "commands without approval": "lifecycle.command.unasked",
        "early output is lost": FREE,
        "fast and denied: no item": "lifecycle.command.denied",
        "the shell-joined command": SAID_ELSEWHERE,
        "commands that outlive their turn": (
            "lifecycle.terminal.outlives-turn lifecycle.terminal.cleaned"
        ),
        "typing into a command": "lifecycle.terminal.interaction",
        "patches": ("lifecycle.patch.item-first lifecycle.patch.changes lifecycle.patch.turn-diff"),
        "web search, MCP, sub-agents, code mode": OUTSIDE,
        "items of turn/completed are a summary": "lifecycle.turn.summary",
        "item ids may repeat across turns": FREE,
    },
    "§9": {
        "command approval in order": (
            "lifecycle.approval.flag-set lifecycle.approval.item-first lifecycle.approval.request "
            "lifecycle.approval.resolved lifecycle.approval.flag-cleared"
        ),
        "accept": "lifecycle.approval.accepted-runs",
        "decline": "lifecycle.approval.declined lifecycle.approval.declined-goes-on",
        "cancel": "lifecycle.approval.cancelled",
        "acceptForSession": "lifecycle.approval.session",
        "amendment": "lifecycle.approval.amendment",
        "nonsense and errors": "lifecycle.approval.nonsense",
        "two at once": "lifecycle.approval.at-once lifecycle.approval.flag-until-last",
        "never and escalation": "lifecycle.approval.never",
        "patch approval": (
            "lifecycle.patch.item-first lifecycle.patch.resolved lifecycle.patch.accepted "
            "lifecycle.patch.declined lifecycle.patch.cancelled lifecycle.patch.unasked"
        ),
        "the client's tools": (
            "lifecycle.tool.call lifecycle.tool.answered lifecycle.tool.failed "
            "lifecycle.tool.unflagged lifecycle.tool.interrupted lifecycle.tool.refused"
        ),
        "questions": (
            "lifecycle.question.asked lifecycle.question.flag lifecycle.question.resolved "
            "lifecycle.question.no-item"
        ),
        "MCP, permissions, token refresh, automatic reviewers": OUTSIDE,
        "several clients": (
            "lifecycle.clients.all-resolved lifecycle.clients.request-repeated "
            "lifecycle.clients.answer-counts"
        ),
    },
    "§10": {
        "response, idle, completed": (
            "lifecycle.interrupt.order lifecycle.turn.idle-before-completed"
        ),
        "open items stay open": "lifecycle.interrupt.open-message",
        "pending approvals and questions": (
            "lifecycle.interrupt.approval-resolved lifecycle.interrupt.late-answer "
            "lifecycle.question.interrupted"
        ),
        "dynamic tools": "lifecycle.tool.interrupted",
        "a running command goes on": "lifecycle.terminal.listed",
        "terminals are cleaned": "lifecycle.terminal.cleaned",
        "the window before turn/started": "lifecycle.interrupt.refused-changes-nothing",
        "the id that names none": "lifecycle.interrupt.unnamed",
        "idle": "lifecycle.interrupt.idle-refused",
        "the wrong turn": (
            "lifecycle.interrupt.wrong-turn-refused lifecycle.interrupt.still-named"
        ),
        "an interrupted turn is not answered again": "lifecycle.interrupt.hangs",
        "twice at once": "lifecycle.interrupt.twice",
        "the next turn goes well": "lifecycle.interrupt.next-turn",
        "how turns end": "lifecycle.turn.final-status",
    },
    "§11": {
        "steering": (
            "lifecycle.steer.same-turn lifecycle.steer.user-message "
            "lifecycle.steer.message-dropped lifecycle.steer.ends-once"
        ),
        "held back during tools": "lifecycle.steer.waits-for-tools",
        "turn/start while a turn runs": "lifecycle.steer.start-joins",
        "without instant interrupts the message is finished": CONFIGURED,
    },
    "§12": {
        "status, error, completed": (
            "lifecycle.failure.order lifecycle.failure.same-error lifecycle.failure.not-idle "
            "lifecycle.thread.status-steps lifecycle.turn.final-status"
        ),
        "the next turn goes well": "lifecycle.failure.next-turn",
        "kinds and texts": (
            "lifecycle.failure.kinds lifecycle.failure.texts lifecycle.failure.error-info"
        ),
        "the idle timeout": "lifecycle.failure.idle",
        "requests are repeated in silence": "lifecycle.retry.requests-silent",
        "streams are opened again": (
            "lifecycle.retry.announced lifecycle.retry.turn-goes-on lifecycle.retry.counted "
            "lifecycle.retry.message-open"
        ),
        "nobody listens": "lifecycle.retry.network",
        "unknown events of the model API": INSIDE,
    },
}
"""Turns, consent, interrupts, steers and failures."""

MEASURED_RULES: Final[Mapping[str, Mapping[str, str | Because]]] = {
    **RULES_OF_THE_WIRE,
    **RULES_OF_THREADS,
    **RULES_OF_TURNS,
}
"""Every rule by its section."""
