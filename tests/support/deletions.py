"""Deletions of the component: run by hand, and read."""

from codex_runtime.contract.tables import TABLES
from support.populated import KEPT

RUN = "sessions.runDeletionJobChunk"
WATCH = "sessions.watchDeletionJob"


def status(host, job):
    """A deletion as a reader sees it."""
    return host.call("threads.getDeletionJobStatus", deletionJobId=job)


def run_once(host, job):
    """Run one batch of a deletion of the user ``u`` by hand."""
    host.internal(RUN, userScope="u", deletionJobId=job)


def counts(state):
    """The counts of a deletion by table."""
    return {row["tableName"]: row["deleted"] for row in state["deletedCountsByTable"]}


def counted(before, ids):
    """How many of some rows each table has, out of everything there was."""
    found = {}
    for identity in ids:
        table = before[identity][0]
        found[table] = found.get(table, 0) + 1
    return found


def sizes(host):
    """How many rows each table has, without the deletions."""
    return {
        name: len(rows) for name, rows in host.tables().items() if name in TABLES and name != KEPT
    }
