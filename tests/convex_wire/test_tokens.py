"""Who is believed: tokens, providers, admin keys, and the headers they come in."""

from __future__ import annotations

import base64
import json

import jwt
import pytest

from codex_fakes.convex import App, Backend, VirtualClock
from codex_fakes.convex.wire import ADMIN_KEY, ConvexServer, TokenIssuer
from codex_fakes.convex.wire.credentials import AdminKey, NoCredentials, UserToken, from_headers
from codex_fakes.convex.wire.providers import data_url, read_provider
from codex_fakes.convex.wire.refusals import Refusal
from codex_fakes.convex.wire.tokens import verify
from codex_runtime.errors import ConfigurationError

NOW = 1_795_330_000_000.0


def issuer(algorithm="ES256"):
    return TokenIssuer(lambda: NOW, algorithm=algorithm)


def refused(token, *providers, now=NOW):
    with pytest.raises(Refusal) as caught:
        verify(token, providers, now)
    return caught.value.code


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_of_a_provider_is_believed(algorithm):
    ours = issuer(algorithm)
    claims = verify(ours.issue("ada", claims={"email": "a@b"}), [ours.provider()], NOW)

    assert (claims["sub"], claims["email"]) == ("ada", "a@b")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_provider_is_read_from_the_entry_that_a_deployment_takes(algorithm):
    ours = issuer(algorithm)
    provider = read_provider(ours.auth_config())

    assert verify(ours.issue("ada"), [provider], NOW)["sub"] == "ada"


def test_a_slash_at_the_end_of_an_issuer_makes_no_difference():
    ours = issuer()
    entry = {**ours.auth_config(), "issuer": ours.issuer + "/"}

    assert verify(ours.issue("ada"), [read_provider(entry)], NOW)["sub"] == "ada"


def test_a_provider_without_an_application_takes_any_audience():
    ours = issuer()
    entry = ours.auth_config()
    del entry["applicationID"]

    assert verify(ours.issue(claims={"aud": ["x", "y"]}), [read_provider(entry)], NOW)


def test_keys_may_stand_in_place():
    ours = issuer()
    entry = {"domain": ours.issuer, "applicationID": "convex", "jwks": ours.key_set()}

    assert verify(ours.issue("ada"), [read_provider(entry)], NOW)["sub"] == "ada"


def test_a_token_signed_with_another_key_is_refused():
    assert refused(issuer().issue(), issuer().provider()) == "InvalidAuthHeader"


def test_a_token_of_nobody_known_is_refused():
    ours = issuer()

    assert refused(ours.issue()) == "NoAuthProvider"
    assert refused(ours.issue(claims={"iss": "https://x"}), ours.provider()) == "NoAuthProvider"
    assert refused(ours.issue(claims={"aud": "other"}), ours.provider()) == "NoAuthProvider"


def test_a_token_is_refused_from_the_moment_it_ends():
    ours = issuer()
    token = ours.issue(expires_in=10)

    assert verify(token, [ours.provider()], NOW + 9_999)
    assert refused(token, ours.provider(), now=NOW + 10_000) == "TokenExpired"


@pytest.mark.parametrize("claim", ["sub", "exp"])
def test_a_token_that_lacks_a_claim_is_refused(claim):
    ours = issuer()
    payload = {"iss": ours.issuer, "aud": "convex", "sub": "ada", "exp": NOW / 1000 + 9}
    del payload[claim]
    kid = ours.key_set()["keys"][0]["kid"]
    token = jwt.encode(payload, ours.private_pem, "ES256", headers={"kid": kid})

    assert refused(token, ours.provider()) == "InvalidAuthHeader"


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_an_algorithm_that_the_provider_does_not_use_is_refused(algorithm):
    ours = issuer()
    payload = {"iss": ours.issuer, "aud": "convex", "sub": "ada", "exp": NOW / 1000 + 9}
    kid = ours.key_set()["keys"][0]["kid"]
    key = None if algorithm == "none" else "x" * 32
    token = jwt.encode(payload, key, algorithm, headers={"kid": kid})

    assert refused(token, ours.provider()) == "InvalidAuthHeader"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é", "[" * 9000])
def test_what_is_no_token_is_refused(token):
    assert refused(token, issuer().provider()) == "InvalidAuthHeader"


def test_an_expiry_that_is_no_number_is_refused():
    ours = issuer()
    kid = ours.key_set()["keys"][0]["kid"]
    payload = {"iss": ours.issuer, "aud": "convex", "sub": "ada", "exp": True}
    token = jwt.encode(payload, ours.private_pem, "ES256", headers={"kid": kid})

    assert refused(token, ours.provider()) == "InvalidAuthHeader"


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": None},
        {"issuer": ""},
        {"applicationID": 1},
        {"algorithm": "HS256"},
        {"jwks": None},
        {"jwks": "https://somewhere/jwks.json"},
        {"jwks": "data:text/plain,no json"},
        {"jwks": "data:text/plain;base64,!"},
        {"jwks": data_url({"keys": []})},
        {"jwks": {"keys": [{"kty": "EC"}]}},
    ],
)
def test_a_provider_that_cannot_be_used_is_refused_when_the_server_is_made(change):
    app = App(auth=[{**issuer().auth_config(), **change}])

    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_AUTH_INVALID"):
        ConvexServer(Backend(app))


