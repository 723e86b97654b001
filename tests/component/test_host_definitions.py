"""What a host offers, and as whom it acts (spec 05 §1-3, 12 U-HST-01 to U-HST-10, U-AUT)."""

from dataclasses import replace

import pytest

import codex_fakes.component.host.definitions as module
from codex_conformance.requirements import host_surface
from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex import App, Backend, Identity, Kind, query
from codex_runtime.contract.endpoints import ENDPOINTS, MANIFESTS
from codex_runtime.contract.shapes import fields_of, validator_of
from support.component_world import arguments, documents, world_of
from support.host import Host, Stream, deployment, lifecycle

SIGNED_IN = Identity(subject="user-1")
OPEN = [name for name, endpoint in ENDPOINTS.items() if not endpoint.operators_only]


def test_a_host_has_exactly_the_endpoints_of_its_manifests():
    for manifests in (["runtimeOwned"], ["runtimeOwned", "runtimeExtended"]):
        made = define_codex_host_definitions(manifests=manifests)
        expected = [endpoint.name for name in manifests for endpoint in MANIFESTS[name]]
        assert list(made) == expected


def test_an_endpoint_has_the_kind_arguments_and_result_of_the_contract():
    kinds = {"query": Kind.QUERY, "mutation": Kind.MUTATION}
    for name, function in define_codex_host_definitions().items():
        endpoint = ENDPOINTS[name]
        assert function.kind is kinds[endpoint.kind], name
        assert function.internal is endpoint.operators_only, name
        assert function.args.typescript() == validator_of(endpoint.args).typescript(), name
        assert function.returns.typescript() == validator_of(endpoint.returns).typescript(), name


def test_reads_of_imports_are_queries_and_nothing_is_named_after_a_handle():
    made = define_codex_host_definitions()
    for name in ("getConversationSyncJob", "listConversationSyncJobs"):
        assert made[name].kind is Kind.QUERY
    for name in ("syncOpenConversationBinding", "startConversationSyncSource"):
        assert made[name].kind is Kind.MUTATION
    assert not [name for name in made if "ByThreadHandle" in name or name.endswith("ForHooks")]
    assert set(host_surface.EXPECTED_MUTATIONS) <= set(made)


def test_the_facades_that_were_removed_are_not_there():
    gone = {"create_codex_host", "define_runtime_owned_host_slice", "wrap_host_definitions"}
    assert gone.isdisjoint(vars(module))


def test_a_component_may_be_mounted_under_any_name():
    app = App(
        modules={"talk": define_codex_host_definitions("other", module="talk")},
        components={"other": component},
    )
    opened = Backend(app).mutation(
        "talk:ensureConversationBinding",
        {"actor": {}, "conversationId": "c"},
        identity=SIGNED_IN,
    )
    assert opened.ok


@pytest.mark.parametrize("name", OPEN)
def test_an_argument_that_the_contract_does_not_know_is_refused(name):
    world = world_of(user="owner")
    args = {**arguments(name, world.values)[0], "surplus": 1}
    outcome = Host(world.backend(), user="owner").outcome(name, **args)
    assert outcome.error.message.startswith("ArgumentValidationError")


@pytest.mark.parametrize(
    ("identity", "requested", "acting"),
    [
        (SIGNED_IN, {}, "user-1"),
        (SIGNED_IN, {"userId": "user-1"}, "user-1"),
        (SIGNED_IN, {"userId": " user-1 "}, "user-1"),
        (None, {}, "__anonymous__"),
        (None, {"anonymousId": "a"}, "anon:a"),
        (None, {"userId": ""}, "__anonymous__"),
    ],
)
def test_a_caller_acts_as_who_they_are(identity, requested, acting):
    backend = deployment()
    backend.mutation(
        "chat:ensureConversationBinding",
        {"actor": requested, "conversationId": "c"},
        identity=identity,
    ).unwrap()
    scopes = {
        row["userScope"] for key, row in documents(backend).items() if key[0] == COMPONENT_NAME
    }
    assert scopes == {acting}


