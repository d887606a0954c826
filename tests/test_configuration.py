"""The command line with settings from everywhere: `config`, `check`, and what is served."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from hybrid.bridge.errors import ConfigError
from hybrid.cli import main
from hybrid.reports import settings_json, settings_table
from hybrid.server.config.settings import Text
from hybrid.server.sources.gather import Gathered
from hybrid.server.sources.origins import Given, Source
from tests.support.process import APPS, DEADLINE, Serve, run_hybrid

FACTORY = """
import os

def create_app():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [os.environ.get("GREETING", "none").encode()]
    return app
"""

LIFESPAN = """
async def app(scope, receive, send):
    assert scope["type"] == "lifespan"
    await receive()
    print("startup runs")
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with some modules."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made.py").write_text(FACTORY)
    (tmp_path / "failing.py").write_text(LIFESPAN)
    for app in ("hello_wsgi.py", "hello_asgi.py"):
        (tmp_path / app).write_text((APPS / app).read_text())
    return tmp_path


def invoke(*arguments: str, **environ: str) -> Result:
    """Run a command that loads no application, in this process."""
    return CliRunner(env=environ).invoke(main, arguments)


# hybrid config


def test_config_says_where_each_value_comes_from(folder: Path) -> None:
    """A line for each setting, in columns."""
    (folder / "hybrid.toml").write_text("threads = 3\napp = ['a', 'b']")
    result = invoke("config", "--port=9", HYBRID_BACKLOG="5", HYBRID_THREAD="1")
    assert result.exit_code == 0
    rows = [re.split(r"\s{2,}", line.strip()) for line in result.stdout.splitlines()]
    assert rows[:2] == [["SETTING", "VALUE", "FROM"], ["app", "a b", "file hybrid.toml:app"]]
    for row in (
        ["port", "9", "command line"],
        ["threads", "3", "file hybrid.toml:threads"],
        ["backlog", "5", "environment variable HYBRID_BACKLOG"],
        ["access_log", "true", "default"],
        ["uds", "-", "default"],
    ):
        assert row in rows
    assert "HYBRID_THREAD is no variable of ours; did you mean HYBRID_THREADS?" in result.stderr


def test_config_as_json(folder: Path) -> None:
    """Values have their types; a route is the table that it was."""
    (folder / "hybrid.toml").write_text(
        'threads = 3\n[[routes]]\napp = "a:b"\nhost = "x.org"\ninterface = "asgi2"\nprotocols = ["http"]'
    )
    result = invoke("config", "--json", "--no-access-log")
    printed: dict[str, Any] = json.loads(result.stdout)
    assert printed["file"] == "hybrid.toml"
    settings = printed["settings"]
    assert settings["threads"] == {"value": 3, "source": "file", "where": "hybrid.toml:threads"}
    assert settings["access_log"] == {"value": False, "source": "command line", "where": ""}
    assert settings["uds"] == {"value": None, "source": "default", "where": ""}
    assert settings["app"]["value"] == [
        {"app": "a:b", "host": "x.org", "interface": "asgi2", "protocols": ["http"]}
    ]


def test_config_shows_what_does_not_go_together(folder: Path) -> None:
    """The table is printed, which is what helps, and the exit code is that of `serve`."""
    result = invoke("config", "--uds=x", "--fd=3", "app")
    assert result.exit_code == 2
    assert re.search(r"^uds +x +command line$", result.stdout, re.MULTILINE)
    assert "uds and fd" in result.stderr


@pytest.mark.parametrize("command", ["serve", "check", "config", "routes"])
def test_a_mistake_in_the_file(folder: Path, command: str) -> None:
    """Every command says it in the same line, with exit code 2."""
    (folder / "hybrid.toml").write_text("\nprot = 1")
    result = invoke(command, "app")
    assert result.exit_code == 2
    assert "Error: hybrid.toml: prot is no setting; did you mean port?" in result.stderr


def test_a_mistake_in_the_environment(folder: Path) -> None:
    """The variable is named."""
    result = invoke("serve", "app", HYBRID_PORT="many")
    assert (result.exit_code, "Error: HYBRID_PORT: 'many' is not a whole number" in result.stderr) == (
        2,
        True,
    )


def test_passwords_are_not_shown() -> None:
    """Neither in the table nor in JSON, nor in a message about one; that there is none is shown."""
    secret = Gathered({"ssl_keyfile_password": Given("sesame", Source.ENVIRONMENT, "X")})
    for text in (settings_table(secret), settings_json(secret)):
        assert "***" in text
        assert "sesame" not in text
    assert "***" not in settings_table(Gathered({"ssl_keyfile_password": Given(None, Source.DEFAULT)}))
    with pytest.raises(ConfigError, match=r"^ssl_keyfile_password: \*\*\* is not a text$"):
        Text(help="", secret=True).check("ssl_keyfile_password", 5)


# hybrid check


