"""Requests about the account: who is logged in, logging in and out, and what only ChatGPT tells.

May import the dialect, the shelf and the shared world. An API key is kept in ``auth.json``, as by
the real server; a login through ChatGPT is offered, and waits until it is cancelled or another one
takes its place, because nobody ever comes back from a browser. Tokens that the client brings are
taken over; what would be asked of the network then fails as it does without one. The invariant:
``account/updated`` is told whenever what is in ``auth.json`` may have changed.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.dialect.messages import INTERNAL, Refusal, Request
from codex_fakes.app_server.dialect.not_simulated import not_simulated
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id
from codex_fakes.app_server.threads.external_login import ExternalLogin, read_login

if TYPE_CHECKING:
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.world import Connection, World

_AUTHORIZE: Final = "https://auth.openai.com/oauth/authorize"
_CALLBACK: Final = "http://127.0.0.1:1455/auth/callback"
_CLIENT: Final = "app_EMoamEEZ73f0CkXaXp7hrann"
_SCOPE: Final = "openid profile email offline_access api.connectors.read api.connectors.invoke"
_NOT_COMPLETED: Final = "Login server error: Login was not completed"
_EXTERNAL: Final = "chatgptAuthTokens"
_EXTERNAL_ACTIVE: Final = (
    f"External auth is active. Use account/login/start ({_EXTERNAL}) to update it or "
    "account/logout to clear it."
)
_NO_ROUTING: Final = "workspace routing discovery failed"
_BACKEND: Final = "https://chatgpt.com/backend-api"
_DEVICE_CODE: Final = "https://auth.openai.com/api/accounts/deviceauth/usercode"
_CANCELLED: Final = "Login server error: Login cancelled"


class Account:
    """Handles the requests about the account.

    Args:
        world: The shared part of the machine.
        shelf: Knows the home.
    """

    def __init__(self, world: World, shelf: Shelf) -> None:
        self._world = world
        self._path = f"{shelf.home}/auth.json"
        self._login: str | None = None

    # --- who is logged in ----------------------------------------------------------------------

    def _key(self) -> str | None:
        """The API key; ``None`` when nobody is logged in."""
        data = self._world.files.read(self._path)
        if data is None:
            return None
        try:
            key = dialect.decode(data).get("OPENAI_API_KEY")
        except (ValueError, AttributeError):
            return None
        return key if isinstance(key, str) else None

    def read(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle account/read."""
        del params
        required = self._world.settings.requires_openai_auth
        if required and self._world.external_login is not None:
            raise Refusal(_NO_ROUTING, code=INTERNAL)
        known = required and self._key() is not None
        result = {
            "account": {"type": "apiKey"} if known else None,
            "requiresOpenaiAuth": required,
            "workspaceRouting": None,
        }
        self._world.respond(client.number, request.id, result)

    def status(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle getAuthStatus."""
        required = self._world.settings.requires_openai_auth
        key = self._key() if required else None
        method = "apikey" if key else None
        external = self._world.external_login if required else None
        if external is not None:
            key, method = external.token, _EXTERNAL
        result = {
            "authMethod": method,
            "authToken": key or None if params.get("includeToken") else None,
            "requiresOpenaiAuth": required,
        }
        self._world.respond(client.number, request.id, result)

    def rate_limits(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle account/rateLimits/read, which an API key does not open."""
        del client, request, params
        raise self._unreadable("rate limits", "codex rate limits", "usage")

    def usage(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle account/usage/read, which an API key does not open."""
        del client, request
        if params.get("threadId") is not None:
            parse_thread_id(params["threadId"])
        raise self._unreadable("token usage", "token usage profile", "profiles/me")

    def _unreadable(self, what: str, fetched: str, place: str) -> Refusal:
        """Why what only ChatGPT tells cannot be read: there is no login for it, or no network."""
        if self._world.external_login is not None:
            return _unreachable(f"fetch {fetched}", f"{_BACKEND}/wham/{place}")
        needed = "codex account" if self._key() is None else "chatgpt"
        return Refusal(f"{needed} authentication required to read {what}")

    # --- logging in and out --------------------------------------------------------------------

    def log_in(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle account/login/start."""
        kind = params["type"]
        if kind == _EXTERNAL:
            self._log_in_externally(client, request, params)
            return
        if self._world.external_login is not None:
            raise Refusal(_EXTERNAL_ACTIVE)
        if kind == "apiKey":
            self._give_up(_NOT_COMPLETED)
            auth = {"auth_mode": "apikey", "OPENAI_API_KEY": params["apiKey"]}
            self._world.files.write(self._path, dialect.encode(auth))
            self._world.respond(client.number, request.id, {"type": kind})
            self._tell_completed(None, None)
            self._tell_updated("apikey")
        elif kind == "chatgpt":
            self._give_up(_CANCELLED)
            self._login = self._world.ids.uuid4()
            result = {"type": kind, "loginId": self._login, "authUrl": self._url(client)}
            self._world.respond(client.number, request.id, result)
        elif kind == "chatgptDeviceCode":
            raise _unreachable("request device code", _DEVICE_CODE)
        else:
            raise not_simulated("Bedrock", f"account/login/start with {kind}")

    def _log_in_externally(
        self, client: Connection, request: Request, params: dict[str, Any]
    ) -> None:
        """Take a login over that the client has made; what it opens is asked of a network."""
        account, plan = params["chatgptAccountId"], params.get("chatgptPlanType")
        login: ExternalLogin | None = read_login(params["accessToken"], account, plan)
        if login is None:
            raise Refusal("failed to set external auth: invalid ID token format", code=INTERNAL)
        self._world.external_login = login
        self._world.respond(client.number, request.id, {"type": _EXTERNAL})
        if self._world.settings.requires_openai_auth:
            self._tell_completed(None, _NO_ROUTING)
        else:
            self._tell_completed(None, None)
            self._tell_updated(_EXTERNAL, login.plan)

    def cancel(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle account/login/cancel."""
        try:
            login = str(uuid.UUID(params["loginId"]))
        except ValueError:
            raise Refusal(f"invalid login id: {params['loginId']}") from None
        found = login == self._login
        status = "canceled" if found else "notFound"
        self._world.respond(client.number, request.id, {"status": status})
        if found:
            self._give_up(_NOT_COMPLETED)

    def log_out(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle account/logout."""
        del params
        self._give_up(_NOT_COMPLETED)
        self._world.external_login = None
        self._world.files.remove(self._path)
        self._world.respond(client.number, request.id, {})
        self._tell_updated(None)

    def _url(self, client: Connection) -> str:
        query = {
            "response_type": "code",
            "client_id": _CLIENT,
            "redirect_uri": _CALLBACK,
            "code_challenge": self._world.ids.uuid4().replace("-", ""),
            "code_challenge_method": "S256",
            "state": self._world.ids.uuid4().replace("-", ""),
            "scope": _SCOPE,
            "id_token_add_organizations": "true",
            "codex_cli_simplified_flow": "true",
            "originator": client.name or "",
        }
        return f"{_AUTHORIZE}?{urlencode(query)}"

    def _give_up(self, reason: str) -> None:
        """End the login that waits, if one does."""
        if self._login is not None:
            login, self._login = self._login, None
            self._tell_completed(login, reason)

    def _tell_completed(self, login: str | None, error: str | None) -> None:
        self._world.tell_all(
            "account/login/completed",
            {
                "loginId": login,
                "success": error is None,
                "error": error,
                "onboardingEntrypoint": None,
            },
        )

    def _tell_updated(self, mode: str | None, plan: str | None = None) -> None:
        self._world.tell_all("account/updated", {"authMode": mode, "planType": plan})


def _unreachable(what: str, url: str) -> Refusal:
    return Refusal(f"failed to {what}: error sending request for url ({url})", code=INTERNAL)
