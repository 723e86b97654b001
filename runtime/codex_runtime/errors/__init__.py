"""Every failure has a code, and every code is written here, once.

May import nothing else of the project: each layer raises what is declared here. The invariant: an
exception of this project carries a code of the catalogue, its text starts with that code in
brackets, and the catalogue says whose fault it is and what to do about it.
"""

from __future__ import annotations

from codex_runtime.errors.catalogue import CATALOGUE, entry_for
from codex_runtime.errors.entry import ErrorEntry, Fault
from codex_runtime.errors.exceptions import (
    AppServerError,
    CodexRuntimeError,
    ConfigurationError,
    ContractError,
    LocalProtocolError,
    RemoteProtocolError,
    RequestFailedError,
    parse_error_code,
)

__all__ = [
    "CATALOGUE",
    "AppServerError",
    "CodexRuntimeError",
    "ConfigurationError",
    "ContractError",
    "ErrorEntry",
    "Fault",
    "LocalProtocolError",
    "RemoteProtocolError",
    "RequestFailedError",
    "entry_for",
    "parse_error_code",
]
