"""Messages of applications that break a rule (ASGI specification, "Error Handling"; HTTP format 2.5, the
events that are sent): the table is in tests/apps/asgi_plays.py, a real process serves it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import h11
import pytest

from tests.apps.asgi_plays import PLAYS, START, Play, Seen
from tests.support.http_peer import get, read_responses
from tests.support.process import ServerProcess, start_server
from tests.support.sockets import raw

CLOSE = "Connection: close"


@pytest.fixture(scope="module", params=[True, False], ids=["access log", "no access log"])
def plays(folder: Path, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Serve the application that breaks rules, and one that does not."""
    options = {"access_log": request.param, "lifespan": "off"}
    with start_server("asgi_plays", "/fine=hello_asgi:app", cwd=folder, **options) as server:
        yield server
        assert "Warning" not in server.stderr
        assert "never retrieved" not in server.stderr


@pytest.mark.parametrize(("name", "play"), PLAYS.items(), ids=PLAYS)
def test_broken_rule(plays: ServerProcess, name: str, play: Play) -> None:
    """The client gets 500, or can tell that its response was cut off; the error names the rule, and is logged
    once, with its traceback.
    """
    data = raw(plays.port, get(f"/{name}") + get("/fine", CLOSE))
    assert b"evil" not in data
    match play.seen:
        case Seen.CUT:
            with pytest.raises(h11.RemoteProtocolError):
                read_responses(data, closed=True)
        case Seen.WHOLE:
            first, after = read_responses(data, "GET", "GET", closed=True)
            assert (first.body, after.body) == (b"all", b"hello\n")
        case Seen.ERROR:
            (response,) = read_responses(data, closed=True)
            assert (response.status, response.body) == (500, b"Internal Server Error")
            assert response.values(b"connection") == [b"close"]
    title = f"GET /{name}: the application failed\n"
    logged = plays.wait_for_stderr(
        re.compile(rf"{re.escape(title)}[\s\S]*?Error: .*{re.escape(play.complaint)}")
    )
    before, *entries = logged.split(title)
    assert len(entries) == 1, before
    assert entries[0].lstrip().startswith("Traceback (most recent call last)")
    assert "another exception" not in entries[0]


@pytest.mark.parametrize(("name", "play"), START.items(), ids=START)
def test_error_that_is_caught(plays: ServerProcess, name: str, play: Play) -> None:
    """The error comes out of `send`; an application that catches it may answer, as nothing has been sent, and
    nothing is logged.
    """
    (response,) = read_responses(raw(plays.port, get(f"/told?{name}", CLOSE)), closed=True)
    assert response.status == 200
    assert response.body.decode().startswith("ResponseError: ")
    assert play.complaint in response.body.decode()
    assert "GET /told: the application failed" not in plays.stderr
