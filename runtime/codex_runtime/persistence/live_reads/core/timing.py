"""How long a live client waits for what, and how it spaces its attempts.

May import nothing. The invariant: every wait has a bound, and no two clients that lost the same
deployment come back at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The waits, in seconds.

    Attributes:
        connect: From opening a connection to the deployment's first transition.
        silence: Without any frame; the deployment sends one every 15 seconds at least.
        first_retry: The first wait after a lost connection; each further one is twice as long.
        last_retry: The longest wait.
        stable: How long a connection must hold for the waits to begin anew.
        fetch: For the provider of tokens.
        refresh_leeway: How long before its end a token is replaced.
    """

    connect: float = 10.0
    silence: float = 30.0
    first_retry: float = 0.1
    last_retry: float = 15.0
    stable: float = 10.0
    fetch: float = 10.0
    refresh_leeway: float = 10.0

    def retry(self, failures: int, chance: float) -> float:
        """Say how long to wait before the next attempt.

        Args:
            failures: How many there were in a row, from 1.
            chance: A random number from 0 to 1.

        Returns:
            Seconds: between half of the wait that is due and all of it.
        """
        # Past 2**30 the exponent would only cost time; the bound is long reached.
        due: float = min(self.last_retry, self.first_retry * 2.0 ** min(failures - 1, 30))
        return due * (1.0 + chance) / 2
