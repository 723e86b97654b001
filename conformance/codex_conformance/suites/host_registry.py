"""The register of checks of hosts: which function judges which requirement.

May import the requirements and the definition of a visit. The invariant: a requirement has at most
one check here, and a check names a requirement of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements import HOST_REQUIREMENTS, Requirement
from codex_conformance.suites.one_each import OneEach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from codex_conformance.suites.visiting import Visit
    from codex_conformance.targets.deployment import HostCapability

DEFAULT_BOUND: Final = 30.0
"""Seconds a check may take on any deployment."""


@dataclass(frozen=True, slots=True)
class HostCheck:
    """One check of a host: a plain async function that visits a deployment and judges it.

    Attributes:
        requirement: What it judges.
        examine: The function; it returns, or raises
            :class:`~codex_conformance.suites.verdicts.Violation` or
            :class:`~codex_conformance.suites.verdicts.Inconclusive`.
        needs: What a deployment must be able to do for the check to apply.
        bound: Seconds it may take.
    """

    requirement: Requirement
    examine: Callable[[Visit], Awaitable[None]] = field(repr=False)
    needs: frozenset[HostCapability] = frozenset()
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
        """A check of a host has no plays: it acts itself."""
        return ()


class HostRegister:
    """Checks of hosts by the id of their requirement."""

    def __init__(self) -> None:
        self._checks = OneEach[HostCheck](HOST_REQUIREMENTS)

    def __iter__(self) -> Iterator[HostCheck]:
        return iter(self._checks)

    def check(
        self, requirement: str, *needs: HostCapability, bound: float = DEFAULT_BOUND
    ) -> Callable[[Callable[[Visit], Awaitable[None]]], Callable[[Visit], Awaitable[None]]]:
        """Register an async function as the check of a requirement.

        Args:
            requirement: The requirement's id.
            needs: What a deployment must be able to do.
            bound: Seconds it may take.

        Raises:
            ValueError: The requirement is unknown or has a check already: a mistake in a suite.
        """
        judged = self._checks.free(requirement)

        def decorate(
            examine: Callable[[Visit], Awaitable[None]],
        ) -> Callable[[Visit], Awaitable[None]]:
            self._checks.add(HostCheck(judged, examine, frozenset(needs), bound))
            return examine

        return decorate


HOST_REGISTER: Final = HostRegister()
"""The checks of this package's suites of hosts, filled as their modules are imported."""

check = HOST_REGISTER.check
"""Register a check of a host of this package; see :meth:`HostRegister.check`."""
