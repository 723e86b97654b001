"""The requirements about what client and app-server do together in a turn, or several clients do.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_STEERS: Final = (
    must(
        "lifecycle.steer.same-turn",
        "turn/steer is answered with the id of the running turn, and starts no other turn.",
        "FACTS §11",
    ),
    must(
        "lifecycle.steer.user-message",
        "The input of turn/steer becomes a user message of the turn, with the client's id.",
        "FACTS §11",
    ),
    must(
        "lifecycle.steer.message-dropped",
        "A message that was being streamed when the turn was steered is never completed.",
        "FACTS §11",
    ),
    must(
        "lifecycle.steer.ends-once",
        "A steered turn ends once, and ends well.",
        "FACTS §11",
    ),
    must(
        "lifecycle.steer.start-joins",
        "turn/start while a turn runs is answered with the id of the running turn, and its input "
        "becomes a user message of that turn.",
        "FACTS §11",
    ),
    must(
        "lifecycle.steer.idle-refused",
        "Steering an idle thread is refused with -32600 `no active turn to steer`.",
        "FACTS §4",
    ),
    must(
        "lifecycle.steer.wrong-turn-refused",
        "Steering by the id of another turn is refused with -32600 ``expected active turn id "
        "`ID` …``.",
        "FACTS §4",
    ),
    should(
        "lifecycle.steer.empty-refused",
        "Steering without a turn id, or without input, is refused with -32600 and says which.",
        "FACTS §4",
    ),
)

_PATCHES: Final = (
    must(
        "lifecycle.patch.item-first",
        "The item of a patch is started, and in progress, before the client is asked about it.",
        "FACTS §8, §9",
    ),
    must(
        "lifecycle.patch.changes",
        "The item of a patch lists each change with an absolute path, its kind and its diff.",
        "FACTS §8",
    ),
    must(
        "lifecycle.patch.resolved",
        "serverRequest/resolved with the request's id comes after the client's answer and before "
        "the patch's item/completed.",
        "FACTS §9",
    ),
    must(
        "lifecycle.patch.accepted",
        "The item of an accepted patch completes as completed, and the file is written.",
        "FACTS §9",
    ),
    must(
        "lifecycle.patch.declined",
        "The item of a declined patch completes as declined, no file is written, and the turn "
        "goes on.",
        "FACTS §9",
    ),
    should(
        "lifecycle.patch.turn-diff",
        "After a patch was applied, turn/diff/updated shows what the turn has changed.",
        "FACTS §8",
    ),
)

_TOOLS: Final = (
    must(
        "lifecycle.tool.call",
        "A call of the client's tool is a request with the tool's name, its arguments as JSON and "
        "the call's id, after its item was started.",
        "FACTS §9",
    ),
    must(
        "lifecycle.tool.answered",
        "The item of an answered call completes as completed, with what the client said.",
        "FACTS §9",
    ),
    must(
        "lifecycle.tool.failed",
        "The item of a call that the client answers with an error completes as failed, and the "
        "turn goes on.",
        "FACTS §9",
    ),
    should(
        "lifecycle.tool.unflagged",
        "A call of the client's tool changes no flag of the thread, and is not reported as "
        "resolved.",
        "FACTS §9",
    ),
)

_CLIENTS: Final = (
    must(
        "lifecycle.clients.broadcast",
        "Every client hears of new threads and of the status of threads.",
        "FACTS §7, §15",
    ),
    must(
        "lifecycle.clients.subscribers-only",
        "A client that is not subscribed to a thread hears nothing of its turns and items.",
        "FACTS §7, §15",
    ),
    must(
        "lifecycle.clients.request-repeated",
        "A client that resumes a thread with a pending approval gets the request with its first "
        "id, after the answer.",
        "FACTS §9, §15",
    ),
    must(
        "lifecycle.clients.answer-counts",
        "The answer of the client that resumed the thread decides the approval.",
        "FACTS §9",
    ),
)

COLLABORATION: Final[tuple[Requirement, ...]] = (*_STEERS, *_PATCHES, *_TOOLS, *_CLIENTS)
"""Every one of these requirements, in the order of reports."""
