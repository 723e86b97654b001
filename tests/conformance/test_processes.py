"""Processes that suites launch, and the frames they exchange with them."""

from __future__ import annotations

import signal
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as Theirs
from websockets.frames import Opcode
from websockets.streams import StreamReader

from codex_conformance.miniatures.door import FaultyDoor
from codex_conformance.miniatures.faults import Fault
from codex_conformance.targets import launched
from codex_conformance.targets.launch import Launch
from codex_conformance.targets.launched import LaunchedProcess, Launcher
from codex_conformance.wire.frames import (
    BINARY,
    CONTINUATION,
    PONG,
    TEXT,
    Frame,
    FrameReader,
    encode_frame,
)
from codex_conformance.wire.transcript import Ending
from codex_runtime.errors import CodexRuntimeError

pytestmark = pytest.mark.anyio

SIZES = st.sampled_from([0, 1, 125, 126, 65_535, 65_536])


@given(SIZES, st.sampled_from([TEXT, BINARY, CONTINUATION]), st.booleans())
def test_frames_of_the_probe_are_read_by_another_implementation(size, opcode, final):
    reader = StreamReader()
    reader.feed_data(encode_frame(Frame(opcode, b"x" * size, final)))
    parsing = Theirs.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    theirs = parsed.value.value
    assert (theirs.opcode, theirs.data, theirs.fin) == (opcode, b"x" * size, final)


@given(st.lists(SIZES, min_size=1, max_size=3), st.integers(1, 70_000))
def test_frames_of_another_implementation_are_read_in_any_split(sizes, step):
    frames = [Theirs(Opcode.TEXT, b"y" * size) for size in sizes]
    written = b"".join(frame.serialize(mask=False) for frame in frames)
    reader, found = FrameReader(), []
    for start in range(0, len(written), step):
        found += reader.feed(written[start : start + step])
    assert found == [Frame(TEXT, b"y" * size) for size in sizes]


def test_a_message_in_parts_is_one_and_a_pong_between_them_is_another():
    reader = FrameReader()
    parts = [
        Theirs(Opcode.TEXT, b"one ", fin=False),
        Theirs(Opcode.PONG, b"here"),
        Theirs(Opcode.CONT, b"message"),
    ]
    found = reader.feed(b"".join(part.serialize(mask=False) for part in parts))
    assert found == [Frame(PONG, b"here"), Frame(TEXT, b"one message")]
    assert [frame.shown for frame in found] == [b"<pong> here", b"one message"]


def python(code):
    return (sys.executable, "-c", code)


async def launch(code, tmp_path, *, listens=False):
    return await LaunchedProcess.launch(python(code), {}, str(tmp_path), listens=listens)


async def test_a_process_that_heeds_nothing_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(launched, "ENDING_SECONDS", 0.05)
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{deaf}; print('deaf', flush=True); signal.pause()"
    process = await launch(code, tmp_path)
    assert await process.door.receive() == b"deaf\n"
    assert (await process.door.finish()).exit_code == -signal.SIGKILL


async def test_what_a_process_says_on_stderr_is_kept_with_its_exit_code(tmp_path):
    process = await launch("import sys; sys.exit('no home')", tmp_path)
    assert await process.door.finish() == Ending(asked_for=True, exit_code=1, stderr="no home\n")


async def test_a_process_that_ends_before_it_listens_is_not_waited_for(tmp_path):
    process = await launch("raise SystemExit(4)", tmp_path, listens=True)
    with pytest.raises(CodexRuntimeError) as refused:
        await process.address()
    assert refused.value.code == "E_APP_SERVER_START_FAILED"
    assert (await process.door.finish()).exit_code == 4


async def test_a_process_that_never_listens_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(launched, "LISTENING_SECONDS", 0.05)
    process = await launch("input()", tmp_path, listens=True)
    with pytest.raises(CodexRuntimeError) as refused:
        await process.address()
    assert refused.value.code == "E_APP_SERVER_START_TIMEOUT"
    await process.door.finish()


async def test_a_signal_to_a_process_that_has_ended_does_nothing(tmp_path):
    process = await launch("", tmp_path)
    await process.door.finish()
    process.signal(signal.SIGTERM)


async def test_a_program_that_does_not_exist_is_a_coded_error(tmp_path):
    with pytest.raises(CodexRuntimeError) as refused:
        await LaunchedProcess.launch((str(tmp_path / "none"),), {}, str(tmp_path), listens=False)
    assert refused.value.code == "E_CODEX_BINARY_NOT_EXECUTABLE"


async def test_each_launch_finds_the_configuration_it_asks_for(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text("usual = 1\n")
    code = "import os; print(open(os.environ['CODEX_HOME'] + '/config.toml').read())"
    launcher = Launcher(python(code), {"CODEX_HOME": str(home)}, tmp_path)
    found = []
    for how in (Launch(added="more = 1\n"), Launch(config="other = 1\n"), Launch()):
        process = await launcher.launch(how)
        found.append((await process.door.receive()).split())
        await process.door.finish()
    await launcher.stop()
    assert [b" ".join(words) for words in found] == [
        b"more = 1 usual = 1",
        b"other = 1",
        b"usual = 1",
    ]


@pytest.mark.parametrize(("home", "exists"), [("missing", "False"), ("file", "True")])
async def test_a_launch_without_a_home_names_one_all_the_same(tmp_path, home, exists):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").touch()
    code = "import os; p = os.environ['CODEX_HOME']; print(os.path.exists(p), os.path.isdir(p))"
    launcher = Launcher(python(code), {"CODEX_HOME": str(tmp_path / "home")}, tmp_path)
    process = await launcher.launch(Launch(home=home))
    assert (await process.door.receive()).decode().split() == [exists, "False"]
    await launcher.stop()


class Recording:
    """A door that keeps what it is sent."""

    knows_rest = True

    def __init__(self):
        self.sent = b""

    async def send(self, data):
        self.sent += data

    async def receive(self):
        return None

    async def finish(self):
        return Ending(asked_for=True, exit_code=0)


async def test_a_line_without_an_end_passes_a_faulty_door_without_one():
    inner = Recording()
    await FaultyDoor(inner, Fault()).send(b'{"id":1}\n{"id":2')
    assert inner.sent == b'{"id":1}\n{"id":2'


async def test_last_words_come_when_the_input_has_ended():
    door = FaultyDoor(Recording(), Fault(last_words=(b"bye",)))
    assert await door.receive() is None
    await door.finish()
    await door.finish()
    assert await door.receive() == b"bye\n"
