"""The official Python clients cannot tell the fake from a deployment: real sockets, their own code.

``ConvexClient`` holds the interpreter lock while it waits and knows no timeout, so it runs in a
process of its own (tests/support/python_client.py), as the fake does.
"""

from __future__ import annotations

import math
from pathlib import Path

import convex
import pytest
import requests
from convex.http_client import ConvexHttpClient
from convex.values import ConvexInt64

from codex_fakes.convex.wire import ConvexProcess
from support.python_clients import PythonClients

APP = f"{Path(__file__).parent.parent / 'support' / 'convex_app.py'}:APP"
MIB = 1024 * 1024
EVERY_TYPE = {
    "null": None,
    "booleans": [True, False],
    "floats": [0.0, 1.5, -3.0, 5e-324, 1e300, math.inf, -math.inf],
    "integers": [ConvexInt64(0), ConvexInt64(-1), ConvexInt64(2**63 - 1), ConvexInt64(-(2**63))],
    "strings": ["", "text", "ä\u20ac\U0001f600", "\x00\n"],
    "bytes": [b"", b"\x00\xff"],
    "nested": {"a": [{"b": [[]]}, {}]},
}


@pytest.fixture(scope="module")
def deployment():
    with ConvexProcess(APP) as process:
        yield process


@pytest.fixture
def served(deployment):
    """The deployment, empty."""
    deployment.control("reset")
    yield deployment
    assert deployment.control("state")["problems"] == []


@pytest.fixture
def clients(served):
    """Starts processes with one official client each."""
    with PythonClients(served.url) as started:
        yield started


@pytest.fixture
def client(clients):
    return clients.start()


@pytest.fixture
def http(served):
    return ConvexHttpClient(served.url)


def messages(http):
    return [message["body"] for message in http.query("messages:list", {})]


# The HTTP client -----------------------------------------------------------------------------


def test_http_calls_queries_mutations_and_actions(http):
    made = http.mutation("messages:send", {"body": "hi"})
    count = http.action("messages:relay", {"body": "again"})
    first, second = http.query("messages:list")

    assert (first["_id"], second["body"], count) == (made, "again", 2.0)


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
def test_http_carries_every_value_both_ways(http, kind):
    assert getattr(http, kind)(f"values:{kind}", {"value": EVERY_TYPE}) == EVERY_TYPE


def test_http_carries_the_floats_that_equal_others_or_nothing(http):
    nan, zero = http.query("values:query", {"value": [math.nan, -0.0]})

    assert math.isnan(nan)
    assert math.copysign(1.0, zero) == -1.0


@pytest.mark.parametrize("kind", ["Query", "Mutation", "Action"])
def test_http_raises_a_convex_error_with_its_data(http, kind):
    with pytest.raises(convex.ConvexError) as caught:
        getattr(http, kind.lower())(f"values:failed{kind}", {"data": {"code": "X", "n": 1}})

    assert caught.value.data == {"code": "X", "n": 1.0}


def test_http_raises_a_plain_error_as_its_text(http):
    with pytest.raises(Exception, match="Server Error\nUncaught "):
        http.mutation("values:brokenMutation", {})


def test_http_raises_what_the_server_refuses(http):
    http.set_auth("no token")

    with pytest.raises(Exception, match="401 InvalidAuthHeader"):
        http.query("messages:list")


def test_http_signs_in_and_out(served, http):
    http.set_auth(served.token("ada"))
    assert http.query("who:am") == "ada"
    http.clear_auth()
    assert http.query("who:am") is None
    http.set_admin_auth(served.admin_key)
    assert http.query("messages:hidden") == "hidden"


def test_http_is_told_that_a_token_ended(served, http):
    http.set_auth(served.token("ada", expires_in=-1))

    with pytest.raises(Exception, match="401 TokenExpired"):
        http.query("who:am")


def test_http_carries_arguments_of_16_mib(http):
    assert http.mutation("values:size", {"data": "x" * (16 * MIB - 64)}) == 16.0 * MIB - 64


def test_http_is_told_that_a_document_is_too_large(http):
    with pytest.raises(Exception, match="Value is too large"):
        http.mutation("blobs:store", {"data": b"x" * MIB})