@pytest.mark.parametrize(
    ("identity", "requested"),
    [
        (SIGNED_IN, {"userId": "user-2"}),
        (SIGNED_IN, {"anonymousId": "a"}),
        (SIGNED_IN, {"userId": "user-1", "anonymousId": "a"}),
        (None, {"userId": "user-1"}),
    ],
    ids=["another user", "anonymous", "both", "signed out"],
)
@pytest.mark.parametrize("name", OPEN)
def test_no_endpoint_lets_a_caller_act_as_somebody_else(name, identity, requested):
    backend = deployment()
    before = documents(backend)
    endpoint = ENDPOINTS[name]
    run = backend.query if endpoint.kind == "query" else backend.mutation
    args = {"actor": requested, **arguments(name, world_of(user="owner").values)[0]}
    outcome = run(f"chat:{name}", args, identity=identity)
    told = outcome.value if endpoint.reads_safely else outcome.error.data
    assert told["code"] == "E_AUTH_SESSION_FORBIDDEN"
    assert "user-1" not in told["message"]
    assert documents(backend) == before


@pytest.mark.parametrize("requested", [{"userId": "anybody"}, {"anonymousId": "a"}, {}])
def test_a_host_that_trusts_its_callers_acts_as_who_they_say(requested):
    backend = deployment(trusted_actor=True)
    Host(backend, user=None).call("getDeletionStatus", deletionJobId="x")
    opened = backend.mutation(
        "chat:ensureConversationBinding",
        {"actor": requested, "conversationId": "c"},
        identity=Identity(subject="the application's own server"),
    )
    assert opened.ok
    asked = {"actor": requested, "conversationId": "c"}
    found = backend.query("chat:threadSnapshotByConversation", asked)
    assert found.value["threadStatus"] == "ok"


def test_an_operators_endpoint_is_missing_to_everybody_else_and_believes_the_operator():
    host = Host(user="owner")
    host.conversation()
    asked = ("chat:auditActorRows", {"actor": {"userId": "owner"}})
    refused = host.backend.query(*asked, identity=host.identity)
    assert "Could not find public function" in refused.error.message
    audit = host.backend.query(*asked, internal=True).unwrap()
    assert audit["userScope"] == "owner"


def test_the_manifest_says_its_version_and_its_endpoints():
    told = Host().call("extendedManifest")
    assert told == {
        "version": 1,
        "endpoints": [endpoint.name for endpoint in MANIFESTS["runtimeExtended"]],
    }


def test_a_binding_tells_the_thread_and_whether_it_is_new_and_nothing_more():
    host = Host()
    first = host.call("ensureConversationBinding", conversationId="c")
    again = host.call("ensureConversationBinding", conversationId="c")
    assert first == {"threadId": first["threadId"], "created": True}
    assert again == {"threadId": first["threadId"], "created": False}


def test_a_binding_needs_a_conversation():
    host = Host()
    outcome = host.outcome("ensureConversationBinding", conversationId="")
    told = "ensureConversationBinding requires conversationId."
    assert outcome.error.data == {
        "code": "E_CONVERSATION_ID_REQUIRED",
        "message": f"[E_CONVERSATION_ID_REQUIRED] {told}",
    }


def test_a_runtime_thread_is_that_of_the_conversation_unless_it_is_named():
    host = Host()
    opened = host.call("syncOpenConversationBinding", conversationId="c")
    assert opened["runtimeConversationId"] == "c"
    opened = host.call(
        "syncOpenConversationBinding", conversationId="c", runtimeConversationId="rt"
    )
    assert (opened["conversationId"], opened["runtimeConversationId"]) == ("c", "rt")


def test_the_archive_answers_without_a_thread():
    host = Host()
    host.conversation("c")
    for name, status in (("archiveConversation", "archived"), ("unarchiveConversation", "active")):
        assert host.call(name, conversationId="c") == {"conversationId": "c", "status": status}


def test_a_repeated_send_is_told_the_turn_of_the_first():
    host = Host()
    thread = host.conversation("c")
    sent = {"threadId": thread, "idempotencyKey": "k", "inputText": "hello"}
    first = host.call("acceptTurnSend", turnId="t-1", **sent)
    assert first == {"dispatchId": "t-1", "turnId": "t-1", "accepted": True}
    again = host.call("acceptTurnSend", turnId="t-2", **sent)
    assert again == first


