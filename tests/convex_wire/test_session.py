"""The rules of the sync protocol, on a session without sockets (FACTS 3.3, by number)."""

from __future__ import annotations

import itertools
import json

import pytest

from codex_fakes.convex import App, ConvexError, Outcome, action, mutation, query, v
from codex_fakes.convex.wire import server_messages
from codex_fakes.convex.wire.server import ADMIN_KEY, ConvexServer
from support.convex_sessions import SESSION, ZERO, Talk, changes, kinds, ts_of, ts_text


@pytest.fixture
def talk():
    return Talk()


def versions(transition):
    end = transition["endVersion"]
    return end["querySet"], end["identity"]


# Connecting ----------------------------------------------------------------------------------


def test_connecting_is_answered_with_a_ping_so_that_no_acknowledgement_is_waited_for(talk):
    assert talk.connect() == [{"type": "Ping"}]


def test_a_client_that_has_seen_the_latest_state_is_served(talk):
    assert kinds(talk.connect(maxObservedTimestamp=ts_text(talk.backend.ts))) == ["Ping"]


def test_a_client_that_has_seen_the_future_is_sent_away(talk):
    heard = talk.connect(maxObservedTimestamp=ts_text(talk.backend.ts + 1))

    assert heard == [{"type": "closed", "code": 1011, "reason": "InternalServerError"}]
    assert talk.connect() == []


def test_events_are_for_nobody(talk):
    assert talk.say(type="Event", eventType="ClientConnect", event={"marks": []}) == []


def test_silence_is_broken_by_a_ping(talk):
    assert talk.read(talk.session.idle()) == [{"type": "Ping"}]


# Versions: rules 1 and 2 ---------------------------------------------------------------------


def test_the_first_transition_starts_at_zero_and_ends_at_the_latest_state(talk):
    [transition] = talk.follow("messages:list")

    assert transition["startVersion"] == {"querySet": 0, "identity": 0, "ts": ZERO}
    assert versions(transition) == (1, 0)
    assert ts_of(transition["endVersion"]["ts"]) == talk.backend.ts


def test_each_transition_starts_where_the_last_one_ended(talk):
    heard = [
        *talk.follow("messages:list"),
        *talk.mutate("messages:send", {"body": "hi"}),
        *talk.authenticate(kind="None"),
        *talk.unfollow(0),
    ]
    transitions = [message for message in heard if message["type"] == "Transition"]

    assert len(transitions) == 4
    for before, after in itertools.pairwise(transitions):
        assert after["startVersion"] == before["endVersion"]


def test_an_empty_change_of_the_query_set_is_answered_too(talk):
    [transition] = talk.modify()

    assert versions(transition) == (1, 0)
    assert transition["modifications"] == []


def test_a_change_of_another_query_set_is_fatal(talk):
    talk.modify()

    assert talk.modify(base=0) == [
        {
            "type": "FatalError",
            "error": "Base version 0 passed up doesn't match the current version 1",
        },
        {"type": "closed", "code": 1000, "reason": ""},
    ]


def test_an_identity_based_on_another_is_fatal(talk):
    heard = talk.say(type="Authenticate", baseVersion=5, tokenType="None")

    assert kinds(heard) == ["FatalError", "closed"]
    assert "Base version 5 passed up doesn't match the current version 0" in heard[0]["error"]


def test_a_query_set_whose_version_does_not_grow_is_an_internal_error(talk):
    assert talk.modify(base=0, new=0) == [
        {"type": "closed", "code": 1011, "reason": "InternalServerError"}
    ]


@pytest.mark.parametrize(
    "modifications",
    [
        [{"type": "Remove", "queryId": 0}],
        [{"type": "Add", "queryId": 0, "udfPath": "messages:list", "args": [{}]}] * 2,
    ],
    ids=["removed-unknown", "added-twice"],
)
def test_a_query_set_that_contradicts_itself_is_an_internal_error(talk, modifications):
    assert talk.modify(*modifications) == [
        {"type": "closed", "code": 1011, "reason": "InternalServerError"}
    ]


