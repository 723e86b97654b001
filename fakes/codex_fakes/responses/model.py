"""The scripted model itself: what it is asked, what it answers, and what was wrong.

May import the script language and the responses' own pure modules. The invariant: no IO; every
request is recorded and checked before anything else is decided, and whatever comes, there is an
answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.responses.actions import Action, Refuse
from codex_fakes.responses.events import compact_json
from codex_fakes.responses.exchange import Exchange, OtherRequest, Outcome, Problem
from codex_fakes.responses.invariants import Ledger
from codex_fakes.responses.render import render
from codex_fakes.responses.requests import read_request
from codex_fakes.script.playing import Gates, ScriptPlayer, gate_names
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codex_fakes.script.steps import Script


class ScriptedModel:
    """A model that does what a script says.

    Args:
        script: The script, checked.
        known_history: Whether every call in a conversation must be one of this model; say no when
            Codex goes on with threads that it had before.
        changed: Called after every request and every end of one.
    """

    def __init__(self, script: Script, *, known_history: bool, changed: Callable[[], None]) -> None:
        self.script = script
        self.player = ScriptPlayer(script)
        self.gates = Gates(gate_names(script))
        self.exchanges: list[Exchange] = []
        self.other_requests: list[OtherRequest] = []
        self.problems: list[Problem] = []
        self._ledger = Ledger(known_history=known_history)
        self._changed = changed

    def asked(self, headers: Mapping[str, str], raw: bytes) -> Exchange:
        """Take a request and choose its response.

        Args:
            headers: The HTTP headers, names in lower case.
            raw: The body.

        Returns:
            The exchange; :meth:`actions` says what to do about it.
        """
        request = read_request(len(self.exchanges) + 1, headers, raw)
        exchange = Exchange(request)
        self.exchanges.append(exchange)
        for text in self._ledger.check(request):
            self._problem("E_MODEL_REQUEST_INVALID", request.number, text)
        if not request.unreadable:
            self._choose(exchange)
        self._changed()
        return exchange

    def actions(self, exchange: Exchange) -> Sequence[Action]:
        """Say what to do about an exchange."""
        if exchange.rendering is not None:
            return exchange.rendering.actions
        number = exchange.request.number
        mine = [problem for problem in self.problems if problem.request == number]
        status = 400 if exchange.request.unreadable else 500
        error = {"message": "; ".join(map(str, mine)), "code": mine[-1].code}
        return (Refuse(status, compact_json({"error": error}).encode(), {}),)

    def ended(self, exchange: Exchange, outcome: Outcome) -> None:
        """Take note of how an exchange ended."""
        exchange.outcome = outcome
        rendering = exchange.rendering
        if rendering is not None and rendering.regular and outcome is Outcome.SENT:
            self._ledger.finished(exchange.request, rendering.calls)
        self._changed()

    def asked_otherwise(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> None:
        """Take note of a request that is not for the model."""
        self.other_requests.append(OtherRequest(method, path, dict(headers), raw))
        self._changed()

    def state(self) -> dict[str, Any]:
        """Say how far the script has come, as JSON."""
        return {
            "requests": len(self.exchanges),
            "open": sum(1 for one in self.exchanges if one.outcome is Outcome.OPEN),
            "left": self.player.left,
            "gates": {
                name: {
                    "open": self.gates.is_open(name),
                    "reached": self.gates.is_reached(name),
                }
                for name in self.gates.names
            },
            "problems": [str(problem) for problem in self.problems],
        }

    def _choose(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            exchange.planned = self.player.next_response(request.user_text)
            exchange.rendering = render(
                exchange.planned, model=request.model, sessions=request.sessions
            )
        except ConfigurationError as error:
            self._problem(error.code, request.number, error.text)
        else:
            self._ledger.answering(exchange.rendering.calls)

    def _problem(self, code: str, request: int, text: str) -> None:
        self.problems.append(Problem(code, request, text))
