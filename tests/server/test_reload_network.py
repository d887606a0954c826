"""Starting again when a file changes, with real processes and files."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.process import DEADLINE, Serve, ServerProcess, run_hybrid

if sys.platform == "win32":
    pytest.skip("sockets cannot be handed from process to process", allow_module_level=True)

APP = """
import asyncio, sys
sys.stderr.write("imported {word}\\n")
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await send({{"type": "websocket.accept"}})
        await asyncio.Event().wait()
    elif scope["type"] == "http":
        headers = [(b"content-type", b"text/event-stream")]
        await send({{"type": "http.response.start", "status": 200, "headers": headers}})
        endless = scope["path"] == "/events"
        await send({{"type": "http.response.body", "body": b"{word}\\n", "more_body": endless}})
        if endless:
            await asyncio.Event().wait()
"""


def write(folder: Path, word: str) -> None:
    """Write an application that answers with a word, and never lets go of a WebSocket or an event stream."""
    new = folder / ".shop.py"
    new.write_text(APP.format(word=word))
    new.replace(folder / "shop.py")  # in one step: half of it would be a change of its own


@pytest.fixture
def shop(serve: Serve, tmp_path: Path) -> ServerProcess:
    """A server that watches an application, which answers `one`."""
    write(tmp_path, "one")
    for folder in (".venv", "package"):
        (tmp_path / folder).mkdir()
    return serve("shop:app", reload=True, app_dir=".", access_log=False)


def ask(server: ServerProcess) -> str:
    """Ask the server until the child that is being stopped no longer answers, and return what it says."""
    return httpx.get(server.url, timeout=DEADLINE).text.strip()


@contextmanager
def endless(server: ServerProcess) -> Iterator[None]:
    """Hold a WebSocket and an event stream open, to which the application never says an end."""
    with ExitStack() as stack:
        stack.enter_context(connect(re.sub("^http", "ws", server.url), open_timeout=DEADLINE))
        stream = stack.enter_context(httpx.stream("GET", f"{server.url}/events", timeout=DEADLINE))
        next(stream.iter_lines())
        yield


def test_a_change_is_served(shop: ServerProcess, tmp_path: Path) -> None:
    """The new code answers, at the address of the old one; what lets go of nothing is cut off."""
    assert ask(shop) == "one"
    with endless(shop):
        write(tmp_path, "two")
        shop.wait_for_stderr("imported two")
        assert ask(shop) == "two"
    assert "shop.py changed: starting again" in shop.stderr
    assert shop.terminate() == 0


def test_a_syntax_error_is_shown_and_waited_out(shop: ServerProcess, tmp_path: Path) -> None:
    """The line is named; requests wait until it is mended."""
    (tmp_path / "shop.py").write_text("async def app(scope, receive, send)\n    pass\n")
    shop.wait_for_stderr(re.compile(r"SyntaxError.*shop\.py:1"))
    shop.wait_for_stderr("exit code 3; waiting for a change")
    write(tmp_path, "mended")
    assert ask(shop) == "mended"


def test_it_is_said_once_that_one_process_serves(serve: Serve, tmp_path: Path) -> None:
    """Not by each child again."""
    write(tmp_path, "one")
    server = serve("shop:app", reload=True, workers=2, app_dir=".")
    server.wait_for_stderr("PROTOCOLS")
    assert server.stderr.count("one process serves, for reload") == 1


def test_what_is_excluded_changes_nothing(shop: ServerProcess, tmp_path: Path) -> None:
    """Hidden folders, hidden files, and files of other kinds are not looked at."""
    for name in (".venv/lib.py", "notes.txt", ".hidden.py", "package/module.py"):
        (tmp_path / name).write_text("")
    shop.wait_for_stderr("starting again")
    changed = re.findall(r"hybrid: (.*) changed", shop.stderr)
    assert {name for line in changed for name in line.split(", ")} <= {"package/module.py"}


def test_the_options_choose(serve: Serve, tmp_path: Path) -> None:
    """`--reload-dir`, `--reload-include` and `--reload-exclude` replace what is watched without them."""
    write(tmp_path, "one")
    folder = tmp_path / "templates"
    folder.mkdir()
    server = serve(
        "shop:app",
        reload=True,
        app_dir=".",
        reload_dir=[str(folder)],
        reload_include=["*.html", ".env"],
        reload_exclude=["draft*", ".*"],
    )
    write(tmp_path, "two")
    for name in ("draft.html", "page.py", ".page.html", "page.html", ".env"):
        (folder / name).write_text("x")
    server.wait_for_stderr("starting again")
    changed = re.findall(r"hybrid: (.*) changed", server.stderr)
    assert {name for line in changed for name in line.split(", ")} <= {"page.html", ".env"}


def test_a_child_that_is_killed_is_reported(shop: ServerProcess, tmp_path: Path) -> None:
    """A crash is no end; the next change starts again."""
    (child,) = children_of(shop.pid)
    os.kill(child, signal.SIGKILL)
    shop.wait_for_stderr("exit code -9; waiting for a change")
    write(tmp_path, "two")
    assert ask(shop) == "two"


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_its_child(shop: ServerProcess, number: signal.Signals) -> None:
    """Neither signal leaves a process behind, whether or not there is a child."""
    with endless(shop):
        shop.signal(number)
        assert shop.wait() == 0


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """One line names the option, and nothing is started."""
    write(tmp_path, "one")
    done = run_hybrid("serve", "--reload", "--reload-dir=nowhere", "shop:app", cwd=tmp_path)
    assert done.returncode == 2
    assert "reload_dirs: 'nowhere" in done.stderr or "nowhere' is not a directory" in done.stderr


def test_without_watchfiles(tmp_path: Path) -> None:
    """The error says what to install."""
    (tmp_path / "watchfiles.py").write_text("raise ImportError")
    write(tmp_path, "one")
    env = {"PYTHONPATH": str(tmp_path)}
    done = run_hybrid("serve", "--reload", "--port=0", "shop:app", cwd=tmp_path, env=env)
    assert done.returncode == 2
    assert "hybrid-gateway[reload]" in done.stderr
