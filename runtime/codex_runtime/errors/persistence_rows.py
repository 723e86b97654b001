"""The codes of keeping things in a Convex deployment, as its caller meets them.

May import the entries only. The invariant: a call that failed says whether it may have happened
nevertheless; only ``E_PERSISTENCE_OUTCOME_UNKNOWN`` may have.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors.entry import Fault, entries

PERSISTENCE: Final = (
    *entries(
        Fault.CONFIGURATION,
        (
            "E_PERSISTENCE_URL_INVALID",
            "the address of a deployment is no http or https URL with a host",
            "Pass the deployment's URL, for example http://127.0.0.1:3210.",
            False,
        ),
        (
            "E_PERSISTENCE_UNAUTHORIZED",
            "the deployment refuses the token",
            "Check who issues the token and whether the deployment trusts them.",
            False,
        ),
        (
            "E_PERSISTENCE_NOT_CONVEX",
            "something answers at the deployment's URL, but it is no Convex deployment",
            "Check the URL: it is the one the Convex clients use, not the one of HTTP actions.",
            False,
        ),
        (
            "E_PERSISTENCE_ENDPOINT_MISSING",
            "the deployment has no such endpoint, or has it as another kind of function",
            "Deploy the host module of this version, or name the module it is in.",
            False,
        ),
        (
            "E_PERSISTENCE_MISWIRED",
            "the deployment's own check of its wiring, validateHostWiring, finds something wrong",
            "Mend what it names; the code of each is among the error codes.",
            False,
        ),
    ),
    *entries(
        Fault.CALLER,
        (
            "E_PERSISTENCE_TOKEN_UNAVAILABLE",
            "the token provider raised, or gave no token",
            "Look at the cause in the provider.",
            True,
        ),
        (
            "E_PERSISTENCE_REQUEST_REFUSED",
            "the deployment refuses the request before any function sees it",
            "Look at the text: it is not what this version of the deployment takes.",
            False,
        ),
        (
            "E_PERSISTENCE_TOO_LARGE",
            "a call is larger than a request to the deployment, or a transaction of it, may be",
            "Send less at a time; the text says which limit it is.",
            False,
        ),
        (
            "E_PERSISTENCE_CLOSED",
            "persistence was used after it was closed",
            "Keep it open as long as the runtime lives.",
            False,
        ),
        (
            "E_PERSISTENCE_DISABLED",
            "durable import was asked for where nothing is kept",
            "Give the runtime a persistence adapter.",
            False,
        ),
    ),
    *entries(
        Fault.DEPLOYMENT,
        (
            "E_PERSISTENCE_UNREACHABLE",
            "no connection to the deployment; nothing was sent",
            "Check that the deployment runs and that the URL is right.",
            True,
        ),
        (
            "E_PERSISTENCE_OVERLOADED",
            "the deployment refused the call for the moment, again and again; nothing happened",
            "Try again later; look at what else the deployment does.",
            True,
        ),
        (
            "E_PERSISTENCE_OUTCOME_UNKNOWN",
            "a call was sent and its answer was lost; it may have happened or not",
            "Read what became of it before it is called again.",
            False,
        ),
        (
            "E_PERSISTENCE_ANSWER_INVALID",
            "the deployment's answer does not have the shape of the contract",
            "Compare the version of the deployed host module with this library's.",
            False,
        ),
        (
            "E_PERSISTENCE_FUNCTION_FAILED",
            "a function of the deployment failed without a code",
            "Look into the deployment's logs.",
            False,
        ),
        (
            "E_SYNC_JOB_TIMEOUT",
            "an import did not end within the time its caller waits; it goes on",
            "Ask for the job again later.",
            True,
        ),
    ),
)
