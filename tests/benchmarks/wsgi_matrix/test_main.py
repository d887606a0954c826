import pytest

from benchmarks.wsgi_matrix import __main__ as command
from benchmarks.wsgi_matrix.checks import CHECKS
from benchmarks.wsgi_matrix.servers import CONTESTANTS, Contestant


def test_asks_what_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """One server and one check: the table goes to stdout, the progress to stderr."""
    assert command.main(["--server", "hybrid", "--check", "cookie"]) == 0
    told = capsys.readouterr()
    assert told.err == "hybrid: cookie: yes\n"
    assert told.out.startswith("Under ")
    assert "| **yes, of 1** |  | **1** |" in told.out


def test_missing_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is not installed is no reason to publish a table without it."""
    absent = Contestant("absent", ("no-such-distribution",), ())
    monkeypatch.setattr(command, "CONTESTANTS", (absent,))
    assert command.main([]) == 2
    assert capsys.readouterr().err == "absent: not installed: no-such-distribution; try `make matrix`\n"


def test_part_of_the_table_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """The page has all servers and all checks, or is left as it is."""
    with pytest.raises(SystemExit):
        command.main(["--write", "--check", "cookie"])
    assert "the page has all servers and all checks" in capsys.readouterr().err


def test_writes_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything, written between the marks."""
    written: list[str] = []
    monkeypatch.setattr(command, "CONTESTANTS", CONTESTANTS[:1])
    monkeypatch.setattr(command, "CHECKS", CHECKS[:1])
    monkeypatch.setattr(command, "write_page", written.append)
    assert command.main(["--write"]) == 0
    assert written[0].startswith("Under ")
