"""A target of which less is asked than it could do.

May import the targets' definitions. The invariant: what is taken away is undeclared, so that checks
which need it do not apply; everything else is the target's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from codex_conformance.targets.door import Capability, StageSettings, Target, Venue
    from codex_fakes.script.steps import Script


class LimitedTarget:
    """A target without some of its capabilities.

    Args:
        target: The target.
        without: What it shall not declare.
    """

    def __init__(self, target: Target, without: frozenset[Capability]) -> None:
        self._target = target
        self._without = without

    @property
    def name(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.name`."""
        return self._target.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :meth:`codex_conformance.targets.door.Target.capabilities`."""
        return self._target.capabilities - self._without

    @property
    def jobs(self) -> int:
        """See :meth:`codex_conformance.targets.door.Target.jobs`."""
        return self._target.jobs

    @property
    def patience(self) -> float:
        """See :meth:`codex_conformance.targets.door.Target.patience`."""
        return self._target.patience

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.preflight`."""
        return await self._target.preflight()

    def open(self, script: Script, settings: StageSettings) -> AbstractAsyncContextManager[Venue]:
        """See :meth:`codex_conformance.targets.door.Target.open`."""
        return self._target.open(script, settings)
