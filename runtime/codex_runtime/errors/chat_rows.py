"""The codes of the terminal host ``codex-runtime chat``.

May import the entries only. The invariant: whatever somebody can type or set up wrong has a code
and words that say what to do.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors.entry import Fault, entries

CHAT: Final = (
    *entries(
        Fault.CALLER,
        (
            "E_CHAT_COMMAND_UNKNOWN",
            "a line typed into the chat begins with a slash and is none of its commands",
            "Type /help to see the commands; begin with two slashes to say a text with one.",
            False,
        ),
        (
            "E_CHAT_COMMAND_ARGUMENT",
            "a command of the chat lacks its argument, or was given one it does not take",
            "Type /help to see what each command takes.",
            False,
        ),
        (
            "E_CHAT_REQUEST_UNANSWERABLE",
            "a request of Codex that nobody can answer in the chat came; its turn is interrupted",
            "Use a host that answers such requests, or log in with codex itself.",
            False,
        ),
    ),
    *entries(
        Fault.CONFIGURATION,
        (
            "E_CHAT_ENVIRONMENT_INVALID",
            "an environment variable of the chat has a value that it cannot have",
            "Set it as codex-runtime chat --help says, or unset it.",
            False,
        ),
        (
            "E_CHAT_FAKE_MISSING",
            "a program that chat --fake starts is not installed",
            'Install the fakes: pip install "codex-runtime[fakes]".',
            True,
        ),
        (
            "E_CHAT_FAKE_FAILED",
            "a program that chat --fake starts did not begin to listen",
            'Read what it says; install the fakes with pip install "codex-runtime[fakes]".',
            True,
        ),
        (
            "E_CHAT_STATE_UNWRITABLE",
            "the folder that chat --fake is to keep its state in cannot be written",
            "Name another folder with --state.",
            True,
        ),
    ),
)
