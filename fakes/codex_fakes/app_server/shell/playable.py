"""Whether the simulation plays all of a script.

May import the list of what is not simulated, the script's steps and the error catalogue.
The invariant: a script with a step that is
not played is refused before anything of it is played.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_fakes.app_server.dialect.not_simulated import REFUSED
from codex_fakes.script.steps import CallTool
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from codex_fakes.script.steps import Script


def check_playable(script: Script) -> None:
    """Refuse a script that has steps which are not played.

    Args:
        script: The script.

    Raises:
        ConfigurationError: ``E_FAKE_NOT_SIMULATED``.
    """
    for number, response in enumerate(script.responses, start=1):
        for step in response.steps:
            if isinstance(step, CallTool) and step.tool == "exec_command" and _runs(step):
                raise ConfigurationError(
                    "E_FAKE_NOT_SIMULATED",
                    f"response {number} of the script calls exec_command by its name: "
                    f"{REFUSED['exec_command by its name']}",
                )


def _runs(step: CallTool) -> bool:
    """Whether the real server would run what the call says."""
    if step.namespace is not None or isinstance(step.arguments, str):
        return step.namespace is None and '"cmd"' in step.arguments
    return isinstance(step.arguments.get("cmd"), str)