def check(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `hybrid check`, and return exit code, stdout and stderr."""
    done = run_hybrid("check", "--port=0", *arguments, cwd=folder)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_check_prints_routes_and_warnings(folder: Path) -> None:
    """And ends well, as the server would start."""
    (folder / "hybrid.toml").write_text(
        'pools = ["slow=2"]\n[[routes]]\napp = "hello_wsgi"\n'
        '[[routes]]\napp = "hello_asgi"\nhost = "*.x.org"\npath = "/api"'
    )
    code, table, warnings = check(folder)
    assert code == 0
    assert [re.split(r"\s{2,}", line)[:4] for line in table.splitlines()] == [
        ["HOST", "PATH", "PROTOCOLS", "APPLICATION"],
        ["*", "/", "http, websocket", "hello_wsgi:app"],
        ["*.x.org", "/api", "http, websocket", "hello_asgi:app"],
    ]
    assert warnings == "hybrid: warning: pools: no target runs on the pool slow\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["gone:app"], 3, 'hybrid: target "gone:app": there is no module gone'),
        (["hello_wsgi@slow"], 3, 'there is no pool "slow" (pools: none)'),
        (["--root-path=x", "hello_wsgi"], 2, "root_path"),
        (["--env-file=gone", "hello_wsgi"], 2, "env_file: cannot read gone"),
        (["--factory", "hello_asgi:app"], 3, 'factory "hello_asgi:app" needs arguments'),
        (["--startup", "failing"], 3, "failing:app: lifespan startup failed: no database"),
        (["--host=192.0.2.1", "hello_wsgi"], 1, "cannot listen on 192.0.2.1:0"),
        (["--reload", "--reload-dir=gone", "hello_wsgi"], 2, "gone' is not a directory"),
        (["--access-logfile=gone/log", "hello_wsgi"], 2, "access_logfile: gone/log cannot be written"),
    ],
)
def test_check_fails_as_serve_does(folder: Path, arguments: list[str], code: int, said: str) -> None:
    """With its exit code, and its line."""
    checked = check(folder, *arguments)
    assert (checked[0], said in checked[2]) == (code, True), checked
    served = run_hybrid("serve", "--port=0", *(each for each in arguments if each != "--startup"), cwd=folder)
    assert (served.returncode, said in served.stderr) == (code, True)


def test_check_has_no_effects_unless_asked_for(folder: Path) -> None:
    """No startup runs, and the socket file is gone again."""
    path = folder / "app.sock"
    done = run_hybrid("check", f"--uds={path}", "failing", cwd=folder)
    assert (done.returncode, "startup runs" in done.stdout, path.exists()) == (0, False, False)


def test_check_beside_a_running_server(folder: Path) -> None:
    """A port that is taken fails the check, unless the addresses are left alone."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = f"--port={other.getsockname()[1]}"
        assert check(folder, port, "hello_wsgi")[0] == 1
        assert check(folder, port, "--no-listen", "hello_wsgi")[0] == 0


def test_check_listens_for_operations_too(folder: Path) -> None:
    """An address of --ops that is taken would keep the server from starting as well."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        ops = f"--ops=127.0.0.1:{other.getsockname()[1]}"
        code, _, complaint = check(folder, ops, "hello_wsgi")
        assert (code, "cannot listen on" in complaint) == (1, True)
        assert check(folder, ops, "--no-listen", "hello_wsgi")[0] == 0
    assert check(folder, "--ops=127.0.0.1:0", "hello_wsgi")[0] == 0


def test_check_beside_a_server_that_shares_its_port(folder: Path) -> None:
    """It takes no connections from that: it does not listen, and says so."""
    with socket.create_server(("127.0.0.1", 0)) as other:  # which would refuse to share
        port = f"--port={other.getsockname()[1]}"
        code, _, said = check(folder, port, "--reuse-port", "hello_wsgi")
    assert (code, said) == (
        0,
        "hybrid: reuse_port: not listening, which would take connections from a server\n",
    )
    nowhere = f"--uds={folder / 'no' / 'such.sock'}"
    assert check(folder, "--reuse-port", nowhere, "hello_wsgi")[0] == 1  # a Unix socket has no port to share


# Served


def test_a_server_from_a_file(serve: Serve, folder: Path) -> None:
    """Routes, hosts and factories of a hybrid.toml, without anything on the command line but a port."""
    (folder / ".env").write_text("GREETING=from a file")
    (folder / "hybrid.toml").write_text(
        'env_file = ".env"\n[[routes]]\napp = "hello_asgi"\n'
        '[[routes]]\napp = "made"\nfactory = true\nhost = "made.test"\npath = "/made"'
    )
    server = serve(app_dir=".")
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
    host = {"Host": f"Made.test:{server.port}"}
    assert httpx.get(f"{server.url}/made/x", headers=host, timeout=DEADLINE).text == "from a file"
    assert httpx.get(server.url, headers=host, timeout=DEADLINE).status_code == 404
    assert (
        httpx.get(f"{server.url}/made/x", headers={"Host": "other.test"}, timeout=DEADLINE).text == "hello\n"
    )


def test_a_server_from_the_environment(serve: Serve, folder: Path) -> None:
    """Targets and settings can all be there; what is set goes before the file of variables."""
    (folder / ".env").write_text("GREETING=from a file\nHYBRID_APP=made:create_app\nHYBRID_FACTORY=yes")
    server = serve(app_dir=".", env={"HYBRID_ENV_FILE": ".env", "GREETING": "set"})
    assert httpx.get(server.url, timeout=DEADLINE).text == "set"


def test_both_files_are_mentioned(serve: Serve, folder: Path) -> None:
    """Whoever edits the one that is not read wants to know."""
    (folder / "pyproject.toml").write_text("[tool.hybrid]\nthreads = 3")
    (folder / "hybrid.toml").write_text('app = "hello_wsgi"')
    server = serve(app_dir=".")
    assert server.stderr.startswith("hybrid: hybrid.toml is read, and not [tool.hybrid] of pyproject.toml\n")


def test_a_forced_interface(folder: Path) -> None:
    """`--interface` is for all targets, a route's own for that route."""
    (folder / "hidden.py").write_text("app = lambda *arguments: None\nother = lambda *arguments: None")
    (folder / "hybrid.toml").write_text(
        '[[routes]]\napp = "hidden"\n[[routes]]\napp = "hidden:other"\npath = "/x"\ninterface = "wsgi"'
    )
    table = run_hybrid("routes", "--interface=asgi", cwd=folder).stdout.splitlines()
    assert [re.split(r"\s{2,}", line)[3] for line in table[1:]] == ["asgi3", "wsgi"]
