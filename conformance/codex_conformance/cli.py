"""The command ``codex-conformance``: run checks, list them, explain one.

May import click at the top and everything else when a command needs it, so that ``--help`` is
there at once. The invariant: a user's mistake is one line with a code and what to do about it, and
the exit code is one of :class:`codex_conformance.runner.exit_codes.ExitCode`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codex_conformance.runner.events import Reporter
    from codex_conformance.runner.selection import Selection
    from codex_conformance.suites.registry import Check
    from codex_conformance.targets.door import Target
    from codex_runtime.errors import CodexRuntimeError

CAPABILITIES: Final = ("scripted-model", "restart", "exit", "clients")
"""The capabilities that can be taken away; the same as the targets' own list."""

UNREACHABLE: Final = frozenset(
    {"E_APP_SERVER_START_FAILED", "E_APP_SERVER_START_TIMEOUT", "E_APP_SERVER_UNREACHABLE"}
)
"""Codes that mean: the target is named rightly, but is not there."""

STDERR_LINES: Final = 10
"""Lines of an app-server's stderr that are shown when it cannot be reached."""

# The numbers of ExitCode, which is imported only when a run needs it.
_INCOMPLETE: Final = 2
_USAGE: Final = 3
_UNREACHABLE: Final = 4
_INTERNAL: Final = 70


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
            return _USAGE
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted before anything was found out", err=True)
            return _INCOMPLETE
        except CodexRuntimeError as error:
            _explain_error(error)
            return _UNREACHABLE if error.code in UNREACHABLE else _USAGE
        except SystemExit:
            # How click ends when whoever read our output has stopped: nothing more can be said.
            return _INCOMPLETE
        except Exception:  # noqa: BLE001 - the last resort: a bug of ours, shown as one
            import traceback

            traceback.print_exc()
            click.echo("This is a bug in codex-conformance, not in the target.", err=True)
            return _INTERNAL


def _explain_error(error: CodexRuntimeError) -> None:
    from codex_conformance.wire.messages import printable
    from codex_runtime.errors import AppServerError

    click.echo(f"{error}", err=True)
    click.echo(f"  {error.advice}", err=True)
    if isinstance(error, AppServerError) and error.stderr.strip():
        click.echo("  stderr:", err=True)
        for line in error.stderr.strip().splitlines()[-STDERR_LINES:]:
            click.echo(f"    {printable(line)}", err=True)


def _selection_options(command: Any) -> Any:
    for option in (
        click.option("--level", type=click.Choice(("must", "should")), help="Only this level."),
        click.option(
            "--only",
            multiple=True,
            metavar="GLOB",
            help="Only checks whose id matches, as in 'lifecycle.turn.*'. May be repeated.",
        ),
        click.option(
            "--suite",
            "suites",
            multiple=True,
            metavar="NAME",
            help="Only this suite: protocol or lifecycle. May be repeated.",
        ),
    ):
        command = option(command)
    return command


@click.group(cls=CodedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codex-runtime", prog_name="codex-conformance")
def cli() -> None:
    """Find out whether an app-server keeps the promises that hosts build on."""


@cli.command()
@click.option(
    "--app-server",
    "spec",
    default="simulated",
    show_default=True,
    metavar="TARGET",
    help="simulated; codex[:path=FILE][,allow-any-version]; stdio:COMMAND.",
)
@_selection_options
@click.option("--strict", is_flag=True, help="A should counts like a must.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), help="Scenes played at once; the target's own number."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Seconds the whole run may take.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(CAPABILITIES),
    help="Treat the target as if it could not do this. May be repeated.",
)
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    help="Folder in which homes are made; the system's folder for temporary files.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the run to this file as NDJSON.",
)
@click.option("--plain", is_flag=True, help="No colours and no drawn table, on a terminal too.")
def run(**options: Any) -> int:
    """Run the checks, and end with a table of them.

    Exit codes: 0 all musts pass; 1 failures; 2 incomplete, or an outcome is unknown; 3 usage or
    configuration; 4 the target cannot be reached; 5 nothing was executed; 70 a bug of ours.
    """
    return _run(**options)


