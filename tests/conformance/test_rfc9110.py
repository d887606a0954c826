"""Responses of a real process: what RFC 9110 asks of them, with independent clients."""

import re
import socket
import subprocess
from email.utils import parsedate_to_datetime

import pytest

from tests.support.http_peer import get, read_responses, request
from tests.support.http_versions import Version, connected
from tests.support.needs import require_program
from tests.support.process import ServerProcess
from tests.support.sockets import DEADLINE, raw

CLOSE = "Connection: close"


def test_date_and_server(witness: ServerProcess, version: Version) -> None:
    """Every response has a Date that is now, as nearly as a second allows, and a Server (6.6.1, 10.2.4)."""
    with connected(witness, version) as client:
        response = client.ask("/deaf")
    (date,) = response.values(b"date")
    assert re.fullmatch(rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert parsedate_to_datetime(date.decode()).year >= 2024
    assert response.values(b"server") == [b"hybrid"]


def test_refusals_have_a_date_too(witness: ServerProcess) -> None:
    """So has what the server says itself."""
    (response,) = read_responses(raw(witness.port, b"GET / HTTP/1.1\r\n\r\n"), closed=True)
    assert response.status == 400
    assert len(response.values(b"date")) == 1


def test_application_sends_its_own(witness: ServerProcess, version: Version) -> None:
    """The application's Date and Server are sent in place of the server's (6.6.1)."""
    with connected(witness, version) as client:
        response = client.ask("/own_fields")
    assert response.values(b"date") == [b"Thu, 01 Jan 1970 00:00:00 GMT"]
    assert response.values(b"server") == [b"mine"]


def test_head(witness: ServerProcess, version: Version) -> None:
    """HEAD has no body, and the next response comes where it should (9.3.2)."""
    with connected(witness, version) as client:
        head = client.ask("/deaf", method="HEAD")
        assert (head.body, head.values(b"content-length")) == (b"", [b"4"])
        assert client.ask("/deaf").body == b"deaf"


def test_head_with_curl(witness: ServerProcess) -> None:
    """A client like curl is content with the response to HEAD."""
    program = require_program("curl")
    command = [program, "--silent", "--show-error", "--head", f"{witness.url}/deaf"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout
    assert "content-length: 4" in shown


@pytest.mark.parametrize("status", [204, 205, 304])
def test_no_content(witness: ServerProcess, version: Version, status: int) -> None:
    """204, 205 and 304 have no body, and the next response comes where it should (15.3.5, 15.3.6, 15.4.5)."""
    with connected(witness, version) as client:
        response = client.ask(f"/bodiless?{status}")
        assert (response.status, response.body) == (status, b"")
        assert response.values(b"content-length") == ([b"0"] if status == 205 else [])
        assert client.ask("/deaf").body == b"deaf"


def test_continue(witness: ServerProcess) -> None:
    """A client that waits for 100 gets it when the application reads, and sends its body then (10.1.1)."""
    program = require_program("curl")
    command = [
        program,
        "--silent",
        "--verbose",
        "--header",
        "Expect: 100-continue",
        "--expect100-timeout",
        "20",
    ]
    command += ["--data", "hello", f"{witness.url}/echoes"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE)
    assert "< HTTP/1.1 100 Continue" in done.stderr
    assert done.stdout == "hello"


def test_no_continue(witness: ServerProcess) -> None:
    """A client that waits for 100 gets the response of an application that does not read (10.1.1)."""
    data = raw(witness.port, request("POST", "/deaf", "Content-Length: 5", "Expect: 100-continue"))
    (response,) = read_responses(data, "POST", closed=True)
    assert (response.status, response.body) == (200, b"deaf")
    assert response.values(b"connection") == [b"close"]


def test_no_interim_response_for_http_1_0(witness: ServerProcess) -> None:
    """A client of HTTP/1.0 knows no 100, and gets none, whatever it says (10.1.1, 15.2)."""
    asked = request(
        "POST", "/echoes", "Content-Length: 5", "Expect: 100-continue", body=b"hel", version="1.0"
    )
    with socket.create_connection(("127.0.0.1", witness.port), timeout=DEADLINE) as client:
        client.sendall(asked)
        client.sendall(b"lo")
        data = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(data, "POST", closed=True)
    assert (response.status, response.body) == (200, b"hello")


def test_early_end_of_a_continued_request(witness: ServerProcess) -> None:
    """After a final response in place of 100, what follows is neither body nor request: the connection ends
    (10.1.1). Who guessed otherwise could smuggle one past a proxy.
    """
    asked = request("POST", "/deaf", f"Content-Length: {len(get('/echoes'))}", "Expect: 100-continue")
    with socket.create_connection(("127.0.0.1", witness.port), timeout=DEADLINE) as client:
        client.sendall(asked)
        data = client.recv(65536)
        client.sendall(get("/echoes") + get("/deaf"))
        client.shutdown(socket.SHUT_WR)
        data += b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(data, "POST", closed=True)
    assert (response.status, response.values(b"connection")) == (200, [b"close"])


@pytest.mark.parametrize("upgrade", ["h2c", "TLS/1.0, HTTP/1.1", "foo"])
def test_upgrade_is_ignored(witness: ServerProcess, upgrade: str) -> None:
    """An offer of another protocol is not taken, and the request is answered with its body (7.8)."""
    fields = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "Content-Length: 5")
    data = raw(witness.port, request("POST", "/echoes", *fields, body=b"hello") + get("/deaf", CLOSE))
    responses = read_responses(data, "POST", "GET", closed=True)
    assert [response.body for response in responses] == [b"hello", b"deaf"]
