"""The pytest plugin, used as somebody else's tests use it."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from hybrid.adapters.pytest_plugin import StartServer
from hybrid.bridge.errors import ConfigError, HybridError, LifespanError
from tests.apps import hello_asgi, hello_wsgi, lifespans
from tests.support.process import APPS, DEADLINE, process_environment


@pytest.mark.parametrize("app", [hello_asgi.app, hello_wsgi.app], ids=["asgi", "wsgi"])
def test_an_application_is_served_on_a_thread(hybrid_server: StartServer, app: object) -> None:
    """Any kind of application object can be asked at once."""
    server = hybrid_server(app)
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
    assert server.pid is None


def test_targets_are_served_together(hybrid_server: StartServer) -> None:
    """Targets are what the command line takes, and WebSockets have a URL too."""
    server = hybrid_server("hello_wsgi:app", "websocket_echo:app", app_dir=APPS)
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
    with connect(server.ws_url) as client:
        client.send("echo")
        assert client.recv() == "echo"


def test_several_servers_at_a_time(hybrid_server: StartServer) -> None:
    """Each has a port of its own."""
    one, other = hybrid_server(hello_asgi.app), hybrid_server(hello_asgi.app)
    assert one.url != other.url
    assert [httpx.get(each.url, timeout=DEADLINE).status_code for each in (one, other)] == [200, 200]


def test_targets_are_served_by_a_process(hybrid_server: StartServer) -> None:
    """Settings of every kind reach a process of its own."""
    server = hybrid_server(
        "hello_wsgi:app@slow", process=True, app_dir=APPS, pools=["slow=2"], root_path="/behind", threads=16
    )
    assert server.pid is not None
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"


def test_what_a_test_says_goes_before_a_file(
    hybrid_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process reads the project's file, but for what the test has set, be it the default."""
    (tmp_path / "hybrid.toml").write_text("limit_request_line = 100\nuse_colors = true\n")
    monkeypatch.chdir(tmp_path)
    path = "/" + "a" * 200
    server = hybrid_server("hello_wsgi", process=True, app_dir=APPS, use_colors=None)
    assert httpx.get(server.url + path, timeout=DEADLINE).status_code == 414
    server = hybrid_server("hello_wsgi", process=True, app_dir=APPS, limit_request_line=8190)
    assert httpx.get(server.url + path, timeout=DEADLINE).status_code == 200


def test_every_address_is_known(hybrid_server: StartServer, tmp_path: Path) -> None:
    """A process says each address that it listens on."""
    path = tmp_path / "s"
    server = hybrid_server("hello_asgi", process=True, app_dir=APPS, uds=str(path))
    assert server.urls == [f"unix:{path}"]


def test_a_process_needs_targets(hybrid_server: StartServer) -> None:
    """An application object cannot be handed to another process, and the message says what can."""
    with pytest.raises(ConfigError, match="strings"):
        hybrid_server(hello_asgi.app, process=True)


@pytest.mark.parametrize("process", [True, False])
def test_a_server_that_does_not_start_fails_the_test(hybrid_server: StartServer, process: bool) -> None:
    """The error says what was wrong."""
    with pytest.raises(HybridError, match="no_such_module"):
        hybrid_server("no_such_module:app", process=process)


def test_a_lifespan_that_fails_is_raised_in_the_test(hybrid_server: StartServer) -> None:
    """The exception comes from the thread with its type."""
    with pytest.raises(LifespanError):
        hybrid_server(lifespans.raises, lifespan="on")


def run_pytest(folder: Path, *options: str) -> str:
    """Run the tests of a folder that has nothing to do with ours, and return what pytest says."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)]
    environment = process_environment()
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout


def test_it_is_there_without_being_asked_for(tmp_path: Path) -> None:
    """A test suite elsewhere has the fixture, and its servers end with its tests."""
    (tmp_path / "test_shop.py").write_text(
        "import socket, urllib.request\n"
        "import pytest\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'shop']\n"
        "urls = []\n"
        "def test_it(hybrid_server):\n"
        "    urls.append(hybrid_server(app).url)\n"
        "    assert urllib.request.urlopen(urls[0]).read() == b'shop'\n"
        "def test_it_has_ended():\n"
        "    port = int(urls[0].rpartition(':')[2])\n"
        "    with pytest.raises(ConnectionRefusedError):\n"
        "        socket.create_connection(('127.0.0.1', port))\n"
    )
    assert "2 passed" in run_pytest(tmp_path, "-W", "error")


def test_other_tests_load_no_server(tmp_path: Path) -> None:
    """The plugin costs nothing where it is not used."""
    (tmp_path / "test_light.py").write_text(
        "import sys\ndef test_it():\n    assert not {'hybrid.server', 'asyncio'} & set(sys.modules)\n"
    )
    assert "1 passed" in run_pytest(tmp_path, "-p", "no:anyio")
