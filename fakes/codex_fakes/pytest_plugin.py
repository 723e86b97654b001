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

    from codex_fakes.convex import App
    from codex_fakes.convex.wire.http_failures import FailingHttp
    from codex_fakes.convex.wire.in_process import InProcessConvex
    from codex_fakes.convex.wire.process import ConvexProcess


class MakeConvex(Protocol):
    """Makes a Convex in the test's own process."""

    def __call__(self, app: App | None = None, **options: Any) -> InProcessConvex:
        """Make one: ``app``, and what :class:`InProcessConvex` takes."""


class MakeProcess(Protocol):
    """Starts a Convex in a process of its own."""

    def __call__(self, app: str | None = None, **options: Any) -> ConvexProcess:
        """Start one: ``app`` by name, and what :class:`ConvexProcess` takes."""


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
        f"the fixtures of the fake Convex need {error.name}, which the extra `fakes` installs",
        advice="pip install 'codex-runtime[fakes]'",
    )
