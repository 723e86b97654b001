"""What the suite ``lifecycle`` promises of a runtime: phases, identities, turns, what is kept.

May import the definition of a requirement, and what is promised of keeping. What the original
promises is a ``must``; what a better runtime does beyond that is a ``should``.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should
from codex_conformance.requirements.runtime_keeping import RUNTIME_KEEPING

_PHASES: Final = (
    must("lifecycle.phase.created", "A new runtime is idle, and nothing of it runs.", "spec 06 §3"),
    must(
        "lifecycle.phase.connect",
        "Connecting leads from idle, stopped and error to starting and running; where an "
        "app-server runs already, nothing changes.",
        "spec 06 §3",
    ),
    must(
        "lifecycle.phase.stop",
        "Stopping leads from every phase to stopped, by way of stopping.",
        "spec 06 §3",
    ),
    must(
        "lifecycle.phase.protocol-error",
        "A line that is no message leads to error, with the source protocol_error; the app-server "
        "is kept.",
        "spec 06 §3",
    ),
    should(
        "lifecycle.phase.recovers",
        "After a protocol error the next message leads back to running, with the source "
        "bridge_event.",
        "spec 06 §3",
    ),
    must(
        "lifecycle.phase.exit",
        "The end of the app-server leads to error, with the source process_exit and its exit code "
        "in lastError.",
        "spec 06 §3",
    ),
    should(
        "lifecycle.phase.start-failed",
        "A start that fails leads to error, and nothing runs any more.",
        "spec 06 §3",
    ),
    should(
        "lifecycle.phase.start-retried",
        "After a start that failed, connecting starts another app-server.",
        "spec 06 §3",
    ),
    should(
        "lifecycle.phase.stop-starting",
        "A runtime that is stopped while it starts ends as stopped, and whoever connects is told.",
        "spec 06 §3",
    ),
    should(
        "lifecycle.phase.late-exit",
        "The end of an app-server that was stopped is no error.",
        "spec 06 §3",
    ),
)

_CONNECTING: Final = (
    must(
        "lifecycle.connect.handshake",
        "Connecting sends initialize, then initialized, and opens no thread.",
        "spec 06 §4",
    ),
    must(
        "lifecycle.connect.session-named",
        "The session is called as asked for, with a part of its own.",
        "spec 06 §4",
    ),
    must(
        "lifecycle.connect.session-new",
        "Every connection has a session of its own.",
        "spec 06 §4",
    ),
    must(
        "lifecycle.connect.afresh",
        "Connecting again begins with no thread, no error and no event counted.",
        "spec 06 §4",
    ),
    must(
        "lifecycle.listener.at-once",
        "A listener hears the present state at once, then every other one.",
        "spec 06 §2",
    ),
    must(
        "lifecycle.listener.ends",
        "A listener that was taken away hears nothing more.",
        "spec 06 §2",
    ),
    should(
        "lifecycle.listener.isolated",
        "A listener that raises stops neither the runtime nor the other listeners.",
        "spec 06 §2",
    ),
    must(
        "lifecycle.listener.snapshot",
        "The lifecycle's state is the one that listeners heard last.",
        "spec 06 §2",
    ),
)

_IDENTITIES: Final = (
    must(
        "lifecycle.identity.first",
        "The first thread names the conversation, where none is pinned.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.first-pinned",
        "A pinned conversation takes the first thread.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.same",
        "Opening the thread that is open changes nothing.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.same-pinned",
        "Opening the thread that is open under its pin changes nothing.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.switch",
        "Another thread names another conversation and is bound anew, where none is pinned.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.switch-pinned",
        "Another thread is bound anew, under the conversation that is pinned.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.resume-unpins",
        "Resuming a thread lets go of the pin.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.fork",
        "A fork is another thread, with a conversation of its own.",
        "spec 06 §5",
    ),
    must(
        "lifecycle.identity.bound",
        "The deployment knows which thread of Codex a conversation is bound to.",
        "spec 06 §5",
    ),
    should(
        "lifecycle.identity.failed-open",
        "A thread that cannot be opened leaves the open one, and its conversation, as they were.",
        "spec 06 §5",
    ),
    should(
        "lifecycle.identity.other-threads",
        "What Codex says of another thread is not kept in the open one.",
        "spec 06 §8",
    ),
)

_DISPATCH: Final = (
    must(
        "lifecycle.dispatch.accepted",
        "A turn that was sent has a durable turn, whose id is the one that is returned.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.accepted-first",
        "A turn is accepted durably before Codex is asked to start it.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.asked",
        "Codex is asked to start it in the open thread, with what the user says.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.named",
        "Codex is told a name of the turn by which it is found again after a crash.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.shown",
        "While it runs, the state shows the turn's persisted id; afterwards none.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.shown-early",
        "The state shows the persisted id also when Codex tells of the start before it answers.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.completed",
        "A turn that Codex completes is completed durably.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.interrupted",
        "A turn that is interrupted is interrupted durably.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.failed",
        "A turn that fails has failed durably.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.start-refused",
        "A turn that Codex refuses to start has failed durably, and the next one can be sent.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.again",
        "After a turn has ended the next one is sent, and is kept behind it.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.one-slot",
        "Of two turns that are sent at once Codex is given one, and the other is refused.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.will-retry",
        "An error that Codex goes on after does not end the turn.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.own-end",
        "The end of another turn, or of another thread's, does not end the turn in flight.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.end-malformed",
        "An end of a turn that says nothing ends it as failed.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.interrupt-early",
        "An interrupt before Codex has named the turn is sent as soon as it has.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.interrupt-idle",
        "An interrupt while nothing runs leaves the next turn alone.",
        "spec 06 §6",
    ),
    must(
        "lifecycle.dispatch.steer",
        "What is steered is said in the turn in flight, by the id that Codex gave it.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.outbox",
        "A turn is claimed, started and completed in the outbox, and open there no longer.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.outbox-shown",
        "The state says whether accepted turns outlive the runtime.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.exit",
        "A turn in flight when the app-server ends has ended durably.",
        "spec 06 §6",
    ),
    should(
        "lifecycle.dispatch.stop",
        "A turn in flight when the runtime is stopped has ended durably.",
        "spec 06 §7",
    ),
)

RUNTIME_LIFECYCLE: Final[tuple[Requirement, ...]] = (
    *_PHASES,
    *_CONNECTING,
    *_IDENTITIES,
    *_DISPATCH,
    *RUNTIME_KEEPING,
)
"""The requirements of a runtime in the suite ``lifecycle``."""
