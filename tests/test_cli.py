"""The command line: its options, what it hands to the server, and its exit codes."""

import dataclasses
import re
import signal
import socket
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import click
import httpx
import pytest
from click.testing import CliRunner, Result

import hybrid.server.server
from hybrid.cli import main, serve
from hybrid.server.config import Config
from hybrid.server.config.settings import settings_of
from tests.support.process import DEADLINE, Serve, run_hybrid

DEFAULTS = {field.name: field.default for field in dataclasses.fields(Config)}


def serve_options() -> list[click.Option]:
    """List the options of `hybrid serve` that are settings."""
    options = [each for each in serve.params if isinstance(each, click.Option)]
    return [each for each in options if each.name != "config_file"]


class RecordingServer:
    """Takes the place of the server, and keeps the configuration it was given."""

    configs: ClassVar[list[Config]] = []

    def __init__(self, config: Config) -> None:
        self.configs.append(config)

    def run(self) -> None:
        """End at once."""


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    """Give a function that runs `hybrid serve` with arguments and returns the configuration it makes."""
    monkeypatch.setattr(hybrid.server.server, "Server", RecordingServer)

    def config_of(*arguments: str) -> Config:
        RecordingServer.configs.clear()
        result = invoke("serve", *arguments)
        assert result.exit_code == 0, result.output
        return RecordingServer.configs[-1]

    return config_of


def invoke(*arguments: str) -> Result:
    """Run the command in this process; good for whatever ends before a server or an application is loaded."""
    return CliRunner().invoke(main, arguments)


def test_each_setting_has_an_option() -> None:
    """Whatever can be set, but for what only a program can give, is an option of `hybrid serve`."""
    wanted = [name for name, (what, _) in settings_of(Config).items() if what.option]
    assert [option.name for option in serve_options()] == wanted


@pytest.mark.parametrize("option", serve_options(), ids=lambda option: option.name)
def test_defaults_are_the_configurations(option: click.Option) -> None:
    """An option that is not given has the default that `Config` documents."""
    values = serve.make_context("serve", ["app"]).params
    assert values[str(option.name)] == DEFAULTS[str(option.name)]


@pytest.mark.parametrize("option", serve_options(), ids=lambda option: option.name)
def test_help_says_the_default(option: click.Option) -> None:
    """The help of each option says what it does and what happens without it."""
    row = option.get_help_record(click.Context(serve, show_default=True))
    assert row is not None
    assert re.search(r"^[A-Z].*\..*\[default: .+\]$", row[1], re.DOTALL), row


def test_help_says_defaults_in_words() -> None:
    """Flags are on or off, what is empty is none, and numbers have no needless digits."""
    help_text = " ".join(serve.get_help(click.Context(serve, max_content_width=200)).split())
    for part in (
        "--access-log / --no-access-log Log a line for each request. [default: on]",
        "Call what the targets name, without arguments, to get the applications. [default: off]",
        "Path that a proxy in front has taken off (ASGI root_path, WSGI SCRIPT_NAME). [default: none]",
        "--host HOST Listen on this address. [default: 127.0.0.1]",
        "--timeout-keep-alive SECONDS Close a connection that has been idle for this long. [default: 5]",
    ):
        assert part in help_text


@pytest.mark.parametrize("option", serve_options(), ids=lambda option: option.name)
def test_choices_are_the_configurations(option: click.Option) -> None:
    """Each choice that the command line offers is one that `Config` accepts."""
    if isinstance(option.type, click.Choice):
        for choice in option.type.choices:
            Config(app="app", ssl_certfile="s.pem", ssl_ca_certs="ca.pem", **{str(option.name): choice})


def test_options_reach_the_server(configured: Callable[..., Config]) -> None:
    """Targets keep their order, and each option sets the field of its name."""
    config = configured(
        *("--host=::1", "--port=0", "--threads=3", "--app-dir=..", "--lifespan=off", "--root-path=/behind"),
        *("--loop=asyncio", "--log-level=debug", "--no-access-log", "--timeout-keep-alive=1.5"),
        "--timeout-write=7",
        *("--timeout-graceful-shutdown=0", "--ws-max-size=1024", "--threads-queue=7", "--pool=slow=2"),
        *("--threads-queue-timeout=2", "--pool=big=3,9", "--websocket-threads=5", "--wsgi-buffer=1"),
        *("--timeout-request=4", "--limit-stuck-threads=6", "--limit-request-body=8", "b", "/a=a:app@slow"),
    )
    assert config.app == ["b", "/a=a:app@slow"]
    given = {name: value for name, value in vars(config).items() if value != DEFAULTS.get(name)}
    assert {name: given[name] for name in given.keys() - {"app", "limits"}} == {
        "host": "::1",
        "port": 0,
        "threads": 3,
        "app_dir": "..",
        "lifespan": "off",
        "root_path": "/behind",
        "loop": "asyncio",
        "log_level": "debug",
        "access_log": False,
        "timeout_keep_alive": 1.5,
        "timeout_write": 7.0,
        "timeout_graceful_shutdown": 0.0,
        "ws_max_size": 1024,
        "threads_queue": 7,
        "threads_queue_timeout": 2.0,
        "websocket_threads": 5,
        "wsgi_buffer": 1,
        "timeout_request": 4.0,
        "limit_stuck_threads": 6,
        "limit_request_body": 8,
        "pools": ("slow=2", "big=3,9"),
    }


