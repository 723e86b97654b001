"""The command ``codex-fakes``: serves the fakes, checks scripts.

May import click at the top and the rest when a command runs, so that ``--help`` is quick. The
invariant: a user's mistake is one line with its code and one with the advice on stderr, and exit
code 3; never a traceback.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codex_runtime.command_line import CodedGroup, ExitCode

if TYPE_CHECKING:
    from codex_fakes.script.steps import Script

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(
    "codex-fakes",
    cls=CodedGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
        click.get_current_context().exit(ExitCode.FAILED)


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


@cli.command()
@click.option("--app", help="The app: package.module:attribute, or path/to/file.py:attribute.")
@click.option("--codex", is_flag=True, help="The app is a Codex host with its component.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes any free one.",
)
@click.option("--state", type=_FILE, help="The file that the data is kept in between starts.")
@click.option("--admin-key", help="The key of administrators; a fixed one by default.")
@click.option("--control", is_flag=True, help="Open the control door /_fake/.")
@click.option("--virtual-clock", is_flag=True, help="Time stands still until /_fake/ moves it.")
@click.option("--redact-logs", is_flag=True, help="Tell clients as little as production does.")
def convex(admin_key: str | None, *, codex: bool, app: str | None, **options: Any) -> None:
    """Serve an in-memory Convex, until SIGINT or SIGTERM.

    Prints the deployment's URL when it is ready, then the admin key. Misuse of the fake by the
    app's functions is printed to stderr at the end, and the exit code is 1.
    """
    import asyncio

    from codex_fakes.convex.wire.command import serve

    if codex and app is not None:
        raise click.UsageError("--app and --codex exclude each other: each says what is served")

    def say(line: str) -> None:
        click.echo(line)
        sys.stdout.flush()

    if admin_key is not None:
        options["admin_key"] = admin_key
    served = "codex_fakes.component.deployed:app" if codex else app
    problems = asyncio.run(serve(say=say, app=served, **options))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.get_current_context().exit(ExitCode.FAILED)


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
    cli(prog_name="codex-fakes")
