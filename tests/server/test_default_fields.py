"""What every response says: `--server-header`, `--date-header` and `--header`, on a real process."""

import http.client
from collections.abc import Iterator
from contextlib import closing

import pytest
from websockets.sync.client import connect

from tests.support.process import Serve, ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw

TARGETS = ("default_fields", "/wsgi=default_fields:wsgi", "/stream=default_fields:wsgi+stream")
HEADERS = ["X-Frame-Options: SAMEORIGIN", "Link:</a>", "link: </b>", "X-Name: M\xfcller"]
PATHS = ["/", "/wsgi/", "/stream/"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve with the fields, for all tests that do not want others."""
    with start_server(*TARGETS, cwd=tmp_path_factory.mktemp("fields"), header=HEADERS) as server:
        yield server


def fields(server: ServerProcess, *paths: str) -> list[dict[str, list[str]]]:
    """Ask for paths on one connection, and return the fields of each response, names in lower case."""
    found = []
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as client:
        for path in paths:
            client.request("POST", path, b"body")
            response = client.getresponse()
            assert response.read() == b"done"
            assert response.headers.get_all("content-length") == ["4"]
            found.append({name.lower(): response.headers.get_all(name, []) for name in response.headers})
    return found


@pytest.mark.parametrize("path", PATHS)
def test_fields(served: ServerProcess, path: str) -> None:
    """Each response has the fields; of a name that the application sends, it has only the application's."""
    rest = {"x-name": ["M\xfcller"], "content-length": ["4"]}
    given = {"server": ["hybrid"], "x-frame-options": ["SAMEORIGIN"], "link": ["</a>", "</b>"], **rest}
    own = {"server": ["mine"], "x-frame-options": ["DENY"], "link": ["</mine>"], **rest}
    # Three times: what has been sent before is looked up.
    for number, found in enumerate(fields(served, *[path, f"{path}own"] * 3)):
        assert found.pop("date")
        assert found == (own if number % 2 else given)


def test_refusal(served: ServerProcess) -> None:
    """What the server answers itself has them too."""
    assert b"\r\nx-frame-options: SAMEORIGIN\r\n" in raw(served.port, b"nonsense\r\n\r\n")


@pytest.mark.parametrize(("path", "value"), [("/", "SAMEORIGIN"), ("/own", "DENY")])
def test_websocket(served: ServerProcess, path: str, value: str) -> None:
    """So does the answer to a handshake."""
    with connect(f"ws://127.0.0.1:{served.port}{path}", open_timeout=DEADLINE) as client:
        assert client.response is not None
        assert client.response.headers.get_all("X-Frame-Options") == [value]


def test_nothing(serve: Serve) -> None:
    """Both fields that there are by default can be left out."""
    server = serve(*TARGETS, server_header=False, date_header=False)
    assert fields(server, *PATHS) == [{"content-length": ["4"]}] * 3


def test_fields_instead_of_ours(serve: Serve) -> None:
    """A Server or Date field that is given replaces ours."""
    server = serve(*TARGETS, header=["Server: theirs", "Date: Thu, 01 Jan 1970 00:00:00 GMT"])
    for found in fields(server, *PATHS):
        assert (found["server"], found["date"]) == (["theirs"], ["Thu, 01 Jan 1970 00:00:00 GMT"])
