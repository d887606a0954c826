"""How connections are encrypted, and who may connect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import (
    Choice,
    Object,
    Seconds,
    SettingsGroup,
    Text,
    Texts,
    setting,
    settings_group,
    settings_of,
)

#: The words for what is asked of clients, and the numbers that uvicorn and gunicorn have for them.
_CERT_REQS: Final = ("none", "optional", "required")


@dataclass(kw_only=True, repr=False, eq=False)
class _CertReqs(Choice):
    """A word of :data:`_CERT_REQS`, or its number."""

    choices: Sequence[str] = (*_CERT_REQS, "0", "1", "2")

    def _accepts(self, value: Any) -> bool:
        return not isinstance(value, bool) and _cert_reqs(value) in self.choices


def _cert_reqs(value: str | int) -> str:
    return str(int(value)) if isinstance(value, int) else value  # an IntEnum's text is its name


@settings_group
class TlsSettings(SettingsGroup):
    """How connections are encrypted, and who may connect."""

    heading: ClassVar[str] = "TLS"

    ssl_certfile: str | Path | None = setting(
        None,
        Text(
            metavar="PATH",
            optional=True,
            help="Serve HTTPS with the certificate in this PEM file, the certificates of its chain after it. "
            "It is read again when it changes.",
        ),
    )
    ssl_keyfile: str | Path | None = setting(
        None,
        Text(
            metavar="PATH",
            optional=True,
            help="The certificate's private key, where it is not in --ssl-certfile.",
        ),
    )
    ssl_keyfile_password: str | None = setting(
        None,
        Text(
            metavar="TEXT",
            optional=True,
            secret=True,
            help="What the private keys are encrypted with.",
        ),
    )
    ssl_ca_certs: str | Path | None = setting(
        None,
        Text(
            metavar="PATH",
            optional=True,
            help="Believe client certificates that one of the authorities in this PEM file has issued.",
        ),
    )
    ssl_cert_reqs: str | int = setting(
        "none",
        _CertReqs(
            metavar="[none|optional|required]",
            help="Ask clients for a certificate; 0, 1 and 2 mean the same. One that is not valid ends the "
            "handshake.",
        ),
    )
    ssl_ciphers: str | None = setting(
        None,
        Text(
            metavar="LIST",
            optional=True,
            help="Ciphers of TLS 1.2, as OpenSSL writes them; those of TLS 1.3 are always there.",
        ),
    )
    ssl_minimum_version: str = setting(
        "1.2",
        Choice(choices=("1.2", "1.3"), help="Refuse older versions of TLS."),
    )
    ssl_sni: Sequence[str] = setting(
        (),
        Texts(
            metavar="HOST=CERTFILE[,KEYFILE]",
            help="Have another certificate for clients that ask for this name, which may begin with '*.'.",
        ),
    )
    timeout_ssl_handshake: float = setting(
        10.0,
        Seconds(help="Disconnect a client whose TLS handshake takes longer."),
    )
    ssl_context_factory: Callable[..., Any] | None = setting(
        None,
        Object(
            optional=True,
            help="Called with the configuration and a function that makes the usual ssl.SSLContext; returns "
            "the one to use. Called again when the files change.",
        ),
    )

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.ssl_certfile) or self.ssl_context_factory is not None

    @property
    def sni_files(self) -> dict[str, tuple[str, str | None]]:
        """Certificate and key file for each name of :attr:`ssl_sni`, which is as clients send it.

        Raises:
            ConfigError: one of them is malformed, or there twice.
        """
        files: dict[str, tuple[str, str | None]] = {}
        for text in self.ssl_sni:
            host, _, paths = text.partition("=")
            certfile, _, keyfile = paths.partition(",")
            name = _ascii_name(host)
            if not name or not certfile:
                raise ConfigError(f"ssl_sni: {text!r} is not HOST=CERTFILE or HOST=CERTFILE,KEYFILE")
            if name in files:
                raise ConfigError(f"ssl_sni: {host!r} is there twice")
            files[name] = certfile, keyfile or None
        return files

    def check_group(self) -> None:
        """Refuse settings that say nothing without another one."""
        if self.timeout_ssl_handshake <= 0:
            raise ConfigError("timeout_ssl_handshake: 0 would let nobody connect")
        reqs = _cert_reqs(self.ssl_cert_reqs)
        self.ssl_cert_reqs = _CERT_REQS[int(reqs)] if reqs.isdecimal() else reqs
        self.sni_files  # noqa: B018 - raises
        for name, (_, default) in settings_of(TlsSettings).items():
            if name.startswith("ssl_") and getattr(self, name) not in (default, "", []) and not self.uses_tls:
                raise ConfigError(f"{name}: ssl_certfile is missing, without which there is no TLS")
        if self.ssl_cert_reqs != "none" and not self.ssl_ca_certs and self.ssl_context_factory is None:
            raise ConfigError("ssl_cert_reqs: ssl_ca_certs is missing, without which no client is believed")


def _ascii_name(host: str) -> str:
    """Write a name as it stands in a handshake (RFC 6066 section 3); "" for one that cannot stand there."""
    wildcard = host.startswith("*.")
    name = host.removeprefix("*.").lower().removesuffix(".")
    try:
        name = name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return ("*." * wildcard + name) if name and "*" not in name else ""
