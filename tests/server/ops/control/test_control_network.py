"""The control sockets of real servers: who has one, where, whom they reach, and that none is left."""

import asyncio
import os
import shutil
import signal
import socket
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.gateway import Target
from hybrid.server import Config, Server, running
from hybrid.server.application import load_application
from hybrid.server.errors import ExitReason
from tests.apps import controlled, hello_asgi
from tests.support.control import as_stranger, asked, said, socket_of, sockets_below
from tests.support.embedded import on_each_loop
from tests.support.process import APPS, Serve, ServerProcess, run_hybrid
from tests.support.waiting import asking, children_of, get, poll, until


@pytest.fixture(autouse=True)
def _no_other_folders(control_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all servers have their directories below the test's own folder."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(control_folder))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


def test_a_server_with_something_to_control_can_be_reached(serve: Serve, control_folder: Path) -> None:
    """As soon as it says where it listens; in a directory named by its process, which is its user's alone."""
    server = serve("controlled:app")
    path = socket_of(control_folder)
    assert path == control_folder / "hybrid" / str(server.pid) / f"{server.pid}.sock"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    answer = asked(path, "test.who")
    assert answer == {"pid": server.pid, "leads": True, "directory": str(path.parent)}
    about = asked(path, "about")
    assert (about["process"], about["main"], about["urls"]) == (server.pid, server.pid, [server.url])
    assert server.terminate() == 0


def test_other_servers_have_one_later(serve: Serve, control_folder: Path) -> None:
    """One that has nothing to control can be asked how it is; it starts without what that takes."""
    server = serve("self_report:app")
    report = get(server, "/process")
    assert "hybrid.server.server" in report
    if "hybrid.server.ops.control" in report:  # a machine on which the start has taken a second
        assert "hybrid.server.upgrade" in report
    until(lambda: sockets_below(control_folder))
    path = socket_of(control_folder)
    assert asked(path, "about")["commands"] == ["about", "status.ready", "status.show", "status.snapshot"]
    assert server.terminate() == 0
    assert not sockets_below(control_folder)


def test_a_server_that_is_told_so_has_no_socket(serve: Serve, control_folder: Path) -> None:
    """Whatever it serves, and however long."""
    server = serve("self_report:app", control="none")
    until(
        lambda: "hybrid.server.upgrade" in get(server, "/process")
    )  # which is loaded when sockets are opened
    assert not sockets_below(control_folder)
    assert "hybrid.server.ops.control" not in get(server, "/process")
    assert server.running


def test_a_server_that_is_told_where_has_one(serve: Serve, control_folder: Path) -> None:
    """Whatever it serves; the directory that was named stays, and is its user's to remove."""
    named = control_folder / "named"
    server = serve("self_report:app", control=named)
    path = socket_of(named)
    assert asked(path, "about")["commands"] == ["about", "status.ready", "status.show", "status.snapshot"]
    assert asked(path, "lanes.show")["code"] == "unknown-command"
    assert server.terminate() == 0
    assert list(named.iterdir()) == []
    named.rmdir()


def test_what_cannot_be_a_control_directory_is_said_at_the_start(control_folder: Path) -> None:
    """With one process and with several, and by `hybrid check`; nobody is served."""
    control_folder.chmod(0o777)
    for command in (("serve",), ("serve", "--workers=2"), ("check", "--no-listen")):
        arguments = f"--app-dir={APPS}", f"--control={control_folder}", "hello_wsgi:app"
        done = run_hybrid(command[0], *command[1:], *arguments)
        assert (done.returncode, "control: " in done.stderr) == (2, True)
        assert "can be written to by others" in done.stderr


def test_a_server_that_nobody_can_reach_serves(
    serve: Serve, control_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no folder can be had by default, that is said, and is no reason not to start."""
    missing = str(control_folder / "missing")
    monkeypatch.setenv("XDG_RUNTIME_DIR", missing)
    (control_folder / f"hybrid-{os.geteuid()}").touch()
    server = serve("controlled:app", env={"TMPDIR": str(control_folder)})
    assert int(get(server, "/")) == server.pid
    assert "nobody will reach this process by a control socket: control: " in server.stderr
    assert server.terminate() == 0
    (control_folder / f"hybrid-{os.geteuid()}").unlink()


def test_an_application_that_cannot_join_is_served(serve: Serve, control_folder: Path) -> None:
    """Its commands are not there, and the log says why."""
    server = serve("controlled:app", env={"JOIN_FAILS": "1"})
    commands = asked(socket_of(control_folder), "about")["commands"]
    assert commands == ["about", "status.ready", "status.show", "status.snapshot"]
    assert "cannot join on purpose" in server.stderr
    assert int(get(server, "/")) == server.pid


def test_the_socket_goes_before_the_last_request(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """Who stops leads nobody, and is not asked; the request is answered."""
    held = tmp_path / "held"
    server = serve("controlled:app", env={"RELEASE": str(held)})
    with asking(server, "/held") as client:
        until(held.exists)
        assert sockets_below(control_folder)
        server.signal(signal.SIGTERM)
        until(lambda: not sockets_below(control_folder))
        held.unlink()
        assert client.recv(1000).endswith(str(server.pid).encode())
    assert server.wait() == 0


def test_a_socket_that_was_removed_is_made_again(serve: Serve, control_folder: Path) -> None:
    """Systems remove a user's folder when the user logs out, and temporary files when they are old."""
    server = serve("controlled:app")
    path = socket_of(control_folder)
    elsewhere = control_folder / "elsewhere"
    path.parent.parent.rename(elsewhere)  # in one step: the server might come between two
    shutil.rmtree(elsewhere)
    until(path.exists)
    server.wait_for_stderr("was removed by somebody, and is made again")
    assert asked(path, "test.who")["pid"] == server.pid
    assert server.terminate() == 0


def test_another_user_is_refused(serve: Serve, control_folder: Path) -> None:
    """He cannot even look into the directory; and where somebody opens it, the server refuses him."""
    server = serve("controlled:app")
    path = socket_of(control_folder)

    def try_it() -> str:
        try:
            return said(path, b'{"command": "test.who"}\n').decode() or "closed"
        except PermissionError:
            return "no permission"

    assert as_stranger(try_it) == "no permission"
    for each, mode in ((path, 0o666), (path.parent, 0o755), (path.parent.parent, 0o755)):
        each.chmod(mode)
    assert as_stranger(try_it) == "closed"
    server.wait_for_stderr("a process of another user has connected to the control socket, and is refused")


@pytest.mark.parametrize(
    "data", [b"x" * 3_000_000, b"\xff\n" * 1000, b"{", b""], ids=["huge", "lines", "half", ""]
)
def test_garbage_does_no_harm(serve: Serve, control_folder: Path, data: bytes) -> None:
    """Whatever is said, the server serves, and answers the next one."""
    server = serve("controlled:app")
    path = socket_of(control_folder)
    for _ in range(50):
        said(path, data)
    assert asked(path, "test.echo", {"x": 1}) == {"x": 1}
    assert int(get(server, "/")) == server.pid
    assert "Traceback" not in server.stderr


# Several processes


def workers(serve: Serve, number: int = 3, **options: Any) -> ServerProcess:
    """Start a server with several processes."""
    server = serve("controlled:app", workers=number, **options)
    server.wait_for_stderr(f"has {number} workers")
    return server


def are_workers(server: ServerProcess, folder: Path) -> bool:
    """Tell whether there is a socket for each worker, and no other one."""
    return set(sockets_below(folder)) == children_of(server)


def test_each_worker_has_a_socket_and_reaches_the_others(serve: Serve, control_folder: Path) -> None:
    """In one directory, named by the arbiter; one of them leads, and any of them asks all."""
    server = workers(serve)
    sockets = sockets_below(control_folder)
    assert set(sockets) == children_of(server)
    assert {each.parent for each in sockets.values()} == {control_folder / "hybrid" / str(server.pid)}
    for path in sockets.values():
        answer = asked(path, "test.all")
        assert [each["pid"] for each in answer["answers"]] == sorted(sockets)
        assert [each["pid"] for each in answer["answers"] if each["leads"]] == [min(sockets)]
        assert answer["missing"] == []
    assert server.terminate() == 0


def test_processes_that_do_not_answer_are_missing(serve: Serve, control_folder: Path) -> None:
    """One that refuses, one that takes for ever, and one whose loop does not turn are named."""
    server = workers(serve, timeout_worker_healthcheck=60)
    first, second, third = sorted(sockets_below(control_folder).items())
    arguments: dict[str, Any]
    for arguments in (
        {"command": "test.refuse", "pid": second[0]},
        {"command": "test.wait", "pid": second[0]},
        {"command": "test.wait", "pid": first[0]},
        {"command": "test.stop", "pid": third[0], "seconds": 4},
    ):
        answer = asked(first[1], "test.all", arguments)
        assert (len(answer["answers"]), answer["missing"]) == (2, [arguments["pid"]])
        command, pid = arguments["command"], arguments["pid"]
        server.wait_for_stderr(f"process {pid} gives no answer to {command}: ")
    assert server.terminate() == 0


def test_a_killed_worker_is_not_missed(serve: Serve, control_folder: Path) -> None:
    """Its socket goes, the next lowest leads, the one that replaces it is asked, and the files stay."""
    server = workers(serve, 2)
    before = sockets_below(control_folder)
    killed, other = sorted(before)
    asked(before[other], "test.note", {"text": "kept"})
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(sockets_below(control_folder).keys() - before.keys()) == 1)
    until(partial(are_workers, server, control_folder))
    answer = asked(before[other], "test.all")
    assert [each["pid"] for each in answer["answers"] if each["leads"]] == [min(children_of(server))]
    assert (len(answer["answers"]), answer["missing"]) == (2, [])
    for path in sockets_below(control_folder).values():
        assert asked(path, "test.notes") == {"notes": ["kept"]}
    assert server.terminate() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_all_workers_may_be_replaced(serve: Serve, control_folder: Path, number: signal.Signals) -> None:
    """By SIGHUP, or because all end at once: the files of the server stay, and no socket is left."""
    server = workers(serve, 2)
    before = sockets_below(control_folder)
    asked(min(before.values()), "test.note", {"text": "kept"})
    server.signal(signal.SIGHUP)
    until(lambda: not before.keys() & children_of(server) and len(children_of(server)) == 2)
    until(partial(are_workers, server, control_folder))
    now = sockets_below(control_folder)
    assert asked(min(now.values()), "test.notes") == {"notes": ["kept"]}
    for pid in now:
        os.kill(pid, number)
    until(lambda: not now.keys() & children_of(server) and len(children_of(server)) == 2)
    until(partial(are_workers, server, control_folder))
    assert asked(min(sockets_below(control_folder).values()), "test.notes") == {"notes": ["kept"]}
    assert server.terminate() == 0


def test_more_workers_and_fewer(serve: Serve, control_folder: Path) -> None:
    """SIGTTIN and SIGTTOU: those who are there are asked, and no others."""
    server = workers(serve, 2)
    for number, wanted in ((signal.SIGTTIN, 3), (signal.SIGTTOU, 2)):
        server.signal(number)
        until(partial(has_workers, server, wanted))
        until(partial(are_workers, server, control_folder))
        answer = asked(max(sockets_below(control_folder).values()), "test.all")
        assert {each["pid"] for each in answer["answers"]} == children_of(server)
        assert answer["missing"] == []
    assert server.terminate() == 0


def test_the_next_server_on_the_same_sockets_has_a_directory_of_its_own(
    serve: Serve, control_folder: Path
) -> None:
    """SIGUSR2: what is said to one of the two servers is not said to the other."""
    named = control_folder / "named"
    server = workers(serve, 2, control=named)
    old = children_of(server)
    server.signal(signal.SIGUSR2)
    until(lambda: len(sockets_below(named)) == 4)
    (new,) = {int(path.parent.name) for path in sockets_below(named).values()} - {server.pid}
    answer = asked(sockets_below(named)[min(old)], "test.all")
    assert {each["pid"] for each in answer["answers"]} == old
    until(lambda: server.stderr.count("has 2 workers") == 2)
    os.kill(new, signal.SIGTERM)
    until(lambda: set(sockets_below(named)) == old)
    until(lambda: not (named / str(new)).exists())
    assert server.terminate() == 0
    named.rmdir()


def test_workers_whose_arbiter_was_killed_clean_up(serve: Serve, control_folder: Path) -> None:
    """The last one removes the directory."""
    server = workers(serve, 2)
    orphans = children_of(server)
    os.kill(server.pid, signal.SIGKILL)
    assert poll(lambda: list(control_folder.iterdir()) == [])
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    assert server.wait() == -signal.SIGKILL


def has_workers(server: ServerProcess, number: int) -> bool:
    """Tell whether there are so many."""
    return len(children_of(server)) == number


# Other ways to serve


@on_each_loop
async def test_a_server_in_a_program_has_one_only_where_it_is_told(control_folder: Path) -> None:
    """The program has its own ways to speak with the server in it."""
    config: dict[str, Any] = {"port": 0, "access_log": False, "app": controlled.app}
    async with running(Config(**config)):
        assert not sockets_below(control_folder)
    async with running(Config(**config, control=control_folder)) as server:
        path = socket_of(control_folder)
        assert path.parent == control_folder / str(os.getpid())
        answer = await asyncio.to_thread(asked, path, "test.who")
        assert answer["leads"]
        async with running(Config(**config, control=control_folder)) as other:
            assert other.started
            assert (await asyncio.to_thread(asked, path, "about"))["urls"] == server.urls
        assert path.exists()
    assert server.exit_reason is ExitReason.TOLD


def test_a_system_without_unix_sockets(monkeypatch: pytest.MonkeyPatch, control_folder: Path) -> None:
    """There servers have none, and serve; one that is told where cannot do as it is told."""
    config: dict[str, Any] = {"port": 0, "access_log": False, "app": controlled.app}
    server = Server(Config(**config))
    server.main_process = os.getpid()
    server.on_started = lambda: setattr(server, "should_exit", True)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.get_loop()
        monkeypatch.delattr(socket, "AF_UNIX")
        runner.run(server.serve())
        assert server.exit_reason is ExitReason.TOLD
        with pytest.raises(ConfigError, match="control: this system has no Unix sockets"):
            runner.run(Server(Config(**config, control=control_folder)).serve())


def test_the_applications_to_control_are_found() -> None:
    """Those with lanes, at any place, and in a gateway that is itself a target; no others."""
    lanes, plain = (
        controlled.Application(kind) for kind in (controlled.ControlledLanes, controlled.PlainLanes)
    )
    targets = [
        Target(lanes),
        Target(hello_asgi.app, "/api"),
        Target(plain, "/plain"),
        Target(controlled.app, "/x"),
    ]
    loaded = load_application(Config(app="x"), targets)
    assert [type(each) for each in loaded.controllables] == [controlled.ControlledLanes] * 2
    assert load_application(Config(app=controlled.app)).controllables == controlled.app.controllables()
    assert load_application(Config(app=hello_asgi.app)).controllables == []


def test_a_reloading_server(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """Each child has a directory of its own, which goes with it."""
    (tmp_path / "shop.py").write_text("from tests.apps.controlled import app as app\n", encoding="utf-8")
    env = {"PYTHONPATH": str(APPS.parents[1])}
    server = serve("shop:app", reload=True, app_dir=".", env=env)
    until(lambda: sockets_below(control_folder).keys() == children_of(server))
    (before,) = sockets_below(control_folder)
    (tmp_path / ".new").write_text("from tests.apps.controlled import app\n", encoding="utf-8")
    (tmp_path / ".new").replace(tmp_path / "shop.py")  # in one step: half of it would be a change of its own
    until(lambda: before not in sockets_below(control_folder) and sockets_below(control_folder))
    (after,) = sockets_below(control_folder)
    os.kill(after, signal.SIGKILL)
    server.wait_for_stderr("waiting for a change")
    assert not sockets_below(control_folder)
    assert server.terminate() == 0
