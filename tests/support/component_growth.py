"""Growing what surrounds a world, and counting what a call reads of it.

Rows are grown by copying those of a world: to other users, to other threads, into the history of a
thread. Copies of parents have ids of their own, and copies of children name those.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex import App, Backend, VirtualClock, internal_mutation
from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import fields_of
from codex_runtime.contract.tables import TABLES
from support.component_world import START

PARENTS = ("codex_threads", "codex_turns", "codex_streams", "codex_sync_import_sources")
ORDER = {
    **{name: place for place, name in enumerate(PARENTS)},
    # Any row may have its texts in parts, so the parts come last of all.
    "codex_payload_parts": len(PARENTS) + 1,
}
"""Parents before their children."""

SMALL = {
    "AUDIT_PARENTS_SOUGHT",
    "AUDIT_ROWS_MOST",
    "AUDIT_SAMPLE_DEFAULT",
    "CHECKPOINTS_MOST",
    "DELTAS_PER_REQUEST",
    "DELTAS_PER_STREAM",
    "PAGE_MOST",
    "REPLAY_STREAMS",
    "SERVER_REQUESTS_DEFAULT",
    "SERVER_REQUESTS_MOST",
    "SESSION_SWEEP_BATCH",
    "SNAPSHOT_APPROVALS",
    "SNAPSHOT_EVENTS",
    "SNAPSHOT_MESSAGES",
    "SNAPSHOT_STATS",
    "SNAPSHOT_STREAMS",
    "SNAPSHOT_TURNS",
    "SYNC_JOBS_DEFAULT",
    "SYNC_JOBS_MOST",
    "SYNC_JOBS_SCANNED",
    "TOKEN_USAGE_MOST",
    "TURN_MESSAGES",
}
"""The limits on what one call reads."""


@internal_mutation
def plant(ctx, args):
    """Insert rows; a reference that is the place of an earlier row becomes its id."""
    made = []
    for table, row in args["rows"]:
        named = {
            name: made[int(value[1])]
            if isinstance(value, list) and value[:1] == ["made"]
            else value
            for name, value in row.items()
        }
        made.append(ctx.db.insert(table, named))


@internal_mutation
def uproot(ctx, args):
    """Delete one row, and nothing that belongs to it."""
    ctx.db.delete(args["id"])


GARDEN = App(
    modules={"chat": define_codex_host_definitions(trusted_actor=True)},
    components={
        COMPONENT_NAME: replace(
            component, modules={**component.modules, "garden": {"plant": plant, "uproot": uproot}}
        )
    },
)
"""The component with a door through which any row can be planted."""


def garden(world):
    """A backend that goes on from a world, in which rows can be planted."""
    return Backend.restore(GARDEN, world.state, clock=VirtualClock(START))


def copies(backend, rows, change, numbers):
    """Plant copies of rows of the component.

    Args:
        backend: The backend.
        rows: The rows by key, as ``documents`` gives them.
        change: Changes a row for its copy, given the table and the number of the copy; ``None``
            for a row that is not copied.
        numbers: The numbers of the copies.
    """
    ordered = sorted(
        ((key[1], row) for key, row in rows.items() if key[1] in TABLES),
        key=lambda entry: ORDER.get(entry[0], len(PARENTS)),
    )
    for number in numbers:
        planted, places = [], {}
        for table, row in ordered:
            changed = change(table, dict(row), number)
            if changed is not None:
                places[row["_id"]] = len(planted)
                planted.append((table, _relinked(changed, places)))
        arguments = {"rows": planted}
        backend.mutation(
            "garden:plant", arguments, component=COMPONENT_NAME, internal=True
        ).unwrap()


def _relinked(row, places):
    fields = {name: value for name, value in row.items() if name not in {"_id", "_creationTime"}}
    for name, value in fields.items():
        if name.endswith("Ref") and value in places:
            fields[name] = ["made", places[value]]
    return fields


@dataclass(frozen=True)
class Cost:
    """What a call reads.

    Attributes:
        documents: How many documents, those that a filter drops included.
        ranges: How many ranges of an index.
    """

    documents: int
    ranges: int


class Meter:
    """Counts what calls of one backend read. A mutation is run, and never committed."""

    def __init__(self, backend):
        self.backend = backend
        self._begun = []
        begin = backend._database.begin

        def remembered(*args, **options):
            self._begun.append(begin(*args, **options))
            return self._begun[-1]

        backend._database.begin = remembered

    def read(self, name, actor, args):
        """Call a function or endpoint; give the transaction it ran in, which is not committed."""
        declared = FUNCTIONS[name] if "." in name else ENDPOINTS[name]
        whole = {"actor": actor, **args} if "actor" in fields_of(declared.args) else args
        target = (
            {"path": declared.path, "component": COMPONENT_NAME, "internal": declared.internal}
            if "." in name
            else {"path": f"chat:{name}", "internal": declared.operators_only}
        )
        self._begun.clear()
        run = self.backend.query if declared.kind == "query" else self.backend.begin_mutation
        run(args=whole, **target)
        [transaction] = self._begun
        return transaction

    def cost(self, name, actor, args):
        """Say what a call reads."""
        usage = self.read(name, actor, args).usage
        return Cost(usage.documents_read, usage.ranges_read)


def lower_limits(monkeypatch):
    """Let one call of the component read one row where it reads up to a limit otherwise.

    So a hundredfold of what lies beyond a limit is a hundred rows.
    """
    found = set()
    for name, module in list(sys.modules.items()):
        if name.startswith("codex_fakes.component"):
            for limit in SMALL & set(vars(module)):
                monkeypatch.setattr(module, limit, 1)
                found.add(limit)
    assert found == SMALL, f"nothing reads up to {sorted(SMALL - found)} any more"


def renamed(row, names, number):
    """Change fields of a row that name something to names of a copy."""
    return {
        name: f"{value}-{number}" if name in names and isinstance(value, str) else value
        for name, value in row.items()
    }


def aged(row, by):
    """Move the times of a row; a positive number makes it older."""
    times = ("createdAt", "updatedAt", "startedAt")
    return {name: value - by if name in times else value for name, value in row.items()}
