"""Directives that write tables from the project's own data, so that no fact is told twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from codex_conformance.requirements import EVERY_REQUIREMENT
from codex_runtime.errors import CATALOGUE, Fault
from codex_runtime.protocol.correlation import TRANSITIONS
from codex_runtime.protocol.methods import LEGACY_METHODS
from codex_runtime.tooling.schema.changes import BREAKS, ChangeKind, Speaker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx


class _Table(SphinxDirective):
    """A table of rows of reStructuredText."""

    def table(self, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[nodes.Node]:
        """Render a list-table."""
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in (header, *rows):
            for place, cell in enumerate(row):
                lines.append(f"   {'*' if place == 0 else ' '} - {cell}")
        return self.parse_text_to_nodes("\n".join(lines))

    def parse_text_to_nodes(self, text: str, **_: Any) -> list[nodes.Node]:
        """Parse as reStructuredText, whatever the page is written in."""
        from docutils.core import publish_doctree

        return list(publish_doctree(text, settings_overrides={"report_level": 5}).children)


class ErrorCatalogue(_Table):
    """Every error code, by whose fault it is."""

    def run(self) -> list[nodes.Node]:
        """Write one section per party at fault."""
        written: list[nodes.Node] = []
        for fault in Fault:
            entries = [entry for entry in CATALOGUE.values() if entry.fault is fault]
            if not entries:
                continue
            written.append(nodes.rubric("", f"The fault is the {fault.value}'s"))
            written += self.table(
                ("Code", "Raised when", "What to do", "Again?"),
                (
                    (f"``{e.code}``", e.trigger, e.advice, "yes" if e.recoverable else "no")
                    for e in entries
                ),
            )
        return written


class RequestStates(_Table):
    """What can become of a request."""

    def run(self) -> list[nodes.Node]:
        """Write the transition table."""
        return self.table(
            ("State", "Event", "Becomes"),
            ((s.value, event.value, after.value) for (s, event), after in TRANSITIONS.items()),
        )


class LegacyMethods(_Table):
    """Methods that are gone, and what took their place."""

    def run(self) -> list[nodes.Node]:
        """Write the table."""
        return self.table(
            ("Method", "Now"), ((f"``{old}``", new) for old, new in LEGACY_METHODS.items())
        )


class Requirements(_Table):
    """Every requirement of the conformance suites."""

    def run(self) -> list[nodes.Node]:
        """Write the table."""
        return self.table(
            ("Requirement", "Level", "Rule", "Source"),
            ((f"``{r.id}``", r.level.value, r.text, r.source) for r in EVERY_REQUIREMENT.values()),
        )


class SchemaChanges(_Table):
    """What a change of the protocol lock breaks, by who says the thing that changes."""

    def run(self) -> list[nodes.Node]:
        """Write the table."""
        words = {True: "breaks", False: "reported"}
        return self.table(
            ("Change", *(f"{speaker.value} it" for speaker in Speaker)),
            (
                (kind.value, *(words[kind in BREAKS[speaker]] for speaker in Speaker))
                for kind in ChangeKind
            ),
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("error-catalogue", ErrorCatalogue)
    app.add_directive("request-states", RequestStates)
    app.add_directive("legacy-methods", LegacyMethods)
    app.add_directive("requirements", Requirements)
    app.add_directive("schema-changes", SchemaChanges)
    return {"parallel_read_safe": True}