def _run(
    *,
    spec: str,
    suites: tuple[str, ...],
    only: tuple[str, ...],
    level: str | None,
    strict: bool,
    jobs: int | None,
    timeout: float | None,
    without: tuple[str, ...],
    workspace: Path | None,
    report: Path | None,
    plain: bool,
) -> int:
    import contextlib
    from importlib.util import find_spec

    from codex_conformance.report.console import ConsoleReporter
    from codex_conformance.report.ndjson import NdjsonReporter
    from codex_conformance.runner.running import RunOptions
    from codex_conformance.runner.selection import Selection

    checks = _chosen(Selection(suites, only, level))
    target = _target(spec, without, workspace)
    stream = sys.stdout
    replay = tuple(part for name in without for part in ("--without", name))
    # Without rich, which is an extra, the table is plain text on a terminal too.
    drawn = stream.isatty() and not plain and find_spec("rich") is not None
    reporters: list[Reporter] = [ConsoleReporter(stream, terminal=drawn, replay=replay)]
    with contextlib.ExitStack() as files:
        if report is not None:
            reporters.append(files.enter_context(NdjsonReporter(report)))
        return _run_to_the_end(target, checks, reporters, RunOptions(jobs, timeout, strict))


def _run_to_the_end(
    target: Target, checks: Sequence[Check], reporters: Sequence[Any], options: Any
) -> int:
    import asyncio
    import contextlib
    import signal

    from codex_conformance.runner.running import Run

    async def main() -> int:
        task = asyncio.current_task()
        # Ctrl-C cancels this task already; the end of the terminal or of a CI job shall as well.
        if task is not None:
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        result = await Run(target, checks, reporters, options).run()
        return int(result.exit_code)

    return asyncio.run(main())


def _chosen(selection: Selection) -> tuple[Check, ...]:
    from codex_conformance.suites.catalogue import CHECKS

    return selection.choose(CHECKS.values())


def _target(spec: str, without: tuple[str, ...], workspace: Path | None) -> Target:
    from codex_conformance.targets.door import Capability
    from codex_conformance.targets.limited import LimitedTarget
    from codex_conformance.targets.naming import parse_target

    target = parse_target(spec, workspace)
    if not without:
        return target
    return LimitedTarget(target, frozenset(Capability(name) for name in without))


@cli.command("list")
@_selection_options
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
def list_checks(
    *, suites: tuple[str, ...], only: tuple[str, ...], level: str | None, as_json: bool
) -> None:
    """List the checks: id, level, rule."""
    from codex_conformance.runner.selection import Selection

    checks = _chosen(Selection(suites, only, level))
    if as_json:
        import json

        rows = [
            {
                "id": check.id,
                "suite": check.requirement.suite,
                "level": check.requirement.level.value,
                "text": check.requirement.text,
                "source": check.requirement.source,
                "needs": sorted(capability.value for capability in check.needs),
                "plays": [piece.name for piece in check.plays],
            }
            for check in checks
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max(len(check.id) for check in checks)
    for check in checks:
        level_ = check.requirement.level.value
        click.echo(f"{check.id:<{width}}  {level_:<6}  {check.requirement.text}")


@cli.command()
@click.argument("check_id", metavar="ID")
def explain(check_id: str) -> None:
    """Explain a check: its rule, where that comes from, what is done, what would break it."""
    from codex_conformance.miniatures import breakers_of
    from codex_conformance.runner.selection import Selection

    for check in _chosen(Selection(only=(check_id,))):
        requirement = check.requirement
        click.echo(f"{check.id} ({requirement.level.value}, suite {requirement.suite})")
        click.echo(f"  rule:    {requirement.text}")
        click.echo(f"  source:  {requirement.source}")
        click.echo(f"  check:   {check.does}")
        needs = ", ".join(sorted(capability.value for capability in check.needs))
        click.echo(f"  needs:   {needs}")
        click.echo("  scenes:")
        for piece in check.plays:
            click.echo(f"    {piece.name}: {' '.join(piece.says.split())}")
        click.echo("  broken by:")
        for miniature in breakers_of(check.id):
            click.echo(f"    miniature:{miniature.name}: {miniature.says}")


def main() -> None:
    """Run the command line."""
    cli(prog_name="codex-conformance")


if __name__ == "__main__":
    main()
