"""Files that the server sends by itself."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.prefixes import clean_prefix
from hybrid.server.config.settings import Flag, SettingsGroup, Texts, Whole, setting, settings_group

#: A year.
_LONGEST_AGE = 365 * 24 * 3600


class StaticMount(NamedTuple):
    """A directory, and the path below which its files are; for every host that no route names, or for one."""

    prefix: str
    directory: str
    host: str = ""


@settings_group
class StaticSettings(SettingsGroup):
    """Files that the server sends by itself."""

    heading: ClassVar[str] = "Static files"

    static: Sequence[str] = setting(
        (),
        Texts(
            metavar="URL=DIR",
            help="Answer what is below this path with the files of this directory.",
        ),
    )
    static_max_age: int = setting(
        60,
        Whole(
            low=0,
            high=_LONGEST_AGE,
            metavar="SECONDS",
            help="Time for which browsers and proxies may keep a file without asking again; 0 has them ask "
            "always. Files that are named after their content are kept for a year.",
        ),
    )
    static_immutable: Sequence[str] = setting(
        (),
        Texts(
            metavar="PATTERN",
            help="Take files for named after their content whose path below URL is like this, as assets/*.",
        ),
    )
    static_index: bool = setting(
        False, Flag(help="Answer a path that ends in a slash with index.html of that directory.")
    )
    static_links: bool = setting(
        False, Flag(help="Follow symbolic links that lead out of the directories of files.")
    )

    static_fresh: bool = setting(
        False,
        Flag(
            option=False,
            help="Look at the files with each request, and have browsers ask always; reload does.",
        ),
    )

    @property
    def static_mounts(self) -> list[StaticMount]:
        """The directories of :attr:`static`, in order.

        Raises:
            ConfigError: one of them is malformed.
        """
        return [_mount(text) for text in self.static]

    def check_group(self) -> None:
        """Refuse what cannot be mounted. Whether a directory is there is found out when it is."""
        self.static_mounts  # noqa: B018 - raises


def _mount(text: str) -> StaticMount:
    prefix, equals, directory = text.partition("=")
    if not equals or not directory:
        raise ConfigError(f"static: {text!r} is not URL=DIR, as /static=build/static")
    try:
        return StaticMount(clean_prefix(prefix), directory)
    except ValueError as error:
        raise ConfigError(f"static: {text!r}: {error}") from None
