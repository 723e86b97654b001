"""What the simulation deliberately does not play, each with its reason.

May import the dialect's refusals. There are two kinds: what is refused with a code when somebody
asks for it, and what is passed over because nobody can tell from what a client asks that it would
matter. The invariant: every coded refusal names an entry of this list.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.dialect.messages import NOT_SUPPORTED, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "other methods": (
            "files, processes, plugins, skills, MCP, realtime and remote control are programs of "
            "their own, not the life of threads"
        ),
        "environments": "threads work in one local folder here",
        "given history": "the model is scripted and reads no history that a client makes up",
        "other configuration": "what it changes is not played, and must not seem to be",
        "Bedrock": "there is no cloud to log in to",
        "exec_command by its name": (
            "what a command prints is not in the call; the script says it with `run`"
        ),
        "repositories compared": "a diff against a remote is git's work",
        "files found": "the order of fuzzy matches is the work of another program",
        "signed tokens": "the capability token shows the same refusals",
        "other subcommands": "only app-server speaks the protocol",
    }
)
"""What is refused with ``E_FAKE_NOT_SIMULATED``."""

PASSED_OVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mode instructions": (
            "of the prompt that a collaboration mode brings along only the first line is shown: "
            "the rest is several pages for the model"
        ),
        "compacted context": (
            "its tokens are one number; the real server estimates those of its own instructions, "
            "which name the machine's folders"
        ),
        "databases": (
            "names, read states and goals are kept beside the rollouts, not in the real server's "
            "databases, which another process of it would read"
        ),
        "lists for objects": (
            "a list is refused as a wrong type; the real server takes it for the members of an "
            "object, in the order in which its source declares them, which no schema tells"
        ),
        "threads in the database alone": (
            "thread/metadata/update writes the rollout of a thread that has had no turn; the real "
            "server does not, and refuses most requests about the thread for lack of one"
        ),
        "files that are no rollouts": (
            "a path to one is refused as a path to nothing; the real server tells what is wrong "
            "with the file, as an internal error"
        ),
        "automatic reviewer": "approvals go to the client, whoever is said to review them",
        "code mode and sub-agents": "the script says what happens, not how the model brings it on",
    }
)
"""What differs without being refused."""


def not_simulated(subject: str, what: str) -> Refusal:
    """The refusal of something that the real server does and the simulation does not.

    Args:
        subject: The entry of :data:`REFUSED` that says why.
        what: What was asked for.
    """
    return Refusal(
        f"[E_FAKE_NOT_SIMULATED] the simulated app-server does not play {what}: {REFUSED[subject]}",
        code=NOT_SUPPORTED,
    )
