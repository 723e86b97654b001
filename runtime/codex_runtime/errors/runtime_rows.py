"""The codes of the host runtime and of importing (spec 11 §5, §8).

May import the entries only. The invariant: what a caller of the runtime meets has a code, and so
has what a turn or a binding is marked with.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors.entry import Fault, entries

RUNTIME: Final = (
    *entries(
        Fault.CALLER,
        (
            "E_RUNTIME_CONFIG_INVALID",
            "the runtime was made with arguments it cannot use",
            "Give what the text asks for.",
            False,
        ),
        (
            "E_RUNTIME_NOT_CONNECTED",
            "something was asked of a runtime that is not connected",
            "Connect it first, and do not use it after it was stopped.",
            True,
        ),
        (
            "E_RUNTIME_STOPPING",
            "the runtime is being stopped",
            "Wait until it has stopped, then connect it again.",
            True,
        ),
        (
            "E_RUNTIME_STOPPED",
            "the runtime was stopped before this was done",
            "Connect it again; what was accepted goes on from the outbox.",
            True,
        ),
        (
            "E_RUNTIME_THREAD_NOT_OPEN",
            "a turn was to be sent before a thread was opened",
            "Open a thread first.",
            True,
        ),
        (
            "E_RUNTIME_THREAD_LOCKED",
            "the thread was to be changed while a turn is in flight",
            "Wait for the turn to end, or interrupt it.",
            True,
        ),
        (
            "E_RUNTIME_CONVERSATION_ID_REQUIRED",
            "a thread was to be resumed or forked without saying which",
            "Give the id of the thread.",
            False,
        ),
        (
            "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT",
            "a turn was to be sent while another one is in flight",
            "Send it after the turn has settled, or steer the turn.",
            True,
        ),
        (
            "E_RUNTIME_NO_TURN_IN_FLIGHT",
            "a turn was to be steered, and none is in flight",
            "Send a turn.",
            True,
        ),
        (
            "E_RUNTIME_TURN_ID_UNKNOWN",
            "a turn was to be steered before Codex has named it",
            "Steer it after it has started.",
            True,
        ),
        (
            "E_RUNTIME_STEER_MISMATCH",
            "a turn was to be steered that is not the one in flight",
            "Look which turn is in flight.",
            True,
        ),
        (
            "E_RUNTIME_SERVER_REQUEST_UNKNOWN",
            "an answer was given to a request that does not wait for one",
            "Look at the pending requests; each is answered once.",
            False,
        ),
        (
            "E_RUNTIME_SERVER_REQUEST_KIND",
            "a request was answered as if it were of another kind",
            "Answer it with the method of its kind.",
            False,
        ),
        (
            "E_RUNTIME_STOP_TIMEOUT",
            "something took too long when the runtime stopped; it is stopped nevertheless",
            "Look at what the text names: what waits to be kept waits for the next connection.",
            True,
        ),
        (
            "E_RUNTIME_STEP_FAILED",
            "something that the host has given the runtime raised an error without a code",
            "Read the error it was raised from.",
            False,
        ),
        (
            "E_IMPORT_THREAD_BRIDGE_NOT_READY",
            "a thread was to be imported before the runtime was connected",
            "Connect the runtime first.",
            True,
        ),
        (
            "E_IMPORT_THREAD_HANDLE_REQUIRED",
            "a thread was to be imported without saying which",
            "Give the id of the thread.",
            False,
        ),
        (
            "E_IMPORT_THREAD_UNDER_WAY",
            "a conversation was to be imported into while it is being imported into",
            "Wait for the import that is under way, or cancel it.",
            True,
        ),
        (
            "E_IMPORT_THREAD_CANCELLED",
            "an import was cancelled by whoever wanted it, or because they were gone",
            "Import the thread again when it is wanted: what is there is not imported twice.",
            True,
        ),
    ),
    *entries(
        Fault.APP_SERVER,
        (
            "E_RUNTIME_PROTOCOL_EVENT_INVALID",
            "an event of the app-server could not be handled",
            "Compare the app-server's version with the protocol lock's.",
            False,
        ),
        (
            "E_IMPORT_THREAD_READ_FAILED",
            "a thread that was to be imported could not be read",
            "Check that Codex has a thread of this id.",
            True,
        ),
        (
            "E_TURN_START_FAILED",
            "the app-server refused to start a turn that was accepted",
            "Read the reason; send the turn again when it is mended.",
            False,
        ),
        (
            "E_TURN_DISPATCH_CLAIM_FAILED",
            "a turn that was accepted could not be claimed",
            "Look at the deployment; the turn waits in the outbox.",
            True,
        ),
        (
            "E_TURN_STEERED",
            "another client began a turn at the same time, and what was sent became a part of that",
            "Look at the other turn: what was sent was said there.",
            False,
        ),
        (
            "E_TURN_OUTCOME_UNKNOWN",
            "a turn was given to Codex before a crash, and nobody can say what became of it",
            "Read the thread; send the turn again only if it is not there.",
            False,
        ),
        (
            "E_TURN_FAILED",
            "a turn ended as failed",
            "Read the turn's error.",
            False,
        ),
    ),
    *entries(
        Fault.DEPLOYMENT,
        (
            "E_RUNTIME_INGEST_FLUSH_FAILED",
            "what waits to be kept could not be kept; it stays in the queue and is tried again",
            "Look at the deployment.",
            True,
        ),
        (
            "E_RUNTIME_INGEST_REJECTED",
            "the deployment refuses an event for good; it was set aside and reported",
            "Read the report; the conversation lacks this event.",
            False,
        ),
        (
            "E_RUNTIME_INGEST_FULL",
            "more waits to be kept than the runtime may remember; Codex is not read any further",
            "Look at the deployment: nothing is lost, and it goes on when that keeps up.",
            True,
        ),
    ),
)
