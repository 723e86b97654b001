"""``validateHostWiring`` and ``probeHostWiring``: a good host passes, every broken one is noticed.

Nothing that is tried is left behind (spec 05 §7, "Better").
"""

from dataclasses import replace

import pytest

from codex_conformance.requirements.host_surface import EXPECTED_WIRING_READS
from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.host.rehearsal import REHEARSALS
from codex_fakes.component.host.witnesses import WITNESSES
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex import App, Backend, Component, Identity, mutation, query, v
from codex_runtime.contract.endpoints import ENDPOINTS, MANIFESTS
from support.component_world import documents

SIGNED_IN = Identity(subject="u")
QUERIES = [
    endpoint.name
    for endpoint in ENDPOINTS.values()
    if endpoint.kind == "query" and endpoint.name != "validateHostWiring"
]
MUTATIONS = sorted(REHEARSALS)
FORWARDED = [name for name in MUTATIONS if name in WITNESSES]


def host(changes=(), *, components=None, module="chat", without=(), trusted_actor=False, **options):
    """A deployment whose host has some endpoints changed, and lacks others."""
    endpoints = {**define_codex_host_definitions(trusted_actor=trusted_actor, **options)}
    for name in without:
        del endpoints[name]
    endpoints |= dict(changes)
    mounted = {COMPONENT_NAME: component} if components is None else components
    return Backend(App(modules={module: endpoints}, components=mounted))


def report(backend, name, *, identity=SIGNED_IN, module="chat", **args):
    """What the host says of its wiring."""
    run = backend.query if name == "validateHostWiring" else backend.mutation
    return run(f"{module}:{name}", {"actor": {}, **args}, identity=identity).unwrap()


def failed(told):
    """The codes of what failed, by name."""
    assert told["ok"] is not any(not check["ok"] for check in told["checks"])
    return {check["name"]: check["code"] for check in told["checks"] if not check["ok"]}


def answering(name, handler):
    """An endpoint with the contract's name and kind and a handler of its own."""
    declare = query if ENDPOINTS[name].kind == "query" else mutation
    return {name: declare(name=name)(handler)}


@pytest.mark.parametrize("identity", [SIGNED_IN, None], ids=["signed in", "signed out"])
@pytest.mark.parametrize("trusted", [False, True], ids=["bound", "trusted"])
@pytest.mark.parametrize("name", ["validateHostWiring", "probeHostWiring"])
def test_a_good_host_passes_and_is_left_as_it_was(name, trusted, identity):
    backend = host(trusted_actor=trusted)
    before = documents(backend)
    told = report(backend, name, identity=identity)
    assert failed(told) == {}
    assert told["ok"]
    assert documents(backend) == before
    assert backend.next_due() is None


def test_the_reads_of_the_component_come_first_then_every_query_then_the_actor():
    names = [check["name"] for check in report(host(), "validateHostWiring")["checks"]]
    assert names[: len(EXPECTED_WIRING_READS)] == list(EXPECTED_WIRING_READS)
    assert sorted(names[len(EXPECTED_WIRING_READS) : -1]) == sorted(QUERIES)
    assert names[-1] == "actorBinding"


def test_every_mutation_but_those_that_try_others_is_rehearsed():
    names = [check["name"] for check in report(host(), "probeHostWiring")["checks"]]
    mutations = {name for name, endpoint in ENDPOINTS.items() if endpoint.kind == "mutation"}
    assert set(names) == mutations - {"probeHostWiring", "rehearseHostMutation"}
    assert set(names) == set(REHEARSALS)
    assert set(REHEARSALS) - set(WITNESSES) == {"interruptTurn"}


def test_a_host_of_the_first_manifest_alone_can_be_validated():
    backend = host(manifests=["runtimeOwned"])
    told = report(backend, "validateHostWiring")
    assert failed(told) == {}
    named = {check["name"] for check in told["checks"]}
    assert named.isdisjoint(endpoint.name for endpoint in MANIFESTS["runtimeExtended"])


