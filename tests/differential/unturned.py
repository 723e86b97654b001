"""Scenarios about threads that are kept although they never had a turn."""

from __future__ import annotations

from codex_fakes.script import Script
from support.programs import Call, Program, Restart, read, start, turn

QUIET = Script(otherwise="echo")


def ask(method, **params):
    return Call(method, {"threadId": "$t", **params})


def listing(**params):
    return Call("thread/list", params)


NAMED = ask("thread/name/set", name="n")
RESUMED = ask("thread/resume", excludeTurns=True)


def kept(mode):
    """The same for each way in which history is kept."""
    begun = start(historyMode=mode, approvalPolicy="never", sandbox="read-only", model="gpt-5.2")
    return {
        "named, resumed behind a restart": (
            begun,
            NAMED,
            Restart(),
            read(turns=False),
            RESUMED,
            listing(),
            turn(),
            read(turns=False),
            Restart(),
            read(turns=False),
        ),
        "named, resumed whole behind a restart": (
            begun,
            NAMED,
            Restart(),
            ask("thread/resume"),
            turn(),
            read(turns=False),
        ),
        "named, resumed whole twice": (
            begun,
            NAMED,
            RESUMED,
            ask("thread/resume"),
            read(turns=False),
            turn(),
            ask("thread/resume"),
        ),
        "named, forked behind a restart": (
            begun,
            NAMED,
            Restart(),
            Call("thread/fork", {"threadId": "$t", "excludeTurns": True}, saves="f"),
            turn(thread="$f"),
            read("$f", turns=False),
        ),
        "named and archived": (
            begun,
            NAMED,
            ask("thread/archive"),
            listing(archived=True),
            listing(),
            ask("thread/unarchive"),
            RESUMED,
        ),
        "archived without a name": (
            begun,
            ask("thread/archive"),
            listing(archived=True),
            Restart(),
            listing(archived=True),
            ask("thread/unarchive"),
            listing(),
        ),
        "named and searched": (
            begun,
            NAMED,
            listing(searchTerm="n"),
            listing(searchTerm="none"),
        ),
    }


PROGRAMS = {
    f"{mode} thread, {name}": Program(QUIET, steps, {"approval_policy": "never"})
    for mode in ("paginated", "legacy")
    for name, steps in kept(mode).items()
}
