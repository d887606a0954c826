"""`hybrid lanes`: what it prints of recorded answers, and of a real server, and when it cannot."""

import json
import os
import pwd
import re
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from hybrid import lanes_tables, tables
from hybrid.bridge.control import ControlError
from hybrid.bridge.unix import sockets
from hybrid.server.ops.control import client
from hybrid.server.ops.control.client import Running, find_server
from hybrid.server.ops.control.places import pids_in
from tests.support.control import STRANGER, as_stranger, socket_of
from tests.support.process import APPS, Serve, ServerProcess, run_hybrid

ANSWERS: dict[str, Any] = json.loads((APPS / "lanes_answers.json").read_text(encoding="utf-8"))

SHOWN = """\
VIEW               RUNS ON       WHY         LANE  REQUESTS   ERRORS  STALLS     P50      P95
desk:tickets       wsgi          sync-view   wsgi     2,280    0.3 %       0   12 ms  48.5 ms
desk:systems       asgi 5 %      change 3    wsgi     1,900    0.0 %       0  310 ms   1.25 s
                                             asgi       100    1.0 %       1  1.4 ms   120 ms
desk.views.export  asgi          configured  -            -        -       -       -        -
/api/*             each its own              wsgi        12  100.0 %       0    2 ms  99.9 ms

on trial: desk:systems, wsgi -> asgi, for 2 min
budget: errors +1 points, p95 x 1.5, stalls +1 per 1,000 requests, a stall is 0.1 s, within 60 s, \
from 20 requests on
2 processes"""

HISTORY = """\
NO  TIME                 VIEW          BEFORE            AFTER                BY      REASON
 2  2026-11-26 06:00:00  /api/*        each its own      asgi (change 2)      ada
 3  2026-11-26 07:00:00  desk:systems  wsgi (sync-view)  asgi 5 % (change 3)  hybrid  \
errors 4.2 % of 120 requests, on wsgi 0.3 % of 2,280"""

ROLLED_BACK = "/api/*: asgi (change 2) -> each its own\nchange 5, 2 processes"


@pytest.fixture(autouse=True)
def _no_other_servers(control_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test's servers be the only ones of this user, whatever else runs here; in UTC."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(control_folder))
    monkeypatch.setenv("TMPDIR", str(control_folder))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def server(serve: Serve) -> ServerProcess:
    """A server whose lanes give the recorded answers."""
    return serve("controlled:app")


def lanes(*arguments: str, **options: Any) -> tuple[int, str, str]:
    """Run `hybrid lanes`, and return its exit code, and what it writes to stdout and to stderr."""
    done = run_hybrid("lanes", *arguments, **options)
    return done.returncode, done.stdout.rstrip("\n"), done.stderr.rstrip("\n")


# What is printed


def test_a_row_for_each_lane_with_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names stand once, numbers below each other; trials, the budget and the processes below."""
    monkeypatch.setattr(time, "time", lambda: 1795676520.0)
    assert lanes_tables.show_text(ANSWERS["show"]) == SHOWN
    assert tables.missing_text(ANSWERS["show"]) == ""


def test_nothing_is_on_trial_and_there_is_no_budget() -> None:
    """Then there is no line for it."""
    bare = {**ANSWERS["show"], "views": [ANSWERS["show"]["views"][0]], "budget": None, "processes": 1}
    *_, empty, last = lanes_tables.show_text(bare).splitlines()
    assert (empty, last) == ("", "1 process")


def test_a_lane_on_trial_without_requests_has_a_row() -> None:
    """That there are none is what one wants to know of it."""
    (view,) = [each for each in ANSWERS["show"]["views"] if each["trial"]]
    none = {"requests": 0, "errors": 0, "stalls": 0, "p50": None, "p95": None}
    shown = {**ANSWERS["show"], "views": [{**view, "figures": {**view["figures"], "asgi": none}}]}
    assert lanes_tables.show_text(shown).splitlines()[2].split() == ["asgi", "0", "-", "0", "-", "-"]


def test_a_change() -> None:
    """What it was, what it is, and how many processes know."""
    assert lanes_tables.change_text(ANSWERS["set"]) == (
        "desk:systems: asgi 5 % (change 3) -> asgi (change 4)\nchange 4, 2 processes"
    )
    assert lanes_tables.change_text(ANSWERS["rollback"]) == ROLLED_BACK
    assert tables.missing_text(ANSWERS["percent"]) == "no answer from process 4711, 4712"


def test_the_history() -> None:
    """A row for each change, the newest last; or that there is none."""
    assert lanes_tables.history_text(ANSWERS["history"]) == HISTORY
    assert lanes_tables.history_text({"changes": []}) == "nothing was changed since the server has started"


def test_what_others_have_written_drives_no_terminal() -> None:
    """A reason is anybody's text."""
    change = {**ANSWERS["history"]["changes"][0], "reason": "\x1b[2Jgone\nnext\tcell"}
    text = lanes_tables.history_text({"changes": [change]})
    assert text.endswith("\\x1b[2Jgone   next cell")
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.00012, "0.12 ms"),
        (0.0999, "99.9 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (75, "75.00 s"),
    ],
    ids=str,
)
def test_times(seconds: float | None, text: str) -> None:
    """Three digits, in the unit in which one thinks of them."""
    assert tables.seconds(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (90_000, "1 d")]
)
def test_durations(seconds: float, text: str) -> None:
    """How long a trial lasts, roughly."""
    assert tables.duration(seconds) == text


