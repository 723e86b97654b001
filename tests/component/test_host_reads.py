"""What a host answers to those who read a conversation that is not there, or not theirs.

Spec 05 §6, 12 U-HST-11 to U-HST-22; a safe answer has every field of a full one.
"""

from dataclasses import replace

import pytest

from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex import App, Backend, ConvexError, Identity, query
from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.shapes import fields_of
from support.component_growth import garden
from support.component_world import documents, world_of
from support.host import Host

ONE = {"numItems": 1, "cursor": None}
CONVERSATION = "legacy-thread-2"
EMPTY = {
    "persistenceStats": {"streamCount": 0, "deltaCount": 0, "latestCursorByStream": []},
    "durableHistoryStats": {"messageCountInPage": 0, "latest": []},
    "dataHygiene": {"scannedStreamStats": 0, "streamStatOrphans": 0, "orphanStreamIds": []},
    "threadSnapshotByConversation": {},
    "listThreadMessagesByConversation": {"page": [], "isDone": True, "continueCursor": ""},
    "listTurnMessagesByConversation": {"data": []},
    "listThreadReasoningByConversation": {"page": [], "isDone": True, "continueCursor": ""},
}
"""What a safe answer has beside why it is empty."""

MORE = {
    "listThreadMessagesByConversation": {"paginationOpts": ONE},
    "listTurnMessagesByConversation": {"turnId": "t"},
    "listThreadReasoningByConversation": {"paginationOpts": ONE},
}
SAFE = [name for name, endpoint in ENDPOINTS.items() if endpoint.reads_safely]


def reading(name, **args):
    return {"conversationId": CONVERSATION, **MORE.get(name, {}), **args}


def refusing(code, *, function="getState", module="threads"):
    """A caller of a host whose component refuses one function."""

    @query(name=function)
    def refuse(ctx, args):
        raise ConvexError({"code": code, "message": f"[{code}] no"})

    modules = {**component.modules, module: {**component.modules[module], function: refuse}}
    app = App(
        modules={"chat": define_codex_host_definitions()},
        components={COMPONENT_NAME: replace(component, modules=modules)},
    )
    host = Host(Backend(app))
    host.conversation(CONVERSATION)
    return host


def test_the_safe_reads_are_those_of_the_specification():
    assert set(SAFE) == set(EMPTY)


@pytest.mark.parametrize("name", SAFE)
def test_a_conversation_that_was_never_opened_is_missing_and_empty(name):
    assert Host().call(name, **reading(name)) == {
        "threadStatus": "missing_thread",
        "code": "E_THREAD_NOT_FOUND",
        "message": f"[E_THREAD_NOT_FOUND] Thread not found: {CONVERSATION}",
        **EMPTY[name],
    }


@pytest.mark.parametrize("name", SAFE)
def test_a_conversation_of_somebody_else_is_missing_and_never_forbidden(name):
    host = Host(user="owner")
    host.conversation(CONVERSATION)
    told = host.acting("stranger").call(name, **reading(name))
    assert told["threadStatus"] == "missing_thread"
    assert told == Host(user="stranger").call(name, **reading(name))


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize(
    ("identity", "actor"),
    [
        (Identity(subject="u"), {"userId": "owner"}),
        (Identity(subject="u"), {"anonymousId": "a"}),
        (None, {"userId": "owner"}),
    ],
    ids=["as another", "as nobody in particular", "signed out"],
)
def test_who_is_not_who_they_say_is_forbidden_and_reads_nothing(name, identity, actor):
    host = Host(user="owner")
    host.conversation(CONVERSATION)
    told = host.backend.query(
        f"chat:{name}", {"actor": actor, **reading(name)}, identity=identity
    ).unwrap()
    assert told.pop("message").startswith("[E_AUTH_SESSION_FORBIDDEN] authorization failed: ")
    assert told == {
        "threadStatus": "forbidden_session",
        "code": "E_AUTH_SESSION_FORBIDDEN",
        **EMPTY[name],
    }


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("E_THREAD_NOT_FOUND", "missing_thread", "E_THREAD_NOT_FOUND"),
        ("E_SYNC_SESSION_NOT_FOUND", "missing_thread", "E_THREAD_NOT_FOUND"),
        ("E_AUTH_THREAD_FORBIDDEN", "forbidden_thread", "E_AUTH_THREAD_FORBIDDEN"),
        ("E_AUTH_SESSION_FORBIDDEN", "forbidden_session", "E_AUTH_SESSION_FORBIDDEN"),
    ],
)
@pytest.mark.parametrize(
    "name",
    ["threadSnapshotByConversation", "persistenceStats", "durableHistoryStats", "dataHygiene"],
)
def test_what_the_component_refuses_across_the_boundary_becomes_a_safe_answer(
    name, code, status, told
):
    assert refusing(code).call(name, **reading(name)) == {
        "threadStatus": status,
        "code": told,
        "message": f"[{code}] no",
        **EMPTY[name],
    }


