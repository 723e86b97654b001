"""What of a server outlives its process: a snapshot, then what changes, before anybody is told.

May import msgspec and the coded errors. The invariant: what is not kept yet is kept by the next
:meth:`Keeping.settle`, or it raises; what could not be kept once is kept whole the next time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Saved(msgspec.Struct, frozen=True):
    """What a snapshot of a server holds.

    Attributes:
        backend: The backend's snapshot.
        answered: The mutations that were answered.
        issuer_key: The key of the server's own tokens, if it has one.
        version: The version of this form.
    """

    backend: bytes
    answered: list[list[Any]]
    issuer_key: bytes | None
    version: int = 1


class Changed(msgspec.Struct, frozen=True):
    """What has changed since a snapshot, or since another change.

    Attributes:
        commits: What each commit changed.
        answered: The mutations that were answered since.
    """

    commits: list[bytes]
    answered: list[list[Any]]


class Keeper(Protocol):
    """What a server's data is kept in outside of its process."""

    @property
    def is_long(self) -> bool:
        """Whether it is time for a new snapshot."""

    def start(self, snapshot: bytes) -> None:
        """Keep a snapshot in the place of all that was kept."""

    def append(self, change: bytes) -> None:
        """Keep a change as well."""


class Keeping:
    """What is still to be kept, and where."""

    def __init__(self) -> None:
        self._keeper: Keeper | None = None
        self._everything = False
        self._commits: list[bytes] = []

    @property
    def wanted(self) -> bool:
        """Whether anything is to be kept."""
        return self._keeper is not None

    def begin(self, keeper: Keeper) -> None:
        """Keep from now on.

        Args:
            keeper: Where.
        """
        self._keeper = keeper
        self.begin_anew()

    def begin_anew(self) -> None:
        """Keep a snapshot next: more has changed than commits tell."""
        self._commits = []
        self._everything = True

    def add(self, commit: bytes) -> None:
        """Keep a commit next.

        Args:
            commit: What it changed.
        """
        self._commits.append(commit)

    def settle(
        self, snapshot: Callable[[], bytes], newly_answered: Callable[[], list[list[Any]]]
    ) -> None:
        """Keep what is not kept yet.

        Args:
            snapshot: Gives a snapshot of the server.
            newly_answered: Gives the mutations that were answered since this was called last.

        Raises:
            ConfigurationError: What the keeper refuses with.
        """
        keeper = self._keeper
        if keeper is None or not (self._commits or self._everything):
            return
        change = Changed(self._commits, newly_answered())
        anew = self._everything or keeper.is_long
        # What could not be added may be there in part: everything is to be written then.
        self.begin_anew()
        if anew:
            keeper.start(snapshot())
        else:
            keeper.append(msgspec.msgpack.encode(change))
        self._everything = False


def read_saved(data: bytes, changes: Iterable[bytes] = ()) -> tuple[Saved, list[Changed]]:
    """Read what was kept.

    Args:
        data: A snapshot of a server.
        changes: What was kept since, in order.

    Returns:
        Both.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: it is something else.
    """
    try:
        saved = msgspec.msgpack.decode(data, type=Saved)
        return saved, [msgspec.msgpack.decode(change, type=Changed) for change in changes]
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            "E_FAKE_CONVEX_SNAPSHOT_INVALID", f"this is no snapshot of a fake Convex: {error}"
        ) from None
