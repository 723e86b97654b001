"""The group of commands that all command lines of this distribution are made of.

May import click; the error catalogue and what is printable are imported when something fails, so
that ``--help`` is there at once. The invariant: a user's mistake is one line with a code and one
with what to do about it, on stderr, and never a traceback; only a bug of ours shows one.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from codex_runtime.errors import CodexRuntimeError


class ExitCode(IntEnum):
    """The exit codes that all commands have in common."""

    OK = 0
    """What was to be done is done, and what was to hold holds."""
    FAILED = 1
    """What was to hold does not."""
    INCOMPLETE = 2
    """The command was interrupted, or nobody reads what it says any more."""
    USAGE = 3
    """The command line, a file or the machine's set-up is wrong; nothing was changed."""
    INTERNAL = 70
    """An error of ours."""


class CodedGroup(click.Group):
    """A group of commands whose failures end in exit codes instead of tracebacks.

    A command that ends well with another exit code than 0 says so with ``Context.exit``.

    Args:
        args: See :class:`click.Group`.
        exit_codes: The exit codes of coded errors that have one of their own; all others end in
            :attr:`ExitCode.USAGE`.
        details: More lines to show about a coded error, below its advice.
        attributes: See :class:`click.Group`.
    """

    def __init__(
        self,
        *args: Any,
        exit_codes: Mapping[str, int] | None = None,
        details: Callable[[CodexRuntimeError], Iterable[str]] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self._exit_codes = exit_codes or {}
        self._details = details

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
            return self._explain(error)
        except SystemExit:
            # How click ends when whoever read our output has stopped: nothing more can be said.
            return ExitCode.INCOMPLETE
        except Exception:  # noqa: BLE001 - the last resort: a bug of ours, shown as one
            import traceback

            traceback.print_exc()
            click.echo(f"This is a bug in {self.name}.", err=True)
            return ExitCode.INTERNAL

    def _explain(self, error: CodexRuntimeError) -> int:
        from codex_runtime.printable import one_line

        # One line, whatever stands in the file it is about, or a server has answered.
        click.echo(one_line(" ".join(str(error).split())), err=True)
        if error.advice:
            click.echo(f"  {error.advice}", err=True)
        for line in self._details(error) if self._details is not None else ():
            click.echo(f"  {line}", err=True)
        return self._exit_codes.get(error.code, ExitCode.USAGE)
