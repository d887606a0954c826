"""Which of several places counts."""

from pathlib import Path

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.sources.environment import COMMON_VARIABLES
from hybrid.server.sources.gather import Gathered, gather
from hybrid.server.sources.origins import Source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a file that sets something."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hybrid.toml").write_text('app = "filed"\nport = 1\nthreads = 1\nbacklog = 1')
    return tmp_path


def places(gathered: Gathered) -> dict[str, tuple[object, Source]]:
    """Give values and sources of what was given."""
    return {name: (given.value, given.source) for name, given in gathered.given.items()}


def test_precedence(folder: Path) -> None:
    """Command line before environment before file before default."""
    environ = {"HYBRID_PORT": "2", "HYBRID_THREADS": "2"}
    gathered = gather({"port": 3}, environ=environ)
    assert places(gathered) == {
        "app": (["filed"], Source.FILE),
        "port": (3, Source.COMMAND_LINE),
        "threads": (2, Source.ENVIRONMENT),
        "backlog": (1, Source.FILE),
    }
    effective = gathered.effective()
    assert (effective["host"].value, effective["host"].origin) == ("127.0.0.1", "default")
    assert effective["threads"].origin == "environment variable HYBRID_THREADS"
    assert effective["backlog"].origin == "file hybrid.toml:backlog"
    assert effective["port"].origin == "command line"
    config = gathered.config()
    assert (config.port, config.threads, config.backlog, config.host) == (3, 2, 1, "127.0.0.1")


def test_targets_replace_those_of_weaker_places(folder: Path) -> None:
    """What is served is said in one place, never gathered from several."""
    assert gather({}, environ={"HYBRID_APP": "a b"}).config().app == ["a", "b"]
    assert gather({"app": ["typed"]}, environ={"HYBRID_APP": "a b"}).config().app == ["typed"]


def test_no_target(tmp_path: Path) -> None:
    """Nothing is served by default, and the message says where a target could have been named."""
    with pytest.raises(
        ConfigError, match=r"^no target: .* command line, in HYBRID_APP, or as \[\[routes\]\]"
    ):
        gather({}, environ={}, directory=tmp_path).config()


def test_values_that_do_not_go_together(folder: Path) -> None:
    """They are refused wherever they come from."""
    with pytest.raises(ConfigError, match="uds and fd"):
        gather({"uds": "x", "fd": 3}, environ={}).config()


@pytest.mark.parametrize(
    ("typed", "environ", "left"),
    [
        ({"port": 3}, {}, {"port": 3}),
        ({"host": "::1"}, {"HYBRID_UDS": "x"}, {"host": "::1", "port": 1}),
        ({"uds": "x"}, {}, {"uds": "x"}),
        ({}, {"HYBRID_FD": "3"}, {"fd": 3}),
        ({"fd": 4}, {"HYBRID_UDS": "x"}, {"fd": 4}),
    ],
)
def test_an_address_replaces_those_of_weaker_places(
    folder: Path, typed: dict[str, object], environ: dict[str, str], left: dict[str, object]
) -> None:
    """`--uds` is no contradiction of a port in a file: it is meant instead."""
    config = gather(typed, environ=environ).config()
    given = {name: getattr(config, name) for name in ("host", "port", "uds", "fd")}
    assert given == {"host": "127.0.0.1", "port": 8000, "uds": None, "fd": None, **left}


def test_a_file_that_is_named(folder: Path) -> None:
    """`--config` goes before HYBRID_CONFIG, and that before the files of the folder."""
    (folder / "one.toml").write_text("threads = 8")
    (folder / "two.toml").write_text("threads = 9")
    environ = {"HYBRID_CONFIG": "one.toml"}
    assert places(gather({}, environ=environ)) == {"threads": (8, Source.FILE)}
    gathered = gather({}, file="two.toml", environ=environ)
    assert gathered.given["threads"].where == "two.toml:threads"
    assert gathered.file == "two.toml"
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        gather({}, environ={"HYBRID_CONFIG": "gone.toml"})


def test_gathering_again(folder: Path) -> None:
    """Files and variables are read again, as a rolling restart wants; what was typed stays."""
    environ = {"HYBRID_BACKLOG": "2"}
    gathered = gather({"port": 3}, environ=environ)
    (folder / "hybrid.toml").write_text("port = 1\nthreads = 7")
    environ["HYBRID_BACKLOG"] = "4"
    again = gathered.again()
    assert {name: given.value for name, given in again.given.items()} == {
        "port": 3,
        "threads": 7,
        "backlog": 4,
    }


def test_both_files_are_there(folder: Path) -> None:
    """It is said which one is read."""
    (folder / "pyproject.toml").write_text("[tool.hybrid]\nthreads = 7")
    gathered = gather({}, environ={})
    assert gathered.notes == ("hybrid.toml is read, and not [tool.hybrid] of pyproject.toml",)
    assert gathered.given["threads"].value == 1


# The file of environment variables


def test_variables_from_a_file(folder: Path) -> None:
    """They are a part of the environment: stronger than the configuration file, weaker than what is set."""
    (folder / ".env").write_text("HYBRID_THREADS=5\nHYBRID_PORT=5\nHYBRID_BACKLOG=5\nHYBRID_ENV_FILE=no\nA=b")
    gathered = gather({"env_file": ".env", "backlog": 6}, environ={"HYBRID_PORT": "6"})
    assert places(gathered) == {
        "app": (["filed"], Source.FILE),
        "env_file": (".env", Source.COMMAND_LINE),
        "threads": (5, Source.ENVIRONMENT),
        "port": (6, Source.ENVIRONMENT),
        "backlog": (6, Source.COMMAND_LINE),
    }
    assert gathered.given["threads"].origin == "environment variable HYBRID_THREADS in .env"


@pytest.mark.parametrize("place", ["environment", "file"])
def test_the_file_of_variables_may_be_named_anywhere(folder: Path, place: str) -> None:
    """In HYBRID_ENV_FILE, or in the configuration file."""
    (folder / ".env").write_text("HYBRID_THREADS=5")
    (folder / "hybrid.toml").write_text('env_file = ".env"' if place == "file" else "")
    environ = {"HYBRID_ENV_FILE": ".env"} if place == "environment" else {}
    assert gather({}, environ=environ).given["threads"].value == 5


def test_a_wrong_variable_in_a_file(folder: Path) -> None:
    """The message names the file too."""
    (folder / ".env").write_text("HYBRID_THREADS=many")
    with pytest.raises(ConfigError, match=r"^HYBRID_THREADS: 'many' is not a whole number .* in \.env$"):
        gather({"env_file": ".env"}, environ={})
    (folder / ".env").write_text("HYBRID_THREAD=many")
    assert "HYBRID_THREAD is no" in gather({"env_file": ".env"}, environ={}).remarks[0]


def test_variables_of_hosting_services_come_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were not set for us alone, so that a file goes before them; the default does not."""
    monkeypatch.setitem(COMMON_VARIABLES, "threads", "WEB_THREADS")
    monkeypatch.setitem(COMMON_VARIABLES, "ws_max_queue", "WEB_QUEUE")
    gathered = gather({}, environ={"WEB_THREADS": "9", "WEB_QUEUE": "9"})
    assert gathered.given["threads"].value == 1
    assert gathered.given["ws_max_queue"].origin == "environment variable WEB_QUEUE"
    with pytest.raises(ConfigError, match=r"^WEB_QUEUE: 'x' is not a whole number"):
        gather({}, environ={"WEB_QUEUE": "x"})