# With a server


def test_each_command_asks_the_only_server(server: ServerProcess) -> None:
    """And prints what it says; who has not answered is named on stderr."""
    code, out, err = lanes("show")
    assert (code, err) == (0, "")
    assert out.startswith(SHOWN.partition("on trial")[0])
    assert lanes("history", "desk:systems") == (0, HISTORY, "")
    assert lanes("rollback") == lanes("rollback", "/api/*") == (0, ROLLED_BACK, "")
    assert lanes("set", "desk:systems", "asgi")[0] == 0
    code, out, err = lanes("percent", "desk:systems", "5", "--lane=asgi")
    assert (code, out.splitlines()[-1]) == (0, "change 3, 1 process")
    assert err == "hybrid: no answer from process 4711, 4712"


def test_json_is_the_answer(server: ServerProcess) -> None:
    """For scripts; a change says who has made it, and why."""
    code, out, _ = lanes("show", "--json")
    assert (code, json.loads(out)) == (0, ANSWERS["show"])
    code, out, _ = lanes("set", "desk:systems", "asgi", "--json", "--reason", "as fast as hoped")
    change = json.loads(out)["change"]
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert (code, change["by"], change["reason"]) == (0, name, "as fast as hoped")


def test_what_the_server_refuses(server: ServerProcess) -> None:
    """Is one line, and exit code 1."""
    wanted = "hybrid: there is no view 'no:such'; did you mean desk:systems?"
    assert lanes("set", "no:such", "asgi") == (1, "", wanted)
    assert lanes("set", "no:such", "asgi", "--json") == (1, "", wanted)


def test_the_directory_may_be_said(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """That of the server or the one it was told, on the command line, in the environment, or in the file."""
    named = control_folder / "named"
    server = serve("controlled:app", control=named)
    for control in (named, named / str(server.pid)):
        assert lanes("history", f"--control={control}") == (0, HISTORY, "")
    assert lanes("history", env={"HYBRID_CONTROL": str(named)}) == (0, HISTORY, "")
    (tmp_path / "hybrid.toml").write_text(f'control = "{named}"\n', encoding="utf-8")
    assert lanes("history", cwd=tmp_path) == (0, HISTORY, "")
    (tmp_path / "hybrid.toml").write_text("control = broken\n", encoding="utf-8")
    assert lanes("history", f"--control={named}", cwd=tmp_path) == (0, HISTORY, "")
    code, _, err = lanes("history", cwd=tmp_path)
    assert (code, "hybrid.toml" in err) == (2, True)
    assert server.terminate() == 0
    named.rmdir()


def test_several_servers_are_listed(serve: Serve, control_folder: Path) -> None:
    """With where they listen; one is named then."""
    servers = [serve("controlled:app"), serve("controlled:app")]
    code, out, err = lanes("show")
    first, *rest = err.splitlines()
    assert (code, out) == (1, "")
    assert first == "hybrid: several servers are running; say which one is meant:"
    directories = [f"{control_folder}/hybrid/{each.pid}" for each in servers]
    assert sorted(each.split() for each in rest) == sorted(
        ["--control", directory, server.url] for directory, server in zip(directories, servers, strict=True)
    )
    assert lanes("history", "--control", directories[0]) == (0, HISTORY, "")


def test_no_server(control_folder: Path, tmp_path: Path) -> None:
    """It is said where none was looked for in vain."""
    code, _, err = lanes("show")
    assert code == 1
    assert err.startswith(
        f"hybrid: no server with a control socket is running (none in {control_folder}/hybrid, "
    )
    for control, said in (
        (tmp_path, f"no server with a control socket is running (none in {tmp_path})"),
        (tmp_path / "no", f"{tmp_path}/no: there is no such directory, so no server has it"),
        (Path(__file__), f"{__file__} is no directory"),
        ("none", "control is none: such a server cannot be reached; --control DIR names one"),
    ):
        assert lanes("show", f"--control={control}") == (1, "", f"hybrid: {said}")


def test_a_server_that_was_killed_is_none(control_folder: Path) -> None:
    """Its socket is there, and nobody listens."""
    directory = control_folder / "hybrid" / "1"
    directory.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(directory / "1.sock"))
    for arguments in (("show",), ("show", f"--control={directory}")):
        code, _, err = lanes(*arguments)
        assert (code, "no server with a control socket is running" in err) == (1, True)
    (directory / "1.sock").unlink()
    directory.rmdir()
    directory.parent.rmdir()


