"""The error catalogue: every code with whose fault it is, its trigger, and what to do.

May import the entries only. The invariant: a code is described here and nowhere else; the
reference page is generated from this table, and raising an unknown code is itself an error.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_runtime.errors.chat_rows import CHAT
from codex_runtime.errors.component_rows import COMPONENT
from codex_runtime.errors.entry import ErrorEntry, Fault, entries
from codex_runtime.errors.fake_convex_rows import FAKE_CONVEX
from codex_runtime.errors.fake_server_rows import FAKE_SERVER
from codex_runtime.errors.live_reads_rows import LIVE_READS
from codex_runtime.errors.persistence_rows import PERSISTENCE
from codex_runtime.errors.runtime_rows import RUNTIME
from codex_runtime.errors.value_rows import VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping


_PROTOCOL_REMOTE: Final = entries(
    Fault.APP_SERVER,
    (
        "E_PROTOCOL_LINE_TOO_LONG",
        "a line from the app-server is longer than the framing limit; it is skipped",
        "Raise the limit of the framer, or look for what produces so large a message.",
        False,
    ),
    (
        "E_PROTOCOL_UTF8_INVALID",
        "a line from the app-server is not UTF-8",
        "Check that the command is an app-server and that nothing else writes to its stdout.",
        False,
    ),
    (
        "E_PROTOCOL_JSON_INVALID",
        "a line from the app-server is not JSON",
        "Check that the command is an app-server and that nothing else writes to its stdout.",
        False,
    ),
    (
        "E_PROTOCOL_ENVELOPE_INVALID",
        "a line from the app-server is JSON, but no request, notification, response or error",
        "Compare the app-server's version with the protocol lock's.",
        False,
    ),
    (
        "E_PROTOCOL_THREAD_ID_MISSING",
        "a conversation message carries no thread id",
        "Compare the app-server's version with the protocol lock's.",
        False,
    ),
    (
        "E_PROTOCOL_PAYLOAD_INVALID",
        "the params or the result of a known method do not have the shape the protocol gives them",
        "Compare the app-server's version with the protocol lock's.",
        False,
    ),
    (
        "E_PROTOCOL_RESPONSE_UNKNOWN",
        "a response names a request that was never made",
        "Nothing was waiting for it. If it repeats, the app-server confuses its clients.",
        False,
    ),
    (
        "E_PROTOCOL_RESPONSE_DUPLICATE",
        "a second response names a request that already has one",
        "The first answer stands; the second is ignored.",
        False,
    ),
)

_PROTOCOL_LOCAL: Final = entries(
    Fault.CALLER,
    (
        "E_PROTOCOL_OUTBOUND_INVALID",
        "a message to the app-server would not be valid",
        "Use a builder of codex_runtime.app_server.requests; it cannot make an invalid message.",
        False,
    ),
    (
        "E_PROTOCOL_METHOD_UNKNOWN",
        "a request names a method that the app-server does not have",
        "Look the method up in codex_runtime.protocol.methods; legacy names say their successor.",
        False,
    ),
    (
        "E_PROTOCOL_THREAD_ID_INVALID",
        "a thread id is not a UUID",
        "Pass the id that thread/start or thread/list gave.",
        False,
    ),
    (
        "E_PROTOCOL_REQUEST_ID_REUSED",
        "a request uses the id of a request that is still waiting for its response",
        "Let the client choose the ids.",
        False,
    ),
    (
        "E_LIVE_MESSAGE_ID_MISSING",
        "a stored message without an id is to be shown",
        "Leave rows without an id out; merge_messages does.",
        False,
    ),
    (
        "E_PROTOCOL_REQUEST_UNKNOWN",
        "an answer names a server request that is not waiting for one",
        "Answer each server request once, with the id it came with.",
        False,
    ),
)

_TERMINAL: Final = entries(
    Fault.MODEL,
    (
        "E_TERMINAL_INTERRUPTED",
        "the turn was interrupted",
        "Start another turn.",
        False,
    ),
    (
        "E_TERMINAL_FAILED",
        "the turn failed; the text is the app-server's",
        "Read the text: the model API or the request is at fault.",
        True,
    ),
    (
        "E_TERMINAL_ERROR_MISSING",
        "a turn ended badly and the app-server did not say why",
        "Look at the app-server's stderr.",
        False,
    ),
    (
        "E_TERMINAL_STATUS_UNEXPECTED",
        "turn/completed carries a status that is not terminal",
        "Compare the app-server's version with the protocol lock's.",
        False,
    ),
    (
        "E_TERMINAL_PAYLOAD_PARSE_FAILED",
        "the payload of a terminal event cannot be parsed",
        "Compare the app-server's version with the protocol lock's.",
        False,
    ),
    (
        "E_TERMINAL_MESSAGE_MALFORMED",
        "a terminal message does not have the shape of its method",
        "Compare the app-server's version with the protocol lock's.",
        False,
    ),
)

_APP_SERVER: Final = (
    *entries(
        Fault.APP_SERVER,
        (
            "E_APP_SERVER_START_FAILED",
            "the app-server ended before it answered initialize",
            "Read the stderr that comes with the error; the configuration is the usual reason.",
            True,
        ),
        (
            "E_APP_SERVER_START_TIMEOUT",
            "the app-server did not answer initialize in time",
            "Raise start_timeout, or run the command by hand to see what it waits for.",
            True,
        ),
        (
            "E_APP_SERVER_GONE",
            "the connection to the app-server ended while something waited for it",
            "Start it again and resume the thread; thread/read tells what it had received.",
            True,
        ),
        (
            "E_APP_SERVER_REQUEST_FAILED",
            "the app-server answered a request with an error",
            "Read rpc_message: almost every failure of the app-server has the same rpc_code.",
            False,
        ),
        (
            "E_APP_SERVER_OVERLOADED",
            "the app-server refused a request because too many are waiting",
            "Try again after some answers have come; keep fewer than 64 requests outstanding.",
            True,
        ),
        (
            "E_APP_SERVER_REQUEST_TIMEOUT",
            "the app-server did not answer a request in time",
            "The outcome is unknown: read the thread before repeating the request.",
            False,
        ),
        (
            "E_APP_SERVER_VERSION_UNSUPPORTED",
            "the app-server's version is not the one of the protocol lock",
            "Install the version the error names, or pass allow_any_version=True.",
            False,
        ),
        (
            "E_APP_SERVER_UNAUTHORIZED",
            "the app-server refused the websocket's capability token",
            "Pass the token the app-server was started with.",
            False,
        ),
        (
            "E_APP_SERVER_UNREACHABLE",
            "nothing answers at the app-server's address",
            "Check the address, and that the app-server is running.",
            True,
        ),
    ),
    *entries(
        Fault.CONFIGURATION,
        (
            "E_CODEX_BINARY_MISSING",
            "there is no codex binary where one is expected",
            "pip install 'codex-runtime[codex]', or pass the path of a binary.",
            True,
        ),
        (
            "E_CODEX_BINARY_NOT_EXECUTABLE",
            "the file named as codex binary cannot be executed",
            "Check the path and the file's permissions.",
            True,
        ),
        (
            "E_APP_SERVER_URL_INVALID",
            "the address of an app-server is not a websocket URL",
            "Write it as ws://HOST:PORT.",
            False,
        ),
        (
            "E_CODEX_HOME_UNWRITABLE",
            "the folder for Codex's state cannot be written",
            "Pass a folder that exists and that this user may write.",
            True,
        ),
    ),
    *entries(
        Fault.CALLER,
        (
            "E_APP_SERVER_NOT_STARTED",
            "a call needs a running connection and there is none",
            "Use the connection inside its async with block.",
            False,
        ),
        (
            "E_APP_SERVER_REQUEST_CANCELLED",
            "the caller gave a request up before its response came",
            "Nothing: this is what cancelling does. The app-server may still act on the request.",
            False,
        ),
        (
            "E_APP_SERVER_ALREADY_STARTED",
            "a connection is started a second time",
            "Make a new connection for each start.",
            False,
        ),
        (
            "E_APP_SERVER_EVENTS_TAKEN",
            "a second consumer asks for the events of a connection",
            "One consumer takes the events and hands them on.",
            False,
        ),
    ),
)

_FAKES: Final = (
    *entries(
        Fault.CALLER,
        (
            "E_SCRIPT_INVALID",
            "a script file or value does not describe a script",
            "Mend the field the error names; `codex-fakes script-schema` prints the JSON Schema.",
            False,
        ),
        (
            "E_SCRIPT_FILE_UNREADABLE",
            "a script file cannot be read",
            "Check the path; scripts are UTF-8 files that end in .json, .yaml or .yml.",
            False,
        ),
        (
            "E_SCRIPT_EXHAUSTED",
            "the model was asked more often than the script has responses",
            "Add the missing response, or say what happens otherwise in the script.",
            False,
        ),
        (
            "E_SCRIPT_GATE_UNKNOWN",
            "a gate is named that no step of the script waits at",
            "Check the spelling: the error lists the script's gates.",
            False,
        ),
        (
            "E_SCRIPT_WAIT_TIMEOUT",
            "what a test waited for at a fake did not happen in time",
            "The error says how far the script has come; look there.",
            False,
        ),
        (
            "E_FAKE_NOT_SIMULATED",
            "the simulated app-server was asked for something it does not play",
            "Run against the real binary, or see the table of what is simulated.",
            False,
        ),
        (
            "E_SCRIPT_UNPLAYABLE",
            "a step of the script cannot be played as the conversation stands",
            "Look at the command before it: only one that is still running can be typed into.",
            False,
        ),
    ),
    *entries(
        Fault.APP_SERVER,
        (
            "E_MODEL_REQUEST_INVALID",
            "a request to the scripted model breaks an invariant of the Responses API",
            "Look at the recorded request: a call without its output, or history out of order.",
            False,
        ),
    ),
    *entries(
        Fault.CONFIGURATION,
        (
            "E_FAKE_PORT_BUSY",
            "a fake cannot listen on the port it was given",
            "Choose another port; 0 takes any free one.",
            True,
        ),
        (
            "E_FAKE_FAULT_UNKNOWN",
            "a fault that the simulated app-server was asked for cannot be understood",
            "Name it as NAME[=METHOD][#NUMBER]; the error lists the names.",
            False,
        ),
        (
            "E_FAKE_SOCKET_UNUSABLE",
            "the control socket of the simulated app-server cannot be made",
            "Choose a short path in a folder that exists, where no other process listens.",
            True,
        ),
        (
            "E_EXTRA_MISSING",
            "a part of the project is used whose dependencies are not installed",
            "Install the extra that the error names.",
            True,
        ),
    ),
)

_CONFORMANCE: Final = entries(
    Fault.CALLER,
    (
        "E_CONFORMANCE_TARGET_INVALID",
        "a target is not written as kind or kind:params",
        "See `codex-conformance run --help` for the kinds of targets.",
        False,
    ),
    (
        "E_CONFORMANCE_CHECK_UNKNOWN",
        "a check is named that no suite has",
        "`codex-conformance list` prints them all.",
        False,
    ),
    (
        "E_CONFORMANCE_NOTHING_SELECTED",
        "no check is left after the selection",
        "Loosen the selection; `codex-conformance list` prints what there is.",
        False,
    ),
    (
        "E_CONFORMANCE_REPORT_UNWRITABLE",
        "the report of a run cannot be written to the file that was named",
        "Check the path and the file's permissions.",
        True,
    ),
    (
        "E_CONFORMANCE_REPORT_INVALID",
        "a file is no report of a run",
        "Pass a file that `codex-conformance run --report` of this version has written.",
        False,
    ),
    (
        "E_CONFORMANCE_REPORT_TRUNCATED",
        "the report of a run has no footer: the run did not end, or the file was cut",
        "Run again; what the file holds is no result.",
        False,
    ),
    (
        "E_CONFORMANCE_DEPLOYMENT_UNREACHABLE",
        "a deployment does not answer, or what answers is no Convex deployment",
        "Check the URL, and the credentials that were given with it.",
        True,
    ),
)

_SCHEMA: Final = (
    *entries(
        Fault.CONFIGURATION,
        (
            "E_SCHEMA_SOURCE_INCOMPLETE",
            "a folder of generated schemas lacks a file or a type that the lock is made of",
            "Generate both kinds into one folder: app-server generate-json-schema and generate-ts.",
            False,
        ),
        (
            "E_SCHEMA_SOURCE_INVALID",
            "a file of generated schemas says something that the lock cannot keep",
            "Generate it again; if it repeats, the generator has changed and the tool must follow.",
            False,
        ),
        (
            "E_SCHEMA_SOURCE_FAILED",
            "the codex binary did not generate its schemas",
            "Read what it said; check that `codex app-server generate-ts` works by hand.",
            True,
        ),
        (
            "E_SCHEMA_LOCK_MISSING",
            "a folder that should hold a protocol lock holds none",
            "Make one: `codex-runtime schema sync --target FOLDER`.",
            False,
        ),
        (
            "E_SCHEMA_LOCK_INVALID",
            "the manifest or a file of a protocol lock does not have the form of one",
            "Take it from version control again, or make it anew with `codex-runtime schema sync`.",
            False,
        ),
        (
            "E_SCHEMA_LOCK_EDITED",
            "a file of a protocol lock is not the one its manifest or its source vouches for",
            "Never edit the lock: `codex-runtime schema sync` writes it.",
            False,
        ),
        (
            "E_SCHEMA_TARGET_INVALID",
            "the protocol lock cannot be written to the folder that was named",
            "Name a folder outside the source, that this user may write or make.",
            True,
        ),
    ),
    *entries(
        Fault.CALLER,
        (
            "E_SCHEMA_METHOD_UNKNOWN",
            "the protocol lock is asked about a method it does not have",
            "Compare the app-server's version with the protocol lock's.",
            False,
        ),
        (
            "E_SCHEMA_MESSAGES_UNREADABLE",
            "recorded messages that should be validated cannot be read",
            "Name files of one JSON object per line, or folders of such files (*.jsonl, *.ndjson).",
            False,
        ),
    ),
)

CATALOGUE: Final[Mapping[str, ErrorEntry]] = MappingProxyType(
    {
        entry.code: entry
        for entry in (
            *_PROTOCOL_REMOTE,
            *_PROTOCOL_LOCAL,
            *_TERMINAL,
            *_APP_SERVER,
            *_FAKES,
            *_CONFORMANCE,
            *_SCHEMA,
            *VALUES,
            *LIVE_READS,
            *COMPONENT,
            *PERSISTENCE,
            *RUNTIME,
            *CHAT,
            *FAKE_CONVEX,
            *FAKE_SERVER,
        )
    }
)
"""Every code, in the order of the reference page."""


def entry_for(code: str) -> ErrorEntry | None:
    """Look a code up.

    Args:
        code: A code, with or without the brackets it stands in.

    Returns:
        Its entry, or ``None`` when the catalogue does not know it.
    """
    return CATALOGUE.get(code.strip("[] "))
