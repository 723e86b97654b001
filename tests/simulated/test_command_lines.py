"""Command lines as the real server showed them for the same commands."""

from __future__ import annotations

import pytest

from codex_fakes.app_server.threads.command_lines import amendment_for, quoted_argv


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("true", "/bin/bash -lc true"),
        ("touch x", "/bin/bash -lc 'touch x'"),
        ("echo 'a b'", "/bin/bash -lc \"echo 'a b'\""),
        ('touch "a b"', "/bin/bash -lc 'touch \"a b\"'"),
        ("printf 'a\\n'", "/bin/bash -lc \"printf 'a\\\\n'\""),
        ("echo $(date)", "/bin/bash -lc 'echo $(date)'"),
        ("echo ^a", "/bin/bash -lc 'echo ''^a'"),
        ("echo é", "/bin/bash -lc 'echo é'"),
    ],
)
def test_a_command_line_is_quoted_as_the_real_server_quotes_it(command, shown):
    assert quoted_argv(command) == shown


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("touch made.txt && echo made", ["touch", "made.txt"]),
        ("ls; rm -f x", ["ls"]),
        ("ls | head -1", ["ls"]),
        ("true || touch q", ["true"]),
        ("a\nb", ["a"]),
        ('python3 -c "print(1)"', ["python3", "-c", "print(1)"]),
        ("echo 'a b'", ["echo", "a b"]),
        ("echo a=b,c", ["echo", "a=b,c"]),
        ("echo !x", ["echo", "!x"]),
    ],
)
def test_plain_commands_propose_a_rule_for_the_first_of_them(command, rule):
    assert amendment_for(command) == rule


@pytest.mark.parametrize(
    "command",
    [
        "echo hi > f",
        "echo $(date)",
        "echo `date`",
        "FOO=1 touch x",
        "ls *.py",
        "(touch x)",
        'echo "$HOME"',
        "echo \\a",
        "echo ^a",
        "cat <<E\nx\nE",
    ],
)
def test_anything_else_proposes_a_rule_for_the_whole_line(command):
    assert amendment_for(command) == ["/bin/bash", "-lc", command]