def test_nothing_is_said_after_the_end(talk):
    talk.modify(base=9)

    assert talk.follow("messages:list") == []
    assert talk.read(talk.session.idle()) == []
    assert talk.read(talk.session.woken()) == []


# Queries: rules 3, 4, 7 and 10 ---------------------------------------------------------------


def test_two_spellings_of_a_query_are_one_function(talk):
    talk.mutate("messages.js:send", {"body": "hi"})
    [short] = talk.follow("messages:list")
    [long] = talk.follow("messages.js:list")

    assert changes(short)[0][1] == changes(long)[1][1]


def test_a_query_without_a_function_is_the_default_export():
    @query(name="default")
    def whole(ctx, args):
        return "default"

    talk = Talk(App(modules={"folder/file": {"default": whole}}))

    assert changes(talk.follow("folder/file")[0]) == {0: ("QueryUpdated", "default")}


def test_a_query_that_fails_tells_why_and_its_data():
    talk = Talk()
    [transition] = talk.follow("values:failedQuery", {"data": {"code": "X"}})
    [change] = transition["modifications"]

    assert change["type"] == "QueryFailed"
    assert change["errorData"] == {"code": "X"}
    assert change["journal"] is None
    assert "] Server Error\nUncaught ConvexError: " in change["errorMessage"]
    assert change["errorMessage"].startswith("[Request ID: ")
    assert change["errorMessage"].endswith("\n")


def test_a_query_that_is_not_there_fails_without_ending_the_socket(talk):
    [transition] = talk.follow("messages:nothing")

    assert "Could not find public function for 'messages:nothing'" in changes(transition)[0][1]


def test_arguments_that_are_no_values_are_the_queries_failure(talk):
    [transition] = talk.follow("messages:list", {"a": {"$integer": "no"}})

    kind, message = changes(transition)[0]
    assert kind == "QueryFailed"
    assert "Invalid arguments for messages.js:list" in message


def test_a_removed_query_is_told_and_not_run_again(talk):
    talk.follow("messages:list")
    [removed] = talk.unfollow(0)
    _, after = talk.mutate("messages:send", {"body": "hi"})

    assert changes(removed) == {0: ("QueryRemoved", None)}
    assert after["modifications"] == []


def test_a_query_added_again_under_its_number_is_told_anew(talk):
    talk.follow("messages:list")
    again = {"type": "Add", "queryId": 0, "udfPath": "messages:list", "args": [{}]}
    [transition] = talk.modify({"type": "Remove", "queryId": 0}, again)

    assert changes(transition) == {0: ("QueryUpdated", [])}


def counting_app():
    runs = {"one": 0, "two": 0, "who": 0}

    @query(args={"of": v.string()})
    def rows(ctx, args):
        runs[args["of"]] += 1
        return len(ctx.db.query(args["of"]).collect())

    @query
    def who(ctx, args):
        runs["who"] += 1
        return 1

    @mutation(args={"to": v.string()})
    def write(ctx, args):
        ctx.db.insert(args["to"], {})

    @mutation
    def nothing(ctx, args):
        return None

    @query
    def page(ctx, args):
        options = {"numItems": 2, "cursor": None}
        return len(ctx.db.query("one").paginate(options)["page"])

    module = {"rows": rows, "who": who, "write": write, "nothing": nothing, "page": page}
    return App(modules={"m": module}), runs


def test_a_commit_runs_only_the_queries_that_read_what_it_wrote():
    app, runs = counting_app()
    talk = Talk(app)
    talk.follow("m:rows", {"of": "one"})
    talk.follow("m:rows", {"of": "two"})
    _, transition = talk.mutate("m:write", {"to": "one"})

    assert runs == {"one": 2, "two": 1, "who": 0}
    assert changes(transition) == {0: ("QueryUpdated", 1.0)}


