"""What every response says: `--server-header`, `--date-header` and `--header`, on a real process."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from websockets.sync.client import connect

from tests.support.process import Serve, ServerProcess
from tests.support.sockets import DEADLINE, raw

TARGETS = ("default_fields", "/wsgi=default_fields:wsgi", "/stream=default_fields:wsgi+stream")
HEADERS = ["X-Frame-Options: SAMEORIGIN", "Link:</a>", "link: </b>", "X-Name: M\xfcller"]
PATHS = ["/", "/wsgi/", "/stream/"]


@contextmanager
def connection(server: ServerProcess) -> Iterator[http.client.HTTPConnection]:
    """Connect."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as client:
        yield client


def fields(client: http.client.HTTPConnection, path: str) -> list[tuple[str, str]]:
    """Ask, and return the fields of the response, names in lower case, without the time."""
    client.request("POST", path, b"body")
    response = client.getresponse()
    assert response.read() == b"done"
    return [(name.lower(), value) for name, value in response.getheaders() if name.lower() != "date"]


LENGTH = ("content-length", "4")


@pytest.mark.parametrize("path", PATHS)
def test_fields(serve: Serve, path: str) -> None:
    """Each response has the fields; of a name that the application sends, it has only the application's."""
    server = serve(*TARGETS, header=HEADERS)
    others = [
        ("server", "hybrid"), ("x-frame-options", "SAMEORIGIN"), ("link", "</a>"), ("link", "</b>"),
        ("x-name", "M\xfcller"),
    ]  # fmt: skip
    own = [("x-frame-options", "DENY"), ("server", "mine"), ("link", "</mine>"), ("x-name", "M\xfcller")]
    with connection(server) as client:
        for _ in range(3):  # what has been sent before is looked up
            assert sorted(fields(client, path)) == sorted([*others, LENGTH])
            assert sorted(fields(client, f"{path}own")) == sorted([*own, LENGTH])
    assert b"\r\nx-frame-options: SAMEORIGIN\r\n" in raw(server.port, b"nonsense\r\n\r\n")


@pytest.mark.parametrize("path", ["/", "/own"])
def test_websocket(serve: Serve, path: str) -> None:
    """The answer to a handshake has them too."""
    server = serve(*TARGETS, header=HEADERS)
    with connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=DEADLINE) as client:
        assert client.response is not None
        found = client.response.headers.get_all("X-Frame-Options")
        assert found == (["DENY"] if path == "/own" else ["SAMEORIGIN"])


@pytest.mark.parametrize("path", PATHS)
def test_nothing(serve: Serve, path: str) -> None:
    """Both fields that there are by default can be left out."""
    server = serve(*TARGETS, server_header=False, date_header=False)
    with connection(server) as client:
        client.request("GET", path)
        response = client.getresponse()
        response.read()
        assert [(name.lower(), value) for name, value in response.getheaders()] == [LENGTH]


@pytest.mark.parametrize("path", PATHS)
def test_fields_instead_of_ours(serve: Serve, path: str) -> None:
    """A Server or Date field that is given replaces ours."""
    server = serve(*TARGETS, header=["Server: theirs", "Date: Thu, 01 Jan 1970 00:00:00 GMT"])
    with connection(server) as client:
        client.request("GET", path)
        response = client.getresponse()
        response.read()
        assert response.headers.get_all("server") == ["theirs"]
        assert response.headers.get_all("date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]
