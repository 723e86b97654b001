"""An app-server as a child process: started, spoken to, stopped, whatever it does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from codex_runtime.app_server.binary import AppServerCommand
from codex_runtime.app_server.child import STDERR_BYTES
from codex_runtime.app_server.stdio import StdioTransport, StopTimeouts
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio

WAIT = 20.0
QUICK = StopTimeouts(eof=0.2, terminate=0.2, drain=0.2)


def python(program: str) -> AppServerCommand:
    return AppServerCommand((sys.executable, "-c", program))


async def started(program: str, timeouts: StopTimeouts | None = None) -> StdioTransport:
    return await StdioTransport.start(python(program), timeouts)


async def receive_all(transport: StdioTransport) -> bytes:
    received = b""
    async with asyncio.timeout(WAIT):
        while data := await transport.receive():
            received += data
    return received


async def receive_line(transport: StdioTransport) -> bytes:
    received = b""
    async with asyncio.timeout(WAIT):
        while not received.endswith(b"\n"):
            received += await transport.receive()
    return received


ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


async def test_bytes_go_there_and_come_back_and_the_end_of_stdin_ends_it() -> None:
    transport = await started(ECHO)
    await transport.send(b'{"method":"a"}\n')
    assert await receive_line(transport) == b'{"method":"a"}\n'
    end = await transport.close()
    assert (end.exit_code, "after the end of its stdin" in end.reason) == (0, True)
    assert await transport.receive() == b""
    assert await transport.close() == end


async def test_a_line_of_64_mib_passes_in_both_directions() -> None:
    transport = await started(ECHO)
    line = b"x" * (64 * 1024 * 1024) + b"\n"
    sending = asyncio.create_task(transport.send(line))
    received = bytearray()
    async with asyncio.timeout(WAIT):
        while len(received) < len(line):
            received += await transport.receive()
        await sending
    assert bytes(received) == line
    await transport.close()


async def test_an_exit_code_and_the_last_words_are_reported() -> None:
    transport = await started("import sys; print('bad config', file=sys.stderr); sys.exit(3)")
    assert await receive_all(transport) == b""
    end = await transport.close()
    assert (end.exit_code, end.stderr) == (3, "bad config\n")
    assert "ended by itself; exit code 3" in end.reason


async def test_a_process_that_ended_takes_no_more() -> None:
    transport = await started("pass")
    await receive_all(transport)
    await transport.close()
    with pytest.raises(ConnectionError):
        await transport.send(b"{}\n")


async def test_stderr_is_read_all_the_time_and_only_its_end_is_kept() -> None:
    program = """
import sys
for n in range(40000): sys.stderr.write(f'line {n} of noise\\n')
print('done', flush=True)
sys.stdin.read()
"""
    transport = await started(program)
    assert await receive_line(transport) == b"done\n"
    end = await transport.close()
    assert len(end.stderr) <= STDERR_BYTES
    assert end.stderr.endswith("line 39999 of noise\n")


async def test_a_process_that_ignores_the_end_of_stdin_is_terminated() -> None:
    transport = await started("import signal\nprint('up', flush=True)\nsignal.pause()", QUICK)
    await receive_line(transport)
    end = await transport.close()
    assert (end.exit_code, "after SIGTERM" in end.reason) == (-signal.SIGTERM, True)


async def test_a_process_that_ignores_everything_is_killed() -> None:
    program = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
while True: signal.pause()
"""
    transport = await started(program, QUICK)
    await receive_line(transport)
    end = await transport.close()
    assert (end.exit_code, "after SIGKILL" in end.reason) == (-signal.SIGKILL, True)


ORPHANAGE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])
print(child.pid, flush=True)
{then}
"""


async def ends(pid: int) -> None:
    process = psutil.Process(pid) if psutil.pid_exists(pid) else None
    if process is not None:
        await asyncio.to_thread(psutil.wait_procs, [process], WAIT)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("then", ["sys.stdin.read()", "sys.exit(1)"])
async def test_what_the_process_started_ends_with_it(then: str) -> None:
    transport = await started(ORPHANAGE.format(then=then), QUICK)
    pid = int(await receive_line(transport))
    await transport.close()
    await ends(pid)


async def test_the_output_of_a_dead_process_ends_although_its_child_holds_it_open() -> None:
    transport = await started(ORPHANAGE.format(then="sys.exit(1)"), QUICK)
    pid = int(await receive_line(transport))
    assert await receive_all(transport) == b""
    assert (await transport.close()).exit_code == 1
    await ends(pid)


async def test_aborting_ends_it_at_once() -> None:
    transport = await started(ECHO)
    transport.abort()
    transport.abort()
    end = await transport.close()
    assert end.exit_code == -signal.SIGKILL


async def test_a_slow_reader_makes_the_process_wait_and_loses_nothing() -> None:
    program = "import sys\nfor n in range(200000): print(n)"
    transport = await started(program)
    numbers = (await receive_all(transport)).split()
    await transport.close()
    assert [int(number) for number in numbers] == list(range(200000))


@pytest.mark.parametrize(
    ("argv", "cwd", "code"),
    [
        (("/nowhere/codex", "app-server"), None, "E_CODEX_BINARY_MISSING"),
        ((os.devnull,), None, "E_CODEX_BINARY_NOT_EXECUTABLE"),
        ((sys.executable,), "/nowhere", "E_CODEX_BINARY_NOT_EXECUTABLE"),
    ],
)
async def test_what_cannot_be_started_says_so(
    argv: tuple[str, ...], cwd: str | None, code: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await StdioTransport.start(AppServerCommand(argv, cwd=cwd))
    assert caught.value.code == code


async def test_a_file_that_is_no_program_says_so(tmp_path: Path) -> None:
    text = tmp_path / "codex"
    text.write_bytes(b"\x00\x01")
    text.chmod(0o755)
    with pytest.raises(ConfigurationError, match="not a program") as caught:
        await StdioTransport.start(AppServerCommand((str(text),)))
    assert caught.value.code == "E_CODEX_BINARY_NOT_EXECUTABLE"
