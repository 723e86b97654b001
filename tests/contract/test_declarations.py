"""The declarations of the contract hold together, and are what the specification says."""

import pytest

from codex_conformance.requirements import host_surface, states
from codex_runtime.contract.endpoints import ENDPOINTS, MANIFESTS
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import fields_of, validator_of
from codex_runtime.contract.states import MACHINES, PUBLIC_JOB_STATE, Move, Refuse
from codex_runtime.contract.states.machine import Machine, table_of
from codex_runtime.contract.tables import SCOPE, TABLES
from codex_runtime.errors import CATALOGUE, ContractError

SWEEPS = {
    ("codex_stream_deltas_ttl", ("expiresAt",)),
    ("codex_stream_receipts", ("expiresAt",)),
}


def _names(manifest, kind):
    return tuple(endpoint.name for endpoint in MANIFESTS[manifest] if endpoint.kind == kind)


def test_the_endpoints_are_those_of_the_specification_in_their_order():
    assert _names("runtimeOwned", "mutation") == host_surface.EXPECTED_MUTATIONS
    assert _names("runtimeOwned", "query") == host_surface.EXPECTED_QUERIES
    assert len(MANIFESTS["runtimeOwned"]) == 43
    assert _names("runtimeExtended", "mutation") == host_surface.EXPECTED_EXTENDED_MUTATIONS
    assert _names("runtimeExtended", "query") == host_surface.EXPECTED_EXTENDED_QUERIES


def test_no_public_name_is_an_internal_alias():
    assert not [name for name in ENDPOINTS if name.endswith("ForHooks")]
    assert not {"threadSnapshot", "listThreadMessages"} & set(ENDPOINTS)


def _written(outcome):
    if isinstance(outcome, Move):
        return outcome.to
    return outcome.code if isinstance(outcome, Refuse) else "="


@pytest.mark.parametrize("name", sorted(set(MACHINES) | set(states.EXPECTED_STATES)))
def test_every_pair_of_state_and_event_is_as_expected(name):
    machine = MACHINES[name]
    written = {
        state: {event: _written(machine.table[state, event]) for event in machine.events}
        for state in machine.states
    }
    assert written == states.EXPECTED_STATES[name]


def test_readers_are_told_the_expected_states_of_imports():
    assert dict(PUBLIC_JOB_STATE) == states.EXPECTED_PUBLIC_JOB_STATES


def test_a_terminal_state_leads_to_terminal_states_only():
    for machine in MACHINES.values():
        for (state, _), outcome in machine.table.items():
            if state in machine.terminal and isinstance(outcome, Move):
                assert outcome.to in machine.terminal, machine.name


def test_an_unknown_state_or_event_is_refused_and_never_guessed():
    for machine in MACHINES.values():
        for state, event in (("no such", machine.events[0]), (machine.states[0], "no such")):
            with pytest.raises(ContractError) as refused:
                machine.move(state, event, "It")
            assert refused.value.code == "E_STATE_UNKNOWN"


def test_a_refusal_says_whose_state_it_is():
    with pytest.raises(ContractError, match="Sync source s-1 is sealed") as refused:
        MACHINES["sync source"].move("sealed", "append", "Sync source s-1")
    assert refused.value.code == "E_SYNC_SOURCE_NOT_COLLECTING"


@pytest.mark.parametrize(
    ("rows", "terminal"),
    [
        ({"on": ("off",)}, frozenset()),
        ({"on": ("away",), "off": ("on",)}, frozenset()),
        ({"on": (Refuse("E_NOBODY_KNOWS"),), "off": ("on",)}, frozenset()),
        ({"on": ("off",), "off": ("on",)}, frozenset({"away"})),
    ],
)
def test_a_machine_with_a_hole_in_its_table_cannot_be_made(rows, terminal):
    with pytest.raises(ValueError, match="lamp"):
        Machine("lamp", ("on", "off"), ("press",), table_of(("press",), rows), terminal)


def test_every_index_but_those_of_the_sweeps_begins_with_the_scope():
    open_to_all = {
        (table.name, index.fields)
        for table in TABLES.values()
        for index in table.indexes
        if index.fields[0] != SCOPE
    }
    assert open_to_all == SWEEPS


def test_the_names_of_indexes_are_short_enough_and_different():
    for table in TABLES.values():
        names = [index.name for index in table.indexes]
        assert len(set(names)) == len(names), table.name
        assert max(map(len, names)) <= 64, table.name


def test_every_index_is_made_of_fields_of_its_table():
    for table in TABLES.values():
        fields = fields_of(table.row)
        for index in table.indexes:
            for field in index.fields:
                assert field.partition(".")[0] in fields, (table.name, field)


def test_an_index_that_a_table_lacks_is_an_error():
    with pytest.raises(KeyError, match="codex_threads has no index"):
        TABLES["codex_threads"].index("userScope", "colour")


def test_every_shape_has_a_validator():
    for function in FUNCTIONS.values():
        assert fields_of(function.args) is not None
        assert validator_of(function.returns)
    for endpoint in ENDPOINTS.values():
        assert "actor" in fields_of(endpoint.args), endpoint.name
        assert validator_of(endpoint.returns)
    for table in TABLES.values():
        assert validator_of(table.row)


def test_a_reference_names_a_table_there_is():
    for table in TABLES.values():
        for field in fields_of(table.row).values():
            if field.kind == "id":
                assert field.table in TABLES


def test_every_code_a_call_can_be_refused_with_is_in_the_catalogue():
    for function in FUNCTIONS.values():
        assert set(function.errors) <= set(CATALOGUE), function.name
    for endpoint in ENDPOINTS.values():
        assert set(endpoint.every_error) <= set(CATALOGUE), endpoint.name


def test_every_public_function_is_known_to_take_an_actor_and_no_internal_one_is_a_door():
    for function in FUNCTIONS.values():
        if not function.internal:
            assert "actor" in fields_of(function.args), function.name
    for endpoint in ENDPOINTS.values():
        if endpoint.function is not None:
            assert not FUNCTIONS[endpoint.function].internal, endpoint.name


def test_an_endpoint_that_writes_says_what_a_repetition_does():
    for endpoint in ENDPOINTS.values():
        assert (endpoint.idempotency == "read") is (endpoint.kind == "query"), endpoint.name
        assert (endpoint.idempotency == "keyed") is (endpoint.idempotency_key is not None)
