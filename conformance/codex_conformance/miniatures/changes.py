"""Miniatures that break what a client does with whole threads, and lists and their pages.

May import the faults and the definition of a miniature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.faults import Fault, Passing, answer
from codex_conformance.miniatures.miniature import Miniature, broken_by, miniature
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.miniatures.faults import Outgoing


def _lists_ephemeral_threads() -> Fault:
    ephemeral: list[object] = []

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        if answer("thread/start")(passing) and at(passing.request, "params", "ephemeral"):
            ephemeral.append(passing.at("result", "thread", "id"))
        if not answer("thread/list")(passing) or not ephemeral:
            return None
        passing.at("result", "data").extend({"id": id_} for id_ in ephemeral)
        return [passing.message]

    return Fault(out)


CHANGES: Final[tuple[Miniature, ...]] = (
    broken_by(
        "names-untrimmed",
        "thread/name/updated says the name with the blanks around it.",
        'put=thread/name/updated:params.threadName="  A better name "',
        "lifecycle.name.announced",
    ),
    broken_by(
        "forgets-names",
        "A thread's name reads as null.",
        "put=thread/read:result.thread.name=null",
        "lifecycle.name.kept",
    ),
    broken_by(
        "empty-names-uncoded",
        "The refusal of an empty name has another code.",
        "put=thread/name/set[error.message^=thread name]:error.code=-32000",
        "lifecycle.name.empty-refused",
    ),
    broken_by(
        "forks-of-nothing",
        "A fork does not say which thread it was forked from.",
        "put=thread/fork[result]:result.thread.forkedFromId=null",
        "lifecycle.fork.new-thread",
    ),
    broken_by(
        "fork-renames-turns",
        "The first turn of a fork has another id.",
        "put=thread/fork[result][request.params.excludeTurns=null]"
        "[request.params.lastTurnId=null][request.params.beforeTurnId=null]"
        ":result.thread.turns.0.id=other",
        "lifecycle.fork.turns",
    ),
    broken_by(
        "fork-started-before-usage",
        "The token usage of a fork comes behind its thread/started.",
        "late=thread/tokenUsage/updated[params.tokenUsage.total.totalTokens=240]:thread/started",
        "lifecycle.fork.order",
        "lifecycle.restart.usage-restored",
        "lifecycle.usage.per-response",
    ),
    broken_by(
        "fork-too-short",
        "A fork up to a turn leaves that turn out.",
        "omit=thread/fork[request.params.lastTurnId]:result.thread.turns.-1",
        "lifecycle.fork.last-turn",
    ),
    broken_by(
        "fork-always-with-turns",
        "A fork without turns comes with one.",
        "put=thread/fork[request.params.excludeTurns=true][request.params.lastTurnId=null]"
        ':result.thread.turns=[{"id":"x","items":[]}]',
        "lifecycle.fork.without-turns",
    ),
    broken_by(
        "fork-shares-turns",
        "A turn in a fork shows in its origin as well.",
        "put=thread/read[result.thread.forkedFromId=null][result.thread.turns.1]"
        ":result.thread.turns.1.items=[]",
        "lifecycle.fork.apart",
        "lifecycle.thread.read-turns",
        "lifecycle.restart.interrupted-turn",
    ),
    broken_by(
        "fork-refusals-unexplained",
        "A fork by both ids is refused without saying so.",
        "put=thread/fork[error.message^=`beforeTurnId`]:error.message=no",
        "lifecycle.fork.refused",
    ),
    broken_by(
        "forks-idle-threads-only",
        "A thread whose turn runs cannot be forked.",
        "refuse=thread/fork[id=4][params.excludeTurns=true]:busy",
        "lifecycle.fork.running",
    ),
    broken_by(
        "nothing-is-deprecated",
        "deprecationNotice does not come.",
        "drop=deprecationNotice",
        "lifecycle.fork.deprecation",
    ),
    broken_by(
        "archived-first",
        "thread/archived comes before the response.",
        "late=thread/archive[result]:thread/archived",
        "lifecycle.archive.order",
        "lifecycle.archive.running",
    ),
    broken_by(
        "lists-what-is-archived",
        "No list gives archived threads.",
        "put=thread/list[request.params.archived=true]:result.data=[]",
        "lifecycle.archive.listed-apart",
    ),
    broken_by(
        "archived-is-gone",
        "An archived thread cannot be read.",
        "refuse=thread/read[id=8][params.includeTurns=null]:thread not loaded: archived",
        "lifecycle.archive.readable",
    ),
    broken_by(
        "archived-unsaid",
        "Resuming an archived thread does not say that it is archived.",
        "put=thread/resume[error.message^=session ]:error.message=no",
        "lifecycle.archive.not-resumed",
    ),
    broken_by(
        "archives-again",
        "A thread that is archived is archived once more.",
        "put=thread/unarchive[error]:error.message=no",
        "lifecycle.archive.once",
        "protocol.errors.unknown-thread-elsewhere",
    ),
    broken_by(
        "unarchived-first",
        "thread/unarchived comes before the response.",
        "late=thread/unarchive[result]:thread/unarchived",
        "lifecycle.unarchive.order",
    ),
    broken_by(
        "unarchived-for-nothing",
        "A thread that was unarchived cannot be resumed.",
        "refuse=thread/resume[id=14][params.excludeTurns=true]:session is archived.",
        "lifecycle.unarchive.goes-on",
    ),
    broken_by(
        "deletes-quietly",
        "thread/deleted comes before the response.",
        "late=thread/delete[result]:thread/deleted",
        "lifecycle.delete.order",
    ),
    broken_by(
        "deleted-reads-on",
        "Reading a deleted thread is refused with another text.",
        "put=thread/read[error.message^=thread not loaded]:error.message=no",
        "lifecycle.delete.gone",
        "protocol.errors.unknown-thread",
    ),
    broken_by(
        "deletes-forked-threads",
        "Deleting a thread that has a fork is refused without saying why.",
        "put=thread/delete[error.message^=cannot delete]:error.message=no",
        "lifecycle.delete.forked-refused",
    ),
    broken_by(
        "reverted-first",
        "thread/reverted comes before the response.",
        "late=thread/revert[result]:thread/reverted",
        "lifecycle.revert.order",
    ),
    broken_by(
        "reverts-nothing",
        "A thread that was reverted reads without any turns.",
        "put=thread/read[id=5]:result.thread.turns=[]",
        "lifecycle.revert.turns-gone",
    ),
    broken_by(
        "reverted-for-good",
        "After thread/revert the next turn fails.",
        "put=turn/completed[params.turn.items.0.text=instead]:params.turn.status=failed",
        "lifecycle.revert.goes-on",
    ),
    broken_by(
        "always-unsubscribed",
        "Leaving a thread twice says unsubscribed twice.",
        "put=thread/unsubscribe[result]:result.status=unsubscribed",
        "lifecycle.unsubscribe.status",
    ),
    broken_by(
        "tells-who-left",
        "Who left a thread hears of its turns.",
        "insert=turn/start[request.params.input.0.text=unheard question]:"
        '{"method":"turn/started","params":{"threadId":"@request.params.threadId"},'
        '"emittedAtMs":1795330000000}',
        "lifecycle.unsubscribe.silent",
    ),
)
"""Miniatures of what is done with whole threads."""

PAGES: Final[tuple[Miniature, ...]] = (
    broken_by(
        "pages-end-early",
        "The first page of a list is the last.",
        "put=thread/list[request.params.limit=1]:result.nextCursor=null",
        "lifecycle.list.pages",
    ),
    broken_by(
        "ascends-never",
        "An ascending list gives one thread only.",
        "omit=thread/list[request.params.sortDirection=asc]:result.data.-1",
        "lifecycle.list.ascending",
    ),
    broken_by(
        "zero-is-nothing",
        "A limit of 0 gives no thread.",
        "put=thread/list[request.params.limit=0]:result.data=[]",
        "lifecycle.list.limit-zero",
    ),
    broken_by(
        "cursors-unexplained",
        "A cursor that is none is refused without saying so.",
        "put=thread/list[error]:error.message=no",
        "lifecycle.list.bad-cursor",
    ),
    broken_by(
        "folders-ignored",
        "A list of one folder is empty.",
        "put=thread/list[request.params.cwd]:result.data=[]",
        "lifecycle.list.folder",
    ),
    broken_by(
        "providers-ignored",
        "A list of any provider is empty.",
        "put=thread/list[request.params.modelProviders]:result.data=[]",
        "lifecycle.list.providers",
    ),
    broken_by(
        "finds-nothing",
        "A search finds nothing.",
        "put=thread/list[request.params.searchTerm]:result.data=[]",
        "lifecycle.list.search",
    ),
    broken_by(
        "forgets-what-is-loaded",
        "thread/loaded/list leaves the newest thread out.",
        "omit=thread/loaded/list[result.data.2]:result.data.-1",
        "lifecycle.loaded.listed",
    ),
    broken_by(
        "loaded-pages-end-early",
        "thread/loaded/list gives a cursor that is not the last id.",
        "put=thread/loaded/list[result.nextCursor]:result.nextCursor=@result.data.0",
        "lifecycle.loaded.pages",
    ),
    broken_by(
        "turns-oldest-first",
        "thread/turns/list gives the oldest turn first.",
        "put=thread/turns/list[request.params.sortDirection=null][request.params.itemsView=null]"
        "[request.params.limit=null]:result.data.0=@result.data.2",
        "lifecycle.turns.newest-first",
        "lifecycle.turns.views",
    ),
    broken_by(
        "turn-pages-end-early",
        "The first page of turns is the last.",
        "put=thread/turns/list[result]:result.nextCursor=null",
        "lifecycle.turns.pages",
    ),
    broken_by(
        "views-unsaid",
        "Every list of turns says that it is a summary.",
        "put=thread/turns/list[request.params.itemsView=full]:result.data.0.itemsView=summary",
        "lifecycle.turns.views",
    ),
    broken_by(
        "items-of-no-turn",
        "The rows of thread/items/list do not name their turn.",
        "omit=thread/items/list[result]:result.data.0.turnId",
        "lifecycle.items.rows",
    ),
    broken_by(
        "item-pages-end-early",
        "The first page of items is the last.",
        "put=thread/items/list[result]:result.nextCursor=null",
        "lifecycle.items.pages",
    ),
    broken_by(
        "no-turns-unexplained",
        "Turns of a thread that had none are refused without saying so.",
        "put=thread/turns/list[error.message^=list_turns]:error.message=no",
        "lifecycle.unused.no-turns",
    ),
    broken_by(
        "resumes-what-is-unused",
        "Resuming a thread that had no turn is refused without saying so.",
        "put=thread/resume[error.message^=list_turns]:error.message=no",
        "lifecycle.unused.not-resumed",
    ),
    broken_by(
        "ephemeral-unsaid",
        "Turns of an ephemeral thread are refused without saying so.",
        "put=thread/turns/list[error.message^=ephemeral]:error.message=no",
        "lifecycle.ephemeral.no-turns",
    ),
    miniature(
        "ephemeral-listed",
        "An ephemeral thread is listed.",
        _lists_ephemeral_threads,
        "lifecycle.ephemeral.not-listed",
    ),
)
"""Miniatures of lists and their pages."""