def test_a_foreign_commit_is_told_to_who_follows_what_it_wrote():
    app, _ = counting_app()
    server = ConvexServer(Talk(app).backend)
    reader, writer = Talk(server=server), Talk(server=server)
    reader.follow("m:rows", {"of": "one"})
    writer.mutate("m:write", {"to": "one"})
    [transition] = reader.read(reader.session.woken())

    assert changes(transition) == {0: ("QueryUpdated", 1.0)}
    assert ts_of(transition["endVersion"]["ts"]) == server.backend.ts


def test_many_commits_come_in_one_transition():
    app, runs = counting_app()
    talk = Talk(app)
    talk.follow("m:rows", {"of": "one"})
    talk.follow("m:rows", {"of": "two"})
    for table in ("one", "two", "one"):
        talk.backend.mutation("m:write", {"to": table})
    [transition] = talk.read(talk.session.woken())

    assert changes(transition) == {0: ("QueryUpdated", 2.0), 1: ("QueryUpdated", 1.0)}
    assert runs == {"one": 2, "two": 2, "who": 0}


def test_a_commit_that_touches_nothing_followed_is_not_told():
    app, _ = counting_app()
    talk = Talk(app)
    talk.follow("m:rows", {"of": "one"})
    talk.backend.mutation("m:write", {"to": "two"})

    assert talk.read(talk.session.woken()) == []


def test_a_result_that_is_the_same_is_not_told_but_its_transition_is():
    @query
    def parity(ctx, args):
        return len(ctx.db.query("rows").collect()) % 2

    @mutation
    def write_two(ctx, args):
        ctx.db.insert("rows", {})
        ctx.db.insert("rows", {})

    talk = Talk(App(modules={"m": {"parity": parity, "writeTwo": write_two}}))
    talk.follow("m:parity")
    _, transition = talk.mutate("m:writeTwo")

    assert transition["modifications"] == []


def test_a_failure_that_is_the_same_is_not_told_again():
    @query
    def fails(ctx, args):
        ctx.db.query("rows").collect()
        raise ConvexError("always")

    @mutation
    def write(ctx, args):
        ctx.db.insert("rows", {})

    talk = Talk(App(modules={"m": {"fails": fails, "write": write}}))
    talk.follow("m:fails")
    _, transition = talk.mutate("m:write")

    assert transition["modifications"] == []


def test_a_result_whose_logs_differ_is_told():
    @query
    def logs(ctx, args):
        ctx.log(f"{len(ctx.db.query('rows').collect())} rows")
        return "the same"

    @mutation
    def write(ctx, args):
        ctx.db.insert("rows", {})

    talk = Talk(App(modules={"m": {"logs": logs, "write": write}}))
    talk.follow("m:logs")
    _, transition = talk.mutate("m:write")

    assert transition["modifications"][0]["logLines"] == ["[LOG] '1 rows'"]


def test_the_journal_of_a_page_comes_back_and_holds_its_end():
    app, _ = counting_app()
    talk = Talk(app)
    for _ in range(3):
        talk.mutate("m:write", {"to": "one"})
    [transition] = talk.follow("m:page")
    [change] = transition["modifications"]
    assert isinstance(change["journal"], str)
    assert change["value"] == 2.0

    again = Talk(server=talk.server, session_id=SESSION)
    [resumed] = again.follow("m:page", journal=change["journal"])
    assert resumed["modifications"][0]["journal"] == change["journal"]


def test_a_change_of_identity_runs_every_query():
    app, runs = counting_app()
    talk = Talk(app)
    talk.follow("m:who")
    [transition] = talk.authenticate(talk.server.tokens.issue("ada"))

    assert runs["who"] == 2
    assert versions(transition) == (1, 1)
    assert transition["modifications"] == []


# Mutations and actions: rules 5, 6 and 8 -----------------------------------------------------