def test_any_other_refusal_of_the_component_is_thrown():
    host = refusing("E_STATE_UNKNOWN")
    assert host.refusal("persistenceStats", conversationId=CONVERSATION) == "E_STATE_UNKNOWN"
    host = refusing("E_STATE_UNKNOWN", module="serverRequests", function="listPending")
    listing = "listPendingServerRequestsByConversation"
    assert host.refusal(listing, conversationId=CONVERSATION) == "E_STATE_UNKNOWN"


def test_a_conversation_whose_thread_is_gone_is_missing():
    host = Host(garden(world_of(user="owner")), user="owner")
    thread = world_of(user="owner").values["threadId"]
    [row] = [
        row["_id"]
        for key, row in documents(host.backend).items()
        if key[1] == "codex_threads" and row["threadId"] == thread
    ]
    host.backend.mutation(
        "garden:uproot", {"id": row}, component=COMPONENT_NAME, internal=True
    ).unwrap()
    snapshot = host.call("threadSnapshotByConversation", conversationId="c")
    assert snapshot["threadStatus"] == "missing_thread"
    assert snapshot["message"] == f"[E_THREAD_NOT_FOUND] Thread not found: {thread}"
    assert host.call("listTokenUsageByConversation", conversationId="c") == []
    refused = host.refusal("listThreadsForConversation", conversationId="c")
    assert refused == "E_THREAD_NOT_FOUND"


@pytest.mark.parametrize(
    ("name", "nothing"),
    [
        ("getConversationSyncJob", None),
        ("listConversationSyncJobs", []),
        ("listThreadsForConversation", {"page": [], "isDone": True, "continueCursor": ""}),
        ("listTokenUsageByConversation", []),
        ("listPendingServerRequestsByConversation", []),
    ],
)
def test_a_list_of_a_conversation_that_was_never_opened_is_empty(name, nothing):
    assert Host().call(name, conversationId=CONVERSATION) == nothing


def test_the_requests_and_the_usage_of_a_thread_that_is_gone_are_empty():
    for module, name in (
        ("serverRequests", "listPendingServerRequestsByConversation"),
        ("tokenUsage", "listTokenUsageByConversation"),
    ):
        function = ENDPOINTS[name].function.partition(".")[2]
        host = refusing("E_THREAD_NOT_FOUND", module=module, function=function)
        assert host.call(name, conversationId=CONVERSATION) == []


def test_usage_that_is_forbidden_is_refused():
    host = refusing("E_AUTH_THREAD_FORBIDDEN", module="tokenUsage", function="listByThread")
    refused = host.refusal("listTokenUsageByConversation", conversationId=CONVERSATION)
    assert refused == "E_AUTH_THREAD_FORBIDDEN"


def test_a_deletion_that_is_unknown_is_null():
    assert Host().call("getDeletionStatus", deletionJobId="nothing") is None


