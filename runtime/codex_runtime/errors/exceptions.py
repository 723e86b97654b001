"""The exception hierarchy: one base, one class per party at fault.

May import the catalogue only. The invariant: an exception is never raised with a code that the
catalogue does not know, so every code a user can meet is documented.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codex_runtime.errors.catalogue import CATALOGUE

if TYPE_CHECKING:
    from codex_runtime.errors.entry import ErrorEntry

_CODE: Final = re.compile(r"\[([EW]_[A-Z0-9_]+)\]")


OVERLOADED: Final = -32001
"""The one JSON-RPC code of the app-server that means something of its own (FACTS §4)."""


class CodexRuntimeError(Exception):
    """A failure with a stable code.

    ``str(error)`` reads ``[E_CODE] text``, followed by the advice when there is any; production
    code should look at :attr:`code`, never at the text.

    Args:
        code: A code of :data:`codex_runtime.errors.catalogue.CATALOGUE`.
        text: What happened: what was expected and what was found.
        advice: What to do about it; the catalogue's own advice when left out.
    """

    def __init__(self, code: str, text: str, *, advice: str | None = None) -> None:
        entry = CATALOGUE[code]
        self.entry: ErrorEntry = entry
        self.code = code
        self.text = text
        self.advice = entry.advice if advice is None else advice
        super().__init__(f"[{code}] {text}")

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process boundaries (pytest-xdist, multiprocessing): keep all arguments.
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def _rebuild(
    kind: type[CodexRuntimeError], state: dict[str, object], args: tuple[object, ...]
) -> CodexRuntimeError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(CodexRuntimeError):
    """The caller asked for something that cannot be: a file, an option, a missing install."""


class LocalProtocolError(CodexRuntimeError):
    """We were about to break the app-server protocol; nothing was sent."""


class RemoteProtocolError(CodexRuntimeError):
    """The peer broke the app-server protocol.

    Args:
        code: A code of the catalogue.
        text: What is wrong with what arrived.
        raw: The offending line as received, cut to a bounded length.
        advice: What to do about it; the catalogue's own advice when left out.
    """

    def __init__(
        self, code: str, text: str, *, raw: bytes = b"", advice: str | None = None
    ) -> None:
        super().__init__(code, text, advice=advice)
        self.raw = raw


class ContractError(CodexRuntimeError):
    """The contract between a host and its component was not kept, by a caller or by what is stored.

    Across a deployment's boundaries it travels as the data of a ``ConvexError``,
    ``{code, message}``: texts of other errors do not survive there.
    """


class AppServerError(CodexRuntimeError):
    """The app-server as a process or connection failed: start, stop, exit, time-out.

    Args:
        code: A code of the catalogue.
        text: What happened.
        exit_code: The exit code of the process where it has one (negative: ended by that signal).
        stderr: The last part of what the process wrote to stderr.
        advice: What to do about it; the catalogue's own advice when left out.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        exit_code: int | None = None,
        stderr: str = "",
        advice: str | None = None,
    ) -> None:
        super().__init__(code, text, advice=advice)
        self.exit_code = exit_code
        self.stderr = stderr


class RequestFailedError(CodexRuntimeError):
    """The app-server answered a request with an error of its own.

    Args:
        method: The request's method.
        rpc_code: The JSON-RPC error code; almost always -32600 (FACTS §4), so of little use.
        rpc_message: The server's text.
        data: The server's ``data`` member, decoded, or ``None``.
    """

    def __init__(self, method: str, rpc_code: int, rpc_message: str, data: object = None) -> None:
        overloaded = rpc_code == OVERLOADED
        super().__init__(
            "E_APP_SERVER_OVERLOADED" if overloaded else "E_APP_SERVER_REQUEST_FAILED",
            f"{method} failed: [{rpc_code}] {rpc_message}",
        )
        self.method = method
        self.rpc_code = rpc_code
        self.rpc_message = rpc_message
        self.data = data


def parse_error_code(text: str) -> str | None:
    """Find the stable code in an error text.

    A deployment re-throws across component boundaries with its own words in front, so the code is
    looked for anywhere, not only at the start (spec 13 §2).

    Args:
        text: The text of an error.

    Returns:
        The first ``E_`` or ``W_`` code in brackets, or ``None``.
    """
    found = _CODE.search(text)
    return found.group(1) if found else None