def test_the_response_comes_before_the_transition_that_holds_its_write(talk):
    talk.follow("messages:list")
    response, transition = talk.mutate("messages:send", {"body": "hi"})

    assert response["success"] is True
    assert response["logLines"] == ["[LOG] 'sending' 'hi'"]
    assert ts_of(response["ts"]) <= ts_of(transition["endVersion"]["ts"])
    [message] = changes(transition)[0][1]
    assert message["_id"] == response["result"]


def test_a_mutation_that_throws_is_followed_by_a_transition_too(talk):
    response, transition = talk.mutate("values:failedMutation", {"data": {"code": "X"}})

    assert (response["success"], response["ts"]) == (False, None)
    assert response["errorData"] == {"code": "X"}
    assert transition["type"] == "Transition"
    assert transition["modifications"] == []


def test_a_plain_failure_has_no_data(talk):
    response, transition = talk.mutate("values:brokenMutation")

    assert "errorData" not in response
    assert response["logLines"] == []
    assert transition["type"] == "Transition"


def test_a_query_called_as_a_mutation_is_the_wrong_kind(talk):
    response, _ = talk.mutate("messages:list")

    assert "Trying to execute messages.js:list as Mutation" in response["result"]


def test_arguments_that_are_no_values_are_the_mutations_failure(talk):
    response, _ = talk.mutate("messages:send", {"body": {"$bytes": 1}})

    assert response["success"] is False
    assert "Invalid arguments for messages.js:send" in response["result"]


@pytest.mark.parametrize("kind", ["Mutation", "Action"])
@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([{}, {}], "Expected to receive a single object"),
        ([7], "Expected to receive an object as the function's argument. Instead received: 7.0"),
        ("text", 'Instead received: "text"'),
    ],
)
def test_arguments_that_are_no_object_are_refused(talk, kind, args, said):
    response, transition = talk.say(type=kind, requestId=0, udfPath="messages:send", args=args)

    assert response["success"] is False
    assert said in response["result"]
    assert transition["type"] == "Transition"


def test_a_mutation_sent_again_is_answered_again_and_not_run_again(talk):
    talk.connect()
    first, _ = talk.mutate("messages:send", {"body": "hi"}, requestId=7)
    again = Talk(server=talk.server)
    again.connect(connectionCount=1)
    second, transition = again.mutate("messages:send", {"body": "hi"}, requestId=7)

    assert second == first
    assert len(talk.backend.query("messages:list").value) == 1
    assert ts_of(transition["endVersion"]["ts"]) >= ts_of(first["ts"])


def test_the_same_number_in_another_session_is_another_mutation(talk):
    talk.connect()
    talk.mutate("messages:send", {"body": "hi"}, requestId=7)
    other = Talk(server=talk.server, session_id="83608c3a-e6b6-4653-acb8-79fe22ea9cd7")
    other.connect()
    other.mutate("messages:send", {"body": "hi"}, requestId=7)

    assert len(talk.backend.query("messages:list").value) == 2


def test_a_mutation_that_failed_is_run_again(talk):
    talk.connect()
    first, _ = talk.mutate("counters:clear", {"name": "a"}, requestId=7)
    talk.backend.mutation("counters:bump", {"names": ["a"]})
    second, _ = talk.mutate("counters:clear", {"name": "a"}, requestId=7)

    assert (first["success"], second["success"]) == (False, True)


def test_an_action_runs_elsewhere_and_its_end_is_followed_by_a_transition(talk):
    [begun] = talk.act("messages:relay", {"body": "hi"})
    heard = talk.read(talk.session.action_ended(0, Outcome(ok=True, value=1.0)))

    assert begun["action"].path == "messages.js:relay"
    assert heard[0] == {
        "type": "ActionResponse",
        "requestId": 0,
        "success": True,
        "result": 1.0,
        "logLines": [],
    }
    assert kinds(heard) == ["ActionResponse", "Transition"]


