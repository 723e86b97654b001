"""Reading a deployment's refusals: their kind, and the code they carry.

May import the definition of a deployment only. The invariant: no check reads a refusal's text; what
can be told from it is told here, once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.targets.deployment import Refusal

if TYPE_CHECKING:
    from codex_conformance.targets.deployment import RefusalKind

_CODE: Final = re.compile(r"\[([EW]_[A-Z0-9_]+)\]")
_REDACTED: Final = re.compile(r"(\[Request ID: \w+\] )?Server Error\s*")
_SIGNS: Final[tuple[tuple[str, RefusalKind], ...]] = (
    ("Could not find public function", "missing"),
    ("Trying to execute", "wrong kind"),
    ("ArgumentValidationError", "arguments"),
    ("ReturnsValidationError", "returns"),
)


def refusal_of(text: str, data: Any = None) -> Refusal:
    """Read a refusal.

    Args:
        text: The error's text.
        data: The data it carries; ``None`` for none.

    Returns:
        The refusal. A code in the data counts before one in the text.
    """
    told = data.get("code") if isinstance(data, dict) else None
    if isinstance(told, str):
        return Refusal("function", told, True, text)
    for sign, kind in _SIGNS:
        if sign in text:
            return Refusal(kind, None, False, text)
    if _REDACTED.fullmatch(text):
        return Refusal("redacted", None, False, text)
    found = _CODE.search(text)
    return Refusal("function", found.group(1) if found else None, False, text)
