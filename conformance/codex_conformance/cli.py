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

from codex_runtime.command_line import CodedGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codex_conformance.runner.asked import Targets
    from codex_conformance.runner.events import Reporter
    from codex_conformance.runner.selection import Selection
    from codex_conformance.suites.kinds import AnyCheck
    from codex_runtime.errors import CodexRuntimeError

CAPABILITIES: Final = ("scripted-model", "restart", "exit", "clients", "process", "http")
"""The capabilities of an app-server that can be taken away; the same as the targets' own list."""

HOST_CAPABILITIES: Final = (
    "actors",
    "bound-actors",
    "virtual-clock",
    "audit",
    "extended",
    "reads",
)
"""The capabilities of a deployment that can be taken away; the same as the targets' own list."""

UNREACHABLE: Final = frozenset(
    {
        "E_APP_SERVER_START_FAILED",
        "E_APP_SERVER_START_TIMEOUT",
        "E_APP_SERVER_UNREACHABLE",
        "E_CONFORMANCE_DEPLOYMENT_UNREACHABLE",
        "E_FAKE_CONVEX_PROCESS_FAILED",
    }
)
"""Codes that mean: the target is named rightly, but is not there."""

STDERR_LINES: Final = 10
"""Lines of an app-server's stderr that are shown when it cannot be reached."""

# The number of the runner's ExitCode, which is imported only when a run needs it.
_UNREACHABLE: Final = 4


def _stderr_of(error: CodexRuntimeError) -> Iterable[str]:
    """What an app-server that cannot be reached has written to stderr."""
    from codex_conformance.wire.messages import printable
    from codex_runtime.errors import AppServerError

    if isinstance(error, AppServerError) and error.stderr.strip():
        yield "stderr:"
        for line in error.stderr.strip().splitlines()[-STDERR_LINES:]:
            yield f"  {printable(line)}"


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
            help="Only this suite, as in 'isolation'. May be repeated.",
        ),
    ):
        command = option(command)
    return command


@click.group(
    "codex-conformance",
    cls=CodedGroup,
    exit_codes=dict.fromkeys(UNREACHABLE, _UNREACHABLE),
    details=_stderr_of,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="codex-runtime", prog_name="codex-conformance")
def cli() -> None:
    """Find out whether an app-server, a host on Convex, and a runtime keep their promises."""


@cli.command()
@click.option(
    "--app-server",
    "spec",
    metavar="TARGET",
    help="simulated; codex[:path=FILE][,allow-any-version]; stdio:COMMAND.",
)
@click.option(
    "--convex",
    "deployment",
    metavar="TARGET",
    help="fake; fake:wire; url:URL,admin-key=KEY (or token=, jwt-key=, trusted).",
)
@click.option(
    "--runtime",
    metavar="TARGET",
    help="codex-runtime; python:MODULE:FUNCTION.",
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
    type=click.Choice((*CAPABILITIES, *HOST_CAPABILITIES)),
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

    The suites of an app-server run where --app-server is given, those of a host where --convex is;
    those of a runtime where --app-server or --runtime is, with the fake of the neighbour that is
    not. Without any of them everything runs on the fakes.

    Exit codes: 0 all musts pass; 1 failures; 2 incomplete, or an outcome is unknown; 3 usage or
    configuration; 4 the target cannot be reached; 5 nothing was executed; 70 a bug of ours.
    """
    return _run(**options)


def _run(
    *,
    spec: str | None,
    deployment: str | None,
    runtime: str | None,
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
    from codex_conformance.runner.asked import Asked
    from codex_conformance.runner.running import RunOptions
    from codex_conformance.runner.selection import Selection

    asked = Asked(spec, deployment, runtime)
    checks = asked.about(_chosen(Selection(suites, only, level)))
    targets = asked.targets(checks, without, workspace)
    stream = sys.stdout
    replay = tuple(part for name in without for part in ("--without", name))
    # Without rich, which is an extra, the table is plain text on a terminal too.
    drawn = stream.isatty() and not plain and find_spec("rich") is not None
    reporters: list[Reporter] = [ConsoleReporter(stream, terminal=drawn, replay=replay)]
    with contextlib.ExitStack() as files:
        if report is not None:
            reporters.append(files.enter_context(NdjsonReporter(report)))
        options = RunOptions(jobs, timeout, strict)
        return _run_to_the_end(targets, checks, reporters, options)


def _run_to_the_end(
    targets: Targets,
    checks: Sequence[AnyCheck],
    reporters: Sequence[Any],
    options: Any,
) -> int:
    import asyncio
    import contextlib
    import logging
    import signal

    from codex_conformance.runner.running import Run
    from codex_conformance.targets.inherited_signals import heed_signals_in_children

    heed_signals_in_children()
    # What a runtime logs of the faults that its checks make is no news to whoever reads a report.
    logging.getLogger("codex_runtime").addHandler(logging.NullHandler())

    async def main() -> int:
        task = asyncio.current_task()
        # Ctrl-C cancels this task already; the end of the terminal or of a CI job shall as well.
        if task is not None:
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        judged = Run(
            targets.app_server,
            checks,
            reporters,
            options,
            deployment=targets.deployment,
            runtime=targets.runtime,
        )
        result = await judged.run()
        return int(result.exit_code)

    return asyncio.run(main())


def _chosen(selection: Selection) -> tuple[AnyCheck, ...]:
    from codex_conformance.suites.catalogue import EVERY_CHECK

    return selection.choose(EVERY_CHECK.values())


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
    from codex_conformance.miniatures.hosts import breakers_of_host
    from codex_conformance.miniatures.runtimes import breakers_of_runtime
    from codex_conformance.runner.selection import Selection

    for check in _chosen(Selection(only=(check_id,))):
        requirement = check.requirement
        click.echo(f"{check.id} ({requirement.level.value}, suite {requirement.suite})")
        click.echo(f"  rule:    {requirement.text}")
        click.echo(f"  source:  {requirement.source}")
        click.echo(f"  check:   {check.does}")
        needs = ", ".join(sorted(capability.value for capability in check.needs))
        click.echo(f"  needs:   {needs or 'nothing'}")
        if check.plays:
            click.echo("  scenes:")
        for piece in check.plays:
            click.echo(f"    {piece.name}: {' '.join(piece.says.split())}")
        click.echo("  broken by:")
        for fault in breakers_of_host(check.id):
            click.echo(f"    miniature:{fault.name}: {fault.says}")
        for altered in breakers_of_runtime(check.id):
            click.echo(f"    miniature:{altered.name}: {altered.says}")
        for miniature in breakers_of(check.id):
            click.echo(f"    miniature:{miniature.name}: {miniature.says}")
            if miniature.by_name:
                click.echo(f"      faults: {miniature.by_name}")


def main() -> None:
    """Run the command line."""
    cli(prog_name="codex-conformance")


if __name__ == "__main__":
    main()
