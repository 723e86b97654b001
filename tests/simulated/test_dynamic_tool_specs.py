"""Which tools a client may bring along, against a table of what the real server answered.

``dynamic_tool_specs.jsonl`` holds the ``dynamicTools`` of requests, and the text with which the
real app-server refused each, or null.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codex_fakes.app_server.dialect.dynamic_tools import check_shape, check_tools, tool_names
from codex_fakes.app_server.dialect.messages import Refusal

TABLE = Path(__file__).with_name("dynamic_tool_specs.jsonl")
ROWS = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
SCHEMA = {"type": "object", "properties": {}}


def function(name, **more):
    described = {"name": name, "description": "d", "inputSchema": SCHEMA}
    return {"type": "function", **described, **more}


def refusal_of(tools):
    try:
        check_shape(tools)
        check_tools(tools)
    except Refusal as refusal:
        return refusal.message
    return None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["refusal"])[:50])
def test_tools_are_taken_or_refused_as_the_real_server_does(row):
    assert refusal_of(row["tools"]) == row["refusal"]


def test_tools_are_told_apart_by_namespace_and_name():
    inner = {"type": "namespace", "name": "ns", "description": "d", "tools": [function("t")]}
    assert tool_names([function("t"), inner]) == {(None, "t"), ("ns", "t")}


def test_the_old_format_names_its_namespace_itself():
    old = {"name": "t", "description": "d", "inputSchema": SCHEMA, "namespace": "ns"}
    assert tool_names([old]) == {("ns", "t")}
