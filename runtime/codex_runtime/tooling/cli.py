"""The command ``codex-runtime``: tools for hosts and for the protocol lock, and a chat.

May import click at the top and everything else when a command needs it, so that ``--help`` is
there at once. The invariant: a user's mistake is one line with a code and one with what to do about
it, on stderr; and the exit code is one of :class:`codex_runtime.command_line.ExitCode`.
"""

from __future__ import annotations

from typing import Final

import click

from codex_runtime.chat.command import chat
from codex_runtime.command_line import CodedGroup, ExitCode
from codex_runtime.tooling.schema_commands import schema

__all__ = ["ExitCode", "cli", "main"]

FINDINGS: Final = {
    "E_SCHEMA_LOCK_EDITED": ExitCode.FAILED,
    "E_RUNTIME_INGEST_FLUSH_FAILED": ExitCode.FAILED,
    "E_RUNTIME_STOP_TIMEOUT": ExitCode.FAILED,
}
"""Codes that say how it went, not why a command could not begin."""


@click.group(
    "codex-runtime",
    cls=CodedGroup,
    exit_codes=FINDINGS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="codex-runtime", prog_name="codex-runtime")
def cli() -> None:
    """Tools for hosts that run Codex on their own machine."""


cli.add_command(chat)
cli.add_command(schema)


def main() -> None:
    """Run the command line."""
    cli(prog_name="codex-runtime")


if __name__ == "__main__":
    main()
