"""How a setting is declared: its default, what it may be, and what its help says.

A setting is said once, as a field of a :class:`SettingsGroup`. The command line, the environment
variables, the configuration file and the reference page are made from there.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

from hybrid.bridge.errors import ConfigError

T = TypeVar("T")
Group = TypeVar("Group")

#: Seconds; nothing that can be set may wait for ever, except where 0 says so.
LONGEST_TIMEOUT = 24 * 3600
#: What is shown in place of a secret.
HIDDEN = "***"
_KEY = "hybrid"

_FLAG_WORDS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}
#: A list of texts; not the address of ``[::1]:8000``.
_JSON_LIST = re.compile(r'\s*\[\s*["\]]')


@dataclass(kw_only=True, repr=False, eq=False)
class Setting:
    """What there is to know of a setting beside its name and its default.

    Attributes:
        help: what it does, in one or two sentences for the command line; says what 0 means where it means
            something else.
        metavar: what its value is called in the help, such as ``SECONDS``.
        flag: its option on the command line, where that is not its name with dashes.
        optional: whether it may be None.
        option: whether the command line, the environment and files have it, not the API alone.
        in_files: whether a file has it, though the command line and the environment have not.
        secret: whether its value is kept out of whatever shows settings.
        masks: whether a part of its value may be a secret, see :meth:`shown`.
        bare: its value where its option stands alone; without one, the option needs a value.
    """

    in_files: ClassVar[bool] = False
    masks: ClassVar[bool] = False

    help: str
    metavar: str = ""
    flag: str = ""
    bare: str = ""
    optional: bool = False
    option: bool = True
    secret: bool = False

    def flag_of(self, name: str) -> str:
        """Return the option of the command line, where this is the setting of that name."""
        return self.flag or f"--{name.replace('_', '-')}"

    def hides(self, value: object) -> bool:
        """Tell whether a value is not to be shown to anybody: a secret, where there is one."""
        return self.secret and value is not None

    def shown(self, value: object) -> object:
        """Return what is shown of a value, wherever settings are."""
        return HIDDEN if self.hides(value) else value

    def check(self, name: str, value: object) -> None:
        """Refuse a value that cannot be one of this setting.

        Raises:
            ConfigError: the message names the setting, the value, and what it may be.
        """
        if not (value is None and self.optional) and not self._accepts(value):
            shown = HIDDEN if self.hides(value) else repr(self.shown(value))
            raise ConfigError(f"{name}: {shown} is not {self._wanted()}")

    def read(self, text: str) -> object:
        """Turn what an environment variable holds into a value, or return it for :meth:`check` to refuse."""
        return text

    def _accepts(self, value: Any) -> bool:
        return True

    def _wanted(self) -> str:
        return "anything"


@dataclass(kw_only=True, repr=False, eq=False)
class Whole(Setting):
    """A whole number within a range that includes both ends."""

    low: int
    high: int

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def read(self, text: str) -> object:
        """Read digits."""
        try:
            return int(text)
        except ValueError:
            return text

    def _wanted(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


@dataclass(kw_only=True, repr=False, eq=False)
class Number(Setting):
    """A number, with or without a fraction."""

    low: ClassVar[float] = 0
    high: ClassVar[float]

    def _accepts(self, value: Any) -> bool:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high

    def read(self, text: str) -> object:
        """Read a number."""
        try:
            return float(text)
        except ValueError:
            return text

    def _wanted(self) -> str:
        return f"a number from {self.low} to {self.high}"


@dataclass(kw_only=True, repr=False, eq=False)
class Seconds(Number):
    """A time, at most a day."""

    high: ClassVar[float] = LONGEST_TIMEOUT


@dataclass(kw_only=True, repr=False, eq=False)
class Percent(Number):
    """A share, from 0 to 100."""

    high: ClassVar[float] = 100


@dataclass(kw_only=True, repr=False, eq=False)
class Choice(Setting):
    """One of several words."""

    choices: Sequence[str]

    def _accepts(self, value: Any) -> bool:
        return value in self.choices

    def _wanted(self) -> str:
        return f"one of {', '.join(self.choices)}"


@dataclass(kw_only=True, repr=False, eq=False)
class Flag(Setting):
    """On or off."""

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, bool)

    def read(self, text: str) -> object:
        """Read a word for yes or no, of those that click knows."""
        return _FLAG_WORDS.get(text.strip().lower(), text)

    def _wanted(self) -> str:
        return "true or false"


@dataclass(kw_only=True, repr=False, eq=False)
class Text(Setting):
    """A text, or a path."""

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, str) or hasattr(value, "__fspath__")

    def _wanted(self) -> str:
        return "a text"


@dataclass(kw_only=True, repr=False, eq=False)
class Texts(Setting):
    """Any number of texts: an option that may be repeated, a list in a file."""

    def _accepts(self, value: Any) -> bool:
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            return False
        return all(isinstance(each, str) for each in cast("Sequence[object]", value))

    def read(self, text: str) -> object:
        """Split at white space, as click does; texts that have some can be written as a list in JSON."""
        if not _JSON_LIST.match(text):
            return text.split()
        import json

        try:
            return json.loads(text)
        except ValueError:
            return text

    def _wanted(self) -> str:
        return "a list of texts"


@dataclass(kw_only=True, repr=False, eq=False)
class Object(Setting):
    """An object of the program that embeds the server."""

    option: bool = False


def holds_texts_and_tables(value: object) -> bool:
    """Tell whether a value is a table of texts and tables."""
    return isinstance(value, Mapping) and all(
        isinstance(each, (str, Mapping)) for each in cast("Mapping[str, object]", value).values()
    )


def setting(default: T, what: Setting) -> T:
    """Declare a field of the configuration; for type checkers, its default."""
    is_open = not (what.secret or what.masks)
    field: Any = dataclasses.field(default=default, repr=is_open, metadata={_KEY: what})
    return field  # type: ignore[no-any-return]


@dataclass_transform(kw_only_default=True)
def settings_group(group: type[Group]) -> type[Group]:
    """Make a class that declares settings a part of a configuration.

    A dataclass, whose own methods nobody calls: making them would take a fifth of a server's start.
    """
    return dataclass(kw_only=True, init=False, repr=False, eq=False)(group)


@settings_group
class SettingsGroup:
    """The settings of one subject.

    Attributes:
        heading: of the subject, in the help and on the reference page.
    """

    heading: ClassVar[str]

    def check_group(self) -> None:
        """Refuse values that are possible each but do not go together, and bring others to their usual form.

        Raises:
            ConfigError: the message names the settings.
        """


def settings_of(group: type[SettingsGroup] | SettingsGroup) -> dict[str, tuple[Setting, Any]]:
    """Return the settings that a group, or a whole configuration, declares, by name, with its default."""
    return {
        field.name: (field.metadata[_KEY], field.default)
        for field in dataclasses.fields(group)
        if _KEY in field.metadata
    }
