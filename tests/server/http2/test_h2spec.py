"""The server against h2spec, where the environment variable `H2SPEC` names its program.

https://github.com/summerwind/h2spec; its sections are those of RFC 7540 and RFC 7541.
"""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.process import ServerProcess, start_server

pytestmark = pytest.mark.skipif(
    not os.environ.get("H2SPEC"), reason="the environment variable H2SPEC names no program"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve HTTP/2 alone: what begins with other bytes is no HTTP/1.1 then."""
    folder = tmp_path_factory.mktemp("server")
    targets = ["hello_asgi", "/wsgi=hello_wsgi"]
    with start_server(*targets, cwd=folder, access_log=False, http=2, http2_cleartext=True) as server:
        yield server


def failures(said: str) -> list[str]:
    """Return the cases that have failed, each with its section."""
    section = ""
    found: list[str] = []
    for line in said.partition("Failures:")[2].splitlines():
        if heading := re.match(r"\s+(\d[\d.]*\. .*)", line):
            section = heading[1]
        elif case := re.match(r"\s+\N{MULTIPLICATION SIGN} (\d+: .*)", line):
            found.append(f"{section}: {case[1]}")
    return found


@pytest.mark.parametrize("path", ["/", "/wsgi"])
@pytest.mark.parametrize("sections", ["generic", "http2", "hpack"])
def test_h2spec(server: ServerProcess, path: str, sections: str) -> None:
    """All cases of its three parts pass, the strict ones too."""
    program = os.environ["H2SPEC"]
    command = [program, f"--port={server.port}", f"--path={path}", "--strict", "--timeout=2", sections]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert failures(done.stdout) == []
    passed = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, 0 failed", done.stdout)
    assert passed is not None, done.stdout + done.stderr
    assert int(passed[1]) > 5
    assert "Traceback" not in server.stderr
