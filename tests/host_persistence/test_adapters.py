"""The two kinds of persistence behind one port: a Convex deployment, and nothing but Codex."""

import ast
import inspect
import json
import re

import httpx
import pytest

from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.endpoints import runtime_owned as owned
from codex_runtime.contract.functions import imports, ingest, reading, threads, turns
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.errors import ContractError
from codex_runtime.persistence import convex_adapter
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.persistence.convex_adapter import ConvexPersistence, has_outbox
from codex_runtime.persistence.convex_http import ATTEMPTS, ConvexHttp
from codex_runtime.persistence.failures import PersistenceError
from codex_runtime.persistence.host_client import HostClient
from support.persistence_world import ACTOR, Line, Pauses, app

pytestmark = pytest.mark.anyio


@pytest.fixture
async def older():
    """A client of a deployment that has the 43 endpoints and no others."""
    deployed = InProcessConvex(app(manifests=("runtimeOwned",)))
    http = ConvexHttp(deployed.url, token=deployed.token("u"), transport=deployed.transport)
    yield HostClient(http)
    await http.aclose()


@pytest.fixture(params=["outbox", "without outbox", "codex only"])
def persistence(request, client, older):
    return {
        "outbox": ConvexPersistence(client, outbox=True),
        "without outbox": ConvexPersistence(older, outbox=False),
        "codex only": CodexOnlyPersistence(),
    }[request.param]


async def _opened(persistence, conversation="c"):
    args = owned.OpenBindingArgs(
        actor=ACTOR, conversation_id=conversation, runtime_conversation_id="rt"
    )
    return await persistence.ensure_thread(args)


def _accept(thread, turn="t", key="k", text="hello"):
    return owned.AcceptTurnSendArgs(
        actor=ACTOR, thread_id=thread, turn_id=turn, idempotency_key=key, input_text=text
    )


def _claim(thread):
    return turns.ClaimArgs(actor=ACTOR, thread_id=thread, claim_owner="me")


def _delta(number, turn="t"):
    params = {"threadId": "rt", "turn": {"id": turn}}
    return ingest.StreamDelta(
        event_id=f"e{number}",
        turn_id=turn,
        stream_id="s",
        kind="turn/started",
        payload_json=json.dumps({"method": "turn/started", "params": params}),
        cursor_start=number,
        cursor_end=number + 1,
        created_at=number,
    )


async def test_a_conversation_is_opened_fed_and_marked(persistence):
    opened = await _opened(persistence)
    session = ingest.SessionArgs(
        actor=ACTOR, session_id="s", thread_id=opened.thread_id, last_event_cursor=0
    )
    assert (await persistence.ensure_session(session)).session_id == "s"
    batch = owned.IngestBatchArgs(
        actor=ACTOR, session_id="s", thread_id=opened.thread_id, deltas=[_delta(0), _delta(1)]
    )
    result = await persistence.ingest(batch)
    assert result.status == "ok"
    assert [(one.stream_id, one.ack_cursor_end) for one in result.acked_streams] == [("s", 2)]
    mark = threads.MarkProgressArgs(actor=ACTOR, conversation_id="c", cursor=2)
    assert (await persistence.mark_progress(mark)).last_synced_cursor == 2


async def test_turns_of_a_thread_are_claimed_in_the_order_they_were_accepted(persistence):
    opened = await _opened(persistence)
    first = await persistence.accept_turn(_accept(opened.thread_id, "t1", "k1", "one"))
    await persistence.accept_turn(_accept(opened.thread_id, "t2", "k2", "two"))
    claimed = await persistence.claim_turn(_claim(opened.thread_id))
    assert (claimed.turn_id, claimed.input_text) == (first.turn_id, "one")
    mine = {
        "actor": ACTOR,
        "thread_id": opened.thread_id,
        "dispatch_id": claimed.dispatch_id,
        "claim_token": claimed.claim_token,
    }
    await persistence.turn_started(turns.DispatchStartedArgs(**mine))
    await persistence.turn_completed(turns.OwnedArgs(**mine))
    second = await persistence.claim_turn(_claim(opened.thread_id))
    assert second.input_text == "two"
    assert second.claim_token != claimed.claim_token


