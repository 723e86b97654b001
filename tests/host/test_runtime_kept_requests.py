"""What the runtime reads of a deployment, and through which door (spec 06 §10, §11)."""

import httpx
import pytest

from codex_fakes.script import Run, Say
from codex_runtime.contract.endpoints.runtime_owned import ListConversationRequestsArgs
from codex_runtime.contract.functions.imports import GetJobArgs
from codex_runtime.persistence.convex_adapter import ConvexPersistence
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from codex_runtime.protocol.params import ThreadSettings
from support.host_world import ACTOR, world

pytestmark = pytest.mark.anyio


class Doors(httpx.AsyncBaseTransport):
    """A line that writes down which doors are used.

    Attributes:
        paths: The paths of the requests.
    """

    def __init__(self, transport):
        self._transport = transport
        self.paths = []

    async def handle_async_request(self, request):
        self.paths.append(request.url.path)
        return await self._transport.handle_async_request(request)


async def test_without_persistence_a_thread_is_opened_and_a_turn_is_sent(tmp_path):
    async with world(tmp_path, Say("x"), durable=False) as w:
        opened = await w.runtime.open_thread()
        sent = await w.runtime.send_turn("hi")
        assert sent.accepted
        state = w.runtime.get_state()
        assert state.runtime_conversation_id == opened.thread.id
        assert state.outbox is False
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        assert w.reports == []


async def test_how_far_an_import_is_and_what_waits_is_read_and_never_written(tmp_path):
    async with world(tmp_path, connect=False) as w:
        doors = Doors(w.convex.transport)
        http = ConvexHttp(w.convex.url, token=w.convex.token("u"), transport=doors)
        persistence = ConvexPersistence(HostClient(http), outbox=True)
        assert await persistence.get_job(GetJobArgs(actor=ACTOR, conversation_id="c")) is None
        waiting = ListConversationRequestsArgs(actor=ACTOR, conversation_id="c", limit=100)
        # There is no such conversation: nothing of it waits.
        assert await persistence.list_server_requests(waiting) == []
        assert doors.paths == ["/api/query", "/api/query"]
        await http.aclose()


async def test_a_request_is_kept_where_its_conversation_is_and_settled_with_its_turn(tmp_path):
    async with world(tmp_path, Run("echo hello"), Say("done")) as w:
        await w.runtime.open_thread(
            "start",
            persisted_conversation_id="c",
            settings=ThreadSettings(approval_policy="untrusted", cwd=str(tmp_path)),
        )
        sent = await w.runtime.send_turn("hi")
        (kept,) = await w.pending(1)
        assert kept.turn_id == sent.turn_id
        await w.runtime.interrupt()
        await w.settled()
        assert await w.pending(0) == []
        late = w.runtime.respond_command_approval(kept.request_id, "accept")
        with pytest.raises(Exception, match=r"E_RUNTIME_SERVER_REQUEST_UNKNOWN.*turnEnded"):
            await late
