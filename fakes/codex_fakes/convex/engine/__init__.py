"""An in-memory Convex for any app: data, functions, scheduler; no IO and no clock of its own.

May import :mod:`codex_runtime.values`, :mod:`codex_runtime.errors` and sortedcontainers; asyncio
only where actions are run. Layers, each importing what stands below it::

    backend.py       what tests and servers call
    scheduler.py     what runs later; snapshots.py: data as a file
    actions.py       one action
    running.py       one query or mutation from the outside: commits, retries
    app.py           what is deployed
    functions/       declarations, references, contexts, nested calls, failures, logs
    store/           versioned tables, transactions, queries, pages
    schema.py        tables and indexes; outcome.py, identity.py, limits.py, ids.py, errors.py,
                     clock.py: what all of them speak of

The invariant: with a virtual clock and a seed, the same calls give the same results, ids included.
"""
