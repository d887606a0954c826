"""The server's log in a process that has not set logging up, and in one that has."""

import logging
from collections.abc import Iterator

import pytest

from hybrid.server.ops.logs import LogPlan, configure_logging


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """Give each test loggers that nobody has touched, below a root of their own; pytest uses the real one."""
    root = logging.RootLogger(logging.WARNING)
    for name in ("hybrid", "hybrid.access", "hybrid.server"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
    monkeypatch.setattr(logging.getLogger("hybrid"), "parent", root)
    clear_caches()
    yield root
    clear_caches()


def clear_caches() -> None:
    """Make loggers look at their levels again, which they remember."""
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]


def say() -> None:
    """Write an event of each level, and an access."""
    logging.getLogger("hybrid.server").debug("a detail")
    logging.getLogger("hybrid.server").info("an event")
    logging.getLogger("hybrid.bridge.lifespan").warning("a worry")
    logging.getLogger("hybrid.access").info("an access")


def test_events_and_accesses(capsys: pytest.CaptureFixture[str]) -> None:
    """Events go to stderr with level and logger, accesses to stdout, each to one place only."""
    configure_logging(LogPlan(level="info"))
    say()
    out, err = capsys.readouterr()
    (access,) = out.splitlines()
    event, worry = err.splitlines()
    assert access.endswith(" an access")
    assert event.endswith(" INFO hybrid.server: an event")
    assert worry.endswith(" WARNING hybrid.bridge.lifespan: a worry")


@pytest.mark.parametrize(
    ("level", "lines"), [("debug", 4), ("info", 3), ("warning", 1), ("error", 0), ("critical", 0)]
)
def test_level(capsys: pytest.CaptureFixture[str], level: str, lines: int) -> None:
    """The level holds for events and accesses."""
    configure_logging(LogPlan(level=level))
    say()
    assert len("".join(capsys.readouterr()).splitlines()) == lines


def test_root_logger_is_left_alone(root: logging.Logger) -> None:
    """The application's own logging is its own matter."""
    configure_logging(LogPlan(level="debug"))
    assert (root.handlers, root.level) == ([], logging.WARNING)


def test_twice(capsys: pytest.CaptureFixture[str]) -> None:
    """A second server in the same process does not make every line come twice."""
    configure_logging(LogPlan(level="info"))
    configure_logging(LogPlan(level="info"))
    say()
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), len(err.splitlines())) == (1, 2)


class Keeper(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.messages.append(record.getMessage())


@pytest.mark.parametrize("for_all", [True, False])
def test_somebody_has_set_logging_up(
    capsys: pytest.CaptureFixture[str], root: logging.Logger, for_all: bool
) -> None:
    """Where handlers are set already, for everything or for us, they get all lines and nobody else does."""
    keeper = Keeper()
    (root if for_all else logging.getLogger("hybrid")).addHandler(keeper)
    configure_logging(LogPlan(level="info"))
    say()
    assert keeper.messages == ["an event", "a worry", "an access"]
    assert capsys.readouterr() == ("", "")


def test_somebody_has_set_the_access_log_up(capsys: pytest.CaptureFixture[str]) -> None:
    """A handler for accesses keeps them; events still go to stderr."""
    keeper = Keeper()
    logging.getLogger("hybrid.access").addHandler(keeper)
    logging.getLogger("hybrid.access").propagate = False
    configure_logging(LogPlan(level="info"))
    say()
    assert keeper.messages == ["an access"]
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2)
