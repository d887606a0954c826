"""HTTP/2 as curl sees it, which speaks it with nghttp2: by ALPN, and by prior knowledge."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.server.http2.conftest import Logged
from tests.support.certificates import Authority
from tests.support.needs import require_program
from tests.support.process import DEADLINE, ServerProcess

#: The address of a server, the options with which curl is to ask it, and the version that is spoken then.
Way = tuple[str, list[str], str]

HELLO = {"asgi": "/peer", "wsgi": "/environ", "flask": "/flask/hello/you"}


def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run curl; it must be content."""
    command = [require_program("curl"), "--silent", "--show-error", "--fail-with-body", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=DEADLINE, check=True
    )


def needs_second_request(options: list[str]) -> None:
    """Skip where some versions of curl cannot ask twice on a connection, whoever the server is."""
    if "--http2-prior-knowledge" in options:
        pytest.skip("curl 7.88 fails when it is to use a connection of prior knowledge again")


@pytest.fixture(params=["clear", "tls", "tls, HTTP/1.1"])
def way(request: pytest.FixtureRequest) -> Way:
    """Give each way to ask."""
    if request.param == "clear":
        server: ServerProcess = request.getfixturevalue("mixed")
        return server.url, ["--http2-prior-knowledge"], "2"
    server = request.getfixturevalue("secure")
    authority: Authority = request.getfixturevalue("authority")
    version = ["--http1.1"] if "1.1" in request.param else ["--http2"]
    return f"https://localhost:{server.port}", ["--cacert", str(authority.file), *version], version[0][6:]


@pytest.mark.parametrize("kind", HELLO)
def test_get(way: Way, kind: str, logged: Logged, token: str) -> None:
    """Applications of every kind answer, and the access log says in which version."""
    url, options, version = way
    target = f"{HELLO[kind]}?{token}"
    done = curl(*options, "--write-out", "\n%{http_version}", f"{url}{target}")
    assert done.stdout.splitlines()[-1] == version
    (line,) = logged(token, 1)
    assert f'"GET {target} HTTP/{"2.0" if version == "2" else "1.1"}" 200 ' in line


def test_head(way: Way) -> None:
    """HEAD has the fields of the response, and curl waits for nothing else."""
    url, options, version = way
    done = curl(*options, "--head", f"{url}/flask/hello/x")
    assert done.stdout.startswith(f"HTTP/{version} 200")
    assert "content-length: 9" in done.stdout.lower()


@pytest.mark.parametrize("framing", ["", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_upload(way: Way, size: int, framing: str, tmp_path: Path) -> None:
    """Bodies with and without a length arrive whole."""
    url, options, _ = way
    file = tmp_path / "body"
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    file.write_bytes(body)
    lines = ["--header", framing] if framing else []
    done = curl(*options, *lines, "--request", "POST", "--data-binary", f"@{file}", f"{url}/upload")
    assert hashlib.sha256(body).hexdigest() in done.stdout


def test_download(way: Way) -> None:
    """A large body arrives whole, through windows much smaller than it."""
    url, options, _ = way
    done = curl(
        *options, "--output", "/dev/null", "--write-out", "%{size_download}", f"{url}/download?20000000"
    )
    assert done.stdout == "20000000"


def test_hints_and_trailers(way: Way) -> None:
    """Interim responses come before the response, trailers after it where a client has asked for them."""
    url, options, version = way
    options += ["--header", "TE: trailers", *(["--header", "Connection: TE"] if version == "1.1" else [])]
    done = curl(*options, "--include", "--verbose", f"{url}/extras")
    heads = [line for line in done.stdout.splitlines() if line.startswith("HTTP/")]
    assert [line.split()[:2] for line in heads] == [[f"HTTP/{version}", "103"], [f"HTTP/{version}", "200"]]
    assert done.stdout.index("link: </style.css>; rel=preload") < done.stdout.index(heads[1])
    assert "body and more" in done.stdout
    assert "x-digest: abc" in done.stdout + done.stderr


def test_hints_of_wsgi(way: Way) -> None:
    """WSGI applications send early hints too."""
    url, options, version = way
    done = curl(*options, "--include", f"{url}/hints?twice")
    heads = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(f"HTTP/{version} ")]
    assert heads == ["103", "103", "200"]


def test_expect(way: Way, tmp_path: Path) -> None:
    """A client that waits for 100 Continue is told to go on."""
    url, options, version = way
    waiting = ["--header", "Expect: 100-continue", "--expect100-timeout", "20"]
    done = curl(*options, *waiting, "--include", "--data", "x" * 2000, f"{url}/upload")
    heads = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(f"HTTP/{version} ")]
    assert heads[-1] == "200"
    assert set(heads[:-1]) <= {"100"}


def test_many_at_once(way: Way) -> None:
    """Transfers that curl makes at once are all answered, by applications of every kind."""
    url, options, _ = way
    needs_second_request(options)
    targets = [f"{url}{HELLO[kind]}" for kind in HELLO] * 5
    done = curl(*options, "--parallel", "--parallel-max", "20", "--write-out", "\n%{http_code}\n", *targets)
    assert done.stdout.splitlines().count("200") == 15


def test_two_on_one_connection(way: Way) -> None:
    """The connection stays for the next request."""
    url, options, _ = way
    needs_second_request(options)
    done = curl(*options, "--write-out", "\n%{num_connects}\n", f"{url}/peer", f"{url}/environ")
    assert [line for line in done.stdout.splitlines() if line in {"0", "1"}] == ["1", "0"]


def test_upgrade_in_clear(mixed: ServerProcess) -> None:
    """`Upgrade: h2c` of HTTP/1.1, which RFC 9113 has taken back, is passed over."""
    done = curl("--http2", "--write-out", "\n%{http_version}", f"{mixed.url}/peer")
    assert done.stdout.splitlines()[-1] == "1.1"
