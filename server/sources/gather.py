"""Putting together what was given: command line before environment before file before default."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import GROUPS, Config
from hybrid.server.config.settings import settings_of
from hybrid.server.sources.env_file import read_env_file
from hybrid.server.sources.environment import (
    CONFIG_VARIABLE,
    from_common_variables,
    from_environment,
    ignored,
    unknown,
)
from hybrid.server.sources.files import ConfigFile, find_file, read_file
from hybrid.server.sources.origins import Given, Source

#: Settings that say the same thing in different ways. Where one place gives one of them, what weaker places
#: say in the other ways is not meant any more: ``--port 0`` goes before the ``bind`` of a file.
_ADDRESSES = ({"bind"}, {"host", "port"}, {"uds"}, {"fd"})

NO_TARGET = (
    "no target: name one on the command line, in HYBRID_APP, or as [[routes]] in hybrid.toml "
    "(or [tool.hybrid] of pyproject.toml)"
)


def _not_again() -> "Gathered":
    raise ConfigError("what was not gathered cannot be gathered again")


@dataclass(frozen=True)
class Gathered:
    """What was given, and where.

    Attributes:
        given: by name of the setting, and the targets as ``app``; without the defaults.
        file: the configuration file that was read; empty when there is none.
        notes: what whoever starts the server should know, each one line.
        remarks: on top of that, what whoever checks the configuration may want to know.
        again: gathers once more, as files and variables are now; the command line is what it was.
    """

    given: Mapping[str, Given]
    file: str = ""
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    again: "Callable[[], Gathered]" = field(default=_not_again, repr=False, compare=False)

    def config(self) -> Config:
        """Make the configuration.

        Raises:
            ConfigError: there is no target, or the values do not go together.
        """
        values: dict[str, Any] = {name: each.value for name, each in self.given.items()}
        if "app" not in values:
            if not (values.get("static") or values.get("django")):
                raise ConfigError(NO_TARGET)
            values["app"] = []  # files, and a project, need no application beside them
        return Config(**values)

    def effective(self) -> dict[str, Given]:
        """Return every setting but those that only a program can give, by subject, with its default where
        nothing was given.
        """
        defaults: dict[str, Given] = {"app": Given(None, Source.DEFAULT)}
        for group in GROUPS:
            for name, (what, default) in settings_of(group).items():
                if what.option or what.in_files:
                    defaults[name] = Given(default, Source.DEFAULT)
        return {**defaults, **self.given}


def gather(
    command_line: Mapping[str, object],
    *,
    file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Gathered:
    """Find what is given, in all places.

    Args:
        command_line: what is given there, by name of the setting, and the targets as ``app``.
        file: the configuration file; without one, the variable ``HYBRID_CONFIG`` or the directory says it.
        environ: the environment, by default the process's own.
        directory: where a file is looked for, by default the current one.

    Raises:
        ConfigError: a file cannot be read, or a value is refused; the message says where that is given.
    """
    again = partial(gather, command_line, file=file, environ=environ, directory=directory)
    environ = os.environ if environ is None else environ
    strongest = {name: Given(value, Source.COMMAND_LINE) for name, value in command_line.items()}
    variables = from_environment(environ)
    read = _file(file or environ.get(CONFIG_VARIABLE), directory or Path())
    layers = [strongest, variables, read.settings]
    env_file = _merge(layers).get("env_file")
    if env_file is not None:
        # A part of the environment, and so before the configuration file, but after what is really set.
        path = str(env_file.value)
        unset = {name: value for name, value in read_env_file(path).items() if name not in environ}
        layers.insert(2, from_environment(unset, path))
        environ = {**unset, **environ}
    layers.append(from_common_variables(environ))
    notes = ignored(environ)
    if read.ignored:
        notes.append(f"{read.path} is read, and not [tool.hybrid] of {read.ignored}")
    return Gathered(_merge(layers), read.path, tuple(notes), tuple(unknown(environ)), again)


def _file(named: str | Path | None, directory: Path) -> ConfigFile:
    return read_file(Path(named)) if named else find_file(directory)


def _merge(layers: Iterable[Mapping[str, Given]]) -> dict[str, Given]:
    """Take each setting from the first layer that gives it, but for what was said in another way before."""
    merged: dict[str, Given] = {}
    for layer in layers:
        outdone = {name for way in _ADDRESSES if _said_otherwise(way, merged) for name in way}
        merged = {**{name: each for name, each in layer.items() if name not in outdone}, **merged}
    return merged


def _said_otherwise(way: set[str], merged: Mapping[str, Given]) -> bool:
    return any(other is not way and other & merged.keys() for other in _ADDRESSES)
