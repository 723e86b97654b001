"""The requirements about turns that are cut, commands nobody is asked about, and long waits.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should
from codex_conformance.targets.door import Capability

_CUTS: Final = (
    should(
        "lifecycle.revert.running",
        "Reverting a paginated thread whose turn runs interrupts the turn first; then "
        "thread/reverted comes.",
        "FACTS §7",
    ),
    should(
        "lifecycle.compaction.running",
        "Compacting a thread whose turn runs interrupts the turn.",
        "FACTS §7",
    ),
    should(
        "lifecycle.review.running",
        "Reviewing a thread whose turn runs interrupts the turn.",
        "FACTS §7",
    ),
    should(
        "lifecycle.interrupt.still-named",
        "When an interrupted turn was the last one, an interrupt by another id is refused with "
        "-32600 `expected active turn id …`.",
        "FACTS §10",
    ),
    should(
        "lifecycle.interrupt.hangs",
        "Interrupting a turn that has been interrupted already is not answered until the next "
        "turn of the thread ends, and then with {}.",
        "FACTS §10",
    ),
)

_COMMANDS: Final = (
    must(
        "lifecycle.command.unasked",
        "A command that nobody is asked about has an item that completes with its exit code and "
        "its output: as completed with exit code 0, as failed with any other.",
        "FACTS §8",
    ),
    must(
        "lifecycle.command.ids",
        "The item of a command has the id of the model's call.",
        "FACTS §6",
    ),
    must(
        "lifecycle.approval.amendment",
        "A command that was allowed with the proposed amendment runs again without being asked "
        "about.",
        "FACTS §9",
    ),
    must(
        "lifecycle.terminal.interaction",
        "What the model types into a command that goes on is told by "
        "item/commandExecution/terminalInteraction, with the item and the text.",
        "FACTS §8",
    ),
    must(
        "lifecycle.command.denied",
        "A command that the sandbox denies has an item that completes as failed, or, when it ends "
        "at once, none; the turn goes on.",
        "FACTS §8",
    ),
    must(
        "lifecycle.approval.never",
        "Where nobody is asked, a command that wants to leave the sandbox has no item, and the "
        "turn goes on.",
        "FACTS §9",
    ),
)

_WAITS: Final = (
    must(
        "lifecycle.failure.idle",
        "A turn whose model says nothing any more fails with `stream disconnected before "
        "completion: idle timeout waiting for SSE`.",
        "FACTS §12",
    ),
    must(
        "lifecycle.retry.network",
        "A turn whose model API cannot be reached does not fail: an error says that it waits for "
        "the network and will retry, and the turn can be interrupted.",
        "FACTS §12",
    ),
    must(
        "lifecycle.compaction.automatic",
        "After a turn that failed because the thread is too long, the next turn begins with an "
        "item contextCompaction, and ends well.",
        "FACTS §7",
    ),
    should(
        "protocol.initialize.installation",
        "The installationId that an app-server reports after initialize is a UUID, and the same "
        "after a restart.",
        "FACTS §5",
        Capability.RESTART,
    ),
)

CUTS: Final[tuple[Requirement, ...]] = (*_CUTS, *_COMMANDS, *_WAITS)
"""Every one of these requirements, in the order of reports."""
