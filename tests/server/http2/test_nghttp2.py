"""HTTP/2 as nghttp2's own clients see it: `nghttp` and `h2load`."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.server.http2.conftest import Logged
from tests.support.needs import require_program
from tests.support.process import DEADLINE, ServerProcess


def run(program: str, *arguments: str) -> str:
    """Run a program of nghttp2, and return what it says."""
    command = [require_program(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE, check=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", ["/peer", "/environ", "/flask/hello/you"])
def test_nghttp(mixed: ServerProcess, path: str, logged: Logged, token: str) -> None:
    """Twenty requests at once on one connection are answered."""
    said = run("nghttp", "--verbose", "--null-out", "--multiply=20", f"{mixed.url}{path}?{token}")
    assert len(re.findall(r"recv \(stream_id=\d+\) :status: 200", said)) == 20
    assert all(f'"GET {path}?{token} HTTP/2.0" 200 ' in line for line in logged(token, 20))


def test_nghttp_upload(mixed: ServerProcess) -> None:
    """A body with trailers after it is answered."""
    said = run("nghttp", f"--data={__file__}", "--trailer=x-end: 1", f"{mixed.url}/upload")
    assert f'"size": {Path(__file__).stat().st_size}' in said


def test_nghttp_extras(mixed: ServerProcess) -> None:
    """Nghttp sees the early hints, the response and the trailers, in this order."""
    said = run("nghttp", "--verbose", "--header=te: trailers", f"{mixed.url}/extras")
    lines = re.findall(r"recv \(stream_id=\d+\) (:status: \d+|link: \S+|x-digest: \w+)", said)
    assert lines == [":status: 103", "link: </style.css>;", ":status: 200", "x-digest: abc"]


@pytest.mark.parametrize("path", ["/peer", "/environ", "/flask/hello/you", "/download?100000"])
def test_h2load(mixed: ServerProcess, path: str) -> None:
    """Requests on some connections, many at a time on each, all succeed."""
    said = run("h2load", "--requests=500", "--clients=4", "--max-concurrent-streams=20", f"{mixed.url}{path}")
    assert "500 total, 500 started, 500 done, 500 succeeded, 0 failed, 0 errored, 0 timeout" in said
    assert "status codes: 500 2xx" in said


def test_h2load_uploads(mixed: ServerProcess) -> None:
    """So do uploads."""
    options = ["--requests=100", "--clients=2", "--max-concurrent-streams=10", f"--data={__file__}"]
    said = run("h2load", *options, f"{mixed.url}/upload")
    assert "100 succeeded, 0 failed, 0 errored, 0 timeout" in said


def test_h2load_under_tls(secure: ServerProcess) -> None:
    """Under TLS it finds HTTP/2 by ALPN."""
    url = f"https://localhost:{secure.port}/flask/hello/you"
    said = run("h2load", "--requests=100", "--clients=2", "--max-concurrent-streams=10", url)
    assert "Application protocol: h2" in said
    assert "100 succeeded, 0 failed" in said
