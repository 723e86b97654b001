"""A trial: what one check does with a runtime and its neighbours, and what it sees of all three.

May import the doors' definitions, the tap, the line, the visits and the verdicts. The invariant: a
check acts through the runtime's public methods, and sees through the public state, the app-server's
wire and the endpoints of the host; every wait is bounded, and what a rule promises and does not
come in time is a violation.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from codex_conformance.suites.runtime.uncoded import Uncoded
from codex_conformance.suites.talking import Talk
from codex_conformance.suites.verdicts import Violation, violated
from codex_conformance.targets.runtimes import Surroundings, actor_of, settings_of
from codex_conformance.wire.messages import at
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from codex_conformance.suites.visiting import Guest, Visit
    from codex_conformance.targets.convex_line import ConvexLine
    from codex_conformance.targets.door import Venue
    from codex_conformance.targets.runtimes import HostRuntime, RuntimeTarget
    from codex_conformance.targets.wire_tap import WireTap

_T = TypeVar("_T")

SHOWN: Final = 12
"""Messages and calls that the report of a failure shows."""

FLUSH_MS: Final = 5.0
"""How long an event may wait for company, unless a check says otherwise."""

_LOOK_SECONDS: Final = 0.02
"""How long to wait for a sign at most before looking again: some things come without any."""

_TERMINAL: Final = ("completed", "interrupted", "failed")


class Trial:
    """One check's use of a runtime between two neighbours.

    Args:
        target: Makes runtimes.
        venue: Where app-servers are started.
        visit: The visit to the deployment.
        guest: Whom the runtime acts for.
        tap: Keeps what runtime and app-server say.
        line: Keeps what the runtime calls.
        outbox: Whether the deployment offers the manifest ``runtimeExtended``.
        patience: Seconds after which something counts as not coming.
        moved: Set whenever there is something new to look at.
    """

    def __init__(
        self,
        target: RuntimeTarget,
        venue: Venue,
        visit: Visit,
        guest: Guest,
        *,
        tap: WireTap,
        line: ConvexLine,
        outbox: bool,
        patience: float,
        moved: asyncio.Event,
    ) -> None:
        self._target = target
        self._stack = contextlib.AsyncExitStack()
        self._made: list[HostRuntime] = []
        self._begun: list[asyncio.Task[Any]] = []
        self._outbox = outbox
        self._patience = patience
        self._moved = moved
        self.venue = venue
        self.visit = visit
        self.guest = guest
        self.tap = tap
        self.line = line
        self.conversation = visit.name("conversation")
        self.reports: list[tuple[str, str]] = []
        self.states: list[Any] = []

    @property
    def recent(self) -> tuple[str, ...]:
        """The last messages and calls, for a report."""
        spoken = [one.shown() for one in self.tap.spoken[-SHOWN:]]
        return (*spoken, *(call.shown() for call in self.line.calls[-SHOWN:]))

    # The runtime.

    async def make(
        self,
        *,
        durable: bool = True,
        outbox: bool | None = None,
        start_seconds: float | None = None,
        request_seconds: float | None = None,
        tools: Mapping[str, Callable[..., Any]] | None = None,
    ) -> HostRuntime:
        """Make a runtime that is not connected; from now on it is the trial's.

        Args:
            durable: Whether it keeps anything.
            outbox: Whether it is told that there is an outbox; the truth when left out.
            start_seconds: How long the app-server may take to answer ``initialize``.
            request_seconds: How long it may take to answer anything else.
            tools: Python functions that the model may call, by name.
        """
        surroundings = Surroundings(
            open_app_server=self.tap.open,
            convex_url=self.line.url if durable else None,
            convex_module=self.line.module,
            convex_transport=self.line if durable else None,
            outbox=self._outbox if outbox is None else outbox,
            start_seconds=start_seconds or self._patience,
            request_seconds=request_seconds or self._patience,
            pause=self._pause,
            report=self._report,
            tools=tools or {},
        )
        made = await self._stack.enter_async_context(self._target.make(surroundings))
        runtime: Any = Uncoded(made)
        self._made.append(runtime)
        self.states = []
        runtime.subscribe_lifecycle(self._note)
        return self.runtime

    @property
    def runtime(self) -> HostRuntime:
        """The runtime that was made last."""
        return self._made[-1]

    @property
    def state(self) -> Any:
        """Its state."""
        return self.runtime.get_state()

    async def connect(self, *, session_id: str | None = None, flush_ms: float = FLUSH_MS) -> None:
        """Connect the runtime, as the scene needs it or the rule promises it."""
        actor = actor_of(self.guest.caller.user)
        await self.within(
            self.runtime.connect(actor=actor, session_id=session_id, flush_ms=flush_ms),
            "connecting",
        )

    async def connected(self, *, flush_ms: float = FLUSH_MS, **how: Any) -> HostRuntime:
        """Make a runtime and connect it; see :meth:`make`."""
        await self.make(**how)
        await self.connect(flush_ms=flush_ms)
        return self.runtime

    async def open(self, strategy: str = "start", *, asks: bool = False, **how: Any) -> str:
        """Open a thread, kept in the trial's conversation unless told otherwise.

        Args:
            strategy: ``start``, ``resume`` or ``fork``.
            asks: Whether commands need consent.
            how: What the runtime is told beside that.

        Returns:
            What Codex calls it.
        """
        how.setdefault("persisted_conversation_id", self.conversation)
        conversation = how["persisted_conversation_id"]
        policy = {"approval_policy": "untrusted"} if asks else {}
        settings = settings_of(cwd=str(self.venue.folder), **policy)
        opened = await self.within(
            self.runtime.open_thread(strategy, settings=settings, **how), "opening a thread"
        )
        if conversation is not None and conversation not in self.guest.conversations:
            self.guest.conversations.append(conversation)
        return str(opened.thread.id)

    async def opened(self, *, asks: bool = False, **how: Any) -> str:
        """Make a runtime, connect it and open a thread; see :meth:`make` and :meth:`open`."""
        await self.connected(**how)
        return await self.open(asks=asks)

    async def send(self, text: str = "hello") -> str:
        """Send a turn; give its persisted id."""
        sent = await self.within(self.runtime.send_turn(text), "sending a turn")
        return str(sent.turn_id)

    async def play_turn(self, text: str = "hello") -> str:
        """Send a turn and wait until it has ended here and everything is kept."""
        turn = await self.send(text)
        await self.at_rest()
        return turn

    async def running_turn(self, text: str = "hello") -> str:
        """Send a turn and wait until Codex has said that it runs."""
        before = len(self.tap.said("codex", "turn/started"))
        turn = await self.send(text)
        await self.until(
            lambda: len(self.tap.said("codex", "turn/started")) > before, "turn/started"
        )
        await self.heard()
        return turn

    async def stop(self) -> None:
        """Stop the runtime."""
        await self.within(self.runtime.stop(), "stopping")

    # Waiting.

    def begin(self, doing: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begin something that goes on beside the check, and ends with the trial at the latest."""
        task = asyncio.ensure_future(doing)
        self._begun.append(task)
        return task

    async def within(self, doing: Awaitable[_T], what: str) -> _T:
        """Wait for something that must end.

        Raises:
            Violation: It does not end.
        """
        try:
            async with asyncio.timeout(self._patience):
                return await doing
        except TimeoutError:
            violated(f"that {what} ends", f"that it has not, after {self._patience:g} s")

    async def granted(self, doing: Awaitable[_T], what: str) -> _T:
        """Have something done that a rule promises.

        Raises:
            Violation: It is refused, or never ends.
        """
        try:
            return await self.within(doing, what)
        except CodexRuntimeError as error:
            violated(f"that {what} is granted", str(error))

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds.

        Raises:
            Violation: It does not come to hold.
        """

        async def look() -> bool:
            return holds()

        await self.durably(look, bool, what)

    async def durably(
        self, ask: Callable[[], Awaitable[_T]], done: Callable[[_T], bool], what: str
    ) -> _T:
        """Look again and again until something is as a rule says.

        Raises:
            Violation: It does not become so; the last look is what was found.
        """
        found = await ask()
        try:
            async with asyncio.timeout(self._patience):
                while not done(found):
                    await self._sign()
                    found = await ask()
        except TimeoutError:
            violated(what, f"{found!r}; the state: {self.state}")
        return found

    async def _sign(self) -> None:
        """Wait for a sign that something is new, and let the deployment do what is due."""
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._moved.wait()
        await self.visit.pass_time(1)

    async def at_rest(self) -> None:
        """Wait until no turn is in flight and nothing waits to be kept."""

        def resting() -> bool:
            state = self.state
            return not state.turn_in_flight and not state.ingest_metrics.waiting_event_count

        await self.until(resting, "that the turn ends and everything is kept")

    async def heard(self) -> None:
        """Wait until the runtime has heard what Codex has said: it is asked, and answers behind."""
        for _ in range(2):
            await self.within(self.runtime.read_account(), "reading the account")

    async def phase(self, phase: str) -> None:
        """Wait until the runtime is in a phase."""
        await self.until(lambda: bool(self.state.phase == phase), f"the phase {phase}")

    async def refused(self, doing: Awaitable[Any], *codes: str) -> CodexRuntimeError:
        """Have something refused.

        Args:
            doing: What.
            codes: The codes it may be refused with; any when left out.

        Raises:
            Violation: It is done, never ends, or is refused otherwise.
        """
        expected = "a refusal" + (f" with {' or '.join(codes)}" if codes else "")
        try:
            found = f"that it is done: {await self.within(doing, 'what is to be refused')!r}"
        except CodexRuntimeError as error:
            if not codes or error.code in codes:
                return error
            found = str(error)
        return violated(expected, found)

    # What the deployment shows.

    def talk(self, conversation: str | None = None, thread: str = "") -> Talk:
        """The conversation, as its user sees it through the host."""
        return Talk(self.guest, conversation or self.conversation, thread)

    async def texts(self, conversation: str | None = None) -> list[tuple[str, str, str]]:
        """What is kept of the conversation: role, text and status, in the order it was said."""
        rows = await self.talk(conversation).messages()
        rows.sort(key=lambda row: (row["createdAt"], row["orderInTurn"]))
        return [(row["role"], row["text"], row["status"]) for row in rows]

    async def says(self, *texts: tuple[str, str], conversation: str | None = None) -> None:
        """Have exactly these messages be kept, in order, each complete: role and text."""
        expected = [(role, text, "completed") for role, text in texts]
        await self.durably(
            lambda: self.texts(conversation),
            lambda found: found == expected,
            f"a conversation of {expected}",
        )

    async def turn_ends(self, turn: str, *statuses: str) -> str:
        """Wait until a turn has ended durably; give how.

        Args:
            turn: Its persisted id.
            statuses: How it may have ended; in any way when left out.
        """
        allowed = statuses or _TERMINAL
        return str(
            await self.durably(
                lambda: self.talk().turn_status(turn),
                lambda found: found in allowed,
                f"a durable turn that is {' or '.join(allowed)}",
            )
        )

    # What the wire shows.

    async def asked(self, method: str) -> dict[str, Any]:
        """Wait until the app-server has made a request; give the newest one."""
        await self.until(lambda: bool(self.tap.said("codex", method)), f"a request {method}")
        return self.tap.said("codex", method)[-1]

    async def turn_of_codex(self) -> str:
        """What Codex calls the turn that it said last has started."""
        await self.until(lambda: bool(self.tap.said("codex", "turn/started")), "turn/started")
        return str(at(self.tap.said("codex", "turn/started")[-1], "params", "turn", "id"))

    def open_gate(self, name: str) -> None:
        """Let the model pass a gate."""
        self.venue.open_gate(name)
        self.tap.nudge()

    # What happens around it.

    async def _pause(self, seconds: float) -> None:
        await self.visit.pass_time(seconds * 1_000)

    def _report(self, message: str, line: str) -> None:
        self.reports.append((message, line))
        self._moved.set()

    def _note(self, state: Any) -> None:
        self.states.append(state)
        self._moved.set()

    async def leave(self) -> None:
        """Stop every runtime of the trial; what fails then was judged before, or never will be."""
        self.tap.rules.clear()
        for fault in list(self.line.faults):
            self.line.lift(fault)
        for runtime in self._made:
            with contextlib.suppress(CodexRuntimeError, Violation):
                await runtime.stop()
        for task in self._begun:
            task.cancel()
        await asyncio.gather(*self._begun, return_exceptions=True)
        await self._stack.aclose()
