"""The exceptions of values: something is no Convex value, or does not match its validator.

May import the error catalogue only. The invariant: ``message`` is the text Convex itself gives, for
those who pass it on; ``str(error)`` puts our code in front of it.
"""

from __future__ import annotations

from codex_runtime.errors import CodexRuntimeError


class InvalidValue(CodexRuntimeError):  # noqa: N818 - a name that reads as its cause
    """Something is no Convex value, or no encoding of one, or is past a limit of values.

    Args:
        code: ``E_VALUE_INVALID`` or ``E_VALUE_ENCODING_INVALID``.
        message: What is wrong, in Convex's words.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.message = message


class ValidationFailed(CodexRuntimeError):  # noqa: N818 - as above
    """A value does not match its validator (``E_VALUE_MISMATCH``).

    Args:
        message: What is wrong, in Convex's words, without the name of the error in front.
        path: Where in the value: ``.a[0].b``, and the empty text for the value itself.
    """

    def __init__(self, message: str, path: str) -> None:
        super().__init__("E_VALUE_MISMATCH", message)
        self.message = message
        self.path = path
