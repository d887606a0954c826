"""Setting up the log of a process that has not done so itself."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import Any, cast

from hybrid.bridge.errors import ConfigError
from hybrid.server.ops.formatters import AccessFormatter, JsonFormatter, TextFormatter, wants_colors
from hybrid.server.ops.handlers import LineHandler
from hybrid.server.wording import reason_of

#: What ``--access-logfile`` and ``--error-logfile`` call stdout and stderr, as gunicorn does.
STANDARD_STREAM = "-"


@dataclass(frozen=True, kw_only=True)
class LogPlan:
    """What the log is to be.

    Attributes:
        level: of events and accesses, one of ``Config.log_level``.
        as_json: whether both are written as JSON.
        timed: whether lines of accesses begin with the time.
        colors: whether levels and statuses are coloured; None where that makes sense.
        access_file, error_file: where accesses and events go; None for stdout and stderr, or where somebody
            has set that up; ``"-"`` for stdout and stderr in any case.
        config: a logging configuration: a mapping, or a path.
    """

    level: str = "info"
    as_json: bool = False
    timed: bool = True
    colors: bool | None = None
    access_file: str | PathLike[str] | None = None
    error_file: str | PathLike[str] | None = None
    config: Mapping[str, Any] | str | PathLike[str] | None = None


def configure_logging(plan: LogPlan) -> None:
    """Send the ``hybrid`` loggers to stderr and ``hybrid.access`` to stdout, as uvicorn does with its own.

    Where somebody has set logging up already, for these loggers or for all, their handlers get everything;
    the root logger is never touched. A logging configuration comes first, and counts as such; the level
    that it gives to ``hybrid`` stays, unless another one than ``info`` is asked for.

    Raises:
        ConfigError: the configuration cannot be read or does not work, or a file cannot be written.
    """
    if plan.config is not None:
        _apply_config(plan.config)
    events, accesses = logging.getLogger("hybrid"), logging.getLogger("hybrid.access")
    if plan.config is None or plan.level != "info" or events.level == logging.NOTSET:
        events.setLevel(plan.level.upper())
    if plan.access_file is not None or not accesses.hasHandlers():
        handler = _make_handler("access_logfile", plan.access_file, sys.stdout)
        handler.batches = True
        colors = wants_colors(plan.colors, sys.stdout) and handler.path is None
        _set_handler(accesses, handler, plan, AccessFormatter(timed=plan.timed, colors=colors))
    if plan.error_file is not None or not events.hasHandlers():
        handler = _make_handler("error_logfile", plan.error_file, sys.stderr)
        colors = wants_colors(plan.colors, sys.stderr) and handler.path is None
        _set_handler(events, handler, plan, TextFormatter(colors=colors))


def _make_handler(name: str, path: str | PathLike[str] | None, stream: Any) -> LineHandler:
    if path is None or fspath(path) == STANDARD_STREAM:
        return LineHandler(stream)
    try:
        return LineHandler(path=Path(path))
    except OSError as error:
        raise ConfigError(f"{name}: {fspath(path)} cannot be written: {reason_of(error)}") from error


def _set_handler(
    logger: logging.Logger, handler: LineHandler, plan: LogPlan, formatter: logging.Formatter
) -> None:
    """Let a logger write through this handler alone; one of ours that is there already is replaced."""
    handler.setFormatter(JsonFormatter() if plan.as_json else formatter)
    for other in [each for each in logger.handlers if isinstance(each, LineHandler)]:
        logger.removeHandler(other)
        other.close()
    logger.addHandler(handler)
    logger.propagate = False


# Logging configurations, in the files that uvicorn takes.


def _apply_config(config: Mapping[str, Any] | str | PathLike[str]) -> None:
    if isinstance(config, Mapping):
        _apply_mapping(config, "log_config")
        return
    import json  # these take milliseconds, and are not for who has no configuration
    from configparser import Error as IniError
    from logging.config import fileConfig

    path = Path(config)
    name = f"log_config: {path}"
    try:
        if path.suffix == ".json":
            _apply_mapping(json.loads(path.read_text(encoding="utf-8")), name)
        elif path.suffix in (".yaml", ".yml"):
            _apply_mapping(_read_yaml(path), name)
        else:
            with path.open(encoding="utf-8") as file:
                fileConfig(file, disable_existing_loggers=False)
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {reason_of(error)}") from error
    except (ValueError, KeyError, RuntimeError, IniError) as error:
        raise ConfigError(f"{name} is no logging configuration: {' '.join(str(error).split())}") from error


def _apply_mapping(config: object, name: str) -> None:
    """Apply a dictionary. The loggers that exist already are ours: they are kept unless it says otherwise."""
    if not isinstance(config, Mapping):
        raise ConfigError(f"{name} is no logging configuration: it holds no table")
    from logging.config import dictConfig

    values = {"disable_existing_loggers": False, **cast("Mapping[str, Any]", config)}
    try:
        dictConfig(values)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        raise ConfigError(f"{name} is no logging configuration: {error}{cause}") from error


def _read_yaml(path: Path) -> object:
    try:
        yaml: Any = import_module("yaml")  # which not everybody has
    except ImportError:
        raise ConfigError(
            f"log_config: {path} needs PyYAML, which is not installed; JSON needs nothing"
        ) from None
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"log_config: {path} is no YAML: {error}") from error
