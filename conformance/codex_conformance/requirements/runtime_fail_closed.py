"""What the suite ``fail_closed`` promises: every precondition, and every neighbour's fault.

May import the definition of a requirement only. That a caller's mistake is refused is a ``must``
with the codes that the original has; a code that only a better runtime has is a ``should``, and so
is to survive what the original does not.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements.requirement import Requirement, must, should

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALLERS: Final = (
    should(
        "fail_closed.unconnected.threads",
        "No thread is opened, changed or read by a runtime that is not connected.",
        "spec 06 §5",
    ),
    should(
        "fail_closed.unconnected.turns",
        "No turn is sent or steered by a runtime that is not connected.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.unconnected.answers",
        "No request is answered by a runtime that is not connected.",
        "spec 06 §9",
    ),
    must(
        "fail_closed.unconnected.import",
        "No thread is imported by a runtime that is not connected.",
        "spec 06 §12",
    ),
    must(
        "fail_closed.unconnected.interrupt",
        "An interrupt of a runtime that is not connected does nothing.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.unconnected.after-stop",
        "A runtime that was stopped refuses as one that never was connected.",
        "spec 06 §7",
    ),
    should(
        "fail_closed.locked.open",
        "While a turn is in flight no other thread is opened, and Codex is not asked.",
        "spec 06 §5",
    ),
    should(
        "fail_closed.locked.change",
        "While a turn is in flight no thread is archived, named, compacted or rolled back.",
        "spec 06 §5",
    ),
    must(
        "fail_closed.locked.read",
        "While a turn is in flight threads can be read.",
        "spec 06 §5",
    ),
    should(
        "fail_closed.thread.unnamed",
        "A thread is not resumed or forked without saying which.",
        "spec 06 §5",
    ),
    must(
        "fail_closed.thread.no-uuid",
        "A thread whose id is no UUID is refused before Codex is asked.",
        "spec 06 §5",
    ),
    must(
        "fail_closed.thread.unknown",
        "A thread that Codex does not know cannot be opened.",
        "spec 06 §5",
    ),
    must(
        "fail_closed.turn.no-thread",
        "A turn is not sent before a thread is open.",
        "spec 06 §6",
    ),
    must(
        "fail_closed.turn.in-flight",
        "A turn is not sent while another is in flight.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.steer.no-turn",
        "Nothing is steered while no turn is in flight.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.steer.other-turn",
        "Nothing is steered that is meant for another turn.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.steer.unnamed",
        "Nothing is steered before Codex has named the turn.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.answer.unknown",
        "An answer to a request that does not wait is refused, and Codex hears nothing of it.",
        "spec 06 §9",
    ),
    should(
        "fail_closed.answer.twice",
        "A request is answered once.",
        "spec 06 §9",
    ),
    should(
        "fail_closed.answer.other-kind",
        "A request is not answered as one of another kind, and goes on waiting.",
        "spec 06 §9",
    ),
    must(
        "fail_closed.import.unnamed",
        "A thread is not imported without saying which.",
        "spec 06 §12",
    ),
    must(
        "fail_closed.import.no-uuid",
        "A thread whose id is no UUID is not imported.",
        "spec 06 §12",
    ),
    should(
        "fail_closed.import.unreadable",
        "A thread that Codex cannot read is not imported, and the deployment hears nothing of it.",
        "spec 06 §12",
    ),
    must(
        "fail_closed.import.nowhere",
        "Where nothing is kept, nothing is imported.",
        "spec 06 §11",
    ),
)

_CODEX: Final = (
    should(
        "fail_closed.codex.start-refused",
        "An app-server that refuses initialize is told to whoever connects.",
        "spec 06 §4",
    ),
    should(
        "fail_closed.codex.start-ends",
        "An app-server that ends before it has answered is told to whoever connects.",
        "spec 06 §4",
    ),
    should(
        "fail_closed.codex.start-hangs",
        "An app-server that never answers initialize is given up in bounded time.",
        "spec 06 §4",
    ),
    should(
        "fail_closed.codex.other-version",
        "An app-server of another version is refused.",
        "spec 06 §4",
    ),
    must(
        "fail_closed.codex.refuses",
        "What Codex refuses is told to whoever asked.",
        "spec 06 §5",
    ),
    must(
        "fail_closed.codex.ends-unasked",
        "Whoever waits for an answer when the app-server ends is told.",
        "spec 06 §3",
    ),
    should(
        "fail_closed.codex.never-answers",
        "Whoever waits for an answer that never comes is told in bounded time.",
        "spec 06 §9",
    ),
    should(
        "fail_closed.codex.start-unanswered",
        "A turn whose start Codex has not answered has ended durably when the runtime has stopped, "
        "and is not given to Codex again.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.codex.answer-malformed",
        "An answer that is not what the protocol gives is told to whoever asked.",
        "spec 06 §9",
    ),
    must(
        "fail_closed.codex.stray-answers",
        "An answer to nothing harms nothing, and neither does a second one.",
        "spec 06 §9",
    ),
    must(
        "fail_closed.codex.garbage",
        "What is no message is reported, and what follows it is kept as ever.",
        "spec 06 §3",
    ),
    must(
        "fail_closed.codex.unknown-notification",
        "A notification of an unknown kind harms nothing.",
        "spec 06 §8",
    ),
    should(
        "fail_closed.codex.unknown-request",
        "A request of an unknown kind is answered with an error, so that Codex does not wait.",
        "spec 06 §9",
    ),
    must(
        "fail_closed.codex.request-malformed",
        "A request that names no turn is reported or refused, and what follows is kept as ever.",
        "spec 06 §9",
    ),
    should(
        "fail_closed.codex.flood",
        "Of a flood of deltas nothing is lost.",
        "spec 06 §8",
    ),
    should(
        "fail_closed.codex.ends-midway",
        "What Codex has said before it ended in the middle of a turn is kept.",
        "spec 06 §8",
    ),
    must(
        "fail_closed.codex.stop-waiting",
        "Whoever waits for an answer when the runtime is stopped is told.",
        "spec 06 §7",
    ),
    should(
        "fail_closed.codex.stop-hanging",
        "A runtime whose app-server hangs is stopped in bounded time.",
        "spec 06 §7",
    ),
)

_CONVEX: Final = (
    must(
        "fail_closed.convex.unreachable",
        "Where the deployment cannot be reached, opening a thread is refused.",
        "spec 06 §10",
    ),
    should(
        "fail_closed.convex.unreachable-then-there",
        "A thread that could not be bound is bound by opening it again.",
        "spec 06 §5",
    ),
    must(
        "fail_closed.convex.not-accepted",
        "A turn that the deployment does not accept is never given to Codex.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.convex.not-claimed",
        "A turn that cannot be claimed is never given to Codex.",
        "spec 06 §6",
    ),
    should(
        "fail_closed.convex.token-expired",
        "A token that the deployment refuses is told by a code of its own.",
        "spec 06 §10",
    ),
    should(
        "fail_closed.convex.endpoint-missing",
        "An endpoint that is missing is told by a code of its own.",
        "spec 06 §10",
    ),
    should(
        "fail_closed.convex.no-deployment",
        "A URL behind which there is no deployment is told by a code of its own.",
        "spec 06 §10",
    ),
    should(
        "fail_closed.convex.answer-malformed",
        "An answer that is not the contract's is told by a code of its own, and not believed.",
        "spec 06 §10",
    ),
    should(
        "fail_closed.convex.busy",
        "A deployment that refuses for the moment is asked again.",
        "spec 06 §10",
    ),
    should(
        "fail_closed.convex.accept-lost",
        "A turn whose acceptance was lost on its way back is accepted once, and given once.",
        "spec 06 §10",
    ),
    should(
        "fail_closed.convex.ingest-lost",
        "A batch whose acknowledgement was lost on its way back is not kept twice.",
        "spec 06 §8",
    ),
    must(
        "fail_closed.convex.ingest-fails",
        "What cannot be kept is reported, and the state says so.",
        "spec 06 §8",
    ),
    should(
        "fail_closed.convex.ingest-recovers",
        "What could not be kept is kept when the deployment is there again, and the state says so.",
        "spec 06 §8",
    ),
    should(
        "fail_closed.convex.ingest-rejected",
        "An event that is refused for good is reported, and the others are kept.",
        "spec 06 §8",
    ),
    must(
        "fail_closed.convex.session-lost",
        "Where the deployment has lost the session, another one delivers what waits.",
        "spec 06 §10",
    ),
    must(
        "fail_closed.convex.usage-fails",
        "Tokens that cannot be kept are reported and harm nothing.",
        "spec 06 §9",
    ),
    must(
        "fail_closed.convex.request-not-kept",
        "A request that cannot be kept is reported and can be answered.",
        "spec 06 §9",
    ),
    must(
        "fail_closed.convex.stop-unkept",
        "A runtime that stops and cannot keep what waits says so, and is stopped.",
        "spec 06 §7",
    ),
    should(
        "fail_closed.convex.stop-hanging",
        "A runtime whose deployment answers slowly keeps what waits before it has stopped.",
        "spec 06 §7",
    ),
    must(
        "fail_closed.convex.import-fails",
        "An import that the deployment breaks off is told to whoever asked for it.",
        "spec 06 §12",
    ),
    must(
        "fail_closed.convex.import-not-verified",
        "An import that the deployment does not verify is not said to be synced.",
        "spec 06 §12",
    ),
)

RUNTIME_FAIL_CLOSED: Final[tuple[Requirement, ...]] = (*_CALLERS, *_CODEX, *_CONVEX)
"""The requirements of the suite ``fail_closed``."""

EXPECTED_CODES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "fail_closed.unconnected.threads": ("E_RUNTIME_NOT_CONNECTED",),
        "fail_closed.unconnected.turns": ("E_RUNTIME_NOT_CONNECTED",),
        "fail_closed.unconnected.answers": ("E_RUNTIME_NOT_CONNECTED",),
        "fail_closed.unconnected.import": ("E_IMPORT_THREAD_BRIDGE_NOT_READY",),
        "fail_closed.unconnected.after-stop": ("E_RUNTIME_NOT_CONNECTED",),
        "fail_closed.locked.open": ("E_RUNTIME_THREAD_LOCKED",),
        "fail_closed.locked.change": ("E_RUNTIME_THREAD_LOCKED",),
        "fail_closed.thread.unnamed": ("E_RUNTIME_CONVERSATION_ID_REQUIRED",),
        "fail_closed.turn.no-thread": ("E_RUNTIME_THREAD_NOT_OPEN",),
        "fail_closed.turn.in-flight": ("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT",),
        "fail_closed.steer.no-turn": ("E_RUNTIME_NO_TURN_IN_FLIGHT",),
        "fail_closed.steer.other-turn": ("E_RUNTIME_STEER_MISMATCH",),
        "fail_closed.steer.unnamed": ("E_RUNTIME_TURN_ID_UNKNOWN",),
        "fail_closed.answer.unknown": ("E_RUNTIME_SERVER_REQUEST_UNKNOWN",),
        "fail_closed.answer.twice": ("E_RUNTIME_SERVER_REQUEST_UNKNOWN",),
        "fail_closed.answer.other-kind": ("E_RUNTIME_SERVER_REQUEST_KIND",),
        "fail_closed.import.unnamed": ("E_IMPORT_THREAD_HANDLE_REQUIRED",),
        "fail_closed.import.unreadable": ("E_IMPORT_THREAD_READ_FAILED",),
        "fail_closed.import.nowhere": ("E_PERSISTENCE_DISABLED",),
        "fail_closed.codex.start-ends": ("E_APP_SERVER_START_FAILED", "E_APP_SERVER_GONE"),
        "fail_closed.codex.start-hangs": (
            "E_APP_SERVER_START_TIMEOUT",
            "E_APP_SERVER_REQUEST_TIMEOUT",
        ),
        "fail_closed.codex.other-version": ("E_APP_SERVER_VERSION_UNSUPPORTED",),
        "fail_closed.codex.ends-unasked": ("E_APP_SERVER_GONE", "E_RUNTIME_STOPPED"),
        "fail_closed.codex.never-answers": ("E_APP_SERVER_REQUEST_TIMEOUT",),
        "fail_closed.codex.answer-malformed": ("E_PROTOCOL_PAYLOAD_INVALID",),
        "fail_closed.codex.stop-waiting": ("E_RUNTIME_STOPPED", "E_APP_SERVER_GONE"),
        "fail_closed.convex.token-expired": ("E_PERSISTENCE_UNAUTHORIZED",),
        "fail_closed.convex.endpoint-missing": ("E_PERSISTENCE_ENDPOINT_MISSING",),
        "fail_closed.convex.no-deployment": ("E_PERSISTENCE_NOT_CONVEX",),
        "fail_closed.convex.answer-malformed": ("E_PERSISTENCE_ANSWER_INVALID",),
        "fail_closed.convex.ingest-fails": ("E_RUNTIME_INGEST_FLUSH_FAILED",),
        "fail_closed.convex.stop-unkept": ("E_RUNTIME_INGEST_FLUSH_FAILED",),
    }
)
"""The codes of the refusals, by requirement; where none is named, any code will do."""