def test_a_send_that_failed_leaves_the_turn_failed():
    host = Host()
    thread = host.conversation("c")
    host.call("acceptTurnSend", threadId=thread, turnId="t", idempotencyKey="k", inputText="hello")
    host.call("failAcceptedTurnSend", threadId=thread, turnId="t", code="E_X", reason="gone")
    assert host.turn("t") == "failed"
    [turn] = host.rows("codex_turns")
    assert turn["error"] == "[E_X] gone"


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("ingestEvent", {"event": lifecycle("turn/started", {})}),
        ("ingestBatch", {"deltas": [lifecycle("turn/started", {})]}),
        ("ingestBatch", {"deltas": [Stream().turn_started(), lifecycle("turn/started", {})]}),
    ],
)
def test_a_host_takes_events_of_streams_only(name, args):
    host = Host()
    thread = host.conversation("c")
    refused = host.refusal(name, sessionId="s", threadId=thread, **args)
    assert refused == "E_INGEST_LIFECYCLE_NOT_ACCEPTED"
    assert host.rows("codex_turns") == []


def test_a_batch_of_nothing_is_refused():
    host = Host()
    thread = host.conversation("c")
    refused = host.refusal("ingestBatch", sessionId="s", threadId=thread, deltas=[])
    assert refused == "E_SYNC_EMPTY_BATCH"


def test_every_reason_to_reject_a_batch_fits_the_answer():
    """TURN_ID_MISMATCH is one that the seed's own validator refused."""
    host = Host()
    thread = host.conversation("c")
    event = Stream("turn-1").text("m", "x", turnId="turn-2")
    result = host.ingest(thread, event)
    assert result["status"] == "rejected"
    assert [error["code"] for error in result["errors"]] == ["TURN_ID_MISMATCH"]


def test_a_recovered_session_begins_where_it_is_told():
    host = Host()
    thread = host.conversation("c")
    result = host.ingest(
        thread, Stream().turn_started(), session="unknown", ensureLastEventCursor=7.9
    )
    assert result["status"] == "session_recovered"
    [session] = host.rows("codex_sessions", sessionId="unknown")
    assert session["lastEventCursor"] == 7


def test_endpoints_that_answer_null_answer_null():
    world = world_of(user="owner")
    silent = [name for name, endpoint in ENDPOINTS.items() if endpoint.returns is None]
    for name in silent:
        if name == "rehearseHostMutation":
            continue
        host = Host(world.backend(), user="owner")
        assert host.call(name, **arguments(name, world.values)[0]) is None
    assert {"respondApproval", "interruptTurn", "upsertTokenUsage"} <= set(silent)


def test_requests_of_a_conversation_are_as_many_as_asked_for():
    host = Host()
    thread = host.conversation("c")
    host.ingest(thread, Stream().turn_started())
    for number in range(4):
        host.call(
            "upsertPendingServerRequest",
            requestId=number,
            threadId=thread,
            turnId="turn-1",
            itemId="i",
            method="item/tool/call",
            payloadJson="{}",
            requestedAt=number,
        )
    listed = host.call("listPendingServerRequestsByConversation", conversationId="c", limit=2)
    assert [row["requestId"] for row in listed] == [3, 2]


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("syncOpenConversationBinding", "threads.syncOpenBinding"),
        ("markConversationSyncProgress", "threads.markSyncProgress"),
        ("forceRebindConversationSync", "threads.forceRebindSync"),
        ("archiveConversation", "threads.resolveByConversationId"),
        ("threadSnapshotByConversation", "threads.resolveByConversationId"),
        ("persistenceStats", "threads.getState"),
    ],
)
def test_a_component_that_lacks_a_function_is_never_worked_around(name, missing):
    function = missing.partition(".")[2]
    threads = {key: one for key, one in component.modules["threads"].items() if key != function}
    lacking = replace(component, modules={**component.modules, "threads": threads})
    app = App(
        modules={"chat": define_codex_host_definitions()}, components={COMPONENT_NAME: lacking}
    )
    host = Host(Backend(app))
    host.call("ensureConversationBinding", conversationId="c")
    args = arguments(name, {**world_of(user="owner").values, "conversationId": "c"})[0]
    told = host.outcome(name, **args).error.data
    assert told["code"] == "E_HOST_WIRING_COMPONENT_MISSING"
    assert f"Host component is missing {missing}" in told["message"]


def test_an_application_keeps_its_own_functions_beside_the_endpoints():
    @query
    def mine(ctx, args):
        snapshot = ctx.run_query("chat:persistenceStats", {"actor": {}, "conversationId": "c"})
        return snapshot["threadStatus"]

    app = App(
        modules={"chat": {**define_codex_host_definitions(), "mine": mine}},
        components={COMPONENT_NAME: component},
    )
    assert Backend(app).query("chat:mine").value == "missing_thread"


def test_every_endpoint_takes_an_actor():
    assert all("actor" in fields_of(endpoint.args) for endpoint in ENDPOINTS.values())
