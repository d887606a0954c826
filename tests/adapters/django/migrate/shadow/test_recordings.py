"""The file format of recordings: what is written can be read, is bounded, and has no secrets in it."""

import json
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.recordings import Recorded, RecordingError, RecordingWriter
from hybrid.adapters.django.migrate.shadow.sources.files import read_requests

REQUEST = Request(
    "POST", "/a?token=hush&b=1", (("host", "x"), ("cookie", "s=hush"), ("accept", "é")), b"hush\xff", "shop:a"
)
OUTCOME = Outcome(
    "wsgi",
    200,
    (("set-cookie", "s=hush; Path=/"), ("vary", "Cookie")),
    b"\x00\xffbody",
    6,
    0.1,
    (0.1, 0.2),
    ("default: SELECT 1",),
    ("a: b",),
    ("mail",),
)


def read(path: Path) -> list[Recorded]:
    """Return what is in a file."""
    return [*read_requests(path)]


def test_with_secrets(tmp_path: Path) -> None:
    """Everything comes back as it was."""
    path = tmp_path / "a.jsonl"
    with RecordingWriter(path, with_secrets=True) as writer:
        assert writer.write(REQUEST, OUTCOME)
        assert writer.write(Request("GET", "/"))
    assert read(path) == [Recorded(REQUEST, OUTCOME), Recorded(Request("GET", "/"))]


def test_without_secrets(tmp_path: Path) -> None:
    """Credentials and the body of the request are gone, and so are fields without their values."""
    path = tmp_path / "a.jsonl"
    with RecordingWriter(path) as writer:
        writer.write(REQUEST, OUTCOME)
    assert "hush" not in path.read_text()
    (found,) = read(path)
    assert found.request.headers == (("host", "x"), ("accept", "é"))
    assert found.request.target == "/a?token=[redacted]&b=1"
    assert found.outcome is not None
    assert found.outcome.headers[0] == ("set-cookie", "s=[redacted]; Path=/")
    assert found.outcome.body == OUTCOME.body


def test_for_its_owner_alone(tmp_path: Path) -> None:
    """Nobody else can read the file, also where it was there before."""
    path = tmp_path / "a.jsonl"
    path.touch(0o644)
    with RecordingWriter(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_bounds(tmp_path: Path) -> None:
    """A file takes so many requests, and so many bytes; then nothing more is written."""
    with RecordingWriter(tmp_path / "a", most=2) as writer:
        assert [writer.write(Request("GET", "/")) for _ in range(3)] == [True, True, False]
    with RecordingWriter(tmp_path / "b", most_bytes=1000) as writer:
        assert [writer.write(Request("GET", f"/{'a' * 600}")) for _ in range(2)] == [True, False]
    assert not writer.write(Request("GET", "/"))
    assert len(read(tmp_path / "a")) == 2


def test_the_format(tmp_path: Path) -> None:
    """The first line names it; a later version is refused, and a broken line is named."""
    path = tmp_path / "a.jsonl"
    with RecordingWriter(path) as writer:
        writer.write(Request("GET", "/"))
    head, line = path.read_text().splitlines()
    assert json.loads(head) == {"format": "hybrid-recording", "version": 1, "redacted": True}
    path.write_text(f"{head}\n{line}\n\n{{}}\n")
    with pytest.raises(RecordingError, match=r"a\.jsonl:4: this is no request: 'method'"):
        read(path)
    path.write_text(head.replace(": 1", ": 2"))
    with pytest.raises(RecordingError, match="version 2 of a recording, and 1 is known here"):
        read(path)
