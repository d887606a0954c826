"""Where those who operate a server see how it is."""

from typing import ClassVar, Final

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.addresses import Address, parse_address
from hybrid.server.config.settings import SettingsGroup, Text, setting, settings_group

#: The port of an address that has none.
_DEFAULT_PORT: Final = 9100
#: A shorter token could be guessed.
_SHORTEST_TOKEN: Final = 16


@settings_group
class OpsSettings(SettingsGroup):
    """Where those who operate a server see how it is."""

    heading: ClassVar[str] = "Operations"

    ops: str | None = setting(
        None,
        Text(
            metavar="ADDRESS",
            optional=True,
            help="Tell health (/health/live, /health/ready), metrics (/metrics), the status (/status) and an "
            "operations page (/) at HOST:PORT, [IPV6]:PORT, unix:PATH or fd://NUMBER. What others than this "
            "machine can reach tells health alone, unless there is a token.",
        ),
    )
    ops_token: str | None = setting(
        None,
        Text(
            metavar="TEXT",
            optional=True,
            secret=True,
            help="Tell all but health to those alone who send this token: as Authorization: Bearer, or where "
            "the operations page asks for it. 16 characters at least.",
        ),
    )

    @property
    def ops_address(self) -> Address | None:
        """Where that is; None where it is not wanted.

        Raises:
            ConfigError: the address cannot be read.
        """
        if self.ops is None:
            return None
        try:
            return parse_address(self.ops, _DEFAULT_PORT)
        except ValueError as error:
            raise ConfigError(f"ops: {self.ops!r}: {error}") from None

    def check_group(self) -> None:
        """Refuse an address that cannot be read, and a token that could be guessed, or that no header can
        have.
        """
        _ = self.ops_address
        token = self.ops_token
        if token is None:
            return
        if len(token) < _SHORTEST_TOKEN:
            raise ConfigError(f"ops_token: it has fewer than {_SHORTEST_TOKEN} characters")
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ConfigError("ops_token: it has characters that no Authorization field can have")