async def test_accepting_a_turn_again_with_its_key_gives_the_same_turn(persistence):
    opened = await _opened(persistence)
    first = await persistence.accept_turn(_accept(opened.thread_id, "t1", "k"))
    again = await persistence.accept_turn(_accept(opened.thread_id, "t2", "k"))
    assert (again.turn_id, again.dispatch_id) == (first.turn_id, first.dispatch_id)


async def test_a_turn_that_was_accepted_twice_is_claimed_once(persistence):
    opened = await _opened(persistence)
    await persistence.accept_turn(_accept(opened.thread_id, "t1", "k"))
    await persistence.accept_turn(_accept(opened.thread_id, "t2", "k"))
    claimed = await persistence.claim_turn(_claim(opened.thread_id))
    assert (claimed.turn_id, claimed.idempotency_key) == ("t1", "k")
    assert await persistence.claim_turn(_claim(opened.thread_id)) is None


async def test_an_accepted_turn_that_has_failed_is_not_claimed(persistence):
    opened = await _opened(persistence)
    accepted = await persistence.accept_turn(_accept(opened.thread_id))
    await persistence.fail_turn(
        owned.FailTurnSendArgs(
            actor=ACTOR,
            thread_id=opened.thread_id,
            turn_id=accepted.turn_id,
            dispatch_id=accepted.dispatch_id,
            reason="nobody wants it",
        )
    )
    assert await persistence.claim_turn(_claim(opened.thread_id)) is None


async def test_nothing_is_claimed_where_nothing_waits(persistence):
    opened = await _opened(persistence)
    assert await persistence.claim_turn(_claim(opened.thread_id)) is None


async def test_requests_with_a_number_and_with_its_text_are_two(persistence):
    opened = await _opened(persistence)
    await persistence.accept_turn(_accept(opened.thread_id))
    for request_id in (1, "1"):
        await persistence.upsert_server_request(
            reading.UpsertRequestArgs(
                actor=ACTOR,
                thread_id=opened.thread_id,
                turn_id="t",
                request_id=request_id,
                item_id="i",
                method="item/tool/call",
                payload_json="{}",
                requested_at=1,
            )
        )
    listing = owned.ListConversationRequestsArgs(actor=ACTOR, conversation_id="c")
    assert len(await persistence.list_server_requests(listing)) == 2
    answer = reading.ResolveRequestArgs(
        actor=ACTOR,
        thread_id=opened.thread_id,
        request_id="1",
        status="answered",
        resolved_at=2,
    )
    await persistence.resolve_server_request(answer)
    (left,) = await persistence.list_server_requests(listing)
    assert left.request_id == 1


async def test_a_request_that_is_not_there_cannot_be_answered(persistence):
    opened = await _opened(persistence)
    answer = reading.ResolveRequestArgs(
        actor=ACTOR, thread_id=opened.thread_id, request_id=9, status="expired", resolved_at=2
    )
    with pytest.raises(ContractError) as refused:
        await persistence.resolve_server_request(answer)
    assert refused.value.code == "E_SERVER_REQUEST_NOT_FOUND"


async def test_an_import_goes_from_its_source_to_its_end(client, deployed):
    pauses = Pauses()

    async def pause(seconds):
        await pauses(seconds)
        await deployed.advance(seconds * 1_000)

    persistence = ConvexPersistence(client, outbox=True, pause=pause)
    await _opened(persistence)
    source = await persistence.start_source(
        imports.StartSourceArgs(actor=ACTOR, conversation_id="c")
    )
    await persistence.append_chunk(
        imports.AppendChunkArgs(
            actor=ACTOR,
            source_id=source.source_id,
            chunk_index=0,
            payload_json="[]",
            message_count=0,
            byte_size=2,
        )
    )
    sealed = await persistence.seal_source(
        imports.SealSourceArgs(
            actor=ACTOR,
            source_id=source.source_id,
            expected_manifest_json="[]",
            expected_checksum="1:0:2",
        )
    )
    job = await persistence.wait_for_job(
        imports.GetJobArgs(actor=ACTOR, conversation_id="c", job_id=sealed.job_id)
    )
    assert job.state == "synced"
    assert pauses.seconds == [0.3]


