"""The control socket against clients of every kind, on each event loop."""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.bridge.control import Command
from hybrid.server.ops.control import commands, service
from hybrid.server.ops.control.commands import Commands
from hybrid.server.ops.control.lines import MAX_REQUEST
from hybrid.server.ops.control.places import listen, socket_of
from hybrid.server.ops.control.service import MAX_CLIENTS, Service
from tests.apps import controlled
from tests.support.control import as_stranger, asked, said
from tests.support.embedded import DEADLINE, on_each_loop, until

COMMANDS = {
    each.__name__: each for each in (controlled.echo, controlled.fail, controlled.refuse, controlled.odd)
}


@asynccontextmanager
async def serving(folder: Path, **more: Command) -> AsyncIterator[Path]:
    """Answer on a socket while the block runs."""
    running = Service(listen(folder), Commands({**COMMANDS, **more}))
    running.start()
    path = socket_of(folder, os.getpid())
    try:
        yield path
    finally:
        path.unlink()
        before = asyncio.all_tasks()
        await running.close()
        assert asyncio.all_tasks() <= before


async def ask(path: Path, command: str, **arguments: Any) -> dict[str, Any]:
    """Ask while the loop serves."""
    return await asyncio.to_thread(asked, path, command, arguments)


@on_each_loop
async def test_commands_are_answered(control_folder: Path) -> None:
    """With what they return, whatever their arguments are."""
    async with serving(control_folder) as path:
        assert await ask(path, "echo", text="é\n", list=[1, None]) == {"text": "é\n", "list": [1, None]}


@on_each_loop
async def test_errors_are_answers(control_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a command refuses is said; what it has not meant to raise is in the log, and not in the answer."""
    async with serving(control_folder) as path:
        assert await ask(path, "refuse") == {"error": "not today", "code": "refused"}
        unknown = await ask(path, "eco")
        assert unknown == {
            "error": "there is no command 'eco' here; did you mean echo?",
            "code": "unknown-command",
        }
        for command in ("fail", "odd"):
            failed = await ask(path, command)
            assert failed == {
                "error": f"{command} has failed; the log of the server says why",
                "code": "failed",
            }
    assert "KeyError: 'a secret'" in caplog.text
    assert "the command odd answers what JSON cannot say" in caplog.text


@on_each_loop
async def test_a_command_has_its_time(control_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never ends is an error."""
    monkeypatch.setattr(commands, "_SECONDS", 0.05)
    async with serving(control_folder, wait=controlled.wait) as path:
        assert (await ask(path, "wait"))["code"] == "timeout"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "malformed"),
        (b"\n", "malformed"),
        (b"\x00\xff\xfe\n", "malformed"),
        (b'{"command": "echo"}', "malformed"),
        (b'{"command": "echo"}\n{"command": "echo"}\n', "malformed"),
        (b"x" * (MAX_REQUEST + 1), "malformed"),
        (b"[" * 10_000 + b"\n", "malformed"),
    ],
    ids=["http", "empty", "bytes", "half", "two", "huge", "deep"],
)
@on_each_loop
async def test_what_is_no_line_is_refused(control_folder: Path, data: bytes, code: str) -> None:
    """There is an error, and the next one is served as ever."""
    async with serving(control_folder) as path:
        answer = json.loads(await asyncio.to_thread(said, path, data))
        assert answer["code"] == code
        assert await ask(path, "echo", x=1) == {"x": 1}


@given(data=st.binary(max_size=200))
@settings(max_examples=50)
def test_any_bytes(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each is answered with one line, or with nothing where nothing was said, and nothing breaks."""
    folder = tmp_path_factory.mktemp("c")

    async def main() -> None:
        async with serving(folder) as path:
            answer = await asyncio.to_thread(said, path, data)
            assert answer.count(b"\n") == bool(data)
            assert await ask(path, "echo", x=1) == {"x": 1}

    asyncio.run(main())


@on_each_loop
async def test_clients_that_say_nothing_are_let_go(
    control_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, also those that say a part of a line now and then; they keep nobody out for long."""
    monkeypatch.setattr(service, "_LINE_SECONDS", 0.3)
    async with serving(control_folder) as path:
        clients = [socket.socket(socket.AF_UNIX) for _ in range(2 * MAX_CLIENTS)]
        for each in clients:
            each.connect(str(path))
            each.sendall(b"{")
        assert await ask(path, "echo", x=1) == {"x": 1}
        for each in clients:
            each.setblocking(False)
            assert await asyncio.get_running_loop().sock_recv(each, 100) == b""
            each.close()


@on_each_loop
async def test_no_more_than_some_are_spoken_with(control_folder: Path) -> None:
    """The others wait until one has gone."""
    running = begun = 0
    go = asyncio.Event()

    async def hold(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal running, begun
        begun += 1
        running += 1
        assert running <= MAX_CLIENTS
        await go.wait()
        running -= 1
        return {}

    async with serving(control_folder, hold=hold) as path:
        loop = asyncio.get_running_loop()
        clients = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CLIENTS + 5)]
        for each in clients:
            each.setblocking(False)
            await loop.sock_connect(each, str(path))
            await loop.sock_sendall(each, b'{"command": "hold"}\n')
        await until(lambda: begun == MAX_CLIENTS)
        go.set()
        for each in clients:
            assert await loop.sock_recv(each, 100) == b'{"answer":{}}\n'
            each.close()
        assert begun == len(clients)


