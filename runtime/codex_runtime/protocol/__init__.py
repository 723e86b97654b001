"""The app-server wire as pure functions and state machines: no IO, no clock, no tasks.

May import :mod:`codex_runtime.errors` and msgspec. Data flows one way through the modules: bytes
(:mod:`.framing`) become messages (:mod:`.messages`, :mod:`.inbound`), messages are told apart
(:mod:`.classification`, :mod:`.methods`) and read (:mod:`.terminal`, :mod:`.items`,
:mod:`.payloads`); what goes out is typed (:mod:`.params`, :mod:`.results`, :mod:`.answers`),
checked (:mod:`.outbound`) and matched with what comes back (:mod:`.correlation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_runtime.protocol.approvals import (
        ApprovalRequested,
        ApprovalResolved,
        approval_request_of,
        approval_resolution_of,
    )
    from codex_runtime.protocol.classification import (
        Classification,
        classify,
        stream_id_of,
        thread_and_turn_of,
        turn_id_of,
    )
    from codex_runtime.protocol.correlation import (
        Correlator,
        IncomingRequests,
        LateAnswer,
        RequestEvent,
        RequestState,
        Settled,
    )
    from codex_runtime.protocol.framing import MAX_LINE_BYTES, LineFramer
    from codex_runtime.protocol.identifiers import RequestId, is_request_id, is_uuid_like_thread_id
    from codex_runtime.protocol.inbound import Arrival, InboundStream
    from codex_runtime.protocol.items import (
        ItemMessage,
        ItemSnapshot,
        TextDelta,
        message_of,
        role_of,
        snapshot_of,
        text_delta_of,
        text_of,
    )
    from codex_runtime.protocol.messages import (
        ErrorResponse,
        Head,
        Message,
        Notification,
        Request,
        Response,
        RpcError,
        decode_json,
        decode_message,
        decode_params,
        decode_result,
        encode_message,
    )
    from codex_runtime.protocol.methods import (
        CLIENT_METHODS,
        LEGACY_METHODS,
        PROTOCOL_VERSION,
        SERVER_METHODS,
    )
    from codex_runtime.protocol.outbound import (
        check_answer,
        check_method,
        check_outbound,
        check_thread_id,
    )
    from codex_runtime.protocol.payloads import message_problem, payload_problem
    from codex_runtime.protocol.reasoning import ReasoningDelta, reasoning_delta_of
    from codex_runtime.protocol.server_requests import read_server_request
    from codex_runtime.protocol.terminal import (
        TerminalStatus,
        terminal_status,
        terminal_status_of_payload,
    )

_MODULES: Final = {
    "ApprovalRequested": "approvals",
    "ApprovalResolved": "approvals",
    "approval_request_of": "approvals",
    "approval_resolution_of": "approvals",
    "Arrival": "inbound",
    "CLIENT_METHODS": "methods",
    "Classification": "classification",
    "Correlator": "correlation",
    "ErrorResponse": "messages",
    "Head": "messages",
    "InboundStream": "inbound",
    "IncomingRequests": "correlation",
    "ItemMessage": "items",
    "ItemSnapshot": "items",
    "LEGACY_METHODS": "methods",
    "LateAnswer": "correlation",
    "LineFramer": "framing",
    "MAX_LINE_BYTES": "framing",
    "Message": "messages",
    "Notification": "messages",
    "PROTOCOL_VERSION": "methods",
    "ReasoningDelta": "reasoning",
    "Request": "messages",
    "RequestEvent": "correlation",
    "RequestId": "identifiers",
    "RequestState": "correlation",
    "Response": "messages",
    "RpcError": "messages",
    "SERVER_METHODS": "methods",
    "Settled": "correlation",
    "TerminalStatus": "terminal",
    "TextDelta": "items",
    "check_answer": "outbound",
    "check_method": "outbound",
    "check_outbound": "outbound",
    "check_thread_id": "outbound",
    "classify": "classification",
    "decode_json": "messages",
    "decode_message": "messages",
    "decode_params": "messages",
    "decode_result": "messages",
    "encode_message": "messages",
    "is_request_id": "identifiers",
    "is_uuid_like_thread_id": "identifiers",
    "message_of": "items",
    "message_problem": "payloads",
    "payload_problem": "payloads",
    "read_server_request": "server_requests",
    "reasoning_delta_of": "reasoning",
    "role_of": "items",
    "snapshot_of": "items",
    "stream_id_of": "classification",
    "terminal_status": "terminal",
    "terminal_status_of_payload": "terminal",
    "text_delta_of": "items",
    "text_of": "items",
    "thread_and_turn_of": "classification",
    "turn_id_of": "classification",
}
"""Where each name is defined; its module is imported when the name is first used."""

__all__ = [
    "CLIENT_METHODS",
    "LEGACY_METHODS",
    "MAX_LINE_BYTES",
    "PROTOCOL_VERSION",
    "SERVER_METHODS",
    "ApprovalRequested",
    "ApprovalResolved",
    "Arrival",
    "Classification",
    "Correlator",
    "ErrorResponse",
    "Head",
    "InboundStream",
    "IncomingRequests",
    "ItemMessage",
    "ItemSnapshot",
    "LateAnswer",
    "LineFramer",
    "Message",
    "Notification",
    "ReasoningDelta",
    "Request",
    "RequestEvent",
    "RequestId",
    "RequestState",
    "Response",
    "RpcError",
    "Settled",
    "TerminalStatus",
    "TextDelta",
    "approval_request_of",
    "approval_resolution_of",
    "check_answer",
    "check_method",
    "check_outbound",
    "check_thread_id",
    "classify",
    "decode_json",
    "decode_message",
    "decode_params",
    "decode_result",
    "encode_message",
    "is_request_id",
    "is_uuid_like_thread_id",
    "message_of",
    "message_problem",
    "payload_problem",
    "read_server_request",
    "reasoning_delta_of",
    "role_of",
    "snapshot_of",
    "stream_id_of",
    "terminal_status",
    "terminal_status_of_payload",
    "text_delta_of",
    "text_of",
    "thread_and_turn_of",
    "turn_id_of",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