def test_a_host_in_a_module_of_another_name_is_tried_there():
    backend = host(module="talk")
    codes = failed(report(backend, "validateHostWiring", module="talk"))
    assert set(codes) == {*QUERIES, "actorBinding"}
    assert set(codes.values()) == {"E_HOST_WIRING_ENDPOINT_MISSING"}
    named = Backend(
        App(
            modules={"talk": define_codex_host_definitions(module="talk")},
            components={COMPONENT_NAME: component},
        )
    )
    assert failed(report(named, "validateHostWiring", module="talk")) == {}
    assert failed(report(named, "probeHostWiring", module="talk")) == {}


def test_a_conversation_that_is_named_is_resolved_to_its_thread():
    backend = host()
    for conversation in ("there", "nowhere"):
        told = report(backend, "validateHostWiring", conversationId=conversation)
        assert failed(told) == {}
        backend.mutation(
            "chat:ensureConversationBinding",
            {"actor": {}, "conversationId": "there"},
            identity=SIGNED_IN,
        ).unwrap()


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_that_is_missing_is_noticed(name):
    told = failed(report(host(without=[name]), "validateHostWiring"))
    assert told[name] == "E_HOST_WIRING_ENDPOINT_MISSING"


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_that_is_missing_is_noticed(name):
    told = failed(report(host(without=[name]), "probeHostWiring"))
    assert told[name] == "E_HOST_WIRING_ENDPOINT_MISSING"


@pytest.mark.parametrize("name", ["persistenceStats", "getDeletionStatus"])
def test_a_query_that_is_a_mutation_is_noticed(name):
    wrong = {name: mutation(name=name)(lambda ctx, args: None)}
    told = failed(report(host(wrong), "validateHostWiring"))
    assert told[name] == "E_HOST_WIRING_ENDPOINT_MISSING"


@pytest.mark.parametrize("name", ["ensureSession", "deleteThread"])
def test_a_mutation_that_is_a_query_is_noticed(name):
    wrong = {name: query(name=name)(lambda ctx, args: None)}
    told = failed(report(host(wrong), "probeHostWiring"))
    assert told[name] == "E_HOST_WIRING_ENDPOINT_MISSING"


@pytest.mark.parametrize("name", ["listPendingApprovals", "ensureConversationBinding"])
def test_an_endpoint_that_takes_other_arguments_is_noticed(name):
    declare = query if ENDPOINTS[name].kind == "query" else mutation
    fields = {"actor": v.any(), "conversation": v.string()}
    wrong = {name: declare(args=fields, name=name)(lambda ctx, args: None)}
    tried = "validateHostWiring" if declare is query else "probeHostWiring"
    assert failed(report(host(wrong), tried))[name] == "E_HOST_WIRING_ARGUMENTS"


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_that_answers_in_another_shape_is_noticed(name):
    wrong = answering(name, lambda ctx, args: "anything")
    told = failed(report(host(wrong), "validateHostWiring"))
    assert told[name] == "E_HOST_WIRING_ANSWER"


def test_an_endpoint_that_crashes_is_noticed():
    def crash(ctx, args):
        raise RuntimeError("of the application's own making")

    for name, tried in (
        ("getDeletionStatus", "validateHostWiring"),
        ("ensureSession", "probeHostWiring"),
    ):
        told = failed(report(host(answering(name, crash)), tried))
        assert told[name] == "E_HOST_WIRING_ANSWER"


@pytest.mark.parametrize(
    "components",
    [
        {},
        {"codex": component},
        {COMPONENT_NAME: Component()},
    ],
    ids=["not mounted", "under another name", "something else"],
)
def test_a_component_that_is_not_there_is_noticed(components):
    backend = host(components=components)
    told = report(backend, "validateHostWiring")
    assert not told["ok"]
    codes = failed(told)
    assert codes["messages.listByThread"] == "E_HOST_WIRING_COMPONENT_MISSING"
    assert codes["listPendingApprovals"] == "E_HOST_WIRING_COMPONENT_MISSING"
    assert set(codes.values()) == {"E_HOST_WIRING_COMPONENT_MISSING"}
    probed = failed(report(backend, "probeHostWiring"))
    assert probed["ensureSession"] == "E_HOST_WIRING_COMPONENT_MISSING"
    assert set(probed.values()) == {"E_HOST_WIRING_COMPONENT_MISSING"}


