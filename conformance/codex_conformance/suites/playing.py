"""A play is what client and model do; a scene is what came of it on a target.

May import the stage, the wire and the targets' definitions. The invariant: playing a scene always
yields a scene. What went wrong on the app-server's side is recorded in it; what goes wrong on ours
is raised.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codex_conformance.suites.stage import Stage
from codex_conformance.targets.door import Capability, StageSettings
from codex_conformance.wire.probe import Unmet, Why
from codex_conformance.wire.transcript import Transcript
from codex_conformance.wire.turns import Turn, turns_of
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_conformance.targets.door import Target
    from codex_conformance.wire.transcript import Entry
    from codex_fakes.script.steps import Script

DEFAULT_BOUND: Final = 20.0
"""Seconds a scene may take on any target."""


@dataclass(frozen=True, slots=True)
class Play:
    """What the client and the model do.

    Attributes:
        name: Its name.
        says: In a sentence, what happens.
        script: What the model does.
        act: What the client does.
        settings: How the app-server is configured.
        bound: Seconds it may take.
        needs: What it asks of a target.
    """

    name: str
    says: str
    script: Script
    act: Callable[[Stage], Awaitable[None]] = field(repr=False)
    settings: StageSettings = field(default_factory=StageSettings)
    bound: float = DEFAULT_BOUND
    needs: frozenset[Capability] = frozenset({Capability.SCRIPTED_MODEL})


def play(
    name: str,
    script: Script,
    *,
    settings: StageSettings | None = None,
    bound: float = DEFAULT_BOUND,
    needs: tuple[Capability, ...] = (),
) -> Callable[[Callable[[Stage], Awaitable[None]]], Play]:
    """Turn an async function into a play; its docstring says what happens.

    Args:
        name: The play's name.
        script: What the model does.
        settings: How the app-server is configured.
        bound: Seconds it may take.
        needs: What it asks of a target, apart from a scripted model.
    """

    def decorate(act: Callable[[Stage], Awaitable[None]]) -> Play:
        return Play(
            name=name,
            says=(act.__doc__ or "").strip(),
            script=script,
            act=act,
            settings=settings or StageSettings(),
            bound=bound,
            needs=frozenset({Capability.SCRIPTED_MODEL, *needs}),
        )

    return decorate


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """Why a scene did not come to its end.

    Attributes:
        awaited: What the play waited for when it ended.
        why: Why that cannot come any more.
        reason: The whole story, in words.
    """

    awaited: str
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A play that was played: what passed over its connections.

    Attributes:
        play: The play.
        transcripts: One for each app-server that was started, in order.
        broken_off: Why it did not come to its end, if it did not.
    """

    play: Play
    transcripts: tuple[Transcript, ...]
    broken_off: BrokenOff | None = None

    @property
    def transcript(self) -> Transcript:
        """What passed over the first connection; empty when there was none."""
        return self.transcripts[0] if self.transcripts else Transcript()

    @property
    def last(self) -> Transcript:
        """What passed over the last connection; empty when there was none."""
        return self.transcripts[-1] if self.transcripts else Transcript()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that passed, connection after connection."""
        return tuple(entry for transcript in self.transcripts for entry in transcript.entries)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns the client started, over all connections."""
        return tuple(turn for transcript in self.transcripts for turn in turns_of(transcript))

    def section(self, name: str) -> tuple[Entry, ...] | None:
        """A named section of any connection; ``None`` when the scene never came there."""
        for transcript in self.transcripts:
            found = transcript.section(name)
            if found is not None:
                return found
        return None

    def missed(self, method: str) -> bool:
        """Whether the scene broke off because this did not come, although it still could have."""
        return (
            self.broken_off is not None
            and self.broken_off.awaited == method
            and self.broken_off.why in (Why.QUIET, Why.BOUND)
        )


async def perform(piece: Play, target: Target) -> Scene:
    """Play a play on a target.

    Args:
        piece: The play.
        target: The target; it must have the capabilities the play needs.

    Returns:
        The scene, complete or broken off.
    """
    stage: Stage | None = None
    broken_off: BrokenOff | None = None
    try:
        async with (
            asyncio.timeout(piece.bound),
            target.open(piece.script, piece.settings) as venue,
        ):
            stage = Stage(venue, target.patience)
            try:
                await piece.act(stage)
            except Unmet as unmet:
                broken_off = BrokenOff(unmet.awaited, unmet.why, f"waited for {unmet}")
            if stage.transcripts:
                await stage.end()
            if venue.problems and broken_off is None:
                # What the model was asked is not what the play is about: nothing is proven by it.
                reason = f"the model was not asked as scripted: {'; '.join(venue.problems)}"
                broken_off = BrokenOff("a model that plays its script", Why.MALFORMED, reason)
    except CodexRuntimeError as error:
        broken_off = broken_off or BrokenOff("an app-server", Why.ENDED, str(error))
    except TimeoutError:
        reason = f"the scene took longer than {piece.bound:g} s"
        broken_off = broken_off or BrokenOff("the end of the scene", Why.BOUND, reason)
    transcripts = tuple(stage.transcripts) if stage is not None else ()
    return Scene(piece, transcripts, broken_off)