def test_an_empty_safe_page_gives_the_cursor_back():
    host = Host()
    cursor = '{"createdAt":1,"messageId":"m","turnId":"t"}'
    for name in ("listThreadMessagesByConversation", "listThreadReasoningByConversation"):
        options = {"numItems": 5, "cursor": cursor}
        told = host.call(name, conversationId=CONVERSATION, paginationOpts=options)
        assert told["continueCursor"] == cursor


@pytest.mark.parametrize(
    ("asked", "streams"),
    [
        ({"kind": "list"}, {"kind": "list", "streams": []}),
        ({"kind": "list", "startOrder": 3}, {"kind": "list", "streams": []}),
        (
            {"kind": "deltas", "cursors": [{"streamId": "s", "cursor": 0}]},
            {
                "kind": "deltas",
                "streams": [],
                "deltas": [],
                "streamWindows": [],
                "nextCheckpoints": [],
            },
        ),
    ],
)
def test_streams_that_are_asked_for_of_no_conversation_are_a_skeleton(asked, streams):
    told = Host().call(
        "listThreadMessagesByConversation",
        conversationId=CONVERSATION,
        paginationOpts=ONE,
        streamArgs=asked,
    )
    assert told["streams"] == streams


def test_streams_are_shown_only_when_they_are_asked_for():
    world = world_of(user="owner")
    host = Host(world.backend(), user="owner")
    asking = {"conversationId": "c", "paginationOpts": ONE}
    name = "listThreadMessagesByConversation"
    assert "streams" not in host.call(name, **asking)
    listed = host.call(name, **asking, streamArgs={"kind": "list"})["streams"]
    assert {stream["streamId"] for stream in listed["streams"]} == {
        "stream:turn-0",
        "stream:turn-1",
    }
    wanted = {"kind": "deltas", "cursors": [{"streamId": "stream:turn-1", "cursor": 0}]}
    held = host.call(name, **asking, streamArgs=wanted)["streams"]
    assert set(held) == {"kind", "streams", "deltas", "streamWindows", "nextCheckpoints"}
    assert held["deltas"]


def test_a_safe_answer_has_the_fields_of_a_full_one():
    world = world_of(user="owner")
    host = Host(world.backend(), user="owner")
    for name in SAFE:
        args = {**reading(name), "conversationId": "c"}
        if name == "listTurnMessagesByConversation":
            args["turnId"] = "turn-1"
        full = host.call(name, **args)
        assert full["threadStatus"] == "ok"
        reasons = {"code", "message"}
        data = {"data"} if name == "threadSnapshotByConversation" else set()
        assert set(full) - data == {"threadStatus", *EMPTY[name]}
        assert set(full) | reasons <= set(ENDPOINTS[name].returns.__struct_encode_fields__)


def test_a_turn_that_is_unknown_is_refused_where_the_conversation_is_known():
    host = Host()
    host.conversation(CONVERSATION)
    args = {"conversationId": CONVERSATION, "turnId": "nothing"}
    assert host.refusal("listTurnMessagesByConversation", **args) == "E_TURN_NOT_FOUND"


def test_approvals_of_an_unknown_thread_are_refused():
    args = {"threadId": "nothing", "paginationOpts": ONE}
    assert Host().refusal("listPendingApprovals", **args) == "E_THREAD_NOT_FOUND"


WRITING = [
    name
    for name, endpoint in ENDPOINTS.items()
    if endpoint.kind == "mutation"
    and endpoint.scope == "conversation"
    and endpoint.unmapped == "raise"
]


@pytest.mark.parametrize("name", WRITING)
def test_a_write_to_a_conversation_that_was_never_opened_is_refused_with_a_code(name):
    values = world_of(user="owner").values
    args = {
        field: values[field]
        for field, validator in fields_of(ENDPOINTS[name].args).items()
        if field != "actor" and not validator.is_optional
    }
    host = Host()
    refused = host.refusal(name, **{**args, "conversationId": CONVERSATION})
    assert refused == "E_CONVERSATION_NOT_FOUND"
    assert "E_CONVERSATION_NOT_FOUND" in ENDPOINTS[name].every_error
