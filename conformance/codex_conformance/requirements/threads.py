"""The requirements about what a client does with whole threads, and about lists and their pages.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_NAMES: Final = (
    must(
        "lifecycle.name.announced",
        "thread/name/set is answered with {}, and then thread/name/updated says the name without "
        "the blanks around it.",
        "FACTS §7",
    ),
    must(
        "lifecycle.name.kept",
        "thread/read and thread/list give the name that a thread was given.",
        "FACTS §7",
    ),
    should(
        "lifecycle.name.empty-refused",
        "An empty name is refused with -32600.",
        "FACTS §7",
    ),
)

_FORKS: Final = (
    must(
        "lifecycle.fork.new-thread",
        "A fork has an id and a session of its own, and says which thread it was forked from.",
        "FACTS §6, §7",
    ),
    must(
        "lifecycle.fork.turns",
        "A fork has the turns of its origin: the same ids, and what was said.",
        "FACTS §6, §7",
    ),
    must(
        "lifecycle.fork.order",
        "The response to thread/fork comes first, then the restored token usage, then "
        "thread/started.",
        "FACTS §7",
    ),
    must(
        "lifecycle.fork.last-turn",
        "A fork with lastTurnId ends with that turn; one with beforeTurnId ends before it.",
        "FACTS §7",
    ),
    should(
        "lifecycle.fork.without-turns",
        "A fork with excludeTurns is answered without turns.",
        "FACTS §7",
    ),
    must(
        "lifecycle.fork.apart",
        "A turn in a fork does not show in the thread it was forked from.",
        "FACTS §7",
    ),
    must(
        "lifecycle.fork.refused",
        "A fork by both ids is refused, and so is one by the id of an unknown turn.",
        "FACTS §4",
    ),
    should(
        "lifecycle.fork.running",
        "A thread can be forked while its turn runs, but not up to that turn.",
        "FACTS §4, §7",
    ),
    should(
        "lifecycle.fork.deprecation",
        "Asking for a paginated thread with all its turns brings a deprecationNotice before the "
        "response; asking without them, or for another thread, does not.",
        "FACTS §7, §13",
    ),
)

_ARCHIVE: Final = (
    must(
        "lifecycle.archive.order",
        "Archiving a thread makes it notLoaded, is answered with {}, and then thread/archived "
        "comes.",
        "FACTS §7",
    ),
    must(
        "lifecycle.archive.listed-apart",
        "An archived thread is listed when archived ones are asked for, and only then.",
        "FACTS §7",
    ),
    must(
        "lifecycle.archive.readable",
        "An archived thread can be read.",
        "FACTS §7",
    ),
    must(
        "lifecycle.archive.not-resumed",
        "Resuming an archived thread is refused with -32600 `session ID is archived. …`.",
        "FACTS §4",
    ),
    should(
        "lifecycle.archive.once",
        "A thread that is archived cannot be archived, and one that is not cannot be unarchived.",
        "FACTS §4, §7",
    ),
    should(
        "lifecycle.archive.running",
        "Archiving a thread whose turn runs interrupts the turn first.",
        "FACTS §7",
    ),
    must(
        "lifecycle.unarchive.order",
        "Unarchiving is answered with the thread, notLoaded, and then thread/unarchived comes.",
        "FACTS §7",
    ),
    must(
        "lifecycle.unarchive.goes-on",
        "A thread that was unarchived is listed, can be resumed, and its next turn goes well.",
        "FACTS §7",
    ),
)

_DELETE: Final = (
    must(
        "lifecycle.delete.order",
        "Deleting a thread is answered with {}, and then thread/deleted comes.",
        "FACTS §7",
    ),
    must(
        "lifecycle.delete.gone",
        "A deleted thread is not listed, and reading it is refused with `thread not loaded: ID`.",
        "FACTS §7",
    ),
    should(
        "lifecycle.delete.forked-refused",
        "A thread that has a fork cannot be deleted: -32600 `cannot delete thread ID: …`.",
        "FACTS §7",
    ),
)

_REVERT: Final = (
    must(
        "lifecycle.revert.order",
        "Reverting a paginated thread is answered with the thread and both cursors, and then "
        "thread/reverted comes; for a legacy thread it is refused.",
        "FACTS §7",
    ),
    must(
        "lifecycle.revert.turns-gone",
        "After a paginated thread was reverted, the turn and all behind it are gone.",
        "FACTS §7",
    ),
    must(
        "lifecycle.revert.goes-on",
        "After thread/revert the next turn goes well.",
        "FACTS §7",
    ),
)

_SUBSCRIPTIONS: Final = (
    must(
        "lifecycle.unsubscribe.status",
        "thread/unsubscribe says unsubscribed, then notSubscribed, and notLoaded for an unknown "
        "thread.",
        "FACTS §4, §7",
    ),
    must(
        "lifecycle.unsubscribe.silent",
        "A client that left a thread hears the status of its turns, and nothing else of them, "
        "even when it started them.",
        "FACTS §7",
    ),
)

_LISTS: Final = (
    must(
        "lifecycle.list.pages",
        "The pages of thread/list by updated_at give every thread once, in the order of the whole "
        "list.",
        "FACTS §7",
    ),
    should(
        "lifecycle.list.ascending",
        "thread/list gives the oldest thread first when it is asked to.",
        "FACTS §7",
    ),
    should(
        "lifecycle.list.limit-zero",
        "A limit of 0 is a limit of 1.",
        "FACTS §7",
    ),
    must(
        "lifecycle.list.bad-cursor",
        "A cursor that is none is refused with -32600 `invalid cursor: …`.",
        "FACTS §4",
    ),
    must(
        "lifecycle.list.folder",
        "thread/list with cwd gives the threads of that folder only.",
        "FACTS §7",
    ),
    should(
        "lifecycle.list.providers",
        "thread/list with modelProviders gives the threads of those; with none named, all.",
        "FACTS §7",
    ),
    should(
        "lifecycle.list.search",
        "thread/list with searchTerm gives the threads in whose preview it stands.",
        "FACTS §7",
    ),
    must(
        "lifecycle.loaded.listed",
        "thread/loaded/list gives the ids of the loaded threads, the oldest first.",
        "FACTS §7",
    ),
    should(
        "lifecycle.loaded.pages",
        "thread/loaded/list gives pages; the cursor of the next is the last id.",
        "FACTS §7",
    ),
)

_PAGES: Final = (
    must(
        "lifecycle.turns.newest-first",
        "thread/turns/list gives the newest turn first unless it is asked for the oldest.",
        "FACTS §7",
    ),
    must(
        "lifecycle.turns.pages",
        "The pages of thread/turns/list give every turn once, in the order of the whole list.",
        "FACTS §7",
    ),
    should(
        "lifecycle.turns.views",
        "thread/turns/list gives each turn with its first user message and its last answer; all "
        "items as `full`, none as `notLoaded`.",
        "FACTS §7",
    ),
    must(
        "lifecycle.items.rows",
        "thread/items/list gives the items of a paginated thread, the oldest first, each with its "
        "turn and its times; of a legacy thread it is refused with -32601.",
        "FACTS §4, §7",
    ),
    should(
        "lifecycle.items.pages",
        "The pages of thread/items/list give every item of a paginated thread once, in the order "
        "of the whole list.",
        "FACTS §7",
    ),
    should(
        "lifecycle.unused.no-turns",
        "Turns of a thread that had none cannot be asked for.",
        "FACTS §4, §7",
    ),
    should(
        "lifecycle.unused.not-resumed",
        "A thread that never had a turn cannot be resumed.",
        "FACTS §7",
    ),
    should(
        "lifecycle.ephemeral.no-turns",
        "Turns of an ephemeral thread cannot be asked for.",
        "FACTS §4",
    ),
    must(
        "lifecycle.ephemeral.not-listed",
        "An ephemeral thread is not listed.",
        "FACTS §7",
    ),
)

THREADS: Final[tuple[Requirement, ...]] = (
    *_NAMES,
    *_FORKS,
    *_ARCHIVE,
    *_DELETE,
    *_REVERT,
    *_SUBSCRIPTIONS,
    *_LISTS,
    *_PAGES,
)
"""Every one of these requirements, in the order of reports."""
