"""The register of checks: which function judges which requirement, over which plays.

May import the requirements and the definition of a play. The invariant: a requirement has at most
one check here, and a check names a requirement of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements import REQUIREMENTS, Requirement
from codex_conformance.suites.one_each import OneEach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from codex_conformance.suites.playing import Play, Scene
    from codex_conformance.targets.door import Capability

DEFAULT_BOUND: Final = 5.0
"""Seconds a check may take to judge one scene."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: a plain async function that judges a scene.

    Attributes:
        requirement: What it judges.
        judge: The function; it returns, or raises
            :class:`~codex_conformance.suites.verdicts.Violation` or
            :class:`~codex_conformance.suites.verdicts.Inconclusive`.
        plays: The plays whose scenes it judges, one after the other.
        bound: Seconds it may take for each scene.
    """

    requirement: Requirement
    judge: Callable[[Scene], Awaitable[None]] = field(repr=False)
    plays: tuple[Play, ...]
    bound: float = DEFAULT_BOUND

    @property
    def id(self) -> str:
        """The id of the check: its requirement's."""
        return self.requirement.id

    @property
    def does(self) -> str:
        """What it does, in a sentence."""
        return " ".join((self.judge.__doc__ or "").split())

    @property
    def needs(self) -> frozenset[Capability]:
        """What a target must be able to do for the check to apply."""
        own = frozenset() if self.requirement.capability is None else {self.requirement.capability}
        return frozenset(own).union(*(piece.needs for piece in self.plays))


class Register:
    """Checks by the id of their requirement."""

    def __init__(self) -> None:
        self._checks = OneEach[Check](REQUIREMENTS)

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks)

    def check(
        self, requirement: str, *, on: Iterable[Play], bound: float = DEFAULT_BOUND
    ) -> Callable[[Callable[[Scene], Awaitable[None]]], Callable[[Scene], Awaitable[None]]]:
        """Register an async function as the check of a requirement.

        Args:
            requirement: The requirement's id.
            on: The plays whose scenes it judges.
            bound: Seconds it may take for each scene.

        Raises:
            ValueError: The requirement is unknown, has a check already, or there is no play: a
                mistake in a suite.
        """
        plays = tuple(on)
        judged = self._checks.free(requirement)
        if not plays:
            raise ValueError(f"the check of {requirement} judges no play")

        def decorate(
            judge: Callable[[Scene], Awaitable[None]],
        ) -> Callable[[Scene], Awaitable[None]]:
            self._checks.add(Check(judged, judge, plays, bound))
            return judge

        return decorate


REGISTER: Final = Register()
"""The checks of this package's suites, filled as their modules are imported."""

check = REGISTER.check
"""Register a check of this package; see :meth:`Register.check`."""
