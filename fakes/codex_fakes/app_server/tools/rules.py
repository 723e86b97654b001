"""Rules for commands that the user accepted: how commands begin that need no consent any more.

May import the files port. They are kept in the home, one line each, and so hold for every thread
and for the servers that come later. The invariant: a rule that was accepted is on the disk before
it holds.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codex_fakes.app_server.surroundings.files import Files

_LINE: Final = re.compile(r'prefix_rule\(pattern=(\[.*\]), decision="allow"\)')


class Rules:
    """The rules of one home.

    Args:
        files: The server's files.
        home: The server's home, absolute.
    """

    def __init__(self, files: Files, home: str) -> None:
        self._files = files
        self.path = f"{home}/rules/default.rules"
        self._known: list[tuple[str, ...]] | None = None

    def allow(self, rule: tuple[str, ...]) -> None:
        """Keep a rule.

        Args:
            rule: The words that commands begin with; one at least.
        """
        known = self._all()
        if rule not in known:
            pattern = json.dumps(rule, ensure_ascii=False)
            line = f'prefix_rule(pattern={pattern}, decision="allow")\n'
            self._files.append(self.path, line.encode())
            known.append(rule)

    def cover(self, words: Sequence[str]) -> bool:
        """Whether a rule says that a command needs no consent."""
        return any(tuple(words[: len(rule)]) == rule for rule in self._all())

    def _all(self) -> list[tuple[str, ...]]:
        if self._known is None:
            text = (self._files.read(self.path) or b"").decode(errors="replace")
            lines = (_LINE.fullmatch(line) for line in text.splitlines())
            self._known = [tuple(json.loads(found[1])) for found in lines if found]
        return self._known
