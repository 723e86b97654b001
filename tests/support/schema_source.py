"""A small protocol with one of everything, and folders of schemas as codex generates them."""

from __future__ import annotations

import copy
import json
from pathlib import Path

HEADER = "// GENERATED CODE! DO NOT MODIFY BY HAND!\n\n"


def union(*variants):
    return {"title": "a union", "oneOf": list(variants)}


def message(method, params=None, *, request=True):
    properties = {"method": {"enum": [method], "type": "string", "title": "Method"}}
    if request:
        properties["id"] = {"type": "integer"}
    properties["params"] = {"type": "null"} if params is None else ref(params)
    required = ["method", *(["id"] if request else []), *([] if params is None else ["params"])]
    return {"type": "object", "properties": properties, "required": required}


def ref(name):
    return {"$ref": f"#/definitions/v2/{name}"}


def record(**members):
    """An object whose members are required, save those whose name ends in an underscore."""
    return {
        "type": "object",
        "description": "prose",
        "properties": {name.rstrip("_"): schema for name, schema in members.items()},
        "required": [name for name in members if not name.endswith("_")],
    }


STRING = {"type": "string"}

PROTOCOL = {
    "definitions": {
        "ClientRequest": union(message("alpha/start", "AlphaParams"), message("alpha/stop")),
        "ClientNotification": union(message("ready", request=False)),
        "ServerRequest": union(message("ask", "AskParams")),
        "ServerNotification": union(message("told", "ToldNotification", request=False)),
        "v2": {
            "AlphaParams": record(
                name=STRING,
                mode_=ref("Mode"),
                count_={"type": "integer", "format": "int64"},
                inputs_={"type": "array", "items": ref("Input")},
                note_={"type": ["string", "null"]},
            ),
            "AlphaResponse": record(id=STRING, mode=ref("Mode"), note_={"type": "string"}),
            "AlphaStopResponse": record(),
            "AskParams": record(question=STRING, mode=ref("Mode"), hint_=STRING),
            "AskResponse": record(answer=STRING, mode_=ref("Mode"), note_=STRING),
            "ToldNotification": record(
                text=STRING,
                mode=ref("Mode"),
                count={"type": "integer", "format": "int64"},
                items_={"type": "array", "items": ref("Input")},
            ),
            "Mode": {"type": "string", "enum": ["slow", "fast"]},
            "Input": {
                "oneOf": [
                    record(type={"enum": ["text"], "type": "string"}, text=STRING),
                    record(type={"enum": ["image"], "type": "string"}, url=STRING),
                ]
            },
        },
    }
}


def protocol():
    """A copy that a test may change."""
    return copy.deepcopy(PROTOCOL)


def types(bundle):
    return bundle["definitions"]["v2"]


def write_source(folder, bundle, *, stable=None):
    """Write a folder of schemas."""
    folder = Path(folder)
    (folder / "v2").mkdir(parents=True, exist_ok=True)
    name = "codex_app_server_protocol.schemas.json"
    (folder / name).write_text(json.dumps(bundle))
    if stable is not None:
        (folder / "stable").mkdir()
        (folder / "stable" / name).write_text(json.dumps(stable))
    exports = "".join(
        f'export type {{ {name} }} from "./{name}";\n' for name in bundle["definitions"]["v2"]
    )
    (folder / "index.ts").write_text(HEADER + 'export * as v2 from "./v2";\n')
    (folder / "v2" / "index.ts").write_text(HEADER + exports)
    return folder
