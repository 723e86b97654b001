"""Fakes of the runtime's neighbours that their real clients cannot tell from the real thing.

May import :mod:`codex_runtime`, never :mod:`codex_conformance`. One script
(:mod:`codex_fakes.script`) says what the model does; :mod:`codex_fakes.responses` plays it to the
real codex binary, :mod:`codex_fakes.app_server` plays it as a simulated app-server.
"""
