"""Which checks a run runs.

May import the definition of a check and the error catalogue. The invariant: a selection that names
something that does not exist is an error, never an empty run.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.suites.kinds import AnyCheck

Chosen = TypeVar("Chosen", bound="AnyCheck")


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user asked for.

    Attributes:
        suites: The suites; all of them when empty.
        only: Patterns of ids, as of a shell; everything when empty.
        level: ``must`` or ``should`` alone; both when ``None``.
    """

    suites: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    level: str | None = None

    def choose(self, checks: Iterable[Chosen]) -> tuple[Chosen, ...]:
        """Choose among checks.

        Args:
            checks: The checks there are.

        Returns:
            The chosen ones, in their order.

        Raises:
            ConfigurationError: ``E_CONFORMANCE_CHECK_UNKNOWN`` when a suite or a pattern matches
                nothing, ``E_CONFORMANCE_NOTHING_SELECTED`` when nothing matches them all.
        """
        checks = tuple(checks)
        ids = [check.id for check in checks]
        suites = {check.requirement.suite for check in checks}
        for suite in self.suites:
            if suite not in suites:
                _unknown(f"there is no suite {suite!r}", suite, sorted(suites))
        for pattern in self.only:
            if not any(fnmatchcase(id_, pattern) for id_ in ids):
                _unknown(f"no check matches {pattern!r}", pattern, ids)
        chosen = tuple(check for check in checks if self._wants(check))
        if not chosen:
            raise ConfigurationError(
                "E_CONFORMANCE_NOTHING_SELECTED",
                "the options exclude each other: no check matches them all",
            )
        return chosen

    def _wants(self, check: AnyCheck) -> bool:
        return (
            (not self.suites or check.requirement.suite in self.suites)
            and (not self.only or any(fnmatchcase(check.id, pattern) for pattern in self.only))
            and (self.level is None or check.requirement.level.value == self.level)
        )


def _unknown(text: str, name: str, known: list[str]) -> None:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError("E_CONFORMANCE_CHECK_UNKNOWN", text + hint)
