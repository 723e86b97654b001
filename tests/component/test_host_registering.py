"""Mounting the component on a deployment that is there already."""

from dataclasses import replace

import pytest

from codex_fakes.component import (
    COMPONENT_NAME,
    component,
    define_codex_host_definitions,
    register,
    schema,
)
from codex_fakes.convex import App, Backend, Identity, define_schema, define_table, mutation, v
from codex_runtime.contract.tables import TABLES
from codex_runtime.errors import CodexRuntimeError

ME = Identity(subject="u")


@mutation(args={"text": v.string()}, returns=v.number())
def note(ctx, args):
    ctx.db.insert("notes", args)
    return len(ctx.db.query("notes").collect())


def _application():
    return App(
        schema=define_schema({"notes": define_table({"text": v.string()})}),
        modules={"notes": {"note": note}},
    )


def _open(backend, module="chat"):
    args = {"actor": {}, "conversationId": "c"}
    return backend.mutation(f"{module}:ensureConversationBinding", args, identity=ME)


def test_the_schema_has_every_table_of_the_contract():
    assert set(schema.tables) == set(TABLES)


def test_an_application_keeps_its_functions_and_its_data():
    backend = Backend(_application())
    backend.mutation("notes:note", {"text": "before"}).unwrap()
    register(backend)
    assert _open(backend).unwrap()["created"]
    assert backend.mutation("notes:note", {"text": "after"}).unwrap() == 2


def test_registering_again_keeps_what_is_kept():
    backend = Backend(_application())
    register(backend)
    thread = _open(backend).unwrap()["threadId"]
    register(backend)
    again = _open(backend).unwrap()
    assert (again["threadId"], again["created"]) == (thread, False)


def test_the_component_can_have_another_name_and_another_module():
    backend = Backend(_application())
    register(backend, "codexOther", host_module="talk")
    assert _open(backend, "talk").ok
    wired = backend.query("talk:validateHostWiring", {"actor": {}}, identity=ME).unwrap()
    assert wired["ok"], wired


def test_an_application_that_has_the_module_keeps_it():
    own = define_codex_host_definitions(trusted_actor=True)
    backend = Backend(App(modules={"chat": own}))
    register(backend)
    args = {"actor": {"userId": "anybody"}, "conversationId": "c"}
    assert backend.mutation("chat:ensureConversationBinding", args).ok


def test_the_component_alone_can_be_mounted():
    backend = Backend(_application())
    register(backend, host_module=None)
    assert not _open(backend).ok
    args = {"actor": {"userId": "u"}, "conversationId": "c"}
    made = backend.mutation("threads:resolve", args, component=COMPONENT_NAME, internal=True)
    assert made.ok


def test_a_name_that_has_other_data_is_refused_and_nothing_is_changed():
    other = App(modules={"notes": {"note": note}})
    backend = Backend(App(components={COMPONENT_NAME: component}, modules=other.modules))
    backend.mutation(
        "threads:resolve",
        {"actor": {"userId": "u"}, "conversationId": "c"},
        component=COMPONENT_NAME,
        internal=True,
    ).unwrap()
    strange = define_schema({"codex_threads": define_table({"colour": v.string()})})
    with pytest.raises(CodexRuntimeError) as refused:
        backend.deploy(
            replace(backend.app, components={COMPONENT_NAME: replace(component, schema=strange)})
        )
    assert refused.value.code == "E_FAKE_CONVEX_DEPLOY_REFUSED"
    register(backend)
    assert not _open(backend).unwrap()["created"]
