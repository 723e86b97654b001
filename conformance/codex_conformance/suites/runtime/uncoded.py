"""A runtime whose every failure is a verdict about it, and none a mistake of the check.

May import the verdicts and the exceptions. The invariant: what a runtime refuses with a code passes
as it is; whatever else comes out of it, a method that it lacks included, is a violation.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from codex_conformance.suites.verdicts import violated
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_conformance.targets.runtimes import HostRuntime


class Uncoded:
    """Passes calls on to a runtime, and judges what comes out of it without a code.

    Args:
        runtime: The runtime.
    """

    def __init__(self, runtime: HostRuntime) -> None:
        self._runtime = runtime

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._runtime, name, None)
        if not callable(method):
            violated(f"a method {name}", "none")

        def call(*args: Any, **how: Any) -> Any:
            try:
                result = method(*args, **how)
            except CodexRuntimeError:
                raise
            except Exception as error:  # noqa: BLE001 - that it has no code is what is judged
                _judge(name, error)
            return _awaited(name, result) if inspect.isawaitable(result) else result

        return call


async def _awaited(name: str, doing: Awaitable[Any]) -> Any:
    try:
        return await doing
    except CodexRuntimeError:
        raise
    except Exception as error:  # noqa: BLE001 - that it has no code is what is judged
        _judge(name, error)


def _judge(name: str, error: Exception) -> None:
    violated(f"that what {name} refuses has a code", f"{type(error).__name__}: {error}")
