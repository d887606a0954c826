"""The command that puts the cases to a server, with a stand-in for the client."""

import json
import sys
from pathlib import Path

import pytest

from tests.autobahn import __main__ as command
from tests.autobahn.environment import NoPython, Unavailable

#: Writes a report of one case, after it has connected to the server that it was told.
CLIENT = """\
import json, socket, sys
from pathlib import Path
from urllib.parse import urlsplit

specification = json.loads(Path(sys.argv[4]).read_text())
server = specification["servers"][0]
url = urlsplit(server["url"])
socket.create_connection((url.hostname, url.port)).close()
print("Ok, will run 1 test cases against 1 servers")
facts = json.loads(BEHAVIOR)
Path("case.json").write_text(json.dumps({"expectation": "", "received": [], "result": "", "resultClose": ""}))
Path("index.json").write_text(json.dumps({server["agent"]: {"1.1.1": facts}}))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have an environment whose client finds `behavior` of the one case."""

    def prepare(folder: Path, python: str) -> Path:
        return tmp_path / "wstest"

    monkeypatch.setattr(command, "find_python", lambda: "python2.7")
    monkeypatch.setattr(command, "prepare", prepare)
    return tmp_path / "environment"


def client(folder: Path, behavior: str) -> None:
    """Write the stand-in."""
    facts = {
        "behavior": behavior,
        "behaviorClose": "OK",
        "duration": 1,
        "remoteCloseCode": 1000,
        "reportfile": "case.json",
    }
    path = folder.parent / "wstest"
    path.write_text(
        f"#!{sys.executable}\n{CLIENT.replace('BEHAVIOR', repr(json.dumps(facts)))}", encoding="utf-8"
    )
    path.chmod(0o755)


@pytest.mark.parametrize(("behavior", "code"), [("OK", 0), ("NON-STRICT", 1)])
def test_verdict(folder: Path, capsys: pytest.CaptureFixture[str], behavior: str, code: int) -> None:
    """A real server is asked, and the exit code says whether it passed."""
    client(folder, behavior)
    assert command.main(["--environment", str(folder)]) == code
    said = capsys.readouterr().out
    assert f"hybrid: {1 - code} of 1 cases passed" in said
    assert (folder.parent / "environment-reports" / "hybrid" / "index.json").is_file()


def test_other_server(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another server is asked by its command line."""
    client(folder, "OK")
    assert command.main(["--environment", str(folder), "--server", "uvicorn --port {port} {app}"]) == 0
    assert "uvicorn: 1 of 1 cases passed" in capsys.readouterr().out


def test_server_that_does_not_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that does not start has not passed."""
    client(folder, "OK")
    assert command.main(["--environment", str(folder), "--server", "uvicorn --no-such-option"]) == 1
    assert "did not start" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "arguments", "code"),
    [
        (NoPython("how to get one"), [], 2),
        (NoPython("how to get one"), ["--if-available"], 0),
        (Unavailable("how to get one"), ["--if-available"], 2),
    ],
)
def test_no_python(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Unavailable,
    arguments: list[str],
    code: int,
) -> None:
    """Where Autobahn cannot run, the reason is said; only a missing Python may be no failure."""

    def find_python() -> str:
        raise error

    monkeypatch.setattr(command, "find_python", find_python)
    assert command.main(arguments) == code
    assert "how to get one" in capsys.readouterr().err
