"""Holds all messages there are to a lock: recorded ones, ours, and those of the simulation.

May import the other modules of this package. The invariant: a verification that finds no problem
has judged something of each kind, and says of what it could not judge that it did not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codex_runtime.protocol.lock.reading import read_lock
from codex_runtime.protocol.lock.validators import LockValidators
from codex_runtime.tooling.schema.recordings import judge_recording, recordings_in
from codex_runtime.tooling.schema.samples import judge_builders
from codex_runtime.tooling.schema.simulated import Census, take_census

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification has found.

    Attributes:
        recordings: How many files were read.
        recorded: How many recorded messages were judged.
        methods: How many methods they were of.
        built: How many of our own messages were judged.
        simulated: How many messages of the simulated app-server were judged.
        census: What the simulated app-server plays; ``None`` when it was not asked.
        problems: What is wrong.
    """

    recordings: int
    recorded: int
    methods: int
    built: int
    simulated: int
    census: Census | None
    problems: tuple[str, ...]


def verify(
    folder: Traversable, recordings: Sequence[Path], simulated: Sequence[str] | None
) -> VerifyReport:
    """Hold messages to a lock.

    Args:
        folder: The lock's folder.
        recordings: Files and folders of recorded messages.
        simulated: How the simulated app-server is started; ``None`` to leave it out.

    Returns:
        What was found.

    Raises:
        ConfigurationError: As :func:`codex_runtime.protocol.lock.reading.read_lock`;
            ``E_EXTRA_MISSING``; ``E_SCHEMA_MESSAGES_UNREADABLE``.
        AppServerError: As :func:`codex_runtime.tooling.schema.simulated.take_census`.
    """
    lock = read_lock(folder)
    validators = LockValidators(lock)
    problems: list[str] = [
        f"{method.name}: the lock does not know its result"
        for kind, method in lock.every()
        if kind.answered and method.result is None
    ]
    judged: Counter[str] = Counter()
    files = recordings_in(recordings)
    for path in files:
        problems += judge_recording(path, validators, judged)
    built, wrong = judge_builders(validators)
    problems += wrong
    census, said = None, Counter[str]()
    if simulated is not None:
        census = take_census(simulated, lock, validators, said)
        problems += census.problems
        problems += [f"{name}: the simulation does not know it" for name in census.unknown]
    return VerifyReport(
        len(files),
        judged.total(),
        len(judged),
        built,
        said.total(),
        census,
        tuple(problems),
    )
