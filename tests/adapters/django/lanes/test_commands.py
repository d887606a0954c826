"""``manage.py serve`` and ``manage.py runserver``."""

import os
import re
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.typing import Origin

from tests.support.control import asked, socket_of, sockets_below
from tests.support.django_desk import MANAGE, SETTINGS, desk_environment, prepare
from tests.support.process import DEADLINE, ServerProcess, option_arguments, run_program
from tests.support.waiting import children_of, until
from tests.support.websocket_clients import opened


class ManagedServer(ServerProcess):
    """A command of manage.py that serves; what it writes to stdout is read with the rest."""

    listening = re.compile(
        r"(?:Starting (?:WSGI )?development server at|^hybrid: listening on) (\S+)", re.MULTILINE
    )

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line, in which stdout goes where stderr goes."""
        arguments = [sys.executable, str(MANAGE), *targets, *option_arguments(options)]
        return ["/bin/sh", "-c", 'exec "$@" >&2', "sh", *arguments]


def managed(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> ManagedServer:
    """Start a command of manage.py, and return once it says where it listens."""
    prepare(folder)
    server = ManagedServer(words, {}, cwd=folder, env=desk_environment(env))
    try:
        server.wait_until_listening()
    except BaseException:
        server.close()
        raise
    return server


DEBUG = {"DESK_DEBUG": "1"}


def test_serve_takes_the_options_of_hybrid_serve(tmp_path: Path) -> None:
    """Both lanes, with the settings of the project, and a drain at the end."""
    with managed(tmp_path, "serve", "--port=0", "--threads=3", "--no-access-log") as server:
        assert httpx.get(f"{server.url}/async", timeout=DEADLINE).json()["thread"] == "MainThread"
        server.wait_for_stderr("3 threads of the wsgi lane")
        assert server.terminate() == 0


def test_serve_knows_the_options_that_all_commands_have(tmp_path: Path) -> None:
    """The settings module may be named as for any other command; a wrong option is refused as ever."""
    with managed(tmp_path, "serve", "--settings", SETTINGS, "--port=0") as server:
        assert httpx.get(f"{server.url}/sync", timeout=DEADLINE).status_code == 200
    done = run_program(
        "tests.apps.django_desk.manage", "serve", "--nope", cwd=tmp_path, env=desk_environment()
    )
    assert (done.returncode, "No such option" in done.stderr) == (2, True)
    for words in (("serve", "--help"), ("help", "serve")):
        done = run_program("tests.apps.django_desk.manage", *words, cwd=tmp_path, env=desk_environment())
        assert (done.returncode, "--django-threads" in done.stdout) == (0, True)


def test_runserver_says_what_djangos_says(tmp_path: Path) -> None:
    """Checks, version, address and warning; and a line for each request."""
    with managed(tmp_path, "runserver", "--noreload", "0", env=DEBUG) as server:
        assert httpx.get(f"{server.url}/async", timeout=DEADLINE).json()["thread"] == "MainThread"
        assert httpx.get(f"{server.url}/nowhere", timeout=DEADLINE).status_code == 404
        said = server.wait_for_stderr('"GET /nowhere HTTP/1.1" 404')
        assert '"GET /async HTTP/1.1" 200' in said
        for line in (
            "Performing system checks...",
            "System check identified no issues (0 silenced).",
            f"using settings '{SETTINGS}'",
            "Quit the server with CONTROL-C.",
            "WARNING: This is a development server.",
        ):
            assert line in said
        assert "hybrid:" not in said
        server.signal(signal.SIGINT)
        assert server.wait() == 0


def test_runserver_serves_static_files_in_debug_mode(tmp_path: Path) -> None:
    """And WebSockets beside them."""
    with managed(tmp_path, "runserver", "--noreload", "0", env=DEBUG) as server:
        found = httpx.get(f"{server.url}/static/desk.css", timeout=DEADLINE)
        assert (found.status_code, found.headers["content-type"]) == (200, "text/css")
        assert httpx.get(f"{server.url}/static/nowhere.css", timeout=DEADLINE).status_code == 404
        with opened(server, "/echo", origin=Origin(server.url)) as websocket:
            websocket.send("hello")
            assert websocket.recv(timeout=DEADLINE) == "hello"
        server.wait_for_stderr("WebSocket CONNECT /echo")
        server.wait_for_stderr("WebSocket DISCONNECT /echo")


@pytest.mark.parametrize(
    ("flags", "env", "status"),
    [(("--nostatic",), DEBUG, 404), ((), {}, 404), (("--insecure",), {}, 200)],
    ids=["nostatic", "no debug", "insecure"],
)
def test_runserver_serves_static_files_when_djangos_does(
    tmp_path: Path, flags: tuple[str, ...], env: dict[str, str], status: int
) -> None:
    """With the flags that Django's has."""
    with managed(tmp_path, "runserver", "--noreload", *flags, "0", env=env) as server:
        assert httpx.get(f"{server.url}/static/desk.css", timeout=DEADLINE).status_code == status


def test_static_files_go_before_routes_that_take_everything(tmp_path: Path) -> None:
    """Even where those are coroutine functions, which are on the other lane."""
    env = {**DEBUG, "DESK_URLS": "tests.apps.django_desk.catch_all"}
    with managed(tmp_path, "runserver", "--noreload", "0", env=env) as server:
        assert httpx.get(f"{server.url}/anything", timeout=DEADLINE).json()["thread"] == "MainThread"
        assert "teal" in httpx.get(f"{server.url}/static/desk.css", timeout=DEADLINE).text