def test_the_response_of_an_action_is_duplicated_and_held_back_by_its_path(talk):
    talk.server.inject("duplicate_response", path="messages:relay")
    talk.server.inject("delay_reply", path="messages:relay")
    talk.act("messages:relay", {"body": "hi"})

    assert kinds(talk.read(talk.session.action_ended(0, Outcome(ok=True)))) == ["wait"]
    assert kinds(talk.read(talk.session.waited())) == [
        "ActionResponse",
        "ActionResponse",
        "Transition",
    ]


def test_conflicts_to_the_last_close_the_socket_so_that_it_is_tried_again(talk):
    talk.server.inject("conflict", times=5)
    heard = talk.mutate("messages:send", {"body": "hi"})

    assert heard == [
        {"type": "closed", "code": 1013, "reason": "OptimisticConcurrencyControlFailure"}
    ]


def test_four_conflicts_are_overcome(talk):
    talk.server.inject("conflict", times=4)
    response, _ = talk.mutate("messages:send", {"body": "hi"})

    assert response["success"] is True


def queued(talk, count):
    talk.server.inject("delay", path="messages:send")
    heard = talk.mutate("messages:send", {"body": "first"})
    for _ in range(count):
        heard = talk.mutate("messages:send", {"body": "next"})
    return heard


def test_a_thousand_mutations_may_wait_for_the_one_that_runs(talk):
    assert queued(talk, 1000) == []

    heard = talk.read(talk.session.waited())
    assert kinds(heard).count("MutationResponse") == 1001
    assert [m["requestId"] for m in heard if m["type"] == "MutationResponse"] == [*range(1001)]


def test_one_mutation_more_than_may_wait_closes_the_socket(talk):
    assert queued(talk, 1001) == [
        {"type": "closed", "code": 1013, "reason": "TooManyConcurrentMutations"}
    ]


def test_a_thousand_actions_may_run_and_no_more(talk):
    for _ in range(1000):
        assert kinds(talk.act("messages:relay", {"body": "hi"})) == ["action"]

    assert talk.act("messages:relay", {"body": "hi"}) == [
        {"type": "closed", "code": 1011, "reason": "InternalServerError"}
    ]


def test_a_function_that_misuses_the_fake_fails_and_is_reported():
    class Elsewhere:
        def __await__(self):
            yield

    @query
    async def waits(ctx, args):
        await Elsewhere()

    talk = Talk(App(modules={"m": {"waits": waits}}))
    [transition] = talk.follow("m:waits")

    assert "[E_FAKE_CONVEX_FOREIGN_AWAIT]" in changes(transition)[0][1]
    assert [problem.code for problem in talk.server.problems] == ["E_FAKE_CONVEX_FOREIGN_AWAIT"]


# Who is speaking: rule 12 --------------------------------------------------------------------


def test_a_user_is_who_the_token_says(talk):
    talk.follow("who:am")
    [signed_in] = talk.authenticate(talk.server.tokens.issue("ada"))
    [signed_out] = talk.authenticate(kind="None")

    assert changes(signed_in) == {0: ("QueryUpdated", "ada")}
    assert changes(signed_out) == {0: ("QueryUpdated", None)}


def test_a_token_that_is_none_is_an_auth_error_about_the_update(talk):
    talk.authenticate(kind="None")
    heard = talk.authenticate("no token")

    assert heard[0]["type"] == "AuthError"
    assert (heard[0]["baseVersion"], heard[0]["authUpdateAttempted"]) == (1, True)
    assert heard[1:] == [{"type": "closed", "code": 1000, "reason": ""}]


def test_a_token_that_ends_is_an_auth_error_about_no_update(talk):
    talk.authenticate(talk.server.tokens.issue("ada", expires_in=10))
    talk.backend.clock.advance_to(talk.backend.clock.now_ms() + 10_000)
    heard = talk.mutate("messages:send", {"body": "hi"})

    assert heard[0]["type"] == "AuthError"
    assert heard[0]["error"] == "Convex token identity expired"
    assert (heard[0]["baseVersion"], heard[0]["authUpdateAttempted"]) == (1, False)
    assert talk.backend.query("messages:list").value == []


