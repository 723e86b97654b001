"""The exceptions of keeping things.

May import the error catalogue. The invariant: the code says whether the call may have happened.
"""

from __future__ import annotations

from codex_runtime.errors import CodexRuntimeError


class PersistenceError(CodexRuntimeError):
    """A call to the deployment failed; the codes are ``E_PERSISTENCE_…``.

    What the contract refuses is a :class:`codex_runtime.errors.exceptions.ContractError` with a
    code of its own.
    """
