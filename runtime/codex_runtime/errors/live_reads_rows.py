"""The codes of live reads of a Convex deployment.

May import the entries only. The invariant: whatever the deployment does, a reader of it ends in a
value or in one of these.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors.entry import Fault, entries

LIVE_READS: Final = (
    *entries(
        Fault.CALLER,
        (
            "E_LIVE_CLOSED",
            "a live client or subscription was used after it was closed",
            "Open a new one; keep the client open as long as anything reads from it.",
            False,
        ),
        (
            "E_LIVE_CONSUMER_SLOW",
            "a reader asked for every value and fell too far behind",
            "Take values faster, or ask for the latest only.",
            True,
        ),
        (
            "E_LIVE_TOKEN_UNAVAILABLE",
            "the token provider raised, gave no token, or took too long",
            "Look at the cause in the provider.",
            True,
        ),
        (
            "E_LIVE_URL_INVALID",
            "the address of a deployment is no http, https, ws or wss URL with a host",
            "Pass the deployment's URL, for example http://127.0.0.1:3210.",
            False,
        ),
    ),
    *entries(
        Fault.DEPLOYMENT,
        (
            "E_LIVE_UNREACHABLE",
            "no connection to the deployment: the port is closed, or the host is not known",
            "Check that the deployment runs and that the URL is right.",
            True,
        ),
        (
            "E_LIVE_NOT_CONVEX",
            "something answers at the deployment's URL, but it is no Convex deployment",
            "Check the URL: it is the one the Convex clients use, not the one of HTTP actions.",
            False,
        ),
        (
            "E_LIVE_DISCONNECTED",
            "the connection ended, or the deployment went silent; the client connects again",
            "Nothing, unless it goes on: then look at the deployment.",
            True,
        ),
        (
            "E_LIVE_TIMEOUT",
            "the deployment did not do in time what was waited for",
            "Wait longer, or look at what keeps the deployment busy.",
            True,
        ),
        (
            "E_LIVE_TOKEN_REJECTED",
            "the deployment refused the token; nothing is read until there is another one",
            "Set another token, or clear it to read without an identity.",
            True,
        ),
        (
            "E_LIVE_PROTOCOL",
            "the deployment broke the sync protocol; the client connects again to start over",
            "Report it with the text; compare the deployment's version with the supported ones.",
            True,
        ),
        (
            "E_LIVE_FATAL",
            "the deployment said that it cannot go on with this client",
            "Read the deployment's text; open a new client when the cause is gone.",
            False,
        ),
        (
            "E_LIVE_QUERY_FAILED",
            "a subscribed query failed; it stays subscribed and may succeed when data changes",
            "Read the deployment's text and the error's data.",
            True,
        ),
    ),
)
"""The live client."""