def test_a_token_lives_up_to_its_end(talk):
    talk.authenticate(talk.server.tokens.issue("ada", expires_in=10))
    talk.backend.clock.advance_to(talk.backend.clock.now_ms() + 9_999)

    assert talk.mutate("messages:send", {"body": "hi"})[0]["success"] is True


def test_a_token_ends_when_a_fault_says_so(talk):
    talk.authenticate(talk.server.tokens.issue("ada"))

    assert kinds(talk.read(talk.session.expire_token())) == ["AuthError", "closed"]


def test_an_administrator_reaches_internal_functions(talk):
    talk.authenticate(ADMIN_KEY, kind="Admin")
    [transition] = talk.follow("messages:hidden")

    assert changes(transition) == {0: ("QueryUpdated", "hidden")}


def test_a_wrong_admin_key_is_an_auth_error(talk):
    assert kinds(talk.authenticate("x|y", kind="Admin")) == ["AuthError", "closed"]


@pytest.mark.parametrize("field", ["actingAs", "impersonating"])
def test_an_administrator_may_act_as_somebody(talk, field):
    talk.authenticate(ADMIN_KEY, kind="Admin", **{field: {"issuer": "https://x", "subject": "eve"}})
    [transition] = talk.follow("who:am")

    assert changes(transition) == {0: ("QueryUpdated", "eve")}


def test_only_administrators_reach_into_a_component(talk):
    heard = talk.mutate("messages:send", {"body": "hi"}, componentPath="codexLocal")

    assert heard == [{"type": "closed", "code": 1011, "reason": "InternalServerError"}]


# What cannot be read: rule 13 ----------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        '{"type":"Nothing"}',
        '{"type":"Connect","sessionId":"no","connectionCount":0}',
        '{"type":"Connect","sessionId":"' + SESSION + '"}',
        '{"type":"Connect","connectionCount":0,"maxObservedTimestamp":"AA==","sessionId":"'
        + SESSION
        + '"}',
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1}',
        '{"type":"ModifyQuerySet","baseVersion":-1,"newVersion":1,"modifications":[]}',
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":4294967296,"modifications":[]}',
        '{"type":"Mutation","requestId":0,"udfPath":"a:b"}',
        '{"type":"Mutation","requestId":0,"udfPath":"a b","args":[]}',
        '{"type":"Authenticate","baseVersion":0,"tokenType":"User"}',
        '{"type":"Authenticate","baseVersion":0,"tokenType":"Robot","value":""}',
        "[" * 5000,
    ],
)
def test_a_frame_that_cannot_be_read_is_fatal(talk, frame):
    fatal, closed = talk.read(talk.session.received(frame))

    assert fatal["type"] == "FatalError"
    assert fatal["error"].startswith("Received Invalid JSON on websocket: ")
    assert closed == {"type": "closed", "code": 1000, "reason": ""}


def test_a_frame_that_is_no_text_is_an_internal_error(talk):
    assert talk.read(talk.session.received_bytes()) == [
        {"type": "closed", "code": 1011, "reason": "InternalServerError"}
    ]


# Faults --------------------------------------------------------------------------------------


def test_a_drop_before_the_commit_leaves_nothing(talk):
    talk.server.inject("drop_before_commit")

    assert talk.mutate("messages:send", {"body": "hi"}) == [{"type": "dropped"}]
    assert talk.backend.query("messages:list").value == []


def test_a_drop_after_the_commit_leaves_the_write(talk):
    talk.server.inject("drop_after_commit")

    assert talk.mutate("messages:send", {"body": "hi"}) == [{"type": "dropped"}]
    assert len(talk.backend.query("messages:list").value) == 1