def test_a_component_that_lacks_functions_is_noticed():
    part = replace(component, modules={"threads": component.modules["threads"]})
    backend = host(components={COMPONENT_NAME: part})
    codes = failed(report(backend, "validateHostWiring"))
    assert codes["messages.listByThread"] == "E_HOST_WIRING_COMPONENT_MISSING"
    assert codes["listPendingApprovals"] == "E_HOST_WIRING_COMPONENT_MISSING"
    assert "threads.getState" not in codes
    probed = failed(report(backend, "probeHostWiring"))
    assert probed["ensureSession"] == "E_HOST_WIRING_COMPONENT_MISSING"
    assert "archiveConversation" not in probed


def test_a_component_under_another_name_passes_when_the_host_knows_the_name():
    backend = Backend(
        App(
            modules={"chat": define_codex_host_definitions("codex")},
            components={"codex": component},
        )
    )
    assert failed(report(backend, "validateHostWiring")) == {}
    assert failed(report(backend, "probeHostWiring")) == {}


TRUSTING = define_codex_host_definitions(trusted_actor=True)
BOUND_QUERIES = [
    name for name in QUERIES if not ENDPOINTS[name].operators_only and name != "extendedManifest"
]


@pytest.mark.parametrize("name", BOUND_QUERIES)
def test_a_query_that_lets_anybody_act_as_anybody_is_noticed(name):
    told = report(host({name: TRUSTING[name]}), "validateHostWiring")
    assert failed(told) == {"actorBinding": "E_HOST_WIRING_ACTOR_UNBOUND"}
    assert name in told["checks"][-1]["error"]


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_that_lets_anybody_act_as_anybody_is_noticed_and_nothing_is_kept(name):
    backend = host({name: TRUSTING[name]})
    before = documents(backend)
    told = failed(report(backend, "probeHostWiring"))
    assert told == {name: "E_HOST_WIRING_ACTOR_UNBOUND"}
    assert documents(backend) == before


@pytest.mark.parametrize("name", FORWARDED)
def test_a_mutation_that_writes_elsewhere_is_noticed(name):
    real = define_codex_host_definitions()[name]
    taken_back = {}

    def taking_back(ctx, args):
        taken_back["answer"] = real.handler(ctx, args)
        raise RuntimeError("taken back")

    def elsewhere(ctx, args):
        try:
            ctx.run_mutation(f"chat:{name}Really", args)
        except Exception as error:
            if "taken back" not in str(error):
                raise
        ctx.db.insert("ledger", {"name": name})
        return taken_back["answer"]

    changed = {
        name: mutation(name=name)(elsewhere),
        f"{name}Really": mutation(name=f"{name}Really")(taking_back),
    }
    told = failed(report(host(changed), "probeHostWiring"))
    assert told[name] == "E_HOST_WIRING_WRITES_ELSEWHERE"


def test_a_rehearsal_is_for_operators_and_always_takes_itself_back():
    backend = host()
    call = ("chat:rehearseHostMutation", {"actor": {"userId": "u"}, "name": "ensureSession"})
    refused = backend.mutation(*call, identity=SIGNED_IN)
    assert "Could not find public function" in refused.error.message
    rehearsed = backend.mutation(*call, identity=SIGNED_IN, internal=True)
    assert rehearsed.error.data["code"] == "E_HOST_WIRING_REHEARSED"
    assert not [key for key in documents(backend) if not key[1].startswith("_")]


@pytest.mark.parametrize("name", ["persistenceStats", "rehearseHostMutation", "nothing"])
def test_what_is_no_mutation_to_rehearse_is_refused(name):
    call = ("chat:rehearseHostMutation", {"actor": {"userId": "u"}, "name": name})
    refused = host().mutation(*call, identity=SIGNED_IN, internal=True)
    assert refused.error.data["code"] == "E_HOST_WIRING_ENDPOINT_MISSING"