@pytest.mark.parametrize("fault", ["lost_reply", "drop_after_commit"])
def test_http_loses_a_reply_and_the_write_is_there(served, http, fault):
    served.control(f"faults/{fault}")
    with pytest.raises(requests.RequestException):
        http.mutation("messages:send", {"body": "hi"})

    assert messages(http) == ["hi"]


def test_http_is_cut_off_before_the_commit_and_nothing_is_there(served, http):
    served.control("faults/drop_before_commit")
    with pytest.raises(requests.RequestException):
        http.mutation("messages:send", {"body": "hi"})

    assert messages(http) == []


def test_http_is_told_that_the_deployment_is_not_there(served, http):
    served.control("faults/http_503")

    with pytest.raises(Exception, match="503 ServiceUnavailable"):
        http.query("messages:list")


# The websocket client ------------------------------------------------------------------------


def test_calls_queries_mutations_and_actions(client):
    made = client.call("mutation", "messages:send", {"body": "hi"})
    count = client.call("action", "messages:relay", {"body": "again"})
    first, second = client.call("query", "messages:list")

    assert (first["_id"], second["body"], count) == (made, "again", 2.0)


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
def test_carries_every_value_both_ways(client, kind):
    assert client.call(kind, f"values:{kind}", {"value": EVERY_TYPE}) == EVERY_TYPE


def test_carries_the_floats_that_equal_others_or_nothing(client):
    nan, zero = client.call("query", "values:query", {"value": [math.nan, -0.0]})

    assert math.isnan(nan)
    assert math.copysign(1.0, zero) == -1.0


@pytest.mark.parametrize("kind", ["Query", "Mutation", "Action"])
def test_raises_a_convex_error_with_its_data(client, kind):
    with pytest.raises(convex.ConvexError) as caught:
        client.call(kind.lower(), f"values:failed{kind}", {"data": {"n": ConvexInt64(1)}})

    assert caught.value.data == {"n": ConvexInt64(1)}


def test_raises_a_plain_error_as_its_text(client):
    with pytest.raises(Exception, match="Server Error\nUncaught "):
        client.call("mutation", "values:brokenMutation")


def test_goes_on_after_an_error(client):
    with pytest.raises(convex.ConvexError):
        client.call("mutation", "values:failedMutation", {"data": "X"})

    assert client.call("query", "messages:list") == []


def test_a_subscription_hears_of_another_clients_mutation(clients, client):
    client.subscribe("list", "messages:list")
    assert client.next("list") == []
    clients.start().call("mutation", "messages:send", {"body": "hi"})

    assert [message["body"] for message in client.next("list")] == ["hi"]


def test_a_subscription_hears_of_its_own_mutation(client):
    client.subscribe("count", "counters:get", {"name": "a"})
    assert client.next("count") == 0.0
    client.call("mutation", "counters:bump", {"names": ["a"]})

    assert client.next("count") == 1.0


def test_a_subscription_hears_of_a_mutation_over_http(client, http):
    client.subscribe("count", "counters:get", {"name": "a"})
    assert client.next("count") == 0.0
    http.mutation("counters:bump", {"names": ["a"]})

    assert client.next("count") == 1.0


def test_a_subscription_that_fails_goes_on_when_it_can(client, http):
    args = {"name": "a", "most": 0}
    client.subscribe("below", "counters:below", args)
    assert client.next("below") == 0.0
    http.mutation("counters:bump", {"names": ["a"]})
    with pytest.raises(convex.ConvexError) as caught:
        client.next("below")
    assert caught.value.data == {"count": 1.0, "most": 0.0}
    http.mutation("counters:clear", {"name": "a"})

    assert client.next("below") == 0.0


def test_what_is_unsubscribed_is_not_followed_any_more(served, client, http):
    client.subscribe("count", "counters:get", {"name": "a"})
    client.subscribe("other", "counters:get", {"name": "b"})
    assert (client.next("count"), client.next("other")) == (0.0, 0.0)
    client.unsubscribe("count")
    http.mutation("counters:bump", {"names": ["a", "b"]})
    # The client repeats a value whenever its set of queries changes.
    assert client.until("other", 1.0)

    assert served.control("state")["queries"] == 1


def test_many_queries_are_one_consistent_view(client, http):
    names = [f"n{number}" for number in range(10)]
    client.watch("view", [("counters:get", {"name": name}) for name in names])
    assert client.next("view") == [0.0] * 10
    for count in range(1, 4):
        http.mutation("counters:bump", {"names": names})
        assert client.next("view") == [float(count)] * 10