def test_a_drop_during_an_action_lets_it_run(talk):
    talk.server.inject("drop_during_action", path="messages.js:relay")

    assert kinds(talk.act("messages:relay", {"body": "hi"})) == ["action", "dropped"]


def test_a_fault_for_one_function_spares_the_others(talk):
    talk.server.inject("drop_before_commit", path="counters:bump")

    assert talk.mutate("messages:send", {"body": "hi"})[0]["success"] is True
    assert talk.mutate("counters:bump", {"names": ["a"]}) == [{"type": "dropped"}]


def test_a_duplicated_response_comes_twice_before_its_transition(talk):
    talk.server.inject("duplicate_response")
    first, second, transition = talk.mutate("messages:send", {"body": "hi"})

    assert first == second
    assert transition["type"] == "Transition"


def test_a_delayed_call_has_not_run(talk):
    talk.server.inject("delay", milliseconds=5)

    assert talk.mutate("messages:send", {"body": "hi"}) == [{"type": "wait", "milliseconds": 5}]
    assert talk.backend.query("messages:list").value == []
    assert kinds(talk.read(talk.session.waited())) == ["MutationResponse", "Transition"]


def test_no_transition_overtakes_a_response_that_is_held_back(talk):
    talk.follow("messages:list")
    talk.server.inject("delay_reply", milliseconds=5)

    assert kinds(talk.mutate("messages:send", {"body": "hi"})) == ["wait"]
    assert len(talk.backend.query("messages:list").value) == 1
    assert talk.read(talk.session.woken()) == []
    assert talk.follow("who:am") == []
    response, transition = talk.read(talk.session.waited())
    assert response["type"] == "MutationResponse"
    assert set(changes(transition)) == {0, 1}


# Chunks --------------------------------------------------------------------------------------


def big_app(size):
    @query
    def big(ctx, args):
        return "é" * size

    return App(modules={"m": {"big": big}})


def test_a_long_transition_comes_in_parts_to_a_client_that_takes_them():
    heard = Talk(big_app(3_000_000), client="npm-1.28.0").follow("m:big")

    assert {part["type"] for part in heard} == {"TransitionChunk"}
    assert [part["partNumber"] for part in heard] == [*range(len(heard))]
    assert {part["totalParts"] for part in heard} == {len(heard)}
    assert len({part["transitionId"] for part in heard}) == 1
    assert all(len(part["chunk"].encode()) <= server_messages.CHUNK_BYTES for part in heard)
    whole = json.loads("".join(part["chunk"] for part in heard))
    assert whole["modifications"][0]["value"] == "é" * 3_000_000


@pytest.mark.parametrize("client", ["npm-1.27.9", "python-0.8.1", "rust-0.10.4"])
def test_a_long_transition_comes_whole_to_others(client):
    assert kinds(Talk(big_app(3_000_000), client=client).follow("m:big")) == ["Transition"]


def test_a_transition_of_the_limit_is_whole_and_one_past_it_is_not():
    text = "x" * server_messages.CHUNK_BYTES

    assert server_messages.chunks(text, "1") == (text,)
    assert len(server_messages.chunks(text + "x", "1")) == 2


# Telling little ------------------------------------------------------------------------------


def test_a_deployment_that_redacts_tells_only_the_data():
    talk = Talk(redact_logs=True)
    failed, _ = talk.mutate("values:failedMutation", {"data": "code"})
    sent, _ = talk.mutate("messages:send", {"body": "hi"})

    assert failed["result"].endswith("] Server Error")
    assert failed["errorData"] == "code"
    assert sent["logLines"] == []


@pytest.mark.parametrize("kind", [action, mutation])
def test_log_lines_come_with_the_response(kind):
    def handler(ctx, args):
        ctx.log("x")

    app = App(modules={"m": {"f": kind(handler)}})
    talk = Talk(app)
    if kind is mutation:
        assert talk.mutate("m:f")[0]["logLines"] == ["[LOG] 'x'"]
    else:
        assert kinds(talk.act("m:f")) == ["action"]
