"""What a review is about: how that is shown, and what the model is asked for it.

May import the dialect, and as a type the files. The texts are the real server's. The invariant: a
target that is accepted names something, blanks around it taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codex_fakes.app_server.dialect.messages import Refusal

if TYPE_CHECKING:
    from codex_fakes.app_server.surroundings.files import Files

_FINDINGS = "Provide prioritized, actionable findings."


@dataclass(frozen=True, slots=True)
class ReviewTarget:
    """What a review is about.

    Attributes:
        kind: The kind of target, as the wire names it.
        name: The instructions, the branch or the commit; empty for uncommitted changes.
        title: The commit's title, if the client tells it.
    """

    kind: str
    name: str = ""
    title: str = ""

    @property
    def hint(self) -> str:
        """What the review is shown to be about."""
        if self.kind == "uncommittedChanges":
            return "current changes"
        if self.kind == "baseBranch":
            return f"changes against '{self.name}'"
        if self.kind == "commit":
            return f"commit {self.name[:7]}" + (f": {self.title}" if self.title else "")
        return self.name

    def prompt(self, files: Files, cwd: str) -> str:
        """What the model is asked in a review of the thread itself.

        Args:
            files: The server's files, among which git finds the base of a branch.
            cwd: The thread's folder.
        """
        if self.kind == "uncommittedChanges":
            return (
                "Review the current code changes (staged, unstaged, and untracked files) and "
                "provide prioritized findings."
            )
        if self.kind == "baseBranch":
            return _against_branch(self.name, files.merge_base(cwd, self.name))
        if self.kind == "commit":
            title = f' ("{self.title}")' if self.title else ""
            return f"Review the code changes introduced by commit {self.name}{title}. {_FINDINGS}"
        return self.name

    def task(self) -> str:
        """What the model is asked in a review that has a thread of its own."""
        if self.kind == "uncommittedChanges":
            return "Review the current code changes (staged, unstaged, and untracked files)."
        if self.kind == "baseBranch":
            return f'Review the code changes against the base branch "{self.name}".'
        if self.kind == "commit":
            return f'Review the changes introduced by commit "{self.name}".'
        return self.name


def _against_branch(branch: str, base: str | None) -> str:
    against = f"Review the code changes against the base branch '{branch}'."
    if base is not None:
        return (
            f"{against} The merge base commit for this comparison is {base}. Run `git diff {base}` "
            f"to inspect the changes relative to {branch}. {_FINDINGS}"
        )
    upstream = f'git rev-parse --abbrev-ref "{branch}@{{upstream}}"'
    return (
        f"{against} Start by finding the merge diff between the current branch and {branch}'s "
        f'upstream e.g. (`git merge-base HEAD "$({upstream})"`), then run `git diff` against that '
        f"SHA to see what changes we would merge into the {branch} branch. {_FINDINGS}"
    )


def read_target(target: dict[str, Any]) -> ReviewTarget:
    """Read the ``target`` of review/start.

    Args:
        target: The member, whose shape was checked.

    Returns:
        The target.

    Raises:
        Refusal: It names nothing.
    """
    kind = target["type"]
    member = {"baseBranch": "branch", "commit": "sha", "custom": "instructions"}.get(kind)
    if member is None:
        return ReviewTarget(kind)
    name = target[member].strip()
    if not name:
        raise Refusal(f"{member} must not be empty")
    return ReviewTarget(kind, name, (target.get("title") or "").strip())
