"""Servers of applications of every kind, in clear and under TLS, which the clients of this folder share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.http_versions import BOTH
from tests.support.process import ROOT, ServerProcess, start_server
from tests.support.waiting import until

TARGETS = [
    "http2_asgi",
    *(f"/{name}=tests.apps.wsgi_{name}" for name in ("barrier", "environ", "events", "flask", "upload")),
    *(f"/{name}=tests.apps.wsgi_{name}" for name in ("hints", "stepping")),
    "/sockets=flask_sockets",
    "/sock=tests.apps.wsgi_flask_sock",
]

#: Gives the lines of the access logs that have a text, once there are as many as wanted.
Logged = Callable[[str, int], list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for a server to run in."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """Give an authority, with certificates for this machine in `server.pem`."""
    authority = Authority(folder)
    authority.issue("server")
    return authority


@pytest.fixture(scope="module")
def mixed(folder: Path) -> Iterator[ServerProcess]:
    """Serve in clear, to those who begin with HTTP/2 too."""
    with (folder / "access.log").open("wb") as log:
        server = start_server(*TARGETS, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=log, **BOTH)
        with server:
            yield server
            check_quiet(server)


@pytest.fixture(scope="module")
def secure(folder: Path, authority: Authority) -> Iterator[ServerProcess]:
    """Serve under TLS."""
    with (folder / "access-tls.log").open("wb") as log:
        server = start_server(
            *TARGETS,
            cwd=folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=log,
            http="auto",
            ssl_certfile=authority.folder / "server.pem",
        )
        with server:
            yield server
            check_quiet(server)


def check_quiet(server: ServerProcess) -> None:
    """Fail if a server, its event loop or Python has complained."""
    complaints = ("Traceback", "Warning: ", " WARNING hybrid.server", " ERROR ", "never retrieved")
    for complaint in complaints:
        assert complaint not in server.stderr, server.stderr


@pytest.fixture
def token(request: pytest.FixtureRequest) -> str:
    """Give a test a word of its own, to find its requests by."""
    return "".join(letter for letter in request.node.name if letter.isalnum())


@pytest.fixture
def logged(folder: Path) -> Logged:
    """Give `logged(text, number)`, which looks at both servers' access logs."""

    def lines(text: str) -> list[str]:
        files = (file for file in folder.glob("access*.log"))
        return [line for file in files for line in file.read_text().splitlines() if text in line]

    def logged(text: str, number: int) -> list[str]:
        until(lambda: len(lines(text)) >= number)
        return lines(text)

    return logged
