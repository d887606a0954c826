"""Where the server listens."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.addresses import Address, InheritedSocket, TCPAddress, UnixAddress, parse_address
from hybrid.server.config.settings import (
    Flag,
    SettingsGroup,
    Text,
    Texts,
    Whole,
    setting,
    settings_group,
)

_DEFAULT_HOST = "127.0.0.1"
_DEFAULT_PORT = 8000


@settings_group
class ListenerSettings(SettingsGroup):
    """Where the server listens."""

    heading: ClassVar[str] = "Addresses"

    bind: Sequence[str] = setting(
        (),
        Texts(
            metavar="ADDRESS",
            help="Listen on HOST:PORT, [IPV6]:PORT, unix:PATH or fd://NUMBER, instead of host and port.",
        ),
    )
    host: str = setting(_DEFAULT_HOST, Text(metavar="HOST", help="Listen on this address."))
    port: int = setting(
        _DEFAULT_PORT,
        Whole(
            low=0,
            high=65535,
            metavar="PORT",
            help="Listen on this port; 0 picks a free one.",
        ),
    )
    uds: str | None = setting(
        None,
        Text(
            metavar="PATH",
            optional=True,
            help="Listen on a Unix socket at this path instead.",
        ),
    )
    uds_mode: str = setting(
        "666",
        Text(
            metavar="OCTAL",
            help="Let those connect to Unix sockets whom these permissions of their files allow to write.",
        ),
    )
    fd: int | None = setting(
        None,
        Whole(
            low=0,
            high=(1 << 31) - 1,
            optional=True,
            metavar="NUMBER",
            help="Listen on this inherited file descriptor instead.",
        ),
    )
    backlog: int = setting(
        2048,
        Whole(
            low=1,
            high=1 << 16,
            metavar="N",
            help="Let the system queue this many connections that have not been accepted yet.",
        ),
    )
    reuse_port: bool = setting(
        False,
        Flag(help="Let several servers listen on one port, among which the system divides connections."),
    )

    @property
    def addresses(self) -> list[Address]:
        """What is to be listened on; nothing when that was left open, and :attr:`host` and :attr:`port` are
        meant unless systemd has passed sockets.

        Raises:
            ConfigError: an address cannot be read.
        """
        if self.uds is not None:
            return [UnixAddress(Path(self.uds))]
        if self.fd is not None:
            return [InheritedSocket(self.fd)]
        return [self._read(text) for text in self.bind]

    @property
    def default_address(self) -> TCPAddress:
        """The host and the port."""
        return TCPAddress(self.host, self.port)

    @property
    def socket_permissions(self) -> int:
        """The permissions of the files of Unix sockets."""
        return int(self.uds_mode, 8)

    def check_group(self) -> None:
        """Refuse addresses that cannot be read, and such as exclude each other."""
        if self.uds is not None and self.fd is not None:
            raise ConfigError("uds and fd: give one of them, not both")
        if not re.fullmatch(r"0?[0-7]{3}", str(self.uds_mode)):
            raise ConfigError(f"uds_mode: {self.uds_mode!r} is not three octal digits, such as 660")
        if self.bind:
            self._check_bind()

    def _check_bind(self) -> None:
        for name in ("uds", "fd"):
            if getattr(self, name) is not None:
                raise ConfigError(f"bind and {name}: give one of them; bind can be repeated")
        if self.host != _DEFAULT_HOST:
            raise ConfigError("bind and host: give one of them; bind can be repeated")
        without_default = [self._read(text, default_port=_DEFAULT_PORT) for text in self.bind]
        if self.port != _DEFAULT_PORT and self.addresses == without_default:
            raise ConfigError("bind and port: each address of bind has its own port")
        for place, text in enumerate(self.bind):
            if text in self.bind[:place]:
                raise ConfigError(f"bind: {text!r} is there twice")

    def _read(self, text: str, *, default_port: int | None = None) -> Address:
        try:
            return parse_address(text, self.port if default_port is None else default_port)
        except ValueError as error:
            raise ConfigError(f"bind: {text!r}: {error}") from None
