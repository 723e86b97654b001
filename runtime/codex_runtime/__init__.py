"""The runtime for hosts that run Codex locally and keep its state in Convex.

This package imports nothing from :mod:`codex_fakes` or :mod:`codex_conformance`; they import it.
Its rooms, from the ground up: :mod:`~codex_runtime.errors` (every code, once),
:mod:`~codex_runtime.protocol` (the app-server wire, no IO) and
:mod:`~codex_runtime.app_server` (the client side of an app-server).
"""

from __future__ import annotations

__version__ = "0.1.0"
