"""The table of raw requests, sent to a real process: what the application gets, and what the client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import check_quiet
from tests.conformance.rfc9112 import AFTER, ROWS, Accepted, Refused, Row
from tests.support.http_peer import get, read_responses
from tests.support.process import ServerProcess, start_server
from tests.support.sockets import raw

accepted = pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.expected, Accepted)], ids=str)
refused = pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.expected, Refused)], ids=str)


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """Serve the application that keeps what it gets, once on the event loop and once on threads."""
    folder: Path = tmp_path_factory.mktemp("server")
    # What reaches the server is shown, names with underscores too, which it would drop otherwise.
    options: dict[str, Any] = {"access_log": False, "lifespan": "off", "header_map": "dangerous"}
    with start_server(f"recorder:{request.param}", cwd=folder, **options) as process:
        yield process
        check_quiet(process)


def recorded(server: ServerProcess) -> list[dict[str, Any]]:
    """Ask which requests reached the application since the last time."""
    (response,) = read_responses(raw(server.port, get("/recorded", "Connection: close")), closed=True)
    found: list[dict[str, Any]] = json.loads(response.body)
    return found


@accepted
def test_accepted(server: ServerProcess, row: Row) -> None:
    """What is right reaches the application, then the request after it does, and both are answered."""
    assert isinstance(row.expected, Accepted)
    answer = raw(server.port, row.data + AFTER)
    responses = read_responses(answer, row.expected.method, "GET", closed=True)
    assert [response.status for response in responses] == [200, 200]
    request, after = recorded(server)
    assert request["method"] == row.expected.method
    assert request["body"].encode("latin-1") == row.expected.body
    if "headers" in request:
        check_head(row.expected, request)
    assert after["target"] == "/after"


def check_head(expected: Accepted, request: dict[str, Any]) -> None:
    """Compare the target, the version and the fields that an ASGI application saw."""
    assert request["target"].encode("latin-1").rstrip(b"?") == expected.target.rstrip(b"?")
    assert request["version"] == expected.version
    for name, value in expected.headers:
        seen = [v.encode("latin-1") for n, v in request["headers"] if n.encode() == name]
        assert seen == ([] if value is None else [value])


@refused
def test_refused(server: ServerProcess, row: Row) -> None:
    """What is wrong gets its status, the connection closes, and no byte after it reaches the application."""
    assert isinstance(row.expected, Refused)
    (response,) = read_responses(raw(server.port, row.data + AFTER), closed=True)
    assert response.status == row.expected.status
    assert response.values(b"connection") == [b"close"]
    assert len(recorded(server)) <= row.expected.in_body