async def test_waiting_for_an_import_is_bounded_and_does_not_end_it(client):
    persistence = ConvexPersistence(client, outbox=True, poll_timeout_ms=900, pause=Pauses())
    await _opened(persistence)
    source = await persistence.start_source(
        imports.StartSourceArgs(actor=ACTOR, conversation_id="c")
    )
    sealed = await persistence.seal_source(
        imports.SealSourceArgs(
            actor=ACTOR,
            source_id=source.source_id,
            expected_manifest_json="[]",
            expected_checksum="0:0:0",
        )
    )
    wanted = imports.GetJobArgs(actor=ACTOR, conversation_id="c", job_id=sealed.job_id)
    with pytest.raises(PersistenceError) as late:
        await persistence.wait_for_job(wanted)
    assert late.value.code == "E_SYNC_JOB_TIMEOUT"
    assert (await persistence.get_job(wanted)).state == "syncing"
    cancelled = await persistence.cancel_job(
        imports.CancelJobArgs(actor=ACTOR, job_id=sealed.job_id)
    )
    assert cancelled.cancelled


async def test_waiting_for_an_import_that_is_not_there_is_refused(client):
    persistence = ConvexPersistence(client, outbox=True)
    await _opened(persistence)
    wanted = imports.GetJobArgs(actor=ACTOR, conversation_id="c", job_id="nothing")
    with pytest.raises(ContractError) as refused:
        await persistence.wait_for_job(wanted)
    assert refused.value.code == "E_SYNC_JOB_NOT_FOUND"


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.start_source(imports.StartSourceArgs(actor=ACTOR, conversation_id="c")),
        lambda p: p.append_chunk(None),
        lambda p: p.seal_source(None),
        lambda p: p.cancel_job(None),
        lambda p: p.get_job(None),
        lambda p: p.wait_for_job(None),
    ],
)
async def test_nothing_is_imported_where_nothing_is_kept(call):
    with pytest.raises(PersistenceError) as refused:
        await call(CodexOnlyPersistence())
    assert refused.value.code == "E_PERSISTENCE_DISABLED"


async def test_a_deployment_says_whether_it_has_an_outbox(client, older):
    assert await has_outbox(client, ACTOR)
    assert not await has_outbox(older, ACTOR)


async def test_a_deployment_that_cannot_be_asked_is_not_taken_for_an_older_one(client, line):
    line.faults = [httpx.ConnectError("refused")] * ATTEMPTS
    with pytest.raises(PersistenceError) as failed:
        await has_outbox(client, ACTOR)
    assert failed.value.code == "E_PERSISTENCE_UNREACHABLE"


async def test_a_deployment_without_an_outbox_is_never_asked_for_one(older):
    persistence = ConvexPersistence(older, outbox=False)
    opened = await _opened(persistence)
    await persistence.accept_turn(_accept(opened.thread_id))
    claimed = await persistence.claim_turn(_claim(opened.thread_id))
    where = {"actor": ACTOR, "thread_id": opened.thread_id, "dispatch_id": claimed.dispatch_id}
    owned_args = {**where, "claim_token": claimed.claim_token}
    await persistence.turn_started(turns.DispatchStartedArgs(**owned_args))
    await persistence.turn_completed(turns.OwnedArgs(**owned_args))
    await persistence.turn_cancelled(turns.CancelDispatchArgs(**where))
    listing = turns.ListDispatchesArgs(actor=ACTOR, thread_id=opened.thread_id)
    assert await persistence.open_turns(listing) == []


