"""The command ``codex-runtime``: tools for hosts and for the protocol lock.

May import click at the top and everything else when a command needs it, so that ``--help`` is
there at once. The invariant: a user's mistake is one line with a code and one with what to do about
it, on stderr; and the exit code is one of :class:`ExitCode`.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import click

from codex_runtime.tooling.schema_commands import schema

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExitCode(IntEnum):
    """The exit codes of ``codex-runtime``; those of ``codex-conformance``, where both have one."""

    OK = 0
    """What was to be done is done, and what was to hold holds."""
    FAILED = 1
    """What was to hold does not."""
    INCOMPLETE = 2
    """The command was interrupted."""
    USAGE = 3
    """The command line, a file or the machine's set-up is wrong; nothing was changed."""
    INTERNAL = 70
    """An error of ours."""


FINDINGS: Final = frozenset({"E_SCHEMA_LOCK_EDITED"})
"""Codes that are what a command was asked to find out, not a reason why it could not."""


class CodedGroup(click.Group):
    """A group of commands whose failures end in the exit codes of this program."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and exit; see :meth:`click.Command.main`."""
        del standalone_mode  # click's own exit codes are not ours
        sys.exit(self._outcome(args, prog_name, complete_var, **extra))

    def _outcome(
        self,
        args: Sequence[str] | None,
        prog_name: str | None,
        complete_var: str | None,
        **extra: Any,
    ) -> int:
        from codex_runtime.errors import CodexRuntimeError

        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            return int(code or 0)
        except click.ClickException as error:
            error.show()
            return ExitCode.USAGE
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            return ExitCode.INCOMPLETE
        except CodexRuntimeError as error:
            # One line, whatever stands in the file it is about.
            click.echo(" ".join(str(error).split()), err=True)
            click.echo(f"  {error.advice}", err=True)
            return ExitCode.FAILED if error.code in FINDINGS else ExitCode.USAGE
        except SystemExit:
            # How click ends when whoever read our output has stopped: nothing more can be said.
            return ExitCode.INCOMPLETE
        except Exception:  # noqa: BLE001 - the last resort: a bug of ours, shown as one
            import traceback

            traceback.print_exc()
            click.echo("This is a bug in codex-runtime.", err=True)
            return ExitCode.INTERNAL


@click.group(cls=CodedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codex-runtime", prog_name="codex-runtime")
def cli() -> None:
    """Tools for hosts that run Codex on their own machine."""


cli.add_command(schema)


def main() -> None:
    """Run the command line."""
    cli(prog_name="codex-runtime")


if __name__ == "__main__":
    main()