def test_several_binds(configured: Callable[..., Config]) -> None:
    """`--bind` may be repeated."""
    config = configured("--bind=[::1]:80", "--bind=unix:x", "--uds-mode=600", "--reuse-port", "app")
    assert (config.bind, config.uds_mode, config.reuse_port) == (("[::1]:80", "unix:x"), "600", True)


@pytest.mark.parametrize("listener", [("uds", "/tmp/x.sock"), ("fd", 7)])  # noqa: S108 - nothing is opened
def test_listener_options(configured: Callable[..., Config], listener: tuple[str, object]) -> None:
    """A Unix socket or an inherited descriptor can be named instead of a port."""
    name, value = listener
    assert getattr(configured(f"--{name}={value}", "app"), name) == value


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no target: name one on the command line, in HYBRID_APP, or as [[routes]] in hybrid.toml"),
        (["--port=65536", "app"], "'--port': 65536 is not in the range"),
        (["--threads=0", "app"], "'--threads': 0 is not in the range"),
        (
            ["--timeout-graceful-shutdown=inf", "app"],
            "'--timeout-graceful-shutdown': inf is not in the range",
        ),
        (["--timeout-keep-alive=nan", "app"], "timeout_keep_alive"),
        (["--loop=trio", "app"], "'--loop': 'trio' is not one of"),
        (["--uds=x", "--fd=3", "app"], "uds and fd"),
        (["--bind=::1", "app"], "bind: '::1': an IPv6 address stands in brackets"),
        (["--root-path=x", "app"], "root_path"),
        (["--pool=slow", "app"], "pools: 'slow' is not NAME=THREADS"),
    ],
)
def test_wrong_command_line(arguments: list[str], complaint: str) -> None:
    """A wrong option ends with exit code 2 and a message that names it."""
    result = invoke("serve", *arguments)
    assert result.exit_code == 2
    assert complaint in result.output


@pytest.mark.parametrize("command", ["serve", "routes"])
@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("no_such_module:app", "no_such_module"),
        ("hello_wsgi:ap", "did you mean app?"),
        ("hello_wsgi:__name__", "cannot be called"),
        ("hello wsgi", "hello wsgi"),
        ("hello_asgi+stream", '"+stream" is for WSGI applications'),
    ],
)
def test_application_that_cannot_be_loaded(command: str, target: str, complaint: str) -> None:
    """A target that leads nowhere ends with exit code 3 and one line that says why, without a traceback."""
    done = run_hybrid(command, target)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("hybrid: ")
    assert complaint in line


def test_app_dir_that_does_not_exist(tmp_path: Path) -> None:
    """A missing `--app-dir` is named, with exit code 3."""
    done = run_hybrid("routes", f"--app-dir={tmp_path / 'gone'}", "hello_wsgi")
    assert (done.returncode, "gone" in done.stderr) == (3, True)


def test_routes() -> None:
    """`hybrid routes` prints each target's path, protocols, application, interface and where it runs."""
    done = run_hybrid("routes", "hello_wsgi", "hello_asgi:app", "/api=hello_asgi")
    assert done.returncode == 0, done.stderr
    headings, *rows = (re.split(r"\s{2,}", line) for line in done.stdout.splitlines())
    assert headings == ["PATH", "PROTOCOLS", "APPLICATION", "INTERFACE", "RUNS ON"]
    assert sorted(rows) == [
        ["/", "http", "hello_wsgi:app", "wsgi", "thread pool"],
        ["/", "websocket", "hello_asgi:app", "asgi3", "event loop"],
        ["/api", "http, websocket", "hello_asgi:app", "asgi3", "event loop"],
    ]


def test_routes_name_the_pool() -> None:
    """`hybrid routes` says which pool a target runs on, and whether it reads bodies as they come."""
    done = run_hybrid("routes", "hello_wsgi@slow+stream")
    assert re.split(r"\s{2,}", done.stdout.splitlines()[1])[-1] == "thread pool slow, streaming"


def test_pool_that_does_not_exist() -> None:
    """A target on a pool that nobody has made ends with exit code 3 and a line that names both."""
    done = run_hybrid("serve", "--port=0", "--pool=fast=1", "hello_wsgi@slow")
    assert done.returncode == 3
    assert done.stderr == 'hybrid: target "hello_wsgi:app": there is no pool "slow" (pools: fast)\n'


def test_version() -> None:
    """`hybrid --version` prints the installed version."""
    assert run_hybrid("--version").stdout == f"hybrid {version('hybrid-gateway')}\n"


@pytest.mark.parametrize("target", ["hello_wsgi", "hello_asgi"])
def test_serve_until_sigterm(serve: Serve, target: str) -> None:
    """`hybrid serve` says where it listens, answers, and ends with exit code 0 after SIGTERM."""
    server = serve(target)
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
    assert server.terminate() == 0
    assert "Traceback" not in server.stderr


def test_serve_until_sigint(serve: Serve) -> None:
    """Control-C drains as SIGTERM does."""
    server = serve("hello_asgi")
    server.signal(signal.SIGINT)
    assert server.wait() == 0


def test_port_in_use() -> None:
    """A port that somebody else has ends with exit code 1 and a line that names it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run_hybrid("serve", f"--port={port}", "hello_asgi")
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr
