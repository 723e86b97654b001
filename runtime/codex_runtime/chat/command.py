"""The command ``codex-runtime chat``.

May import click at the top and everything else when it runs, so that ``--help`` is there at once.
The invariant: no credential is an option, because others can read a command line.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """\
\b
Environment:
  CONVEX_URL, NEXT_PUBLIC_CONVEX_URL, VITE_CONVEX_URL, CONVEX_DEPLOYMENT
      the deployment, when no option names one; also read from .env.local
      and convex/.env.local
  CONVEX_AUTH_TOKEN   the token of the user who acts
  CONVEX_ADMIN_KEY    the deployment's admin key, in place of a token: for a
                      host that believes who its callers say they are
  ACTOR_USER_ID       who acts; "demo-user" when neither this nor a token says
  CODEX_BIN           the codex binary
  CODEX_MODEL         the model
  CODEX_CWD           the folder Codex works in
  SAVE_STREAM_DELTAS  whether texts are kept as they grew: 1, 0 (the default)
  DELTA_THROTTLE_MS   how long an event may wait for company (250)
  NO_COLOR            no colours
"""


@click.command(epilog=_EPILOG)
@click.option("--convex", "url", metavar="URL", help="The deployment that keeps the conversation.")
@click.option("--local", is_flag=True, help="Keep nothing, whatever the environment says.")
@click.option("--fake", is_flag=True, help="Start a simulated Codex and a Convex in memory.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where these keep their state, for a later chat; needs --fake.",
)
@click.option("--resume", metavar="ID", help="Go on with this thread of the local Codex.")
@click.option(
    "--approvals",
    type=click.Choice(["untrusted", "on-request", "never"]),
    help="When Codex asks; its own configuration decides when left out.",
)
@click.option(
    "--sandbox",
    type=click.Choice(["read-only", "workspace-write", "danger-full-access"]),
    help="What commands may do; likewise.",
)
def chat(
    *,
    url: str | None,
    local: bool,
    fake: bool,
    state: Path | None,
    resume: str | None,
    approvals: Any,
    sandbox: Any,
) -> None:
    """Chat with Codex on this terminal, with everything kept in Convex.

    Without a deployment Codex alone keeps the conversation. In a pipe every line is said in its
    turn, or answers what Codex asks.

    Exit codes: 0 it ended as it should; 1 in a pipe, something that was said failed; Codex is gone,
    or not everything could be kept; 2 it was interrupted; 3 usage or configuration; 70 a bug of
    ours.
    """
    import asyncio
    import os
    import sys

    from codex_runtime.chat.connecting import Plan
    from codex_runtime.chat.session import chat as have_chat
    from codex_runtime.chat.settings import deployment_url, read_environment
    from codex_runtime.protocol.params import ThreadSettings

    if (url is not None) + local + fake > 1:
        raise click.UsageError("--convex, --local and --fake exclude each other.")
    if state is not None and not fake:
        raise click.UsageError("--state needs --fake.")
    if None in (sys.stdin, sys.stdout, sys.stderr):
        raise click.UsageError("A chat needs standard input, output and error; one is closed.")
    environment = read_environment(os.environ)
    if url is None and not local and not fake:
        url = deployment_url(os.environ, _environment_files())
    given = {
        "cwd": environment.cwd,
        "model": environment.model,
        "approval_policy": approvals,
        "sandbox": sandbox,
    }
    plan = Plan(
        environment=environment,
        url=url,
        fake=fake,
        state=state,
        resume=resume,
        thread=ThreadSettings(**{name: value for name, value in given.items() if value}),
    )
    try:
        code = asyncio.run(have_chat(plan))
    except asyncio.CancelledError:
        raise click.Abort from None
    click.get_current_context().exit(code)


def _environment_files() -> Sequence[str]:
    from codex_runtime.chat.settings import ENVIRONMENT_FILES

    texts = []
    for name in ENVIRONMENT_FILES:
        # One that is not there, or is not ours to read, says nothing.
        with contextlib.suppress(OSError):
            texts.append(Path(name).read_text(encoding="utf-8", errors="replace"))
    return texts
