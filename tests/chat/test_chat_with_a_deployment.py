"""The chat with a deployment that the environment names, and with the real Codex."""

from __future__ import annotations

import asyncio

import pytest

from codex_fakes.convex.wire.process import ConvexProcess
from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import Response, Run, Say, Think, Wait, script
from codex_runtime.command_line import ExitCode
from codex_runtime.contract.actors import Actor
from codex_runtime.contract.endpoints.runtime_owned import ListMessagesArgs
from codex_runtime.contract.functions.pages import PaginationOpts
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from support.chat_runs import thread_of

pytestmark = pytest.mark.anyio

APP = """
from codex_fakes.component import component, define_codex_host_definitions
from codex_fakes.convex import App

definitions = define_codex_host_definitions(trusted_actor={trusted})
for name in {missing}:
    del definitions[name]
app = App(modules={{"chat": definitions}}, components={{"codexLocal": component}})
"""


@pytest.fixture(scope="module")
def deployment():
    """A deployment that binds every actor to whoever calls."""
    with ConvexProcess("codex_fakes.component.deployed:app") as convex:
        yield convex


@pytest.fixture
def deployed(chats):
    """Deploys an app that differs from the ordinary one."""
    processes = []

    def deploy(*, trusted=False, missing=()):
        (chats.folder / "app.py").write_text(APP.format(trusted=trusted, missing=missing))
        processes.append(ConvexProcess(f"{chats.folder / 'app.py'}:app"))
        processes[-1].start()
        return processes[-1]

    yield deploy
    for process in processes:
        process.stop()


async def read(convex, user, name, args):
    """Read from a deployment."""
    http = ConvexHttp(convex.url, token=convex.token(user))
    try:
        return await HostClient(http).call(name, args)
    finally:
        await http.aclose()


async def kept_in(convex, user, conversation):
    """What a deployment keeps of a conversation: roles and texts, in the order of their making."""
    args = ListMessagesArgs(
        actor=Actor(user_id=user),
        conversation_id=conversation,
        pagination_opts=PaginationOpts(num_items=50, cursor=None),
    )
    page = await read(convex, user, "listThreadMessagesByConversation", args)
    ordered = sorted(page.page, key=lambda message: (message.created_at, message.order_in_turn))
    return [(message.role, message.text) for message in ordered]


async def test_the_environment_names_the_deployment_and_who_acts(chats, deployment):
    (chats.folder / ".env.local").write_text(f"VITE_CONVEX_URL='{deployment.url}'\n")
    chats.env["CONVEX_AUTH_TOKEN"] = deployment.token("ada")
    done = chats.say("hello", "/state", options=())
    assert "actor: whoever the token is of" in done.stdout
    assert f"kept in {deployment.url}." in done.stderr
    assert done.returncode == ExitCode.OK
    assert await kept_in(deployment, "ada", thread_of(done)) == [
        ("user", "hello"),
        ("assistant", "hello"),
    ]


async def test_texts_are_kept_as_they_grew_when_that_is_wanted(chats, deployment):
    chats.env["CONVEX_AUTH_TOKEN"] = deployment.token("ada")
    events = {}
    for switch in ("on", "off"):
        chats.env["SAVE_STREAM_DELTAS"] = switch
        done = chats.say("hello", options=("--convex", deployment.url))
        args = ConversationArgs(actor=Actor(user_id="ada"), conversation_id=thread_of(done))
        events[switch] = await read(deployment, "ada", "persistenceStats", args)
    assert events["on"].delta_count > events["off"].delta_count


async def test_an_option_goes_before_the_environment(chats, deployment):
    chats.env |= {"CONVEX_URL": "http://127.0.0.1:9", "CONVEX_AUTH_TOKEN": deployment.token("ada")}
    done = chats.say("hello", options=("--convex", deployment.url))
    assert f"kept in {deployment.url}." in done.stderr
    done = chats.say("hello", options=("--local",))
    assert "kept in Codex alone" in done.stderr


async def test_an_admin_key_opens_a_host_that_believes_its_callers(chats, deployed):
    convex = deployed(trusted=True)
    chats.env |= {"CONVEX_ADMIN_KEY": convex.admin_key, "ACTOR_USER_ID": "ada"}
    done = chats.say("hello", "/state", options=("--convex", convex.url))
    assert "actor: ada" in done.stdout
    assert done.returncode == ExitCode.OK


async def test_a_deployment_that_is_not_wired_right_is_refused_before_a_word_is_said(
    chats, deployed
):
    convex = deployed(missing=("durableHistoryStats",))
    chats.env["CONVEX_AUTH_TOKEN"] = convex.token("ada")
    done = chats.say("hello", options=("--convex", convex.url))
    assert "[E_PERSISTENCE_MISWIRED] durableHistoryStats: E_HOST_WIRING_" in done.stderr
    assert done.stdout == ""
    assert done.returncode == ExitCode.USAGE


async def test_what_a_deployment_that_is_gone_could_not_keep_is_told_at_the_end(chats, deployed):
    convex = deployed()
    chats.plays(script(Response(steps=(Say(text="one", left_open=True), Wait(gate="never")))))
    chats.env["CONVEX_AUTH_TOKEN"] = convex.token("ada")
    with chats.terminal("--convex", convex.url) as terminal:
        terminal.sees("> ")
        terminal.types("wait")
        terminal.sees("one")
        convex.kill()
        terminal.types("/exit")
        assert terminal.ends() == ExitCode.FAILED
        terminal.sees("[E_RUNTIME_INGEST_FLUSH_FAILED]")


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"CONVEX_AUTH_TOKEN": "hush-hush"}, "E_PERSISTENCE_UNAUTHORIZED"),
        ({"CONVEX_ADMIN_KEY": "hush-hush"}, "E_PERSISTENCE_UNAUTHORIZED"),
        ({"ACTOR_USER_ID": "eve"}, "E_AUTH_SESSION_FORBIDDEN"),
        ({"CONVEX_URL": "http://127.0.0.1:9"}, "E_PERSISTENCE_UNREACHABLE"),
    ],
)
async def test_whom_a_deployment_turns_away_is_told_why_without_any_secret(
    chats, deployment, variables, code
):
    chats.env |= {"CONVEX_URL": deployment.url, **variables}
    done = chats.say("hello", options=())
    assert f"[{code}]" in done.stderr
    assert "hush" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == ExitCode.USAGE


@pytest.mark.real
async def test_the_real_codex_asks_runs_and_is_kept(chats, deployment):
    played = script(
        (Think(summary=["Which word?"]), Run(command="echo from-the-shell", escalate="To see.")),
        Say(text=["All ", "done."]),
    )
    async with ResponsesServer(played) as model:
        home = CodexHome.create(
            chats.folder / "home", base_url=model.base_url, settings=CodexSettings()
        )
        chats.env = {**home.env, "PYTHONWARNINGS": "error"}
        chats.env["CONVEX_AUTH_TOKEN"] = deployment.token("grace")
        options = ("--convex", deployment.url)
        done = await asyncio.to_thread(chats.say, "say it", "yes", options=options)
        assert done.returncode == ExitCode.OK, done.stderr
        assert "Which word?\n$ " in done.stdout
        assert "echo from-the-shell" in done.stdout
        assert done.stdout.endswith("exit code 0\nAll done.\n")
        assert list(model.problems) == []
    kept = await kept_in(deployment, "grace", thread_of(done))
    assert ("user", "say it") in kept
    assert kept[-1] == ("assistant", "All done.")
