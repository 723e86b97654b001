"""The client side of an app-server: how it is reached, asked and answered.

May import :mod:`codex_runtime.protocol` and :mod:`codex_runtime.errors`; websockets is imported
when a websocket is opened.
"""
