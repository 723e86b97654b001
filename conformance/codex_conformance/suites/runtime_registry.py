"""The register of checks of runtimes: which function judges which requirement.

May import the requirements and the definition of a trial. The invariant: a requirement has at most
one check here, and a check names a requirement of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements import RUNTIME_REQUIREMENTS, Requirement
from codex_conformance.suites.one_each import OneEach
from codex_conformance.targets.door import Capability
from codex_fakes.script.steps import Script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from codex_conformance.suites.runtime.trial import Trial
    from codex_conformance.targets.deployment import HostCapability

DEFAULT_BOUND: Final = 40.0
"""Seconds a check may take on any pair of neighbours."""


@dataclass(frozen=True, slots=True)
class RuntimeCheck:
    """One check of a runtime: a plain async function that puts it to a trial.

    Attributes:
        requirement: What it judges.
        examine: The function; it returns, or raises
            :class:`~codex_conformance.suites.verdicts.Violation` or
            :class:`~codex_conformance.suites.verdicts.Inconclusive`.
        script: What the model does.
        needs: What the neighbours must be able to do for the check to apply.
        bound: Seconds it may take.
    """

    requirement: Requirement
    examine: Callable[[Trial], Awaitable[None]] = field(repr=False)
    script: Script = field(default_factory=Script, repr=False)
    needs: frozenset[Capability | HostCapability] = frozenset()
    bound: float = DEFAULT_BOUND

    @property
    def id(self) -> str:
        """The id of the check: its requirement's."""
        return self.requirement.id

    @property
    def does(self) -> str:
        """What it does, in a sentence."""
        return " ".join((self.examine.__doc__ or "").split())

    @property
    def plays(self) -> tuple[()]:
        """A check of a runtime has no plays: it acts itself."""
        return ()


class RuntimeRegister:
    """Checks of runtimes by the id of their requirement."""

    def __init__(self) -> None:
        self._checks = OneEach[RuntimeCheck](RUNTIME_REQUIREMENTS)

    def __iter__(self) -> Iterator[RuntimeCheck]:
        return iter(self._checks)

    def check(
        self,
        requirement: str,
        *needs: Capability | HostCapability,
        script: Script | None = None,
        bound: float = DEFAULT_BOUND,
    ) -> Callable[[Callable[[Trial], Awaitable[None]]], Callable[[Trial], Awaitable[None]]]:
        """Register an async function as the check of a requirement.

        Args:
            requirement: The requirement's id.
            needs: What the neighbours must be able to do.
            script: What the model does; it has nothing to say when left out.
            bound: Seconds it may take.

        Raises:
            ValueError: The requirement is unknown or has a check already: a mistake in a suite.
        """
        judged = self._checks.free(requirement)
        able = {Capability.SCRIPTED_MODEL, *needs} if script is not None else set(needs)

        def decorate(
            examine: Callable[[Trial], Awaitable[None]],
        ) -> Callable[[Trial], Awaitable[None]]:
            self._checks.add(
                RuntimeCheck(judged, examine, script or Script(), frozenset(able), bound)
            )
            return examine

        return decorate


RUNTIME_REGISTER: Final = RuntimeRegister()
"""The checks of this package's suites of runtimes, filled as their modules are imported."""

check = RUNTIME_REGISTER.check
"""Register a check of a runtime of this package; see :meth:`RuntimeRegister.check`."""