@pytest.mark.parametrize("manifests", [("runtimeOwned", "runtimeExtended"), ("runtimeOwned",)])
async def test_a_turn_that_has_failed_ends_where_it_is_kept_with_an_outbox_or_without(manifests):
    deployed = InProcessConvex(app(manifests=manifests))
    line = Line(deployed.transport)
    http = ConvexHttp(deployed.url, token=deployed.token("u"), transport=line, attempts=1)
    persistence = ConvexPersistence(HostClient(http), outbox=len(manifests) == 2)
    opened = await _opened(persistence)
    await persistence.accept_turn(_accept(opened.thread_id))
    claimed = await persistence.claim_turn(_claim(opened.thread_id))
    failed = turns.DispatchFailedArgs(
        actor=ACTOR,
        thread_id=opened.thread_id,
        dispatch_id=claimed.dispatch_id,
        claim_token=claimed.claim_token,
        code="E_APP_SERVER_GONE",
        reason="Codex is gone",
    )
    line.faults = [httpx.ConnectError("refused")]
    with pytest.raises(PersistenceError):
        await persistence.turn_failed(failed)
    # It was not written down: whoever says it again is heard.
    for _ in range(2):
        await persistence.turn_failed(failed)
        await deployed.advance(10)
        state = await persistence.thread_state(ConversationArgs(actor=ACTOR, conversation_id="c"))
        assert [(turn.turn_id, turn.status) for turn in state.turns] == [("t", "failed")]
    await http.aclose()


async def test_a_deployment_that_is_said_to_have_an_outbox_and_has_none_is_found_out(older):
    persistence = ConvexPersistence(older, outbox=True)
    opened = await _opened(persistence)
    with pytest.raises(PersistenceError) as refused:
        await persistence.claim_turn(_claim(opened.thread_id))
    assert refused.value.code == "E_PERSISTENCE_ENDPOINT_MISSING"


async def test_a_batch_whose_answer_was_lost_is_kept_once(client, line):
    persistence = ConvexPersistence(client, outbox=True)
    opened = await _opened(persistence)
    batch = owned.IngestBatchArgs(
        actor=ACTOR, session_id="s", thread_id=opened.thread_id, deltas=[_delta(0), _delta(1)]
    )
    before = len(line.sent)
    line.faults = ["lose the answer"]
    result = await persistence.ingest(batch)
    assert len(line.sent) == before + 2
    assert result.status == "ok"
    again = await persistence.ingest(batch)
    assert (again.status, again.acked_streams) == (result.status, result.acked_streams)


async def test_a_call_that_must_not_happen_twice_is_not_repeated_when_its_answer_is_lost(
    client, line
):
    persistence = ConvexPersistence(client, outbox=True)
    opened = await _opened(persistence)
    await persistence.accept_turn(_accept(opened.thread_id))
    before = len(line.sent)
    line.faults = ["lose the answer"]
    with pytest.raises(PersistenceError) as failed:
        await persistence.claim_turn(_claim(opened.thread_id))
    assert failed.value.code == "E_PERSISTENCE_OUTCOME_UNKNOWN"
    assert len(line.sent) == before + 1


async def test_an_endpoint_takes_only_its_own_arguments(client):
    with pytest.raises(TypeError, match="ensureSession takes SessionArgs"):
        await client.call("ensureSession", ConversationArgs(actor=ACTOR, conversation_id="c"))


async def test_an_answer_of_another_shape_is_refused(http, line):
    line.faults = [httpx.Response(200, json={"status": "success", "value": {"threadId": 1}})]
    client = HostClient(http)
    with pytest.raises(PersistenceError) as refused:
        await client.call(
            "ensureConversationBinding",
            owned.EnsureBindingArgs(actor=ACTOR, conversation_id="c"),
        )
    assert refused.value.code == "E_PERSISTENCE_ANSWER_INVALID"


def test_every_endpoint_that_the_adapter_names_is_in_a_manifest():
    source = ast.parse(inspect.getsource(convex_adapter))
    texts = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)}
    named = {
        text for text in texts if isinstance(text, str) and re.fullmatch("[a-z]+[A-Z]\\w+", text)
    }
    assert len(named) > 20
    assert named <= set(ENDPOINTS)


async def test_of_what_is_not_kept_there_is_nothing_to_read(persistence):
    args = owned.TurnMessagesArgs(actor=ACTOR, conversation_id="c", turn_id="t")
    state = ConversationArgs(actor=ACTOR, conversation_id="c")
    assert await persistence.turn_messages(args) == []
    assert await persistence.thread_state(state) is None
    opened = await _opened(persistence)
    assert await persistence.turn_messages(args) == []
    listed = turns.ListDispatchesArgs(actor=ACTOR, thread_id=opened.thread_id)
    assert await persistence.open_turns(listed) == []
