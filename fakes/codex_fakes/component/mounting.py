"""The component as a whole: its modules, and mounting it.

May import every module of the component. The invariant: it implements every function of the
contract and no other.
"""

from __future__ import annotations

from typing import Final

from codex_fakes.component import (
    audit,
    cleaning,
    deletion,
    import_jobs,
    import_sources,
    import_worker,
    outbox,
    reading,
    reconcile,
    replay,
    requests,
    sessions,
    snapshot,
    sync_state,
    threads,
    token_usage,
)
from codex_fakes.component.declared import modules_of
from codex_fakes.component.ingest import functions as ingest
from codex_fakes.component.tables import schema
from codex_fakes.convex.engine.app import Component

COMPONENT_NAME: Final = "codexLocal"
"""The name a host mounts the component under, unless it chooses another."""

component: Final = Component(
    schema=schema,
    modules=modules_of(
        audit,
        cleaning,
        deletion,
        import_jobs,
        import_sources,
        import_worker,
        ingest,
        outbox,
        reading,
        reconcile,
        replay,
        requests,
        sessions,
        snapshot,
        sync_state,
        threads,
        token_usage,
    ),
)
"""The component: what an app mounts as ``components={"codexLocal": component}``."""
