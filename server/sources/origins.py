"""A value of a setting, and where somebody has given it."""

import enum
from typing import NamedTuple


class Source(enum.Enum):
    """The places where a setting can be given, the strongest first."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment variable"
    FILE = "file"
    DEFAULT = "default"


class Given(NamedTuple):
    """A value, and where it comes from.

    Attributes:
        where: the variable, with the file that sets it if one does; or the file and its key, as ``FILE:KEY``.
    """

    value: object
    source: Source
    where: str = ""

    @property
    def origin(self) -> str:
        """Say where the value comes from, in a few words."""
        return f"{self.source.value} {self.where}".rstrip()
