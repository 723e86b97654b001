"""What a turn that ran in the simulated Codex has cost, as the component keeps it (D-TOK-03)."""

import json

import pytest

from codex_fakes.script import Say
from support.host import tables_of
from support.host_world import world

pytestmark = pytest.mark.anyio


async def test_the_window_of_the_model_is_kept_as_the_app_server_told_it(tmp_path):
    async with world(tmp_path, Say(text=["Hello"])) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.send_turn("hi")
        await w.until(lambda: tables_of(w.convex.backend)["codex_token_usage"])
        (row,) = tables_of(w.convex.backend)["codex_token_usage"]
        (told,) = [one for one in w.events if one.method == "thread/tokenUsage/updated"]
        usage = json.loads(told.raw)["params"]["tokenUsage"]
        assert usage["modelContextWindow"] > 0
        assert row["modelContextWindow"] == usage["modelContextWindow"]
        assert row["totalTokens"] == usage["total"]["totalTokens"]
        assert row["lastTotalTokens"] == usage["last"]["totalTokens"]
