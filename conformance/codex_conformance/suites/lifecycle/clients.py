"""Checks of what all clients hear, and of what one of them leaves behind.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.clients import BROADCAST, changes_elsewhere, left_alone
from codex_conformance.suites.plays.collaboration import two_clients
from codex_conformance.suites.reading import result_in, said_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.suites.verdicts import require, require_equal, some
from codex_conformance.wire.messages import array_at, at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene


@check("lifecycle.clients.changes-broadcast", on=(changes_elsewhere,))
async def every_client_hears_of_changes(scene: Scene) -> None:
    """Reads what the client that did nothing heard."""
    connections = some(scene.transcripts[1:2], "second connection")
    heard = [entry for entry in connections[0].from_server() if entry.method in BROADCAST]
    found = [entry.method for entry in heard]
    # A scene that broke off shows no more than the beginning.
    expected = BROADCAST if scene.broken_off is None else BROADCAST[: len(found)]
    require_equal(found, list(expected), "the notifications", *heard)


@check("lifecycle.clients.all-resolved", on=(two_clients,))
async def every_client_hears_what_is_resolved(scene: Scene) -> None:
    """Counts serverRequest/resolved on both connections that were asked."""
    for transcript in some(scene.transcripts[:2], "connection"):
        asked = [e for e in transcript.from_server() if e.method == APPROVAL_METHOD]
        some(asked, "request for approval")
        told = [e for e in transcript.from_server() if e.method == "serverRequest/resolved"]
        require_equal(len(told), 1, "the number of serverRequest/resolved", *asked, *told)


@check("lifecycle.clients.turn-survives", on=(left_alone,))
async def turns_survive_their_clients(scene: Scene) -> None:
    """Reads status and text of the turn whose client has gone."""
    answer, result = result_in(scene, "read", "thread/read")
    turns = array_at(result, "thread", "turns")
    require(len(turns) == 1, "one turn", len(turns), answer)
    require_equal(at(turns[0], "status"), "completed", "a turn that ends as", answer)
    require_equal(said_in(turns[0])[1], "begun done", "the message", answer)
