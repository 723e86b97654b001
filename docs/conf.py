"""Sphinx configuration."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "codex-runtime"
author = "The codex-runtime authors"
copyright = "2026, the codex-runtime authors"
version = release = installed_version("codex-runtime")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "catalogues",
    "contract_tables",
]
html_theme = "furo"
html_title = f"codex-runtime {version}"
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": False}
napoleon_use_ivar = True
nitpick_ignore_regex = [
    # Other projects, type variables and what napoleon takes for a type have no page here; what
    # names our own packages has one, or is a mistake.
    ("py:.*", r"(?!codex_(runtime|fakes|conformance)\b).*"),
    ("py:.*", r".*\.(T|R_co|P|_\w+)"),
]
# Two attributes of one name, `type` say, are no ambiguity of ours.
suppress_warnings = ["ref.python"]
doctest_global_setup = """
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
"""
