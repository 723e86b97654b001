"""The folder in which Codex runs offline: its configuration, environment and command line."""

from __future__ import annotations

import tomllib

import pytest

from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_runtime.errors import ConfigurationError

URL = "http://127.0.0.1:1/v1"


def written(home):
    return tomllib.loads((home.path / "config.toml").read_text(encoding="utf-8"))


def test_the_configuration_points_at_the_scripted_model(tmp_path):
    home = CodexHome.create(tmp_path / "a" / "b", base_url=URL)
    config = written(home)
    assert config["model"] == "gpt-5.5"
    provider = config["model_providers"][config["model_provider"]]
    assert provider["base_url"] == URL
    assert (provider["request_max_retries"], provider["stream_max_retries"]) == (0, 0)
    assert provider["stream_idle_timeout_ms"] == 20_000
    assert not any(config["features"].values())
    assert home.env["CODEX_HOME"] == home.env["HOME"] == str(tmp_path / "a" / "b")


def test_settings_and_extra_tables_are_merged(tmp_path):
    settings = CodexSettings(
        model="other",
        approval_policy="never",
        sandbox_mode="read-only",
        request_max_retries=2,
        stream_idle_timeout_ms=5,
        features={"default_mode_request_user_input": True, "apps": True},
        extra={"show_raw_agent_reasoning": True, "analytics": {"other": 1}, "model": "third"},
    )
    config = written(CodexHome.create(tmp_path, base_url=URL, settings=settings))
    assert (config["approval_policy"], config["sandbox_mode"]) == ("never", "read-only")
    assert config["features"]["default_mode_request_user_input"]
    assert config["features"]["apps"]
    assert config["features"]["plugins"] is False
    assert config["analytics"] == {"enabled": False, "other": 1}
    assert (config["show_raw_agent_reasoning"], config["model"]) == (True, "third")


def test_nothing_of_the_parents_codex_reaches_the_child(tmp_path, monkeypatch):
    for name in (
        "OPENAI_API_KEY", "CODEX_HOME", "CODEX_SANDBOX", "HTTPS_PROXY", "http_proxy", "OTEL_X",
    ):  # fmt: skip
        monkeypatch.setenv(name, "parent")
    monkeypatch.setenv("UNRELATED", "kept")
    env = CodexHome.create(tmp_path, base_url=URL, env={"ADDED": "yes"}).env
    assert "parent" not in env.values()
    assert (env["UNRELATED"], env["ADDED"]) == ("kept", "yes")
    assert "127.0.0.1" in env["NO_PROXY"]


def test_the_command_line_has_overrides_before_and_arguments_behind(tmp_path):
    settings = CodexSettings(overrides={"model": '"x"'})
    home = CodexHome.create(tmp_path, base_url=URL, settings=settings)
    assert home.command("/bin/codex", "--listen", "off") == (
        "/bin/codex", "-c", 'model="x"', "app-server", "--strict-config", "--listen", "off",
    )  # fmt: skip
    lax = CodexHome.create(tmp_path, base_url=URL, settings=CodexSettings(strict=False))
    assert lax.command("codex") == ("codex", "app-server")


def test_what_codex_kept_in_the_folder_stays(tmp_path):
    (tmp_path / "kept").write_text("x")
    CodexHome.create(tmp_path, base_url=URL)
    assert (tmp_path / "kept").read_text() == "x"


def test_a_folder_that_cannot_be_made_is_a_coded_error(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError) as caught:
            CodexHome.create(path, base_url=URL)
        assert caught.value.code == "E_CODEX_HOME_UNWRITABLE"
        assert str(path) in caught.value.text


def test_a_configuration_that_cannot_be_written_is_a_coded_error(tmp_path):
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        CodexHome.create(tmp_path, base_url=URL)
    assert caught.value.code == "E_CODEX_HOME_UNWRITABLE"
