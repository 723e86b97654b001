"""The command ``codex-fakes``: serves the fakes, checks scripts.

May import click at the top and the rest when a command runs, so that ``--help`` is quick. The
invariant: a user's mistake is one line with its code and one with the advice on stderr, and exit
code 3; never a traceback.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from codex_fakes.script.steps import Script

EXIT_PROBLEMS: Final = 1
"""The fake worked, and what it was asked was wrong."""

EXIT_MISTAKE: Final = 3
"""What the user asked for cannot be."""

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Fakes of what surrounds a host of Codex."""


@cli.command()
@click.option("--script", "file", type=_FILE, required=True, help="The script: JSON or YAML.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes any free one.",
)
@click.option("--control", is_flag=True, help="Open the control door /_fake/.")
def responses(file: Path, port: int, control: bool) -> None:  # a flag of click
    """Serve a model that plays a script, until SIGINT or SIGTERM.

    Prints the base URL for Codex's provider when it is ready. Problems (a script that was too
    short, a request that breaks the API) are printed to stderr at the end, and the exit code is 1.
    """
    import asyncio

    from codex_fakes.script.files import load_script

    problems = asyncio.run(_serve(load_script(file), port, control=control))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(EXIT_PROBLEMS)


async def _serve(script: Script, port: int, *, control: bool) -> list[str]:
    import asyncio
    import signal

    from codex_fakes.responses.server import ResponsesServer

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with ResponsesServer(script, port=port, control=control) as server:
        click.echo(server.base_url)
        sys.stdout.flush()
        await stop.wait()
    return [str(problem) for problem in server.problems]


@cli.command("script-schema")
def script_schema() -> None:
    """Print the JSON Schema of scripts."""
    from codex_fakes.script.json_schema import published_schema

    click.echo(published_schema(), nl=False)


@cli.command("check-script")
@click.argument("file", type=_FILE)
def check_script(file: Path) -> None:
    """Check a script file, and say what is in it."""
    from codex_fakes.script.files import load_script
    from codex_fakes.script.playing import gate_names

    script = load_script(file)
    gates = ", ".join(gate_names(script)) or "none"
    click.echo(f"{file}: {len(script.responses)} responses; gates: {gates}")


def main() -> None:
    """Run the command; what the console script calls."""
    try:
        cli()
    except CodexRuntimeError as error:
        # One line, whatever stands in the file it is about.
        click.echo(" ".join(str(error).split()), err=True)
        if error.advice:
            click.echo(error.advice, err=True)
        sys.exit(EXIT_MISTAKE)
