"""Fixtures of the fakes, for the tests of whoever uses this library.

May import pytest; everything else is imported when a fixture is used, so that having the plugin
installed costs a test run nothing. The invariant: every fixture is a synchronous factory that
belongs to no event loop, and what it started has ended when the test has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from codex_fakes.app_server import SimulatedAppServer
    from codex_fakes.convex import App
    from codex_fakes.convex.wire.http_failures import FailingHttp
    from codex_fakes.convex.wire.in_process import InProcessConvex
    from codex_fakes.convex.wire.process import ConvexProcess
    from codex_fakes.script import Script
    from codex_runtime.host.facade import CodexHostRuntime


class MakeConvex(Protocol):
    """Makes a Convex in the test's own process."""

    def __call__(self, app: App | None = None, **options: Any) -> InProcessConvex:
        """Make one: ``app``, and what :class:`InProcessConvex` takes."""


class MakeProcess(Protocol):
    """Starts a Convex in a process of its own."""

    def __call__(self, app: str | None = None, **options: Any) -> ConvexProcess:
        """Start one: ``app`` by name, and what :class:`ConvexProcess` takes."""


class MakeCodex(Protocol):
    """Makes a simulated Codex in the test's own process."""

    def __call__(self, plays: Script | None = None, **options: Any) -> SimulatedAppServer:
        """Make one: its script, and what :class:`SimulatedAppServer` takes."""


class MakeRuntime(Protocol):
    """Makes a host runtime between fakes."""

    def __call__(
        self,
        codex: Script | SimulatedAppServer | None = None,
        *,
        convex: InProcessConvex | MakeConvex | None = None,
        **options: Any,
    ) -> AbstractAsyncContextManager[CodexHostRuntime]:
        """Make one: what Codex does, the deployment, and what :func:`connected_runtime` takes."""


@pytest.fixture
def codex_app_server(tmp_path: Path) -> Iterator[MakeCodex]:
    """A simulated Codex in the test's process: ``codex_app_server(script(…))``.

    Its home is a folder of the test, its clock is virtual; without a script it says back what it is
    told. When the test has ended, a script that had nothing to say when it was asked fails it.
    """
    from codex_fakes.app_server import SimulatedAppServer
    from codex_fakes.script import Script

    made: list[SimulatedAppServer] = []

    def make(plays: Script | None = None, **options: Any) -> SimulatedAppServer:
        home = options.pop("home", tmp_path / f"codex-{len(made) + 1}")
        home.mkdir(parents=True, exist_ok=True)
        said = Script(otherwise="echo") if plays is None else plays
        made.append(SimulatedAppServer(said, home=home, **options))
        return made[-1]

    yield make
    problems = [str(problem) for one in made for problem in one.problems]
    if problems:
        pytest.fail("the simulated Codex was misused: " + "; ".join(problems), pytrace=False)


@pytest.fixture
def codex_runtime(codex_app_server: MakeCodex) -> MakeRuntime:
    """A host runtime between fakes, connected.

    ``async with codex_runtime(script(…)) as runtime:`` stops it when the block ends. ``convex=``
    is where it keeps things: a deployment that the fixture ``convex`` made, or that fixture itself,
    for one with the endpoints of a host and nothing else.
    """
    try:
        from codex_fakes.component.deployed import app
        from codex_fakes.convex.wire.in_process import InProcessConvex
        from codex_fakes.host_runtime import connected_runtime
    except ImportError as error:
        raise _missing(error) from None
    from codex_fakes.app_server import SimulatedAppServer

    def make(
        codex: Script | SimulatedAppServer | None = None,
        *,
        convex: InProcessConvex | MakeConvex | None = None,
        **options: Any,
    ) -> AbstractAsyncContextManager[CodexHostRuntime]:
        server = codex if isinstance(codex, SimulatedAppServer) else codex_app_server(codex)
        if convex is not None and not isinstance(convex, InProcessConvex):
            convex = convex(app)
        return connected_runtime(server, convex, **options)

    return make


@pytest.fixture
def convex() -> Iterator[MakeConvex]:
    """An in-memory Convex in the test's process, its clock virtual: ``convex(app)``.

    When the test has ended, an app whose functions misused the fake fails it, with the code.
    """
    try:
        from codex_fakes.convex.wire.in_process import InProcessConvex
    except ImportError as error:
        raise _missing(error) from None
    made: list[InProcessConvex] = []

    def make(app: App | None = None, **options: Any) -> InProcessConvex:
        made.append(InProcessConvex(app, **options))
        return made[-1]

    yield make
    problems = [str(problem) for one in made for problem in one.server.problems]
    if problems:
        pytest.fail("the fake Convex was misused: " + "; ".join(problems), pytrace=False)


@pytest.fixture
def convex_process() -> Iterator[MakeProcess]:
    """A Convex in a process of its own: ``convex_process("package.module:app")``.

    For clients that hold the interpreter lock while they wait, as the official Python client does,
    and for tests that kill the process. It has its control door open, and ends with the test.
    """
    from codex_fakes.convex.wire.process import ConvexProcess

    started: list[ConvexProcess] = []

    def make(app: str | None = None, **options: Any) -> ConvexProcess:
        process = ConvexProcess(app, **options)
        process.start()
        started.append(process)
        return process

    try:
        yield make
    finally:
        for process in started:
            process.stop()


@pytest.fixture
def convex_url(convex_process: MakeProcess) -> Callable[..., str]:
    """The URL of a Convex in a process of its own: ``convex_url("package.module:app")``."""

    def make(app: str | None = None, **options: Any) -> str:
        return convex_process(app, **options).url

    return make


@pytest.fixture
def convex_http() -> Callable[[InProcessConvex], FailingHttp]:
    """HTTP to an in-process Convex that fails when told so: ``convex_http(convex(app))``.

    It refuses connections, times out, loses replies and answers 503 in front of the server, by
    routes of ``respx``; a test adds routes of its own to ``.router``.
    """
    try:
        from codex_fakes.convex.wire.http_failures import FailingHttp
    except ImportError as error:
        raise _missing(error) from None
    return FailingHttp


def _missing(error: ImportError) -> Exception:
    from codex_runtime.errors import ConfigurationError

    return ConfigurationError(
        "E_EXTRA_MISSING",
        f"this fixture needs {error.name}, which the extra `fakes` installs",
        advice="pip install 'codex-runtime[fakes]'",
    )
