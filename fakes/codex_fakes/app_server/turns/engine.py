"""How a turn goes: from turn/start to turn/completed, in the orders of FACTS §8, §10 and §12.

May import the turn's table and plan, failures, rollouts, tools and the shared world. The
invariant: whatever becomes of a turn, it gets exactly one turn/started and one turn/completed, and
nothing but finishing commands says anything about it afterwards.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.dialect.failures import (
    IDLE_TIMEOUT,
    Failure,
    failure_of,
    reconnecting,
    waiting_for_network,
)
from codex_fakes.app_server.dialect.messages import Refusal, RpcId
from codex_fakes.app_server.model.streaming import Writing
from codex_fakes.app_server.storage.rollout import preview_of
from codex_fakes.app_server.threads.external_login import REFRESH, refreshed_login
from codex_fakes.app_server.threads.items import user_message
from codex_fakes.app_server.threads.plan import AtGate, Broken, Called, Done, Pause, Stalled, plan
from codex_fakes.app_server.threads.turn import Move, Phase, Turn, UserInput
from codex_fakes.app_server.tools.dispatch import Tools
from codex_fakes.app_server.tools.goals import Goals
from codex_fakes.app_server.turns.compaction import Compaction
from codex_fakes.app_server.turns.counts import Counts
from codex_fakes.app_server.turns.endings import Endings
from codex_fakes.app_server.turns.pursuit import Pursuit
from codex_fakes.app_server.turns.reviews import Reviews
from codex_fakes.script.steps import FailHttp
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.dialect.messages import Answer
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.plan import Action
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Compacting
    from codex_fakes.app_server.threads.world import World

FIRST_NETWORK_WAIT_MS: Final = 5_000
"""Milliseconds until a model that nobody can reach is asked again; twice as long each time."""

FIRST_BACK_OFF_MS: Final = 200
"""Milliseconds before the first repetition of a request; doubled each time."""


class TurnEngine:
    """Plays turns.

    Args:
        world: The shared part of the machine.
        rollouts: Writes down what happens.
        shelf: Keeps read states.
        started: Called when a turn has started, for requests that waited for that.
    """

    def __init__(
        self,
        world: World,
        rollouts: RolloutWriter,
        shelf: Shelf,
        started: Callable[[Thread], None],
    ) -> None:
        self._world = world
        self._rollouts = rollouts
        self._started = started
        self._writing = Writing(world, rollouts)
        self.goals = Goals(world, shelf)
        self.pursuit = Pursuit(world, self._begin)
        self.tools = Tools(
            world, rollouts, shelf.home, self.goals, self._call_finished, self._cancelled
        )
        self._counts = Counts(world, rollouts, self.tools)
        self._endings = Endings(world, rollouts, shelf)
        self._reviews = Reviews(world, rollouts, self._writing)
        self._compaction = Compaction(world, self._writing, self._counts)

    # --- what requests ask for -----------------------------------------------------------------

    def start(self, thread: Thread, given: UserInput) -> Turn:
        """Start a turn, or steer the one there is (FACTS §11).

        Args:
            thread: The thread.
            given: The user's input.

        Returns:
            The turn that takes the input.
        """
        if thread.turn is not None:
            self.steer(thread, thread.turn, given)
            return thread.turn
        turn = Turn(self._world.ids.uuid7())
        turn.inputs.append(given)
        self._begin(thread, turn)
        return turn

    def steer(self, thread: Thread, turn: Turn, given: UserInput) -> None:
        """Give a turn more input; a model stream is cut at once, tools are waited for."""
        turn.inputs.append(given)
        streams = turn.phase in {Phase.STREAMING, Phase.HELD}
        own, server = thread.settings.instant_interrupt, self._world.settings.instant_interrupt
        if streams and not turn.calls and (server if own is None else own):
            self._world.defer(partial(self._cut, thread, turn, turn.epoch))

    def interrupt(self, thread: Thread, turn_id: str, client: int, request_id: RpcId) -> None:
        """Interrupt a turn; answers the request now, when the turn ends, or never (FACTS §10).

        Args:
            thread: The thread.
            turn_id: The turn, or ``""`` for whatever is there.
            client: The connection that asks.
            request_id: Its request.

        Raises:
            Refusal: There is no such turn.
        """
        turn = thread.turn
        if turn_id == "":
            self._world.respond(client, request_id, {})
            if turn is not None and turn.phase is Phase.STARTING:
                turn.interrupt_after_input = True
            elif turn is not None:
                self._interrupt_soon(thread, turn)
            return
        running = turn if turn is not None and turn.running else None
        current = (running.inner or running.id) if running is not None else thread.ghost
        if current is None:
            raise Refusal("no active turn to interrupt")
        if turn_id != current:
            raise Refusal(f"expected active turn id {turn_id} but found {current}")
        if running is None:
            thread.hanging.append((client, request_id))
        else:
            running.interrupts.append((client, request_id))
            self._interrupt_soon(thread, running)

    def compact(self, thread: Thread) -> None:
        """Start a turn that compacts the thread's context; one that runs is interrupted first."""
        self.stop(thread)
        self._begin(thread, Turn(self._world.ids.uuid7(), kind="compact"))

    def review(self, thread: Thread, turn: Turn) -> None:
        """Start the turn of a review; one that runs is interrupted first."""
        self.stop(thread)
        self._begin(thread, turn)

    def _begin(self, thread: Thread, turn: Turn) -> None:
        thread.turn = turn
        self._world.defer(partial(self._announce, thread, turn))

    def stop(self, thread: Thread) -> None:
        """Interrupt the turn that starts or runs, if there is one, at once."""
        turn = thread.turn
        if turn is None:
            return
        if turn.phase is Phase.STARTING:
            self._announce(thread, turn)
        if turn.phase is Phase.STARTED:
            self._take_inputs(thread, turn)
        self._abort(thread, turn)

    def abandon(self, thread: Thread) -> None:
        """Write a turn off because the server ends: nobody is told, the rollout is."""
        turn = thread.turn
        if turn is not None and turn.running:
            self.tools.abandon(turn)
            if not self._counts.write_down(thread, turn) and turn.streaming:
                self._counts.repeat(thread, turn)
            turn.move(Move.ABORT)
            self._endings.close(thread, turn, "interrupted", None)
        thread.turn = None

    # --- the course of a turn ------------------------------------------------------------------

    def _announce(self, thread: Thread, turn: Turn) -> None:
        if thread.turn is not turn:
            return
        now_ms = self._world.clock.now_ms()
        turn.started_ms, turn.started_at = now_ms, now_ms // 1000
        thread.recency_ms = now_ms
        thread.ghost = None
        thread.status = "active"
        if turn.kind == "review":
            self._reviews.begin(thread, turn)
        else:
            self._rollouts.begin_turn(thread, turn.id, turn.root)
        self.goals.begin(thread)
        self._world.set_status(thread)
        turn.move(Move.ANNOUNCE)
        shown = turn.on_wire()
        if turn.inner is not None:
            shown["id"] = turn.inner
        self._world.tell_subscribers(thread, "turn/started", {"threadId": thread.id, "turn": shown})
        if turn.kind == "regular":
            self._compaction.open(thread)
        self._started(thread)
        self._world.defer(partial(self._take_first_input, thread, turn, turn.epoch))

    def _take_first_input(self, thread: Thread, turn: Turn, epoch: int) -> None:
        if _void(turn, epoch):
            return
        if turn.kind == "compact" or self._compaction.is_due(thread):
            self._compaction.begin(thread, turn)
        else:
            self._take_inputs(thread, turn)
        if turn.interrupt_after_input:
            self._abort(thread, turn)
        else:
            self._ask(thread, turn)

    def _take_inputs(self, thread: Thread, turn: Turn) -> None:
        while turn.inputs:
            given = turn.inputs.popleft()
            if not given.content:
                continue
            turn.newest_text = given.text
            if turn.kind == "review":
                self._reviews.take_input(thread, turn, given)
                continue
            item = user_message(self._world.ids.uuid7(), given.client_id, given.content)
            thread.preview = thread.preview or preview_of(given.content)
            started = self._writing.start_item(thread, turn.id, item)
            self._writing.complete_item(thread, turn.id, item, started)

    def _ask(self, thread: Thread, turn: Turn) -> None:
        turn.move(Move.ASK)
        turn.request_retries = 0
        self._world.defer(partial(self._request, thread, turn, turn.void()))

    def _ask_again(self, thread: Thread, turn: Turn, epoch: int) -> None:
        if not _void(turn, epoch):
            turn.move(Move.ASK)
            self._request(thread, turn, turn.epoch)

    def _request(self, thread: Thread, turn: Turn, epoch: int) -> None:
        if _void(turn, epoch):
            return
        if turn.compaction is None:
            self._take_inputs(thread, turn)
        if not self._world.player.reachable:
            self._wait_for_network(thread, turn)
            return
        text = turn.newest_text if turn.compaction is None else ""
        actions = self._next_plan(thread, text)
        turn.queue.clear()
        turn.queue.extend(actions)
        turn.called = False
        turn.nudged = False
        turn.plan = None
        first = actions[0]
        turn.streaming = not (isinstance(first, Broken) and isinstance(first.ending, FailHttp))
        turn.move(Move.ANSWER)
        if turn.compaction is not None and turn.streaming:
            # What is owed to a stream is told as soon as this one begins.
            self._counts.report(thread, turn)
            turn.streaming = False
        self._pump(thread, turn)

    def _next_plan(self, thread: Thread, user_text: str) -> list[Action]:
        try:
            response = self._world.player.next_response(user_text)
            actions = plan(response)
            self._counts.note_limits(thread, response.headers)
            self.tools.check_sessions(thread, actions)
        except ConfigurationError as error:
            # The scripted model refuses the request; the turn fails of it, and the test is told.
            self._world.problems.append(error)
            return [Broken(FailHttp(status=400, message=str(error)))]
        return actions

    def _pump(self, thread: Thread, turn: Turn) -> None:
        while turn.phase is Phase.STREAMING and turn.queue:
            self._play(thread, turn, turn.queue.popleft())

    def _play(self, thread: Thread, turn: Turn, action: Action) -> None:
        if isinstance(action, Pause):
            turn.move(Move.HOLD)
            self._world.after(action.ms, partial(self._go_on, thread, turn, turn.epoch))
        elif isinstance(action, AtGate):
            turn.move(Move.HOLD)
            self._world.at_gate(action.gate, partial(self._go_on, thread, turn, turn.epoch))
        elif isinstance(action, Stalled):
            turn.move(Move.HOLD)
            patience = self._world.settings.stream_idle_timeout_ms
            if patience is not None:
                self._world.after(patience, partial(self._idle, thread, turn, turn.epoch))
        elif isinstance(action, Called) and turn.compaction is None:
            turn.called = True
            turn.calls += 1
            self.tools.call(thread, turn, action.call)
        elif isinstance(action, Broken):
            self._break(thread, turn, action)
        elif isinstance(action, Done):
            turn.usage = action.usage
            turn.streaming = False
            turn.reconnects = 0
            turn.move(Move.FINISH)
            self._settle(thread, turn)
        elif turn.kind == "review":
            self._reviews.hear(thread, turn, action)
        elif turn.compaction is None:
            self._writing.play(thread, turn, action)

    def _go_on(self, thread: Thread, turn: Turn, epoch: int) -> None:
        if not _void(turn, epoch):
            turn.move(Move.GO_ON)
            self._pump(thread, turn)

    def _cut(self, thread: Thread, turn: Turn, epoch: int) -> None:
        """Drop the model's stream, because there is new input."""
        if _void(turn, epoch) or turn.calls or not turn.inputs or turn.compaction is not None:
            return
        self._counts.report(thread, turn)
        turn.open_item = None
        turn.queue.clear()
        turn.streaming = False
        turn.move(Move.STEER)
        turn.request_retries = 0
        self._world.defer(partial(self._request, thread, turn, turn.void()))

    def _call_finished(self, thread: Thread, turn: Turn) -> None:
        """Count a call of the model as done; the last one lets the turn go on."""
        turn.calls -= 1
        self.goals.count(thread, turn)
        if turn.calls or turn.interrupting:
            return
        if turn.phase is Phase.TOOLS:
            self._settle(thread, turn)
        elif turn.phase is Phase.HELD and turn.queue and isinstance(turn.queue[0], Broken):
            self._go_on(thread, turn, turn.epoch)

    def _settle(self, thread: Thread, turn: Turn) -> None:
        """Decide what follows a complete response, once its calls are done."""
        if turn.calls:
            return
        if turn.compaction is not None:
            self._compaction.finish(thread, turn)
            goes_on = turn.kind != "compact"
        elif turn.kind == "review" and not turn.called:
            self._reviews.finish(thread, turn)
            goes_on = False
        else:
            self._counts.conclude(thread, turn)
            goes_on = turn.called or turn.nudged or bool(turn.inputs)
            if goes_on and self._compaction.is_due(thread):
                self._compaction.begin(thread, turn, midway=True)
        if goes_on:
            self._ask(thread, turn)
        else:
            self.goals.count(thread, turn)
            turn.move(Move.COMPLETE)
            self._endings.complete(thread, turn)
            self.pursuit.go_on(thread)

    # --- failures ------------------------------------------------------------------------------

    def _idle(self, thread: Thread, turn: Turn, epoch: int) -> None:
        if not _void(turn, epoch):
            turn.move(Move.GO_ON)
            self._fail(thread, turn, IDLE_TIMEOUT)

    def _break(self, thread: Thread, turn: Turn, action: Broken) -> None:
        if turn.calls:
            # What was called before the stream broke is waited for first.
            turn.queue.appendleft(action)
            turn.move(Move.HOLD)
            return
        self._fail(thread, turn, failure_of(action.ending, self._world.settings.provider_url))

    def _fail(self, thread: Thread, turn: Turn, failure: Failure) -> None:
        settings = self._world.settings
        if self._refresh(thread, turn, failure):
            return
        if failure.fills_context and turn.compaction is not None and turn.compaction.spare:
            self._compact_less(thread, turn, turn.compaction)
            return
        if failure.repeats_request and turn.request_retries < settings.request_max_retries:
            turn.request_retries += 1
            self._back_off(thread, turn, turn.request_retries)
            return
        if failure.streamed and (turn.compaction is None or failure.counted):
            self._counts.report(thread, turn)
        turn.streaming = False
        turn.open_item = None
        if failure.reopens_stream and turn.reconnects < settings.stream_max_retries:
            turn.reconnects += 1
            turn.request_retries = 0
            error = reconnecting(failure, turn.reconnects, settings.stream_max_retries)
            self._world.tell_error(thread, turn.id, error, will_retry=True)
            self._back_off(thread, turn, turn.reconnects)
            return
        turn.move(Move.FAIL)
        self._give_up(thread, turn, failure)

    def _compact_less(self, thread: Thread, turn: Turn, compaction: Compacting) -> None:
        """Ask for the summary of a history that is shorter by its oldest item."""
        turn.compaction = compaction._replace(spare=compaction.spare - 1)
        turn.move(Move.BACK_OFF)
        self._world.defer(partial(self._ask_again, thread, turn, turn.void()))

    def _refresh(self, thread: Thread, turn: Turn, failure: Failure) -> bool:
        """Ask the client for a new token, once in a turn, if its token is not taken any more."""
        login = self._world.external_login
        required = self._world.settings.requires_openai_auth
        if failure.status != HTTPStatus.UNAUTHORIZED or login is None or not required:
            return False
        if turn.refreshed:
            return False
        turn.refreshed = True
        turn.move(Move.BACK_OFF)
        params = {"reason": "unauthorized", "previousAccountId": login.account}
        answered = partial(self._refreshed, thread, turn, turn.void())
        self._world.ask(thread, turn.id, REFRESH, params, answered, quiet=True)
        return True

    def _refreshed(self, thread: Thread, turn: Turn, epoch: int, answer: Answer) -> None:
        login = self._world.external_login
        if _void(turn, epoch) or login is None:
            return
        found = refreshed_login(login, answer)
        if isinstance(found, str):
            turn.move(Move.FAIL)
            self._give_up(thread, turn, Failure(found, "other"))
        else:
            self._world.external_login = found
            self._ask_again(thread, turn, epoch)

    def _wait_for_network(self, thread: Thread, turn: Turn) -> None:
        """Ask again later, without end: that nobody listens is no failure of the turn."""
        self._world.tell_error(thread, turn.id, waiting_for_network(), will_retry=True)
        turn.move(Move.ANSWER)
        turn.move(Move.BACK_OFF)
        delay_ms = FIRST_NETWORK_WAIT_MS * 2**turn.network_waits
        turn.network_waits += 1
        self._world.after(delay_ms, partial(self._ask_again, thread, turn, turn.void()))

    def _back_off(self, thread: Thread, turn: Turn, attempt: int) -> None:
        turn.move(Move.BACK_OFF)
        delay_ms = FIRST_BACK_OFF_MS * 2 ** (attempt - 1)
        self._world.after(delay_ms, partial(self._ask_again, thread, turn, turn.void()))

    def _give_up(self, thread: Thread, turn: Turn, failure: Failure) -> None:
        if failure.fills_context:
            self._counts.fill_context(thread, turn)
        if turn.compaction is not None:
            # What the user said is kept, although the model was never asked about it.
            self._take_inputs(thread, turn)
        self.goals.fail(thread, turn, failure.info)
        thread.status = "systemError"
        self._world.set_status(thread)
        error = failure.error()
        self._world.tell_error(thread, turn.id, error, will_retry=False)
        if turn.kind == "review":
            self._reviews.break_off(thread, turn)
        self._endings.fail(thread, turn, error)

    # --- endings -------------------------------------------------------------------------------

    def _interrupt_soon(self, thread: Thread, turn: Turn) -> None:
        # Behind the input that is already here, so that a second interrupt is answered with the
        # first (FACTS §10); nothing else of the turn happens until then.
        if not turn.interrupting:
            turn.interrupting = True
            self._world.defer(partial(self._abort, thread, turn))

    def _cancelled(self, thread: Thread, turn: Turn) -> None:
        """End a turn because the user cancelled an approval."""
        if turn.running and not turn.interrupting:
            self._abort(thread, turn)

    def _abort(self, thread: Thread, turn: Turn) -> None:
        if not turn.running:
            return
        self.tools.abandon(turn)
        if turn.kind == "review":
            self._reviews.break_off(thread, turn)
        if turn.phase is Phase.TOOLS:
            self._counts.report_usage(thread, turn)
        elif turn.streaming:
            self._counts.report(thread, turn)
        self.goals.count(thread, turn)
        turn.move(Move.ABORT)
        turn.open_item = None
        turn.queue.clear()
        self._endings.interrupt(thread, turn)


def _void(turn: Turn, epoch: int) -> bool:
    """Whether what was waited for has become pointless."""
    return turn.epoch != epoch or turn.interrupting
