"""What the README says is true: its example runs, and CI runs its test command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return found


@pytest.mark.parametrize("number", [0, 1])
def test_every_example_runs_as_it_stands(tmp_path: Path, number: int) -> None:
    examples = blocks("python")
    assert len(examples) == 2
    example = examples[number]
    script = tmp_path / "example.py"
    script.write_text(example)
    subprocess.run([sys.executable, "-W", "error", script], check=True, timeout=60)


def test_ci_runs_the_test_command() -> None:
    steps = blocks("sh")[1].strip().split(" && ")
    script = (ROOT / ".ci" / "run").read_text()
    assert [line for line in script.splitlines() if line in steps] == steps
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(
    "document", ["ARCHITECTURE.md", "CHANGELOG.md", "LLMS.md", "docs/index.md"]
)
def test_the_documents_it_names_are_there(document: str) -> None:
    assert f"({document})" in README
    assert (ROOT / document).is_file()


def test_the_environments_it_names_exist() -> None:
    named = set(re.findall(r"tox run -e (\w+)", README))
    tox = (ROOT / "tox.ini").read_text()
    assert named == {"docs", "conformance", "bench", "campaign"}
    assert all(f"[testenv:{name}]" in tox for name in named)


def test_the_extras_it_installs_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = {
        extra for group in re.findall(r'"\.\[([\w,]+)\]"', README) for extra in group.split(",")
    }
    assert installed == {"codex", "conformance"}
    assert installed <= set(project["optional-dependencies"])
