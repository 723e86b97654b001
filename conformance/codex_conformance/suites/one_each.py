"""Checks by their requirement: one for each, and none for what is no requirement.

May import the definition of a requirement. The invariant: a requirement has at most one check, and
a check names a requirement of its catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codex_conformance.requirements import Requirement


class _Judging(Protocol):
    @property
    def id(self) -> str: ...


CheckT = TypeVar("CheckT", bound=_Judging)


class OneEach(Generic[CheckT]):
    """The checks of a catalogue of requirements.

    Args:
        catalogue: The requirements by their id.
    """

    def __init__(self, catalogue: Mapping[str, Requirement]) -> None:
        self._catalogue = catalogue
        self._checks: dict[str, CheckT] = {}

    def __iter__(self) -> Iterator[CheckT]:
        return iter(self._checks.values())

    def free(self, requirement_id: str) -> Requirement:
        """Give a requirement that has no check yet.

        Args:
            requirement_id: Its id.

        Raises:
            ValueError: It is unknown, or has a check already: a mistake in a suite.
        """
        if requirement_id not in self._catalogue:
            raise ValueError(f"{requirement_id} is no requirement of the catalogue")
        if requirement_id in self._checks:
            raise ValueError(f"{requirement_id} has a check already")
        return self._catalogue[requirement_id]

    def add(self, check: CheckT) -> None:
        """Have a requirement be judged by a check.

        Args:
            check: The check; its id is the requirement's.
        """
        self._checks[check.id] = check
