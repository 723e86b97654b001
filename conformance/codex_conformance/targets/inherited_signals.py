"""What a started server does about signals: what it would do when a terminal had started it.

May import the standard library only. The invariant: a run under ``nohup``, in the background of a
script, or in a service, goes on as before when it is signalled, and measures the same as one in a
terminal. Whether a signal is ignored is inherited by every child, and a server that ignores one
cannot show how it ends on it.
"""

from __future__ import annotations

import signal
from typing import Final

SIGNALS: Final = ("SIGHUP", "SIGINT")
"""The signals that whoever starts a run may have it ignore: ``nohup`` the one, ``&`` the other."""


def heed_signals_in_children() -> None:
    """Let servers started from here on end on signals, also where this process ignores them.

    A signal that has a handler is at its default after exec, one that is ignored stays ignored; so
    an ignored one gets a handler that does nothing. To be called in the main thread; a signal that
    does not exist here, or is not ignored, is left as it is.
    """
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)
