"""A runtime at a deployment without an outbox: everything is kept, and the state says so."""

import asyncio

from support.host_model import LONG, HostModel
from support.persistence_world import ACTOR
from support.virtual_loop import VirtualLoop


def test_a_turn_is_sent_and_kept_without_an_outbox_and_the_state_says_so(tmp_path):
    async def test():
        model = HostModel(tmp_path, outbox=False)
        await model.runtime.connect(actor=ACTOR)
        await model.runtime.open_thread("start", persisted_conversation_id="c")
        assert model.runtime.get_state().outbox is False
        for _ in range(2):
            sent = await model.runtime.send_turn("[long]")
            await asyncio.sleep(30)
            assert not model.runtime.get_state().turn_in_flight
            (message,) = (await model.kept("c"))[sent.turn_id]
            assert (message.text, message.status) == ("".join(LONG), "completed")
        await model.runtime.stop()
        assert model.reports == []
        await model.close()

    loop = VirtualLoop()
    loop.run_until_complete(asyncio.wait_for(test(), 100_000))
    loop.close()
