"""What the suite ``lifecycle`` promises of what a runtime keeps: words, requests, imports.

May import the definition of a requirement only. What the original promises is a ``must``; what a
better runtime does beyond that is a ``should``.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_KEPT: Final = (
    must(
        "lifecycle.kept.words",
        "What user and model say is kept, word for word and in order.",
        "spec 06 §8",
    ),
    must(
        "lifecycle.kept.reasoning",
        "What the model thinks is kept.",
        "spec 06 §8",
    ),
    must(
        "lifecycle.kept.turn-id",
        "Every event that is kept carries the persisted turn, not Codex's.",
        "spec 06 §8",
    ),
    must(
        "lifecycle.kept.cursors",
        "The events of a stream are numbered without gaps, from 0.",
        "spec 06 §8",
    ),
    must(
        "lifecycle.kept.batches",
        "A batch has at most 32 events, and deltas of one message that wait together are one.",
        "spec 06 §8",
    ),
    must(
        "lifecycle.kept.counted",
        "The state counts the events that were kept and those that were not, by their kinds in "
        "order.",
        "spec 06 §2",
    ),
    must(
        "lifecycle.kept.usage",
        "The tokens that a turn has used are kept.",
        "spec 06 §9",
    ),
    should(
        "lifecycle.kept.window",
        "With the tokens the size of the model's window is kept.",
        "spec 06 §9",
    ),
)

_REQUESTS: Final = (
    must(
        "lifecycle.server-request.kept",
        "A request of the app-server waits durably, with its id and its method.",
        "spec 06 §9",
    ),
    must(
        "lifecycle.server-request.counted",
        "The state counts the requests that wait.",
        "spec 06 §9",
    ),
    must(
        "lifecycle.server-request.answered",
        "An answer goes to the app-server, and the request waits durably no longer.",
        "spec 06 §9",
    ),
    must(
        "lifecycle.server-request.declined",
        "A command that is declined does not run, and its turn goes on.",
        "spec 06 §9",
    ),
    must(
        "lifecycle.server-request.files",
        "Whether files may change is answered as the caller says, and waits durably no longer.",
        "spec 06 §9",
    ),
    must(
        "lifecycle.server-request.answered-first",
        "An answer goes to the app-server before it is kept.",
        "spec 06 §9",
    ),
    must(
        "lifecycle.server-request.turn-ends",
        "With its turn a request ends, here and durably.",
        "spec 06 §9",
    ),
    should(
        "lifecycle.server-request.stop",
        "A request that waits when the runtime is stopped waits durably no longer.",
        "spec 06 §7",
    ),
    must(
        "lifecycle.server-request.retried",
        "A request whose turn the deployment does not know yet is kept as soon as it does.",
        "spec 06 §9",
    ),
    should(
        "lifecycle.tool.offered",
        "A Python function that was registered is offered to the model by its name and its types.",
        "spec 06 §9",
    ),
    should(
        "lifecycle.tool.called",
        "The model's call reaches the function, and what it returns reaches the model.",
        "spec 06 §9",
    ),
    should(
        "lifecycle.tool.raises",
        "A function that raises answers the model with a failure, and the turn goes on.",
        "spec 06 §9",
    ),
)

_IMPORTS: Final = (
    must(
        "lifecycle.import.words",
        "An imported thread has the words that were said in it.",
        "spec 06 §12",
    ),
    must(
        "lifecycle.import.own-name",
        "Without a conversation, a thread is imported into one of its own name.",
        "spec 06 §12",
    ),
    must(
        "lifecycle.import.result",
        "An import says how many turns and messages it has brought, and that they are synced.",
        "spec 06 §12",
    ),
    must(
        "lifecycle.import.job",
        "The deployment knows the import by the job that the result names.",
        "spec 06 §12",
    ),
    should(
        "lifecycle.import.progress",
        "An import tells how far it has come: reading, sending, verifying, synced.",
        "spec 06 §12",
    ),
    should(
        "lifecycle.import.again",
        "Importing a thread again brings nothing twice.",
        "spec 06 §12",
    ),
    should(
        "lifecycle.import.then-live",
        "A conversation that was imported goes on live, with nothing in it twice.",
        "spec 06 §12",
    ),
    must(
        "lifecycle.import.beside-a-turn",
        "A turn in flight does not keep a thread from being imported.",
        "spec 06 §12",
    ),
)

RUNTIME_KEEPING: Final[tuple[Requirement, ...]] = (*_KEPT, *_REQUESTS, *_IMPORTS)
"""The requirements of what a runtime keeps."""
