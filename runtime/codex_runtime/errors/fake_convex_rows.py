"""The codes of the in-memory Convex: how its users can misuse it.

May import the entries only. The invariant: what a real deployment fails with too is no code of ours
but Convex's own text; these are for what only the fake can be asked.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors.entry import Fault, entries

FAKE_CONVEX: Final = entries(
    Fault.CALLER,
    (
        "E_FAKE_CONVEX_SCHEMA_INVALID",
        "a schema is declared that no Convex deployment would accept",
        "Change the table, index or field that the error names.",
        False,
    ),
    (
        "E_FAKE_CONVEX_QUERY_MISUSED",
        "the steps of a query are out of order, or a callback of a step returned nothing",
        "Build queries as with_index, order, filter, then one of first, take, collect and others.",
        False,
    ),
    (
        "E_FAKE_CONVEX_TRANSACTION_MISUSED",
        "a transaction or the database of a function is used after it had ended",
        "Use ctx.db only while the function runs, and commit a transaction once.",
        False,
    ),
    (
        "E_FAKE_CONVEX_SNAPSHOT_INVALID",
        "the state of an in-memory Convex is to be brought back from what is not one",
        "Pass what the fake itself has written, to a fake that is still empty.",
        False,
    ),
    (
        "E_FAKE_CONVEX_DECLARATION_INVALID",
        "a handler cannot be declared as a function of Convex",
        "Declare `def handler(ctx, args)` or `async def handler(ctx, args)`.",
        False,
    ),
    (
        "E_FAKE_CONVEX_APP_INVALID",
        "the modules or components of an app cannot be deployed",
        "Give each module a path of letters, digits, `_`, `.` and `/`, and each function one name.",
        False,
    ),
    (
        "E_FAKE_CONVEX_FOREIGN_AWAIT",
        "a query or a mutation awaited something",
        "Wait in an action; the context of queries and mutations returns its results directly.",
        False,
    ),
    (
        "E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL",
        "virtual time was to pass on a clock that is not virtual",
        "Make the backend with a `VirtualClock`, or call `run_due()` when something is due.",
        False,
    ),
    (
        "E_FAKE_CONVEX_NEVER_IDLE",
        "scheduled functions schedule each other without end",
        "Use `advance()` for functions that schedule themselves again.",
        False,
    ),
    (
        "E_FAKE_CONVEX_DEPLOY_REFUSED",
        "an app is deployed whose schema does not take the documents that are there",
        "Change the schema or the documents, as before a deployment to Convex.",
        False,
    ),
)
