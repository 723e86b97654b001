"""The probe: sends lines, waits for lines, and writes everything into a transcript.

May import the messages, the transcript, and the definition of a door. The invariant: every wait
ends. It ends with what was awaited, or with :class:`Unmet`, which says what was awaited and why it
cannot come any more.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.wire.messages import Message, alike_ids, encode, is_answer
from codex_conformance.wire.transcript import Ending, Entry, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_conformance.targets.door import Door

FENCE_METHOD: Final = "thread/loaded/list"
"""The request used as a fence: cheap, without side effects, answered in any state."""

THREAD_FENCE_METHOD: Final = "thread/read"
"""The request used as a fence for what happens in one thread."""


THE_END: Final = "the end of the app-server"
"""What is awaited of an app-server that has a reason to end."""


class Why(Enum):
    """Why something awaited cannot come any more."""

    QUIET = "the app-server is at rest"
    BOUND = "it did not come in time"
    ENDED = "the connection ended"
    MALFORMED = "what came cannot be used"


class Unmet(Exception):  # noqa: N818 - an observation about the app-server, not an error of ours
    """What a scene waited for did not come; the scene breaks off here.

    Args:
        awaited: What it waited for, in words or as a method.
        why: Why it cannot come any more.
        detail: More about it.
    """

    def __init__(self, awaited: str, why: Why, detail: str = "") -> None:
        super().__init__(f"{awaited}: {why.value}{f' ({detail})' if detail else ''}")
        self.awaited = awaited
        self.why = why


class Probe:
    """The client's end of one connection.

    Args:
        door: The connection.
        patience: Seconds after which something awaited counts as not coming.
    """

    def __init__(self, door: Door, patience: float) -> None:
        self.transcript = Transcript()
        self._door = door
        self._patience = patience
        self._next_id = 0
        self._fences = 0
        self._ended = False
        self._quiet = False

    async def send_raw(self, raw: bytes, *, newline: bytes = b"\n") -> Entry:
        """Send a line as it is.

        Args:
            raw: The line; it may be no message at all.
            newline: What ends it.

        Returns:
            Its place in the transcript.

        Raises:
            Unmet: The connection has ended.
        """
        entry = self.transcript.sent(raw)
        self._quiet = False
        try:
            await self._door.send(raw + newline)
        except ConnectionError as error:
            self._ended = True
            raise Unmet("a connection that takes what is sent", Why.ENDED, str(error)) from error
        return entry

    async def send(self, message: Message) -> Entry:
        """Send a message; see :meth:`send_raw`."""
        return await self.send_raw(encode(message))

    async def send_request(
        self, method: str, params: Any = None, *, request_id: Any = None
    ) -> Entry:
        """Send a request and do not wait.

        Args:
            method: Its method.
            params: Its params; left out when ``None``.
            request_id: Its id; the next integer when left out.

        Returns:
            Its place in the transcript.
        """
        if request_id is None:
            request_id = self._next_id
            self._next_id += 1
        message: Message = {"id": request_id, "method": method}
        if params is not None:
            message["params"] = params
        return await self.send(message)

    async def request(self, method: str, params: Any = None, *, request_id: Any = None) -> Message:
        """Send a request and wait for its answer.

        Returns:
            The response or the error, whole.

        Raises:
            Unmet: It is not answered.
        """
        return await self.answer_to(await self.send_request(method, params, request_id=request_id))

    async def answer_to(self, request: Entry) -> Message:
        """Wait for the answer to a request that was sent before.

        Raises:
            Unmet: It is not answered.
        """
        message = request.message or {}
        wanted = message.get("id")
        entry = await self.until(
            f"the answer to {request.method}",
            lambda entry: (
                entry.message is not None
                and is_answer(entry.message)
                and alike_ids(entry.message.get("id"), wanted)
            ),
            since=request.index,
        )
        return entry.message or {}

    async def until(self, awaited: str, fits: Callable[[Entry], bool], *, since: int = 0) -> Entry:
        """Wait until the app-server has written something.

        Args:
            awaited: What is awaited, for the verdict.
            fits: Whether an entry is that.
            since: The place in the transcript to look from.

        Returns:
            The first entry that fits.

        Raises:
            Unmet: It cannot come any more.
        """
        looked = since
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    entries = self.transcript.entries
                    for entry in entries[looked:]:
                        if entry.received and fits(entry):
                            return entry
                    looked = len(entries)
                    if self._ended:
                        raise Unmet(awaited, Why.ENDED)
                    if self._quiet:
                        raise Unmet(awaited, Why.QUIET)
                    await self._read()
        except TimeoutError:
            raise Unmet(awaited, Why.BOUND, f"{self._patience:g} s") from None

    async def fence(self, thread_id: str | None = None) -> None:
        """Make sure that whatever was under way has been written.

        On an app-server that knows when it is at rest, that is waited for. Everywhere a cheap
        request is sent: lines are read in order, and what touches one thread is done in order, so
        the answer stands behind everything that the lines before it caused at once.

        Args:
            thread_id: The thread whose doings are waited for, if it is about one.

        Raises:
            Unmet: The fence is not answered.
        """
        self._fences += 1
        method = FENCE_METHOD if thread_id is None else THREAD_FENCE_METHOD
        params = {} if thread_id is None else {"threadId": thread_id}
        await self.request(method, params, request_id=f"fence-{self._fences}")
        await self.drain()

    def stirred(self) -> None:
        """Take note that the app-server may be at work again without anything having been sent."""
        self._quiet = False

    async def drain(self) -> None:
        """Read what is there, on an app-server that knows when it is at rest.

        Raises:
            Unmet: It does not come to rest.
        """
        try:
            async with asyncio.timeout(self._patience):
                while self._door.knows_rest and not self._quiet and not self._ended:
                    await self._read()
        except TimeoutError:
            raise Unmet("an app-server at rest", Why.BOUND, f"{self._patience:g} s") from None

    async def end(self) -> None:
        """Wait until the app-server ends the connection, and read what it still says.

        Raises:
            Unmet: It does not.
        """
        try:
            async with asyncio.timeout(self._patience):
                while not self._ended and not self._quiet:
                    await self._read()
        except TimeoutError:
            raise Unmet(THE_END, Why.BOUND, f"{self._patience:g} s") from None
        if not self._ended:
            raise Unmet(THE_END, Why.QUIET)

    async def finish(self) -> Ending:
        """Close the client's side, read to the end, and say how it ended; idempotent."""
        if self.transcript.ending is None:
            asked_for = not self._ended
            ending = await self._door.finish()
            await self._read_to_the_end()
            self.transcript.ending = Ending(asked_for, ending.exit_code, ending.stderr)
        return self.transcript.ending

    async def _read(self) -> None:
        data = await self._door.receive()
        if data is None:
            self._quiet = True
        elif data:
            self.transcript.received(data)
        else:
            self._ended = True

    async def _read_to_the_end(self) -> None:
        while not self._ended:
            data = await self._door.receive()
            if data is None:
                return
            if data:
                self.transcript.received(data)
            else:
                self._ended = True