@on_each_loop
async def test_who_does_not_take_the_answer_is_let_go(
    control_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks for much and reads nothing."""
    monkeypatch.setattr(service, "_LINE_SECONDS", 0.2)

    async def much(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"text": "x" * 8_000_000}

    before = len(asyncio.all_tasks())
    async with serving(control_folder, much=much) as path:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b'{"command": "much"}\n')
            await until(lambda: len(asyncio.all_tasks()) > before)
            await until(lambda: len(asyncio.all_tasks()) == before)


@on_each_loop
async def test_the_end_waits_for_commands_and_for_no_silent_client(control_folder: Path) -> None:
    """Who has asked is answered; who only is there is let go at once."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def hold(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        begun.set()
        await go.wait()
        return {"done": True}

    async with serving(control_folder, hold=hold) as path:
        silent = socket.socket(socket.AF_UNIX)
        silent.connect(str(path))
        asking = asyncio.create_task(ask(path, "hold"))
        await begun.wait()
        asyncio.get_running_loop().call_soon(go.set)
    assert await asking == {"done": True}
    silent.settimeout(DEADLINE)
    assert silent.recv(10) == b""
    silent.close()


@on_each_loop
async def test_a_command_that_does_not_end_is_cut_off(
    control_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stops does not wait for it."""
    monkeypatch.setattr(service, "_END_SECONDS", 0.05)
    begun = asyncio.Event()

    async def wait(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        begun.set()
        return await controlled.wait({})

    async with serving(control_folder, wait=wait) as path:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        client.sendall(b'{"command": "wait"}\n')
        await begun.wait()
    client.settimeout(DEADLINE)
    assert client.recv(10) == b""
    client.close()


@on_each_loop
async def test_a_command_that_resists_holds_nobody_up(
    control_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stops leaves it where it is, as it does with requests."""
    monkeypatch.setattr(service, "_END_SECONDS", 0.05)
    begun, go = asyncio.Event(), asyncio.Event()

    async def resist(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        begun.set()
        while not go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await go.wait()
        return {}

    running = Service(listen(control_folder), Commands({"resist": resist}))
    running.start()
    path = socket_of(control_folder, os.getpid())
    asking = asyncio.create_task(ask(path, "resist"))
    await begun.wait()
    path.unlink()
    await asyncio.wait_for(asyncio.shield(closing := asyncio.create_task(running.close())), DEADLINE)
    assert closing.done()
    assert not asking.done()
    go.set()
    assert await asking == {}


@on_each_loop
async def test_another_user_is_refused(control_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also where the permissions of the file would let him connect, which they do not."""

    def try_it() -> str:
        try:
            return said(path, b'{"command": "echo"}\n').decode() or "closed"
        except PermissionError:
            return "no permission"

    async with serving(control_folder) as path:
        assert as_stranger(try_it) == "no permission"
        path.chmod(0o666)
        caplog.set_level(logging.WARNING)
        trying = asyncio.to_thread(as_stranger, try_it)
        assert await trying == "closed"
    assert "a process of another user has connected to the control socket" in caplog.text


def test_two_applications_with_a_command(caplog: pytest.LogCaptureFixture) -> None:
    """The first one has it, and that is said."""
    known = Commands({"echo": controlled.echo})
    known.add({"echo": controlled.fail, "fail": controlled.fail})
    assert known.names == ["echo", "fail"]
    assert asyncio.run(known.call("echo", {"x": 1})) == {"x": 1}
    assert "several applications have the command echo" in caplog.text
