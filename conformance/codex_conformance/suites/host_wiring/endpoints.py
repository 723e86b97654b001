"""Checks of which endpoints there are, and of the host's own verdict about its wiring.

May import the visits and the expected endpoints. The invariant: an endpoint is tried with arguments
it must refuse, so that looking for it changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.requirements.host_surface import (
    EXPECTED_EXTENDED_MUTATIONS,
    EXPECTED_EXTENDED_QUERIES,
    EXPECTED_MUTATIONS,
    EXPECTED_QUERIES,
    EXPECTED_WIRING_READS,
)
from codex_conformance.suites.host_registry import check
from codex_conformance.suites.talking import open_talk
from codex_conformance.suites.verdicts import Inconclusive, require, require_equal, violated
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Guest, Visit
    from codex_conformance.targets.deployment import CallKind

_UNKNOWN: Final = {"conformanceUnknownArgument": True}
_OPERATORS: Final = frozenset({"rehearseHostMutation", "auditActorRows"})
_VERSIONS: Final = frozenset({1})


async def _all_there(guest: Guest, kind: CallKind, names: tuple[str, ...]) -> None:
    missing = []
    for name in names:
        refusal = (await guest.call(kind, name, dict(_UNKNOWN))).refusal
        if refusal is None:
            continue
        if refusal.kind == "redacted":
            raise Inconclusive("the deployment redacts its errors")
        if refusal.kind in ("missing", "wrong kind"):
            missing.append(f"{name} ({refusal.kind})")
    require(not missing, f"every {kind} of the manifest", f"not there: {', '.join(missing)}")


@check("host_wiring.endpoints.mutations")
async def every_mutation_is_there(visit: Visit) -> None:
    """Calls each mutation of the manifest with an argument that it must refuse."""
    await _all_there(visit.guest(), "mutation", EXPECTED_MUTATIONS)


@check("host_wiring.endpoints.queries")
async def every_query_is_there(visit: Visit) -> None:
    """Calls each query of the manifest with an argument that it must refuse."""
    await _all_there(visit.guest(), "query", EXPECTED_QUERIES)


@check("host_wiring.endpoints.unknown-refused")
async def unknown_arguments_are_refused(visit: Visit) -> None:
    """Opens and reads a conversation with an argument too many."""
    guest = visit.guest()
    name = visit.name("conversation")
    await guest.cannot("ensureConversationBinding", conversationId=name, **_UNKNOWN)
    await guest.cannot_read("threadSnapshotByConversation", conversationId=name, **_UNKNOWN)
    found = await guest.reads("threadSnapshotByConversation", conversationId=name)
    require_equal(found["threadStatus"], "missing_thread", "a conversation that was not opened:")


@check("host_wiring.endpoints.extended", HostCapability.EXTENDED)
async def the_extended_manifest_is_whole(visit: Visit) -> None:
    """Compares what extendedManifest names with what is expected, and looks for each endpoint."""
    guest = visit.guest()
    manifest = await guest.reads("extendedManifest")
    require(manifest["version"] in _VERSIONS, "version 1", manifest["version"])
    expected = [*EXPECTED_EXTENDED_MUTATIONS, *EXPECTED_EXTENDED_QUERIES]
    require_equal(list(manifest["endpoints"]), expected, "the endpoints")
    mutations = tuple(name for name in EXPECTED_EXTENDED_MUTATIONS if name not in _OPERATORS)
    queries = tuple(name for name in EXPECTED_EXTENDED_QUERIES if name not in _OPERATORS)
    await _all_there(guest, "mutation", mutations)
    await _all_there(guest, "query", queries)


@check("host_wiring.endpoints.operators-only", HostCapability.EXTENDED)
async def operators_endpoints_are_closed(visit: Visit) -> None:
    """Calls the audit and the rehearsal without the admin key, signed in and not."""
    await visit.anonymous().cannot_read("auditActorRows")
    await visit.anonymous().cannot("rehearseHostMutation", name="ensureConversationBinding")


@check("host_wiring.validate.passes")
async def the_host_finds_its_wiring_right(visit: Visit) -> None:
    """Asks validateHostWiring, with no conversation and with one that is open."""
    guest = visit.guest()
    talk = await open_talk(guest)
    for args in ({}, {"conversationId": talk.conversation}):
        report = await guest.reads("validateHostWiring", **args)
        failed = [one for one in report["checks"] if not one["ok"]]
        require(report["ok"] is True and not failed, "no failure", failed or report)
        names = tuple(one["name"] for one in report["checks"])
        require_equal(names[: len(EXPECTED_WIRING_READS)], EXPECTED_WIRING_READS, "the reads")


@check("host_wiring.validate.tries-mutations", HostCapability.EXTENDED)
async def every_mutation_is_tried(visit: Visit) -> None:
    """Asks probeHostWiring, and looks for every mutation among what was tried."""
    report = await visit.guest().does("probeHostWiring")
    failed = [one for one in report["checks"] if not one["ok"]]
    require(report["ok"] is True and not failed, "no failure", failed)
    untried = set(EXPECTED_MUTATIONS) - {one["name"] for one in report["checks"]}
    require(not untried, "every mutation", f"not tried: {sorted(untried)}")


@check("host_wiring.validate.leaves-nothing", HostCapability.EXTENDED, HostCapability.AUDIT)
async def trying_leaves_nothing(visit: Visit) -> None:
    """Counts the rows of a guest before and after the wiring is tried."""
    guest = visit.guest()
    before, _ = await visit.rows_of(guest)
    await guest.query("validateHostWiring")
    await guest.mutate("probeHostWiring")
    await visit.pass_time(0)
    after, _ = await visit.rows_of(guest)
    if before != after:
        violated(f"the rows there were: {before}", str(after))
