"""The requirements about the wiring of a host: its endpoints, their shapes, their safe answers.

May import the definition of a requirement. The invariant: the rows say what an application's host
does, in words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_ENDPOINTS: Final = (
    must(
        "host_wiring.endpoints.mutations",
        "Each of the 28 mutations of the manifest runtimeOwned is there, and is a mutation.",
        "spec 05 §2",
    ),
    must(
        "host_wiring.endpoints.queries",
        "Each of the 15 queries of the manifest runtimeOwned is there, and is a query.",
        "spec 05 §2",
    ),
    must(
        "host_wiring.endpoints.unknown-refused",
        "An argument that an endpoint does not know is refused.",
        "spec 13 §2",
    ),
    should(
        "host_wiring.endpoints.extended",
        "A host with the manifest runtimeExtended says its version, and has every endpoint of it.",
        "spec 04 §10",
    ),
    should(
        "host_wiring.endpoints.operators-only",
        "The audit and the rehearsal of mutations are closed to everybody but operators.",
        "spec 05 §3",
    ),
    must(
        "host_wiring.validate.passes",
        "validateHostWiring tries the six reads of the component first, in their order, and "
        "reports no failure.",
        "spec 05 §7",
    ),
    should(
        "host_wiring.validate.tries-mutations",
        "A host can have its mutations tried as well: every one of them is tried, and passes.",
        "spec 05 §7",
    ),
    should(
        "host_wiring.validate.leaves-nothing",
        "Trying the wiring leaves no row behind.",
        "spec 05 §7",
    ),
)

_SAFE: Final = (
    must(
        "host_wiring.safe.reads",
        "A safe read of a conversation that is bound to nothing answers missing_thread with "
        "E_THREAD_NOT_FOUND, and has every field of an answer with nothing in it.",
        "spec 05 §6",
    ),
    must(
        "host_wiring.safe.lists",
        "Lists about a conversation that is bound to nothing are empty, and what is one thing is "
        "null.",
        "spec 05 §6",
    ),
    must(
        "host_wiring.safe.streams",
        "With streamArgs the safe answer has the streams' fields as well, and they are empty.",
        "spec 05 §6",
    ),
    must(
        "host_wiring.safe.mutations",
        "A mutation about a conversation that is bound to nothing is refused with "
        "E_CONVERSATION_NOT_FOUND.",
        "spec 05 §4",
    ),
    should(
        "host_wiring.safe.codes-as-data",
        "What is refused is refused with the code as the data of a ConvexError.",
        "spec 11 §9",
    ),
)

_CONVERSATIONS: Final = (
    must(
        "host_wiring.binding.same-thread",
        "A conversation has one thread: opening it again gives the thread that it had.",
        "spec 01 §5",
    ),
    must(
        "host_wiring.binding.id-required",
        "ensureConversationBinding refuses an empty conversation id.",
        "spec 05 §5",
    ),
    must(
        "host_wiring.archive.answers",
        "Archiving and unarchiving answer with the conversation and its status, and no more.",
        "spec 05 §5",
    ),
    must(
        "host_wiring.archive.hides",
        "An archived conversation is listed only when archived ones are asked for.",
        "spec 04 §9",
    ),
    must(
        "host_wiring.pages.walk",
        "Pages of messages, followed by their cursors, give every message once, newest first.",
        "spec 01 §4",
    ),
    should(
        "host_wiring.pages.same-moment",
        "Messages of one id and one moment in different turns are told apart by a cursor.",
        "spec 01 §4",
    ),
    must(
        "host_wiring.pages.bad-cursor",
        "A cursor that is no JSON is refused with E_KEYSET_CURSOR_INVALID.",
        "spec 01 §4",
    ),
    should(
        "host_wiring.pages.foreign-cursor",
        "A cursor that is JSON and none of the list's is refused with E_KEYSET_CURSOR_INVALID.",
        "spec 01 §4",
    ),
)

_WAITING: Final = (
    must(
        "host_wiring.approval.respond",
        "respondApproval decides an approval that waits, and it waits no more.",
        "spec 01 §5",
    ),
    should(
        "host_wiring.approval.once",
        "The same decision again changes nothing; another one is refused with E_APPROVAL_DECIDED.",
        "spec 01 §5",
    ),
    must(
        "host_wiring.request.ids-apart",
        'Server requests with the ids 1 and "1" are two.',
        "spec 01 §5",
    ),
    must(
        "host_wiring.request.asked-again",
        "A server request that is written down again after it was answered waits again, without "
        "the answer.",
        "spec 04 §12",
    ),
    should(
        "host_wiring.request.settled",
        "What was answered does not expire, and what has expired is not answered: "
        "E_SERVER_REQUEST_SETTLED.",
        "spec 04 §12",
    ),
    should(
        "host_wiring.request.questions",
        "Questions that are none are refused when they are written.",
        "spec 01 §5",
    ),
    must(
        "host_wiring.usage.kept",
        "upsertTokenUsage overwrites the counts of a turn; the context window stays when it is "
        "not given.",
        "spec 01 §5",
    ),
)

_READS: Final = (
    should(
        "host_wiring.reads.of-others",
        "What a call reads does not grow with the rows of other users.",
        "spec 13 §1",
    ),
    should(
        "host_wiring.reads.of-the-past",
        "What a page of messages reads does not grow with the messages outside of it.",
        "spec 13 §1",
    ),
)

HOST_WIRING: Final[tuple[Requirement, ...]] = (
    *_ENDPOINTS,
    *_SAFE,
    *_CONVERSATIONS,
    *_WAITING,
    *_READS,
)
"""The requirements of the suite ``host_wiring``."""
