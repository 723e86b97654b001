"""Calls to a Convex deployment over HTTP: the one module that knows httpx.

May import httpx, the values and the exceptions. The invariant: a call is sent again only when that
cannot make it happen twice; what may have happened is never reported as if it had not.
"""

from __future__ import annotations

import asyncio
import random
import re
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias

import httpx
import msgspec

from codex_runtime.errors import CATALOGUE, ContractError
from codex_runtime.persistence.deployment_url import split_deployment_url
from codex_runtime.persistence.failures import PersistenceError
from codex_runtime.values import dumps, from_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_runtime.persistence.live_reads.tokens import TokenProvider

    Carrier: TypeAlias = httpx.AsyncBaseTransport
    """What carries requests to a deployment."""
    from codex_runtime.values import Value

Kind: TypeAlias = Literal["query", "mutation", "action"]

TIMEOUT_SECONDS: Final = 30.0
"""How long one attempt may take."""
ATTEMPTS: Final = 6
"""How often a call is sent at most."""
FIRST_PAUSE_SECONDS: Final = 0.1
"""How long the pause before the second attempt is; each one after it is twice as long."""
LONGEST_PAUSE_SECONDS: Final = 3.0

_SCHEMES: Final = frozenset({"http", "https"})

_NEVER_STARTED: Final = frozenset({429, 503})
"""What a deployment answers when it has refused to run the function, or to commit what it did."""
_UNCERTAIN: Final = frozenset({500, 502, 504})
_TOO_LARGE: Final = re.compile(
    r"Arguments for \S+ are too large|Value is too large|Array length is too long"
    r"|Too (many|much) .{1,60} in a single function execution"
)
"""What a deployment says when a call is beyond its limits; it has no code for that. A deployment
that redacts its texts says nothing."""
_REFUSED_TOKEN: Final = frozenset({401, 403})
_NO_TOKEN: Final = "E_PERSISTENCE_TOKEN_UNAVAILABLE"  # noqa: S105 - a code