def test_a_server_without_lanes(serve: Serve, control_folder: Path) -> None:
    """It can be reached, and has nothing to show."""
    serve("hello_wsgi:app", control=control_folder)
    directory = socket_of(control_folder).parent
    said = f"hybrid: {directory}: the server has no lanes: it does not serve a Django project on both"
    assert lanes("show", f"--control={control_folder}") == (1, "", said)


def test_somebody_elses_server(server: ServerProcess, control_folder: Path) -> None:
    """Another user may not look into the directory; where he may, the server has refused him."""
    path = socket_of(control_folder)

    def try_it() -> str:
        try:
            return str(find_server(str(path.parent)).ask("lanes.show", {}))
        except ControlError as error:
            return str(error)

    assert as_stranger(try_it) == f"{path.parent}: no permission; 54321 may not look into it"
    for each in (path.parent, path.parent.parent):
        each.chmod(0o755)
    assert as_stranger(try_it) == f"{path.parent}: no permission to connect to process {server.pid}"
    path.chmod(0o666)
    assert as_stranger(try_it) == f"process {server.pid} has ended the connection without an answer"


@pytest.mark.parametrize("named", [False, True], ids=["by default", "named"])
def test_a_server_that_ends_while_it_is_looked_for(
    control_folder: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """Is none, and the others are found: its directory goes at any moment."""
    folder = control_folder / "hybrid"
    going, staying = folder / "7", folder / "8"
    for each in (going, staying):
        each.mkdir(parents=True)

    def pids(directory: Path) -> list[int]:
        if directory == going:
            going.rmdir()
        return pids_in(directory)

    monkeypatch.setattr(client, "pids_in", pids)
    with socket.create_server(str(staying / "8.sock"), family=socket.AF_UNIX):
        assert find_server(str(folder) if named else None) == Running(staying, [8])
    (staying / "8.sock").unlink()
    staying.rmdir()
    folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("is_link", [False, True], ids=["folder", "link"])
def test_what_somebody_else_has_put_there(control_folder: Path, tmp_path: Path, is_link: bool) -> None:
    """Is no server of this user's: in the directory for temporary files anybody can be first."""
    folder = tmp_path if is_link else control_folder / "hybrid"
    directory = folder / "8"
    directory.mkdir(parents=True)
    if is_link:
        (control_folder / "hybrid").symlink_to(folder)
    os.chown(control_folder / "hybrid", STRANGER, STRANGER, follow_symlinks=False)
    with (
        socket.create_server(str(directory / "8.sock"), family=socket.AF_UNIX),
        pytest.raises(ControlError, match="no server with a control socket is running"),
    ):
        find_server(None)
    (directory / "8.sock").unlink()
    directory.rmdir()
    (control_folder / "hybrid").unlink() if is_link else folder.rmdir()


def test_a_server_that_says_nothing(control_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or is somebody else's, or has ended: that is one line too."""
    path = control_folder / "7.sock"
    with socket.create_server(str(path), family=socket.AF_UNIX) as silent:
        server = Running(control_folder, [6, 7])
        with pytest.raises(ControlError, match=r"process 7 has not answered within 0\.05 s"):
            server.ask("about", {}, 0.05)
        silent.accept()[0].close()
        monkeypatch.setattr(os, "geteuid", lambda: 1)
        monkeypatch.setattr(sockets, "peer_of", lambda _: 7)
        with pytest.raises(ControlError, match="another user listens there"):
            server.ask("about", {})
    path.unlink()
    with pytest.raises(ControlError, match="the server has just ended"):
        server.ask("about", {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "desk:systems"), "Missing argument"),
        (("set", "desk:systems", "nowhere"), "is not one of"),
        (("percent", "desk:systems", "101"), "is not in the range 0<=x<=100"),
        (("percent", "desk:systems", "nan"), "is not in the range 0<=x<=100"),
        (("percent", "desk:systems", "many"), "is not a valid float"),
        (("shw",), "No such command 'shw'"),
    ],
    ids=["lane", "other lane", "much", "no number", "many", "command"],
)
def test_a_wrong_command_line(arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, before any server is looked for."""
    code, _, err = lanes(*arguments)
    assert (code, said in err) == (2, True)


def test_help() -> None:
    """The command is in the list of commands, and says its exit codes."""
    assert re.search("lanes +Show and change the lanes of a running server", run_hybrid("--help").stdout)
    assert "Exit codes: 0 when it was done, 1 when it was not, 2" in lanes("--help")[1]
