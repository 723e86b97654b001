"""The codes of the fake Convex as a server: its faults, its tokens, its state, its process.

May import the entries only. The invariant: what a person asks of the fake server and cannot have is
one of these; what a Convex deployment would answer too is not in here.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors.entry import Fault, entries

FAKE_SERVER: Final = (
    *entries(
        Fault.CALLER,
        (
            "E_FAKE_CONVEX_FAULT_UNKNOWN",
            "the fake Convex is asked for a fault that it does not have",
            "Take one of the names that the text lists.",
            False,
        ),
        (
            "E_FAKE_CONVEX_FAULT_INVALID",
            "the fake Convex is asked for a fault with options that it does not take",
            "Compare the options with the table of faults in the guide.",
            False,
        ),
        (
            "E_FAKE_CONVEX_REQUEST_INVALID",
            "the control door of the fake Convex gets a body that it cannot read",
            "Send the JSON object that the guide shows for that route.",
            False,
        ),
        (
            "E_FAKE_CONVEX_APP_NOT_FOUND",
            "the app that the fake Convex should serve cannot be imported, or is none",
            "Name it as `package.module:attribute` or `path/to/file.py:attribute`.",
            False,
        ),
        (
            "E_FAKE_CONVEX_AUTH_INVALID",
            "an identity provider of the app cannot be used by the fake Convex",
            "Give it an issuer, RS256 or ES256, and its keys as a data: URL or in place.",
            False,
        ),
    ),
    *entries(
        Fault.CONFIGURATION,
        (
            "E_FAKE_CONVEX_STATE_UNWRITABLE",
            "the fake Convex cannot write its snapshot to the file that was named",
            "Name a file in a folder that exists and that this user may write to.",
            True,
        ),
        (
            "E_FAKE_CONVEX_PROCESS_FAILED",
            "the process of the fake Convex ended, or did not say where it listens",
            "Read what it wrote to stderr; it is in the text.",
            True,
        ),
    ),
)