def test_runserver_can_have_one_thread_and_an_address_of_ipv6(tmp_path: Path) -> None:
    """As Django's: --nothreading, and an address in brackets."""
    with managed(tmp_path, "runserver", "--noreload", "--nothreading", "[::1]:0", env=DEBUG) as server:
        assert server.url == f"http://[::1]:{server.port}"
        threads = {httpx.get(f"{server.url}/sync", timeout=DEADLINE).json()["thread"] for _ in range(3)}
        assert threads == {"wsgi-1"}


def test_runserver_tells_of_a_port_that_is_taken(tmp_path: Path) -> None:
    """In Django's words."""
    with managed(tmp_path, "runserver", "--noreload", "0", env=DEBUG) as server:
        words = ("runserver", "--noreload", str(server.port))
        env = desk_environment(DEBUG)
        done = run_program("tests.apps.django_desk.manage", *words, cwd=tmp_path, env=env)
        assert (done.returncode, "That port is already in use." in done.stderr) == (1, True)


def test_runserver_starts_again_when_a_file_changes(tmp_path: Path) -> None:
    """With Django's own watcher, in whose process it serves on a thread that is not the main one."""
    code = tmp_path / "changing_urls.py"
    text = (
        "from django.http import HttpResponse\nfrom django.urls import path\n\n\nasync def view(request):\n"
    )
    text += '    return HttpResponse("{}")\n\n\nurlpatterns = [path("", view)]\n'
    code.write_text(text.format("before"), encoding="utf-8")
    env = {**DEBUG, "DESK_URLS": "changing_urls", "PYTHONDONTWRITEBYTECODE": "1"}
    env["PYTHONPATH"] = f"{desk_environment()['PYTHONPATH']}:{tmp_path}"
    with managed(tmp_path, "runserver", "0", env=env) as server:
        assert httpx.get(f"{server.url}/", timeout=DEADLINE).text == "before"
        code.write_text(text.format("afterwards"), encoding="utf-8")

        def is_noticed() -> bool:
            """Change it again: the watcher need not have looked at it before it was changed."""
            if "changing_urls.py changed, reloading." in server.stderr:
                return True
            os.utime(code)
            return False

        until(is_noticed)
        twice = re.compile(
            r"Starting (?:WSGI )?development server.*Starting (?:WSGI )?development server at \S+\n",
            re.DOTALL,
        )
        server.wait_for_stderr(twice)

        def is_served() -> bool:
            """Ask where it listens by now: the last change may have been one too many."""
            with suppress(httpx.TransportError):
                url = server.listening.findall(server.stderr)[-1]
                return httpx.get(url, timeout=DEADLINE).text == "afterwards"
            return False

        until(is_served)
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does it
        assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_runserver_leaves_nobody_behind(tmp_path: Path, number: signal.Signals) -> None:
    """The process of Django's watcher takes the one that serves along, where it alone is told to stop."""
    with managed(tmp_path, "runserver", "0", env=DEBUG) as server:
        port = server.port
        until(lambda: children_of(server))
        server.signal(number)
        assert server.wait() == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), DEADLINE)


def test_the_order_of_the_applications_is_checked(tmp_path: Path) -> None:
    """After staticfiles, runserver would be the one of that."""
    env = {"DESK_APPS_FIRST": "django.contrib.staticfiles", "DESK_APPS_LAST": "hybrid.adapters.django"}
    done = run_program("tests.apps.django_desk.manage", "check", cwd=tmp_path, env=desk_environment(env))
    assert "hybrid.E001" in done.stderr


def test_runserver_does_without_static_files(tmp_path: Path) -> None:
    """Where their application is not installed."""
    env = {**DEBUG, "DESK_APPS_LAST": ""}
    with managed(tmp_path, "runserver", "--noreload", "0", env=env) as server:
        assert httpx.get(f"{server.url}/sync", timeout=DEADLINE).status_code == 200
        assert httpx.get(f"{server.url}/static/desk.css", timeout=DEADLINE).status_code == 404


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (("serve", "--port=0"), {}),
        (("runserver", "--noreload", "0"), DEBUG),
        (("runserver", "0"), DEBUG),
    ],
    ids=["serve", "runserver", "reloading"],
)
def test_a_control_socket(
    tmp_path: Path, control_folder: Path, words: tuple[str, ...], env: dict[str, str]
) -> None:
    """It is there where one was asked for, and gone when the process ends, whoever serves on which thread."""
    named = control_folder / "named"
    with managed(tmp_path, *words, env={**env, "HYBRID_CONTROL": str(named)}) as server:
        until(lambda: sockets_below(named))
        assert asked(socket_of(named), "about")["main"] == int(socket_of(named).stem)
        os.kill(int(socket_of(named).stem), signal.SIGINT)
        server.wait()
    assert list(named.iterdir()) == []
    named.rmdir()


def test_runserver_leaves_collected_files_aside(tmp_path: Path) -> None:
    """It finds static files where they are written, whatever is said of those of production."""
    env = {**DEBUG, "HYBRID_DJANGO_STATIC": "1"}
    with managed(tmp_path, "runserver", "--noreload", "0", env=env) as server:
        assert httpx.get(f"{server.url}/static/desk.css", timeout=DEADLINE).status_code == 200