def test_an_issuer_signs_with_the_algorithms_that_convex_takes():
    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_AUTH_INVALID"):
        TokenIssuer(lambda: NOW, algorithm="HS256")


def test_an_issuer_goes_on_with_the_key_it_is_given():
    ours = issuer()
    theirs = TokenIssuer(lambda: NOW, private_pem=ours.private_pem)

    assert verify(theirs.issue("ada"), [ours.provider()], NOW)["sub"] == "ada"


def test_a_virtual_clock_ends_tokens():
    clock = VirtualClock()
    server = ConvexServer(Backend(App(), clock=clock))
    token = UserToken(server.tokens.issue("ada", expires_in=60))
    assert server.authenticate(token).identity.subject == "ada"

    clock.advance_to(clock.now_ms() + 60_000)

    with pytest.raises(Refusal, match="expired"):
        server.authenticate(token)


def test_standard_claims_have_the_names_that_functions_see():
    server = ConvexServer(Backend(App()))
    token = server.tokens.issue("ada", claims={"given_name": "Ada", "role": {"level": 3}})
    identity = server.authenticate(UserToken(token)).identity

    told = identity.to_value()
    assert (told["givenName"], told["role"], told["subject"]) == ("Ada", {"level": 3.0}, "ada")


# Headers -------------------------------------------------------------------------------------


def acting(attributes):
    return base64.b64encode(json.dumps(attributes).encode()).decode()


def test_no_header_is_nobody():
    assert from_headers(None, None) == NoCredentials()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_is_a_user(scheme):
    assert from_headers(f"{scheme} a.b.c", None) == UserToken("a.b.c")


@pytest.mark.parametrize("key", ["Convex n|k", "convex n|k", "Convex prod:n|k", "convex dev:n|k"])
def test_an_admin_key_may_have_the_type_of_its_deployment_in_front(key):
    assert from_headers(key, None) == AdminKey("n|k")


def test_the_key_may_come_in_the_url():
    assert from_headers(None, "prod:n|k") == AdminKey("n|k")
    assert from_headers("Bearer t", "n|k") == UserToken("t")


@pytest.mark.parametrize(
    "attributes",
    [{"issuer": "i", "subject": "s"}, {"tokenIdentifier": "i|s"}],
)
def test_an_administrator_acts_as_a_user(attributes):
    found = from_headers(f"Convex n|k:{acting(attributes)}", None)

    assert found == AdminKey("n|k", attributes)
    server = ConvexServer(Backend(App()), admin_key="n|k")
    assert server.authenticate(found).identity.token_identifier == "i|s"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "InvalidHeaderFailure"),
        ("Bearer", "InvalidHeaderFailure"),
        ("Basic abc", "InvalidAuthHeader"),
        ("Bearer  ", "InvalidAuthHeader"),
        ("Convex n|k:!", "HeaderParseFailure"),
        ("Convex n|k:" + base64.b64encode(b"no json").decode(), "HeaderParseFailure"),
        ("Convex n|k:" + base64.b64encode(b"[]").decode(), "HeaderParseFailure"),
        ("Convex n|k:" + acting({"issuer": "i"}), "HeaderParseFailure"),
    ],
)
def test_a_header_that_is_none_is_refused(header, code):
    with pytest.raises(Refusal) as caught:
        from_headers(header, None)

    assert caught.value.code == code


def test_a_wrong_admin_key_is_refused():
    server = ConvexServer(Backend(App()))

    with pytest.raises(Refusal) as caught:
        server.authenticate(AdminKey(ADMIN_KEY + "0"))

    assert (caught.value.code, caught.value.kind.value.status) == ("BadAdminKey", 401)