class ConvexHttp:
    """Calls functions of one deployment.

    Args:
        url: The deployment's URL.
        token: A user's token, or a provider that gives one; nobody is signed in without.
        admin_key: The deployment's admin key, in place of a token; for operators.
        timeout: How long one attempt may take, in seconds.
        attempts: How often a call is sent at most.
        transport: What carries requests; the network when left out.
        pause: Waits between attempts; a test that brings its own needs no time.
        chance: Gives numbers from 0 up to 1, for the length of the pauses.

    Raises:
        PersistenceError: ``E_PERSISTENCE_URL_INVALID``.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | TokenProvider | None = None,
        admin_key: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        attempts: int = ATTEMPTS,
        transport: Carrier | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._url = _checked(url)
        self._token = token
        self._admin_key = admin_key
        self._attempts = attempts
        self._pause = pause
        self._chance = chance
        self._given: str | None = token if isinstance(token, str) else None
        self._client = httpx.AsyncClient(
            base_url=self._url, timeout=timeout, transport=transport, trust_env=False
        )

    async def aclose(self) -> None:
        """Give the connections back; calling it again does nothing."""
        await self._client.aclose()

    async def call(
        self, kind: Kind, path: str, args: Value | dict[str, Any], *, repeatable: bool
    ) -> Value:
        """Call a function.

        Args:
            kind: What it is.
            path: Where it is: ``module:function``.
            args: Its arguments.
            repeatable: Whether calling it twice is the same as calling it once, so that a call
                whose answer was lost may be sent again.

        Returns:
            What it returned.

        Raises:
            ContractError: The function refused with a code of the contract.
            PersistenceError: ``E_PERSISTENCE_…``; only after ``E_PERSISTENCE_OUTCOME_UNKNOWN`` may
                the call have happened.
        """
        body = f'{{"path":{dumps(path)},"format":"convex_encoded_json","args":{dumps(args)}}}'
        failure = PersistenceError("E_PERSISTENCE_UNREACHABLE", f"{self._url} was not called")
        uncertain: PersistenceError | None = None
        for attempt in range(self._attempts):
            if attempt:
                await self._pause(self._wait(attempt))
            try:
                response = await self._send(kind, body)
            except httpx.RequestError as error:
                failure = self._lost(error, path)
                if failure.code == "E_PERSISTENCE_OUTCOME_UNKNOWN":
                    uncertain = failure
                    if not repeatable:
                        raise failure from error
                continue
            status = response.status_code
            if status in _NEVER_STARTED:
                failure = _failed("E_PERSISTENCE_OVERLOADED", path, response)
                continue
            if status in _UNCERTAIN:
                failure = uncertain = _failed("E_PERSISTENCE_OUTCOME_UNKNOWN", path, response)
                if repeatable:
                    continue
                raise failure
            return _answer(path, response)
        # What was once sent may have happened, however often it could not be sent again.
        raise uncertain or failure

    async def _send(self, kind: Kind, body: str) -> httpx.Response:
        """Send a call; once more, with a fresh token, where the one at hand is refused."""
        response = await self._post(kind, body, await self._credentials())
        renewable = callable(self._token) and self._admin_key is None
        if response.status_code in _REFUSED_TOKEN and renewable:
            response = await self._post(kind, body, await self._credentials(refresh=True))
        return response

    async def _post(self, kind: Kind, body: str, credentials: str | None) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        if credentials is not None:
            headers["Authorization"] = credentials
        if self._client.is_closed:
            raise PersistenceError("E_PERSISTENCE_CLOSED", "The deployment's client is closed.")
        return await self._client.post(f"/api/{kind}", content=body.encode(), headers=headers)

    async def _credentials(self, *, refresh: bool = False) -> str | None:
        if self._admin_key is not None:
            return _header(f"Convex {self._admin_key}")
        if callable(self._token) and (self._given is None or refresh):
            try:
                self._given = await self._token(force_refresh=refresh)
            except Exception as error:
                raise PersistenceError(
                    _NO_TOKEN, f"The token provider raised {error!r}."
                ) from error
            if not isinstance(self._given, str):
                raise PersistenceError(_NO_TOKEN, f"The token provider gave {self._given!r}.")
        return None if self._given is None else _header(f"Bearer {self._given}")

    def _wait(self, attempt: int) -> float:
        longest = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
        # Half of it by chance, so that many who failed together do not come back together.
        wait: float = longest * (0.5 + 0.5 * self._chance())
        return wait

    def _lost(self, error: httpx.RequestError, path: str) -> PersistenceError:
        """Tell whether a call that got no answer was ever sent."""
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return PersistenceError(
                "E_PERSISTENCE_UNREACHABLE", f"No connection to {self._url} ({why})."
            )
        return PersistenceError(
            "E_PERSISTENCE_OUTCOME_UNKNOWN", f"The answer of {path} was lost ({why})."
        )


def _checked(url: str) -> str:
    try:
        split_deployment_url(url, _SCHEMES)
    except ValueError as error:
        raise PersistenceError("E_PERSISTENCE_URL_INVALID", f"{url!r}: {error}") from None
    return url.rstrip("/")


def _header(credentials: str) -> str:
    if not (credentials.isascii() and credentials.isprintable()):
        # It is a secret: the text does not show it.
        raise PersistenceError(_NO_TOKEN, "The token holds characters that no token has.")
    return credentials


def _answer(path: str, response: httpx.Response) -> Value:
    """Read what a function answered."""
    if response.status_code in _REFUSED_TOKEN:
        raise _failed("E_PERSISTENCE_UNAUTHORIZED", path, response)
    if response.status_code == httpx.codes.NOT_FOUND:
        raise _failed("E_PERSISTENCE_NOT_CONVEX", path, response)
    if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        raise _failed("E_PERSISTENCE_TOO_LARGE", path, response)
    if response.is_client_error:
        raise _failed("E_PERSISTENCE_REQUEST_REFUSED", path, response)
    try:
        answer = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        answer = None
    status = answer.get("status") if isinstance(answer, dict) else None
    if status == "success":
        return from_json(answer.get("value"))
    if status == "error":
        _refuse(path, answer)
    raise _failed("E_PERSISTENCE_NOT_CONVEX", path, response)


def _refuse(path: str, answer: dict[str, Any]) -> NoReturn:
    data = answer.get("errorData")
    text = str(answer.get("errorMessage", ""))
    code = data.get("code") if isinstance(data, dict) else None
    if isinstance(code, str) and code in CATALOGUE:
        message = str(data.get("message", "")) if isinstance(data, dict) else ""
        raise ContractError(code, message.removeprefix(f"[{code}] "))
    if "Could not find public function" in text or "Trying to execute" in text:
        raise PersistenceError("E_PERSISTENCE_ENDPOINT_MISSING", _one_line(text))
    if _TOO_LARGE.search(text):
        raise PersistenceError("E_PERSISTENCE_TOO_LARGE", f"{path}: {_one_line(text)}")
    if code is not None:
        text = f"{code}: {text}"
    raise PersistenceError("E_PERSISTENCE_FUNCTION_FAILED", f"{path} failed: {_one_line(text)}")


def _failed(code: str, path: str, response: httpx.Response) -> PersistenceError:
    text = _one_line(response.text)[:300]
    return PersistenceError(code, f"{path} was answered with HTTP {response.status_code}: {text}")


def _one_line(text: str) -> str:
    return " ".join(text.split())
