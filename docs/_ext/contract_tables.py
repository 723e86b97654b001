"""Directives that write the reference of the contract from the contract itself."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from catalogues import _Table
from docutils import nodes

from codex_runtime.contract import limits
from codex_runtime.contract.endpoints import MANIFESTS
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import fields_of, validator_of
from codex_runtime.contract.states import MACHINES, Move, Refuse
from codex_runtime.contract.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx

    from codex_runtime.contract.endpoints import Endpoint
    from codex_runtime.contract.functions import Function
    from codex_runtime.contract.shapes import Record
    from codex_runtime.contract.states import Outcome
    from codex_runtime.values import Validator

_REPEATED = {
    "read": "nothing: it only reads",
    "natural": "the same again",
    "none": "another effect: do not repeat a call whose reply was lost blindly",
}
_UNMAPPED = {
    "raise": "``E_CONVERSATION_NOT_FOUND``",
    "null": "null",
    "empty": "an empty list or page; of a mutation: it binds one",
    "safe": "a safe answer, with ``threadStatus`` and ``code``",
}


class ContractTables(_Table):
    """Every table: its fields, and its indexes with what they are for."""

    def run(self) -> list[nodes.Node]:
        """Write one part for each table."""
        written: list[nodes.Node] = []
        for table in TABLES.values():
            written += [nodes.rubric("", table.name), nodes.paragraph("", table.about)]
            written += self.table(("Field", "Type"), _fields(table.row))
            written += self.table(
                ("Index", "For"),
                ((", ".join(f"``{field}``" for field in i.fields), i.why) for i in table.indexes),
            )
        return written


class StateTables(_Table):
    """Every state machine: what comes of each event in each state."""

    def run(self) -> list[nodes.Node]:
        """Write one table for each machine."""
        written: list[nodes.Node] = []
        for machine in MACHINES.values():
            written.append(nodes.rubric("", machine.name))
            header = ("State", *(f"``{event}``" for event in machine.events))
            rows = (
                (
                    f"``{state}``" + (" (an end)" if state in machine.terminal else ""),
                    *(_outcome(machine.table[state, event]) for event in machine.events),
                )
                for state in machine.states
            )
            written += self.table(header, rows)
        return written


class ComponentFunctions(_Table):
    """Every function of the component, module by module."""

    def run(self) -> list[nodes.Node]:
        """Write one part for each function."""
        written: list[nodes.Node] = []
        for function in FUNCTIONS.values():
            door = "internal " if function.internal else ""
            written += [
                nodes.rubric("", f"{function.name} ({door}{function.kind})"),
                nodes.paragraph("", function.about),
                *self.table(("Argument", "Type"), _fields(function.args)),
                *_returns(function),
                *self.codes(function.errors),
            ]
        return written

    def codes(self, codes: Iterable[str]) -> list[nodes.Node]:
        """Name the codes a call can be refused with."""
        named = ", ".join(f"``{code}``" for code in codes)
        return self.parse_text_to_nodes(f"Refuses with {named}.") if named else []


class HostEndpoints(ComponentFunctions):
    """Every endpoint of one manifest."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write one part for each endpoint."""
        written: list[nodes.Node] = []
        for endpoint in MANIFESTS[self.arguments[0]]:
            written += [
                nodes.rubric("", f"{endpoint.name} ({endpoint.kind})"),
                nodes.paragraph("", endpoint.about),
                *self.table(("", ""), _facts(endpoint)),
                *self.table(("Argument", "Type"), _fields(endpoint.args)),
                *_returns(endpoint),
                *self.codes(endpoint.every_error),
            ]
        return written


class ContractLimits(_Table):
    """Every limit by its name."""

    def run(self) -> list[nodes.Node]:
        """Write the table."""
        numbers = (
            (name, value) for name, value in vars(limits).items() if isinstance(value, int | tuple)
        )
        return self.table(
            ("Name", "Value"),
            (
                (f"``{name}``", f"{value:,}" if isinstance(value, int) else str(value))
                for name, value in numbers
                if name.isupper()
            ),
        )


def _fields(shape: type[Record]) -> list[tuple[str, str]]:
    return [(f"``{name}``{_mark(field)}", _type(field)) for name, field in fields_of(shape).items()]


def _mark(field: Validator) -> str:
    return " (may be absent)" if field.is_optional else ""


def _type(field: Validator) -> str:
    return f"``{field.required().typescript_type()}``"


def _outcome(outcome: Outcome) -> str:
    if isinstance(outcome, Move):
        return f"→ ``{outcome.to}``"
    return f"``{outcome.code}``" if isinstance(outcome, Refuse) else "stays"


def _returns(declared: Function | Endpoint) -> list[nodes.Node]:
    source = f"returns {validator_of(declared.returns).typescript_type()}"
    wrapped = "\n".join(textwrap.wrap(source, 96, subsequent_indent="    "))
    return [nodes.literal_block(wrapped, wrapped, language="text")]


def _facts(endpoint: Endpoint) -> list[tuple[str, str]]:
    facts = [("Addressed by", endpoint.scope)]
    if endpoint.function is not None:
        facts.append(("Leads to", f"``{endpoint.function}``"))
    if endpoint.scope == "conversation":
        facts.append(("Of a conversation that is bound to nothing", _UNMAPPED[endpoint.unmapped]))
    key = endpoint.idempotency_key
    again = _REPEATED.get(endpoint.idempotency, f"the same again while ``{key}`` is the same")
    facts.append(("Called again, it does", again))
    facts += [
        (f"Without ``{absent}``", f"that is ``{source}``")
        for absent, source in endpoint.defaults.items()
    ]
    if endpoint.operators_only:
        facts.append(("For", "operators, with the deployment's admin key"))
    return facts


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("contract-tables", ContractTables)
    app.add_directive("state-tables", StateTables)
    app.add_directive("component-functions", ComponentFunctions)
    app.add_directive("host-endpoints", HostEndpoints)
    app.add_directive("contract-limits", ContractLimits)
    return {"parallel_read_safe": True}
