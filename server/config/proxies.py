"""Whose word about the client counts: proxies, and what they may say."""

from collections.abc import Mapping
from typing import ClassVar, Literal, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.server.allowlist import AllowList, words
from hybrid.server.config.settings import Choice, Flag, Object, SettingsGroup, Text, setting, settings_group

ForwardedFamily = Literal["x-forwarded", "forwarded"]
ProxyProtocol = Literal["off", "v1", "v2", "auto"]
HeaderMap = Literal["drop", "refuse", "dangerous"]

#: What a proxy can say of the request that it forwards.
FORWARDED_FACTS = ("for", "proto", "host", "port", "prefix")


@settings_group
class ProxySettings(SettingsGroup):
    """Whose word about the client counts: proxies, and what they may say."""

    heading: ClassVar[str] = "Proxies"

    proxy_headers: bool = setting(
        True,
        Flag(help="Believe proxies what their header fields say of the client."),
    )
    forwarded_allow_ips: str = setting(
        "127.0.0.1,::1,unix",
        Text(
            metavar="LIST",
            help="Proxies whose fields are believed: addresses and networks (10.0.0.0/8) with commas between,"
            " 'unix' for peers on Unix sockets, '*' for every peer, 'none' for nobody.",
        ),
    )
    forwarded_family: ForwardedFamily = setting(
        "x-forwarded",
        Choice(
            choices=get_args(ForwardedFamily),
            help="The fields that the proxy sets: X-Forwarded-*, or Forwarded (RFC 7239). The others are not "
            "looked at, as a proxy passes on what a client says there.",
        ),
    )
    forwarded_fields: str = setting(
        "for,proto",
        Text(
            metavar="LIST",
            help=f"What the proxy sets itself, and does not pass on from clients, of "
            f"{', '.join(FORWARDED_FACTS)}; the rest is not believed.",
        ),
    )
    secure_scheme_headers: Mapping[str, str] | None = setting(
        None,
        Object(
            optional=True,
            help="Fields, and the value of each, with which a proxy says that the client came with TLS.",
        ),
    )
    forwarder_headers: str = setting(
        "",
        Text(
            metavar="LIST",
            help="Field names with underscores that a proxy may send, such as REMOTE_USER; SCRIPT_NAME says "
            "where the application is mounted. '*' is all.",
        ),
    )
    header_map: HeaderMap = setting(
        "drop",
        Choice(
            choices=get_args(HeaderMap),
            help="What becomes of other field names with underscores, which WSGI cannot tell from those with "
            "dashes: drop them, refuse the request with 400, or let them pass.",
        ),
    )
    proxy_protocol: ProxyProtocol = setting(
        "off",
        Choice(
            choices=get_args(ProxyProtocol),
            help="Expect a PROXY protocol header at the start of each connection; auto is v1 or v2.",
        ),
    )
    proxy_allow_ips: str = setting(
        "127.0.0.1,::1",
        Text(
            metavar="LIST",
            help="Peers who may connect while --proxy-protocol is on, as in --forwarded-allow-ips.",
        ),
    )

    @property
    def believed_peers(self) -> str:
        """The list of those whose fields are believed."""
        return self.forwarded_allow_ips if self.proxy_headers else "none"

    def check_group(self) -> None:
        """Refuse lists that cannot be read."""
        for name in ("forwarded_allow_ips", "proxy_allow_ips"):
            try:
                AllowList(getattr(self, name))
            except ValueError as error:
                raise ConfigError(f"{name}: {error}") from None
        unknown = [each for each in words(self.forwarded_fields) if each not in FORWARDED_FACTS]
        if unknown:
            raise ConfigError(f"forwarded_fields: {unknown[0]!r} is not one of {', '.join(FORWARDED_FACTS)}")
