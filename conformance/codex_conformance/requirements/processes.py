"""The requirements about the process: how it starts and ends, and what it says over HTTP.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should
from codex_conformance.targets.door import Capability

_STARTS: Final = (
    must(
        "protocol.start.home",
        "A home that is not there, or is no folder, ends the start with exit code 1.",
        "FACTS §3",
        Capability.PROCESS,
    ),
    must(
        "protocol.start.configuration",
        "The approval policy `untrusted` in config.toml ends the start with exit code 1, and so "
        "does an unknown key with --strict-config.",
        "FACTS §3",
        Capability.PROCESS,
    ),
    must(
        "protocol.start.command-line",
        "A flag or an address that cannot be understood ends the start with exit code 2.",
        "FACTS §3",
        Capability.PROCESS,
    ),
    must(
        "protocol.start.address",
        "`--listen off` alone, and a port that is taken, end the start with exit code 1.",
        "FACTS §3",
        Capability.HTTP,
    ),
    must(
        "protocol.start.unguarded",
        "Listening beyond the loopback interface without a token, and wanting a token without "
        "knowing one, end the start with exit code 1.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.start.refusal-on-stderr",
        "A start that fails says why on stderr, and nothing on stdout.",
        "FACTS §3",
        Capability.PROCESS,
    ),
    must(
        "protocol.start.warned",
        "A config.toml that is no TOML does not end the start: after initialize configWarning says "
        "so, with details and the path of the file.",
        "FACTS §3",
        Capability.PROCESS,
    ),
    should(
        "protocol.start.unknown-keys",
        "An unknown key in config.toml does not end the start: after initialize configWarning "
        "names it.",
        "FACTS §3",
        Capability.PROCESS,
    ),
)

_ENDS: Final = (
    must(
        "protocol.process.sigterm",
        "SIGTERM ends an app-server on stdio with exit code 0, also while a turn runs.",
        "FACTS §3",
        Capability.PROCESS,
    ),
    should(
        "protocol.process.other-signals",
        "SIGINT and SIGHUP end an app-server on stdio by that signal.",
        "FACTS §3",
        Capability.PROCESS,
    ),
    should(
        "protocol.process.no-last-words",
        "Nothing is written once the client has closed its side, also when a turn runs.",
        "FACTS §3",
        Capability.EXIT,
    ),
    should(
        "protocol.process.unfinished-line",
        "A last line that no newline ends is not answered.",
        "FACTS §3",
        Capability.EXIT,
    ),
    should(
        "protocol.process.not-utf-8",
        "A line that is not UTF-8 ends the app-server, with exit code 0.",
        "FACTS §3",
        Capability.EXIT,
    ),
    must(
        "lifecycle.kill.kept",
        "After SIGKILL in the middle of a turn the turns before it are there with what was said; "
        "the turn itself reads as interrupted without an end time, with the user's message and "
        "without what was being streamed.",
        "FACTS §13",
        Capability.PROCESS,
    ),
    must(
        "lifecycle.kill.goes-on",
        "After SIGKILL in the middle of a turn the thread can be resumed, and its next turn goes "
        "well.",
        "FACTS §13",
        Capability.PROCESS,
    ),
)

_HTTP: Final = (
    must(
        "protocol.http.healthy",
        "GET /readyz and GET /healthz are answered with 200 and nothing else.",
        "FACTS §15",
        Capability.HTTP,
    ),
    should(
        "protocol.http.nothing-else",
        "Any other GET that does not open a websocket is answered with 400.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.http.no-pages",
        "Whatever has an Origin header is answered with 403.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.http.token",
        "Where a token is wanted, a websocket without it or with another one is answered with "
        "401, and one with it is opened.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.frames.binary",
        "A binary frame is ignored.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.frames.parts",
        "A message may come in several parts of a text frame.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.frames.one-message",
        "Several messages in one text frame are no message, and get no answer.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.frames.ping",
        "A ping is answered with a pong that carries the same.",
        "FACTS §15",
        Capability.HTTP,
    ),
    must(
        "protocol.http.drains",
        "SIGTERM lets a running turn end: the turn reads as completed afterwards, and the exit "
        "code is 0.",
        "FACTS §15",
        Capability.PROCESS,
    ),
)

PROCESSES: Final[tuple[Requirement, ...]] = (*_STARTS, *_ENDS, *_HTTP)
"""Every one of these requirements, in the order of reports."""
