"""Environment variables from a file (``--env-file``), in the format that python-dotenv reads."""

import os
from pathlib import Path

from hybrid.bridge.errors import ConfigError
from hybrid.server.wording import reason_of


def load_env_file(path: str | Path) -> None:
    """Add a file's variables to the environment of this process; those that are there already stay.

    Raises:
        ConfigError: it cannot be read; the message names it.
    """
    for name, value in read_env_file(path).items():
        os.environ.setdefault(name, value)


def read_env_file(path: str | Path) -> dict[str, str]:
    """Return a file's variables. ``${NAME}`` in a value is a variable of the environment, or of the file.

    Raises:
        ConfigError: python-dotenv is not installed, the file cannot be read, or one of its lines; the message
            names it.
    """
    try:
        from dotenv.main import DotEnv
        from dotenv.parser import parse_stream
    except ModuleNotFoundError:
        raise ConfigError(
            "env_file: it takes python-dotenv to read one: pip install 'hybrid-gateway[dotenv]'"
        ) from None
    try:
        with Path(path).open(encoding="utf-8") as lines:
            # DotEnv itself only logs what it cannot read, and goes on without it.
            wrong = next((each for each in parse_stream(lines) if each.error), None)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"env_file: cannot read {path}: {reason_of(error)}") from None
    if wrong is not None:
        raise ConfigError(f"env_file: {path}, line {wrong.original.line}: it is not NAME=VALUE")
    values = DotEnv(path, encoding="utf-8", override=False).dict()
    return {name: value for name, value in values.items() if value is not None}
