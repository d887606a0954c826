"""Which versions of HTTP are spoken, and what a client may use up with HTTP/2."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import (
    Choice,
    Flag,
    SettingsGroup,
    Whole,
    setting,
    settings_group,
    settings_of,
)
from hybrid.server.config.tls import TlsSettings

#: The most that the fields of HTTP/2 for a window, and for a number of streams, can say (RFC 9113 section
#: 6.5.2).
_MOST: Final = (1 << 31) - 1


@dataclass(kw_only=True, repr=False, eq=False)
class _Versions(Choice):
    """A word, or a number for one version, which files have without quotes."""

    choices: Sequence[str] = ("auto", "1", "2")

    def _accepts(self, value: Any) -> bool:
        return not isinstance(value, bool) and str(value) in self.choices


@settings_group
class HttpSettings(SettingsGroup):
    """Which versions of HTTP are spoken, and what a client may use up with HTTP/2."""

    heading: ClassVar[str] = "HTTP versions"

    http: str | int = setting(
        "auto",
        _Versions(
            metavar="[auto|1|2]",
            help="Speak HTTP/1.1 alone, HTTP/2 alone, or both: over TLS what the client chooses (ALPN), in "
            "clear HTTP/1.1.",
        ),
    )
    http2_cleartext: bool = setting(
        False,
        Flag(
            help="Where both are spoken in clear, speak HTTP/2 with a client that begins with it (prior "
            "knowledge); meant for proxies.",
        ),
    )
    http2_max_concurrent_streams: int = setting(
        100,
        Whole(
            low=1,
            high=_MOST,
            metavar="N",
            help="Let a connection of HTTP/2 have this many requests and WebSockets at a time.",
        ),
    )
    http2_initial_window_size: int = setting(
        262_144,
        Whole(
            low=1,
            high=_MOST,
            metavar="BYTES",
            help="Let this much of a request's body be on its way over HTTP/2, or wait for the application: "
            "at most so much comes in each round trip.",
        ),
    )

    def check_group(self) -> None:
        """Refuse what says nothing beside the versions that are spoken, and bring these to their usual
        form.
        """
        self.http = str(self.http)
        if self.http == "1":
            for name, (_, default) in settings_of(HttpSettings).items():
                if name != "http" and getattr(self, name) != default:
                    raise ConfigError(f"{name}: http is 1, with which HTTP/2 is not spoken")
        if self.http2_cleartext and cast("TlsSettings", self).uses_tls:
            raise ConfigError("http2_cleartext: ssl_certfile has everything encrypted, and nothing in clear")
