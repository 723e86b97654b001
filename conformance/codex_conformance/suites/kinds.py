"""The kinds of checks: of an app-server, of a host, of a runtime.

May import their registers. The invariant: whatever kind a check is of, it has a requirement, a
sentence about what it does, what it needs, and plays (none, where it acts itself).
"""

from __future__ import annotations

from typing import TypeAlias

from codex_conformance.suites.host_registry import HostCheck
from codex_conformance.suites.registry import Check
from codex_conformance.suites.runtime_registry import RuntimeCheck

AnyCheck: TypeAlias = Check | HostCheck | RuntimeCheck
"""A check of any kind."""
