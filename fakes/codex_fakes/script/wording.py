"""How an error names a place in a script, and what it says about a misspelt name.

May import the error hierarchy only. The invariant: a place reads the same whether the script came
from a file or from Python, and responses and steps are counted from 1, as a reader counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a script.

    Attributes:
        response: The response's number from 1, or 0 for the script as a whole.
        step: The step's number from 1, or 0 for the response as a whole.
        do: What the step does, when that is known.
    """

    response: int = 0
    step: int = 0
    do: str = ""

    def __str__(self) -> str:
        """Say the place in words."""
        words = [f"response {self.response}"] if self.response else []
        if self.step:
            words.append(f"step {self.step}" + (f" ({self.do})" if self.do else ""))
        return ", ".join(words) or "the script"

    def wrong(self, what: str, field: str = "") -> ConfigurationError:
        """Make the error that says what is wrong here.

        Args:
            what: What was expected and what was found.
            field: The field it is about, when it is about one.

        Returns:
            The error, ``E_SCRIPT_INVALID``; the caller raises it.
        """
        where = f"{self}, field {field}" if field else str(self)
        return ConfigurationError("E_SCRIPT_INVALID", f"{where}: {what}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name.

    Args:
        name: The name that is not known.
        known: The names there are.

    Returns:
        ``"; did you mean …?"``, or the list of what is known when nothing is near.
    """
    # Only here: a script without a mistake does not pay for it.
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"
