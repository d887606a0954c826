"""Running the fuzzing client: programs that print what it prints."""

import json
from pathlib import Path

import pytest

from tests.autobahn import fuzzing
from tests.autobahn.fuzzing import FuzzingError, fuzz

URL = "ws://127.0.0.1:1"
RUN = """\
echo 'Ok, will run 3 test cases against 1 servers'
for each in 1.1.1 1.1.2 10.1.1; do
    echo "Running test case ID $each for agent hybrid from peer tcp4:127.0.0.1:1"
done
"""


def client(tmp_path: Path, script: str) -> Path:
    """Write a program in the place of `wstest`."""
    path = tmp_path / "wstest"
    path.write_text(f"#!/bin/sh\n{script}", encoding="ascii")
    path.chmod(0o755)
    return path


def test_specification(tmp_path: Path) -> None:
    """The client is told the server and the cases, and where to put its reports; old ones are gone."""
    wstest = client(tmp_path, f'{RUN}cp "$4" specification.seen\nls > files\n')
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "index.json").touch()
    fuzz(wstest, URL, "hybrid", ["1.*", "10.1.1"], folder)
    specification = json.loads((folder / "specification.seen").read_text(encoding="utf-8"))
    assert specification["outdir"] == str(folder)
    assert specification["servers"] == [{"agent": "hybrid", "url": URL}]
    assert specification["cases"] == ["1.*", "10.1.1"]
    assert "index.json" not in (folder / "files").read_text(encoding="utf-8")


def test_progress(tmp_path: Path) -> None:
    """Each group of cases is announced, and how many cases there are is returned."""
    said: list[str] = []
    assert fuzz(client(tmp_path, RUN), URL, "hybrid", ["*"], tmp_path / "reports", progress=said.append) == 3
    assert said == ["cases 1.*", "cases 10.*"]


@pytest.mark.parametrize("script", [f"{RUN}echo gone wrong\nexit 1\n", "echo gone wrong\n"])
def test_client_fails(tmp_path: Path, script: str) -> None:
    """A client that fails, or that does not get to its cases, is an error with its last words."""
    with pytest.raises(FuzzingError, match="gone wrong"):
        fuzz(client(tmp_path, script), URL, "hybrid", ["*"], tmp_path / "reports")


def test_client_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that stays with one case too long is ended, which is an error."""
    monkeypatch.setattr(fuzzing, "SILENCE", 0.3)
    with pytest.raises(FuzzingError, match="no next case"):
        fuzz(client(tmp_path, f"{RUN}exec sleep 100\n"), URL, "hybrid", ["*"], tmp_path / "reports")
