"""The server's log in a process that has not set logging up, and in one that has."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
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
    for name in ("hybrid", "hybrid.access"):
        for handler in logging.getLogger(name).handlers:
            handler.close()
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


def test_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each of the two logs can go to a file, to which is added; nothing is left for the terminal."""
    access, error = tmp_path / "access.log", tmp_path / "error.log"
    error.write_text("before\n")
    configure_logging(LogPlan(access_file=access, error_file=str(error), timed=False, colors=True))
    say()
    assert access.read_text() == "an access\n"
    before, event, worry = error.read_text().splitlines()
    assert before == "before"
    assert event.endswith(" INFO hybrid.server: an event")
    assert worry.endswith(" WARNING hybrid.bridge.lifespan: a worry")
    assert capsys.readouterr() == ("", "")


def test_dash(capsys: pytest.CaptureFixture[str], root: logging.Logger) -> None:
    """`-` is stdout or stderr, also where somebody has set logging up."""
    keeper = Keeper()
    root.addHandler(keeper)
    configure_logging(LogPlan(access_file="-", error_file="-"))
    say()
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), len(err.splitlines())) == (1, 2)
    assert not keeper.messages


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With JSON both logs are written as objects, one on each line."""
    configure_logging(LogPlan(as_json=True))
    say()
    out, err = capsys.readouterr()
    (access,) = map(json.loads, out.splitlines())
    event, worry = map(json.loads, err.splitlines())
    assert access["message"] == "an access"
    assert [event["level"], worry["level"]] == ["INFO", "WARNING"]


CONFIG = {
    "version": 1,
    "formatters": {"short": {"format": "%(name)s|%(message)s"}},
    "handlers": {"file": {"class": "logging.FileHandler", "formatter": "short", "filename": "FILE"}},
    "loggers": {"hybrid": {"level": "DEBUG", "handlers": ["file"], "propagate": False}},
}
INI = """\
[loggers]
keys = root, hybrid
[handlers]
keys = file
[formatters]
keys = short
[logger_root]
handlers =
[logger_hybrid]
level = DEBUG
qualname = hybrid
handlers = file
propagate = 0
[handler_file]
class = FileHandler
formatter = short
args = ("FILE",)
[formatter_short]
format = %(name)s|%(message)s
"""


@pytest.fixture
def root_as_it_was() -> Iterator[None]:
    """Undo what a configuration does to the real root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers.copy(), root.level
    yield
    for handler in logging.getLogger("hybrid").handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("kind", ["dictionary", "json", "yaml", "ini"])
@pytest.mark.usefixtures("root_as_it_was")
def test_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A configuration is taken as a dictionary or from a file; loggers that exist already are kept, and the
    level is what it says.
    """
    log = tmp_path / "log"
    text = json.dumps(CONFIG).replace("FILE", str(log))
    config: Any = tmp_path / f"config.{kind}"
    config.write_text(INI.replace("FILE", str(log)) if kind == "ini" else text)
    if kind == "dictionary":
        config = json.loads(text)
    if kind == "yaml":
        fake = ModuleType("yaml")
        fake.safe_load = json.loads  # type: ignore[attr-defined] # JSON is YAML
        fake.YAMLError = ValueError  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "yaml", fake)
    configure_logging(LogPlan(config=config))
    say()
    names = [
        "hybrid.server|a detail",
        "hybrid.server|an event",
        "hybrid.bridge.lifespan|a worry",
        "hybrid.access|an access",
    ]
    assert log.read_text().splitlines() == names


@pytest.mark.usefixtures("root_as_it_was")
def test_config_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration that is for other loggers leaves ours as they are without one, level included."""
    configure_logging(LogPlan(config={"version": 1, "loggers": {"shop": {"level": "DEBUG"}}}))
    say()
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), len(err.splitlines())) == (1, 2)


@pytest.mark.usefixtures("root_as_it_was")
def test_level_that_is_asked_for() -> None:
    """A level other than the default counts more than the configuration's."""
    configure_logging(LogPlan(level="error", config={"version": 1, "loggers": {"hybrid": {"level": "INFO"}}}))
    assert logging.getLogger("hybrid").level == logging.ERROR


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("missing.json", None, "cannot be read: No such file"),
        ("bad.json", "{", "is no logging configuration"),
        ("list.json", "[]", "it holds no table"),
        ("version.json", '{"version": 2}', "Unsupported version"),
        ("class.json", '{"version": 1, "handlers": {"x": {"class": "no.such"}}}', "no.such"),
        ("bad.ini", "[x", "is no logging configuration"),
        ("empty.ini", "", "is no logging configuration"),
        ("some.yaml", "{", "needs PyYAML"),
    ],
)
def test_wrong_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None, complaint: str
) -> None:
    """What is wrong with a configuration is said in one line that names the option and the file."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        configure_logging(LogPlan(config=path))
    assert str(caught.value).startswith(f"log_config: {path}")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("name", ["access", "error"])
def test_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    """A file that cannot be written is an error that names the option."""
    path = tmp_path / "missing" / "log"
    with pytest.raises(ConfigError, match=f"{name}_logfile: {path} cannot be written: No such file"):
        configure_logging(LogPlan(access_file=path) if name == "access" else LogPlan(error_file=path))