def test_a_hundred_subscriptions_each_hear_of_their_row(client, http):
    names = [f"n{number}" for number in range(100)]
    for name in names:
        client.subscribe(name, "counters:get", {"name": name})
    assert [client.next(name) for name in names] == [0.0] * 100
    http.mutation("counters:bump", {"names": names})

    assert all(client.until(name, 1.0) for name in names)


def test_signs_in_and_out(served, client):
    assert client.call("query", "who:am") is None
    client.do("set_auth", value=served.token("ada"))
    assert client.call("query", "who:am") == "ada"
    client.do("clear_auth")
    assert client.call("query", "who:am") is None


def test_a_subscription_runs_again_when_somebody_signs_in(served, client):
    client.subscribe("who", "who:am")
    assert client.next("who") is None
    client.do("set_auth", value=served.token("ada"))

    assert client.next("who") == "ada"


def test_an_administrator_calls_internal_functions(served, client):
    client.do("set_admin_auth", value=served.admin_key)

    assert client.call("query", "messages:hidden") == "hidden"


def test_a_token_that_is_none_makes_it_try_for_ever(client, served):
    # What it really does (FACTS 4): no error ever comes, and no answer either.
    client.do("set_auth", value="no token")

    assert client.hangs("query", "who:am")


def test_a_token_that_ends_leaves_its_subscription_to_a_fresh_connection(served, client):
    client.do("set_auth", value=served.token("ada"))
    client.subscribe("who", "who:am")
    assert client.next("who") == "ada"

    served.control("faults/expire_token")

    assert client.call("mutation", "counters:bump", {"names": ["a"]}) is None


def test_a_cut_socket_loses_no_update(served, client, http):
    client.subscribe("count", "counters:get", {"name": "a"})
    assert client.next("count") == 0.0
    served.control("faults/drop_sockets")
    http.mutation("counters:bump", {"names": ["a"]})

    assert client.next("count") == 1.0


def test_a_mutation_that_was_cut_before_its_commit_is_sent_again(served, client, http):
    served.control("faults/drop_before_commit")
    client.call("mutation", "counters:bump", {"names": ["a"]})

    assert http.query("counters:get", {"name": "a"}) == 1.0


def test_a_mutation_whose_reply_was_lost_is_run_again_as_this_client_does(served, client, http):
    # A new session at each connection (FACTS 1.2): no server can tell that it is the same mutation.
    served.control("faults/drop_after_commit")
    client.call("mutation", "counters:bump", {"names": ["a"]})

    assert http.query("counters:get", {"name": "a"}) == 2.0


def test_a_response_that_comes_twice_counts_once(served, client, http):
    served.control("faults/duplicate_response")
    client.call("mutation", "counters:bump", {"names": ["a"]})
    client.call("mutation", "counters:bump", {"names": ["a"]})

    assert http.query("counters:get", {"name": "a"}) == 2.0


def test_conflicts_make_it_connect_and_send_again(served, client, http):
    served.control("faults/conflict", times=5)
    client.call("mutation", "counters:bump", {"names": ["a"]})

    assert http.query("counters:get", {"name": "a"}) == 1.0


def test_it_goes_on_after_the_server_was_restarted(served, client, http):
    client.subscribe("count", "counters:get", {"name": "a"})
    http.mutation("counters:bump", {"names": ["a"]})
    assert client.next("count") in {0.0, 1.0}
    served.control("faults/restart")
    http.mutation("counters:bump", {"names": ["a"]})

    assert client.until("count", 2.0)


def test_carries_arguments_of_16_mib(client):
    assert client.call("mutation", "values:size", {"data": "x" * (16 * MIB - 64)}) == (
        16.0 * MIB - 64
    )


def test_arguments_past_16_mib_are_refused(client):
    with pytest.raises(Exception, match="are too large"):
        client.call("mutation", "values:size", {"data": "x" * (16 * MIB + 1)})


def test_a_document_past_1_mib_is_refused(client):
    with pytest.raises(Exception, match="Value is too large"):
        client.call("mutation", "blobs:store", {"data": b"x" * MIB})


def test_a_result_of_several_mib_comes_whole(client):
    text = "x" * (6 * MIB)

    assert client.call("query", "values:query", {"value": text}) == text
