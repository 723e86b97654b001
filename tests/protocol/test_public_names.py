"""The packages' public names: all there, imported when used, and nothing else."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = ["codex_runtime.protocol", "codex_runtime.app_server"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing_of_the_kind'"):
        module.nothing_of_the_kind  # noqa: B018 - the access is the test


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_none_of_its_modules(package: str) -> None:
    program = (
        f"import sys, {package}\n"
        f"print([name for name in sys.modules if name.startswith('{package}.')])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert shown.stdout.strip() == "[]"


def test_a_connection_needs_no_websockets_until_one_is_opened() -> None:
    program = "import sys, codex_runtime.app_server.connection\nprint('websockets' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert shown.stdout.strip() == "False"
