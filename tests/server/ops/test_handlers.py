"""Where the log goes, and what happens when nobody reads it."""

import asyncio
import logging
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import IO

import pytest

from hybrid.server.ops.handlers import LineHandler, flush_logs, reopen_log_files


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Give a logger of the test's own."""
    logger = logging.getLogger("tests.handlers")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger
    for handler in logger.handlers.copy():
        logger.removeHandler(handler)
        handler.close()


class Pipe:
    """A pipe that is read when the test says so."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream: IO[str] = os.fdopen(writer, "w")

    def read(self, size: int = 1 << 20) -> str:
        """Read what is there."""
        return os.read(self.reader, size).decode()

    def close(self) -> None:
        """Close both ends."""
        os.close(self.reader)
        self.stream.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Give a pipe."""
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_line(logger: logging.Logger) -> None:
    """A line is written at once."""
    stream = StringIO()
    logger.addHandler(LineHandler(stream))
    logger.info("one")
    logger.info("two")
    assert stream.getvalue() == "one\ntwo\n"


def test_batch(logger: logging.Logger) -> None:
    """What one turn of the loop logs is written together, after the turn; what is left at the end then."""

    class Stream(StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    stream = Stream()
    handler = LineHandler(stream, batches=True)
    logger.addHandler(handler)

    async def run() -> None:
        handler.batch(asyncio.get_running_loop())
        logger.info("one")
        logger.info("two")
        assert stream.writes == 0
        await asyncio.to_thread(logger.info, "from a thread")  # which nobody's turn waits for
        await asyncio.sleep(0)
        assert stream.getvalue() == "one\ntwo\nfrom a thread\n"
        assert stream.writes < 3
        logger.info("last")
        handler.batch(None)
        assert stream.getvalue().endswith("last\n")

    asyncio.run(run())


def test_pipe_that_nobody_reads(logger: logging.Logger, pipe: Pipe) -> None:
    """Logging goes on when nobody reads: lines wait, then some are dropped and counted, and none is cut."""
    handler = LineHandler(pipe.stream)
    logger.addHandler(handler)
    line = "x" * 100
    for _ in range(20_000):
        logger.info("%s", line)
    assert handler.dropped > 1000
    text = ""
    for _ in range(1000):
        flush_logs()
        text += pipe.read()
        if "dropped" in text:
            break
    *lines, said = text.splitlines()
    assert set(lines) == {line}
    assert said == f"the log was not read in time: {20_000 - len(lines)} lines were dropped"
    assert handler.dropped == 0


def test_pieces(logger: logging.Logger, pipe: Pipe) -> None:
    """A pipe gets no more at a time than it takes at once; a long line is complete all the same."""
    logger.addHandler(LineHandler(pipe.stream))
    logger.info("é" * 3000)
    assert pipe.read() == "é" * 3000 + "\n"


def test_stream_that_is_broken(logger: logging.Logger) -> None:
    """When the reader has left, nothing is raised."""
    pipe = Pipe()
    handler = LineHandler(pipe.stream)
    logger.addHandler(handler)
    os.close(pipe.reader)
    logger.info("one")
    assert handler.dropped == 1
    with pytest.raises(BrokenPipeError):
        pipe.stream.close()


@pytest.mark.parametrize("kind", ["ours", "logging's", "delayed"])
def test_reopen(logger: logging.Logger, tmp_path: Path, kind: str) -> None:
    """A file that was moved away gets nothing more; a new one is begun under its name."""
    path, moved = tmp_path / "log", tmp_path / "log.1"
    if kind == "ours":
        logger.addHandler(LineHandler(path=path))
    else:
        logger.addHandler(logging.FileHandler(path, delay=kind == "delayed"))
    logger.info("before")
    path.rename(moved)
    reopen_log_files()
    logger.info("after")
    assert (moved.read_text(), path.read_text()) == ("before\n", "after\n")


def test_reopen_in_vain(logger: logging.Logger, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where a file cannot be opened anew, the old one stays in use, and the log says so."""
    folder = tmp_path / "logs"
    folder.mkdir()
    logger.addHandler(LineHandler(path=folder / "log"))
    folder.rename(tmp_path / "moved")
    reopen_log_files()
    logger.info("after")
    assert "a log file cannot be reopened" in caplog.text
    assert (tmp_path / "moved" / "log").read_text() == "after\n"


def test_file_that_an_application_has_closed(logger: logging.Logger, tmp_path: Path) -> None:
    """Setting up its own logging, it closes all handlers there are: the next line opens the file again."""
    handler = LineHandler(path=tmp_path / "log")
    logger.addHandler(handler)
    logger.info("before")
    handler.close()
    logger.info("after")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "before\nafter\n"


def test_closed_file_that_cannot_be_opened_again(logger: logging.Logger, tmp_path: Path) -> None:
    """Lines are dropped and counted, and nobody is bothered."""
    (tmp_path / "folder").mkdir()
    handler = LineHandler(path=tmp_path / "folder" / "log")
    logger.addHandler(handler)
    handler.close()
    (tmp_path / "folder" / "log").unlink()
    (tmp_path / "folder").rmdir()
    logger.info("lost")
    assert handler.dropped == 1


def test_formatter_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A line that cannot be made does not end whoever logs it."""
    handler = LineHandler(StringIO())
    handler.handle(logging.LogRecord("x", logging.INFO, "", 0, "%d", ("no number",), None))
    assert "Logging error" in capsys.readouterr().err
