"""Deployments as targets: how they are written, how callers show who they are, what is refused."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from codex_conformance.runner.events import Outcome
from codex_conformance.runner.running import Run
from codex_conformance.runner.selection import Selection
from codex_conformance.suites.host_catalogue import HOST_CHECKS
from codex_conformance.targets.deployment import Caller, HostCapability
from codex_conformance.targets.deployment_naming import parse_deployment
from codex_conformance.targets.refusals import refusal_of
from codex_fakes.component.deployed import app
from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.mounting import component
from codex_fakes.convex import App, Backend, SystemClock
from codex_fakes.convex.wire.server import ConvexServer
from codex_fakes.convex.wire.serving import ListeningConvex
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio

SAMPLE = (
    "host_wiring.endpoints.*",
    "host_wiring.binding.same-thread",
    "isolation.auth.*",
    "isolation.others.reads",
    "ingest.batch.taken",
    "deletion.thread.leaves-nothing",
)
CHECKS = Selection(only=SAMPLE).choose(HOST_CHECKS.values())
TRUSTING = App(
    modules={"doors": define_codex_host_definitions(module="doors", trusted_actor=True)},
    components={"codexLocal": component},
)


def serving(deployed=app, **options):
    return ListeningConvex(ConvexServer(Backend(deployed, clock=SystemClock()), **options))


async def outcomes_on(text, checks=CHECKS):
    run = await Run(None, checks, deployment=parse_deployment(text)).run()
    assert [r for r in run.results if r.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)] == []
    return {r.id for r in run.results if r.outcome is Outcome.NOT_APPLICABLE}


def needing(*capabilities):
    return {check.id for check in CHECKS if check.needs & set(capabilities)}


async def test_a_deployment_with_its_admin_key_lets_anybody_in():
    async with serving() as convex:
        key = convex.server.admin_key
        missing = await outcomes_on(f"url:{convex.url},admin-key={key}")
    assert missing == needing(HostCapability.READS, HostCapability.VIRTUAL_CLOCK)


async def test_a_deployment_with_one_token_lets_one_user_in():
    async with serving() as convex:
        token = convex.server.tokens.issue("somebody")
        missing = await outcomes_on(f"url:{convex.url},token={token}")
    lacking = set(HostCapability) - {HostCapability.BOUND_ACTORS, HostCapability.EXTENDED}
    assert missing == needing(*lacking)


async def test_a_deployment_with_a_key_lets_anybody_in_whose_token_it_signs(tmp_path):
    async with serving() as convex:
        issuer = convex.server.tokens
        key = tmp_path / "key.pem"
        key.write_bytes(issuer.private_pem)
        (found,) = issuer.key_set()["keys"]
        missing = await outcomes_on(
            f"url:{convex.url},jwt-key={key},issuer={issuer.issuer},algorithm=ES256,"
            f"key-id={found['kid']}"
        )
    lacking = (HostCapability.READS, HostCapability.VIRTUAL_CLOCK, HostCapability.AUDIT)
    assert missing == needing(*lacking)


async def test_a_trusting_host_in_another_module_does_not_bind_actors():
    async with serving(TRUSTING) as convex:
        missing = await outcomes_on(f"url:{convex.url},trusted,module=doors")
    able = {HostCapability.ACTORS, HostCapability.EXTENDED}
    assert missing == needing(*set(HostCapability) - able)


async def test_a_host_without_the_extended_manifest_is_a_legal_one():
    plain = App(
        modules={"chat": define_codex_host_definitions(manifests=("runtimeOwned",))},
        components={"codexLocal": component},
    )
    async with serving(plain) as convex:
        key = convex.server.admin_key
        missing = await outcomes_on(f"url:{convex.url},admin-key={key}")
    lacking = (HostCapability.EXTENDED, HostCapability.AUDIT, HostCapability.READS)
    assert missing == needing(*lacking, HostCapability.VIRTUAL_CLOCK)


async def test_a_deployment_that_redacts_is_judged_by_data_alone():
    async with serving(redact_logs=True) as convex:
        key = convex.server.admin_key
        target = parse_deployment(f"url:{convex.url},admin-key={key}")
        only = ("host_wiring.endpoints.mutations", "isolation.others.thread-not-found")
        checks = Selection(only=only).choose(HOST_CHECKS.values())
        run = await Run(None, checks, deployment=target).run()
    found = {result.id: (result.outcome, result.reason) for result in run.results}
    assert found[only[0]] == (Outcome.UNKNOWN, "the deployment redacts its errors")
    assert found[only[1]] == (Outcome.PASS, None)


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"code":"X","message":"why"}'])
async def test_what_is_no_convex_is_refused_before_any_check_runs(answer):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 500 X\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ConfigurationError) as caught:
            await Run(
                None, CHECKS, deployment=parse_deployment(f"url:http://127.0.0.1:{port},trusted")
            ).run()
    assert caught.value.code == "E_CONFORMANCE_DEPLOYMENT_UNREACHABLE"


@pytest.mark.parametrize(
    "text",
    [
        "fakee",
        "fake:",
        "fake:wires",
        "url",
        "url:",
        "url:ftp://x,trusted",
        "url:https://x",
        "url:https://x,token",
        "url:https://x,token=",
        "url:https://x,token=no.jwt.here",
        "url:https://x,secret=1",
        "url:https://x,trusted,token=a.b.c",
        "url:https://x,module=a,module=b,trusted",
        "url:https://x,jwt-key=/no/such/file,issuer=i",
        "url:https://x,jwt-key=/no/such/file",
        "miniature:no-such",
    ],
)
def test_what_is_not_understood_is_refused(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_deployment(text)
    assert caught.value.code == "E_CONFORMANCE_TARGET_INVALID"


def test_a_misspelt_kind_is_answered_with_the_one_that_may_be_meant():
    with pytest.raises(ConfigurationError, match="did you mean 'fake'"):
        parse_deployment("fakee")


def unsigned(claims):
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def test_a_secret_is_not_part_of_a_name():
    token = unsigned({"sub": "somebody"})
    target = parse_deployment(f"url:https://x.test,token={token},admin-key=hush,module=doors")
    assert target.name == "url:https://x.test,token=***,admin-key=***,module=doors"
    assert "hush" not in repr(vars(target))
    assert token not in repr(vars(target))


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": 7}, []])
def test_a_token_without_a_subject_is_refused(claims):
    with pytest.raises(ConfigurationError):
        parse_deployment(f"url:https://x.test,token={unsigned(claims)}")


async def test_nobody_shows_credentials_who_has_none():
    for params in ("admin-key=hush", f"token={unsigned({'sub': 's'})}", "trusted"):
        target = parse_deployment(f"url:https://x.test,{params}")
        assert await target._credentials.headers(Caller()) == {}


@pytest.mark.parametrize(
    ("text", "data", "kind", "code", "as_data"),
    [
        ("Uncaught ConvexError", {"code": "E_X", "message": "why"}, "function", "E_X", True),
        ("Uncaught Error: [E_X] why\n    at handler", None, "function", "E_X", False),
        ("[Request ID: 1f] Server Error\nUncaught Error: why", None, "function", None, False),
        ("[Request ID: 1f] Server Error", None, "redacted", None, False),
        ("Server Error\n", None, "redacted", None, False),
        ("ArgumentValidationError: Object contains", None, "arguments", None, False),
        ("ReturnsValidationError: Value does not", None, "returns", None, False),
        ("Could not find public function for 'chat:x'.", None, "missing", None, False),
        ("Trying to execute chat.js:x as Query", None, "wrong kind", None, False),
        ("Uncaught ConvexError", "a text", "function", None, False),
        ("Uncaught ConvexError", {"code": 7}, "function", None, False),
    ],
)
def test_a_refusal_is_told_apart_by_its_data_and_its_kind(text, data, kind, code, as_data):
    found = refusal_of(text, data)
    assert (found.kind, found.code, found.as_data) == (kind, code, as_data)
