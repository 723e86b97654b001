"""What a started server does about SIGHUP: what it would do when a terminal had started it.

May import the standard library only. The invariant: a run under ``nohup`` (or in a service whose
SIGHUP is ignored) survives its terminal as before, and measures the same as one in a terminal:
whether SIGHUP is ignored is inherited by every child, and a server that ignores it cannot show how
it ends on one.
"""

from __future__ import annotations

import signal


def heed_hangup_in_children() -> None:
    """Let servers started from here on end on SIGHUP, also where this process ignores it.

    A signal that has a handler is at its default after exec, one that is ignored stays ignored; so
    an ignored SIGHUP gets a handler that does nothing. To be called in the main thread; where
    SIGHUP does not exist, or is not ignored, nothing changes.
    """
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_IGN:
        signal.signal(hangup, lambda _number, _frame: None)
