"""The certificates that a server presents: loaded, chosen by name, and read again when they change."""

import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.wording import reason_of

logger = logging.getLogger("hybrid.server")

_VERIFY_MODES: Final = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
#: What clients may choose from by ALPN (RFC 7301), the preferred one first.
_OFFERS: Final = {"auto": ("h2", "http/1.1"), "1": ("http/1.1",), "2": ("h2",)}
#: What OpenSSL's names of ciphers have that encrypt and authenticate in one.
_AEAD: Final = ("-GCM-", "-CCM", "-CHACHA20-POLY1305")
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"

#: What is compared to notice that a file has changed; None for one that cannot be seen.
_Stamp = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class _KeyPair:
    """A certificate and its key, and what to call them when something is wrong with them.

    Attributes:
        certfile: the certificate, and its chain.
        keyfile: the private key; may be the same file.
        certificate_name, key_name: the settings that name the files.
    """

    certfile: Path
    keyfile: Path
    certificate_name: str = "ssl_certfile"
    key_name: str = "ssl_keyfile"


class Certificates:
    """The certificates that a server presents, as new as they can be had. Loop thread only.

    Each handshake gets the :attr:`context` of its moment, and keeps it. So a change reaches whoever connects
    from then on, and no session of the time before is resumed: not one that a client was given whose
    authority is believed no longer.

    Raises:
        ConfigError: a file is missing, or something else is wrong; the message names the setting.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._presented: WeakKeyDictionary[ssl.SSLContext, str] = WeakKeyDictionary()
        common = [Path(config.ssl_ca_certs).absolute()] if config.ssl_ca_certs else []
        self._hosts: dict[str, _Watched] = {}
        for host, (certfile, keyfile) in config.sni_files.items():
            name = f"ssl_sni: {host}"
            pair = _KeyPair(Path(certfile).absolute(), Path(keyfile or certfile).absolute(), name, name)
            files = [pair.certfile, pair.keyfile, *common]
            self._hosts[host] = _Watched(files, partial(self._make, pair))
        own = _default_pair(config)
        files = [own.certfile, own.keyfile, *common] if own is not None else common
        self._default = _Watched(files, partial(self._make_default, own))

    def __repr__(self) -> str:
        return f"<Certificates for {', '.join(('any name', *self._hosts))}>"

    @property
    def context(self) -> ssl.SSLContext:
        """What the next handshake is made with."""
        return self._default.context

    def presented(self, connection: ssl.SSLObject) -> str | None:
        """Return the certificate that a client was shown, in PEM; None where a factory has chosen it."""
        return self._presented.get(connection.context)

    def reload(self) -> None:
        """Look at the files, and use what is new in them; to be called about once a second."""
        self._default.look()
        for each in self._hosts.values():
            each.look()

    def _make_default(self, pair: _KeyPair | None) -> ssl.SSLContext:
        factory = self._config.ssl_context_factory
        if factory is None:
            context = self._make(pair)
        else:
            try:
                made = factory(self._config, partial(self._make, pair))
            except ConfigError:
                raise
            except Exception as error:
                raise ConfigError(f"ssl_context_factory: it raised {error!r}") from error
            if not isinstance(made, ssl.SSLContext):
                raise ConfigError(f"ssl_context_factory: it returned {made!r}, which is no ssl.SSLContext")
            context = made
            _withdraw_http2(self._config, context)
        if self._hosts:
            if context.sni_callback is not None:
                raise ConfigError("ssl_sni: the context of ssl_context_factory has its own sni_callback")
            context.sni_callback = self._choose
        return context

    def _make(self, pair: _KeyPair | None) -> ssl.SSLContext:
        context = _make_context(self._config, pair)
        if pair is not None and (pem := _first_certificate(_read(pair.certfile, pair.certificate_name))):
            self._presented[context] = pem
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        """Choose by the name that the client asks for; a wildcard is one label (RFC 9525 section 6.3)."""
        host = (name or "").lower()
        found = self._hosts.get(host) or self._hosts.get(f"*.{host.partition('.')[2]}")
        if found is not None:
            connection.context = found.context


class _Watched:
    """A context, and the files that it was made from.

    Two files are not written at once. What is not valid when a change is first seen may be half of it, and is
    looked at again in silence; what is still not valid then is said once.

    Attributes:
        context: the newest that could be made.
    """

    def __init__(self, files: Sequence[Path], make: Callable[[], ssl.SSLContext]) -> None:
        self._files = list(dict.fromkeys(files))
        self._make = make
        self._stamp = self._look_at_files()
        self._settled = True  # whether there is nothing to do until a file changes
        self.context = make()

    def __repr__(self) -> str:
        return f"<Watched {', '.join(map(str, self._files))}>"

    def look(self) -> None:
        """Make a new context if a file has changed."""
        stamp = self._look_at_files()
        seen_before = stamp == self._stamp
        if seen_before and self._settled:
            return
        self._stamp = stamp
        self._settled = seen_before
        try:
            context = self._make()
        except ConfigError as error:
            if seen_before:
                logger.warning("%s; what was read before is still used", error)
            return
        if self._look_at_files() == stamp:  # otherwise there may be an old certificate with a new key
            self.context = context
            self._settled = True
            logger.info("%s: read again", ", ".join(map(str, self._files)))

    def _look_at_files(self) -> _Stamp:
        return tuple(_stamp(each) for each in self._files)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Describe the file that a path, or the links in it, lead to now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _default_pair(config: Config) -> _KeyPair | None:
    if not config.ssl_certfile:
        return None
    return _KeyPair(
        Path(config.ssl_certfile).absolute(), Path(config.ssl_keyfile or config.ssl_certfile).absolute()
    )


def _make_context(config: Config, pair: _KeyPair | None) -> ssl.SSLContext:
    """Make what the configuration says, with one certificate; or without, for a factory that has its own.

    Raises:
        ConfigError: it cannot be made; the message names the setting.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[config.ssl_minimum_version]
    # Compression tells secrets (CRIME); with renegotiation a client has the server work again and again.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_OFFERS[str(config.http)])
    context.verify_mode = _VERIFY_MODES[str(config.ssl_cert_reqs)]
    if config.ssl_ciphers:
        try:
            context.set_ciphers(config.ssl_ciphers)
        except ssl.SSLError:
            raise ConfigError(f"ssl_ciphers: OpenSSL knows no cipher of {config.ssl_ciphers!r}") from None
        _withdraw_http2(config, context)
    if config.ssl_ca_certs:
        try:
            context.load_verify_locations(config.ssl_ca_certs)
        except OSError as error:
            raise ConfigError(f"ssl_ca_certs: {config.ssl_ca_certs}: {tls_reason(error)}") from error
    if pair is not None:
        _load_pair(context, pair, config.ssl_keyfile_password)
    return context


def _withdraw_http2(config: Config, context: ssl.SSLContext) -> None:
    """Offer HTTP/1.1 alone where HTTP/2 would break the rules that it has for TLS (RFC 9113 section 9.2).

    Raises:
        ConfigError: nothing else may be spoken.
    """
    if config.http == "1" or (flaw := http2_flaw(context)) is None:
        return
    if config.http == "2":
        raise ConfigError(f"http: 2 cannot be spoken: {flaw}")
    logger.info("HTTP/2 is not offered: %s", flaw)
    context.set_alpn_protocols(_OFFERS["1"])


def http2_flaw(context: ssl.SSLContext) -> str | None:
    """Return which setting makes connections impossible on which HTTP/2 may be spoken; None for no such."""
    if context.minimum_version < ssl.TLSVersion.TLSv1_2:
        return "the context of ssl_context_factory allows TLS before 1.2"
    if context.minimum_version < ssl.TLSVersion.TLSv1_3:
        old = [each for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"]
        if not any(fits_http2(each["name"]) for each in old):
            return "ssl_ciphers has none for TLS 1.2 that HTTP/2 may use (RFC 9113 appendix A)"
    return None


def fits_http2(cipher: str) -> bool:
    """Tell whether HTTP/2 may be spoken with a cipher, which has OpenSSL's name.

    RFC 9113 appendix A lists what may not be used: all that keep no forward secrecy, or do not encrypt and
    authenticate in one; with TLS 1.3 nothing is left that does either.
    """
    if cipher.startswith("TLS_"):
        return True
    return cipher.startswith(("ECDHE-", "DHE-")) and any(each in cipher for each in _AEAD)


def _load_pair(context: ssl.SSLContext, pair: _KeyPair, password: str | None) -> None:
    certificate = _read(pair.certfile, pair.certificate_name)
    if _BEGIN not in certificate:
        raise ConfigError(f"{pair.certificate_name}: there is no certificate in PEM in {pair.certfile}")
    if "PRIVATE KEY-----" not in _read(pair.keyfile, pair.key_name):
        raise ConfigError(f"{pair.key_name}: there is no private key in PEM in {pair.keyfile}")
    asked: list[bool] = []

    def give_password() -> str:
        asked.append(True)
        return password or ""

    try:
        # Without a function OpenSSL would ask whoever sits at the terminal.
        context.load_cert_chain(pair.certfile, pair.keyfile, give_password)
    except (OSError, ValueError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            what = f"{pair.key_name}: the key in {pair.keyfile} does not belong to the certificate"
        elif asked and password:
            what = f"ssl_keyfile_password: it does not open {pair.keyfile}"
        elif asked:
            what = f"ssl_keyfile_password: it is missing, and {pair.keyfile} is encrypted"
        else:
            what = f"{pair.certificate_name}: {pair.certfile}: {tls_reason(error)}"
        raise ConfigError(what) from error


def _read(path: Path, setting: str) -> str:
    try:
        return path.read_text("latin-1")
    except OSError as error:
        raise ConfigError(f"{setting}: {path}: {tls_reason(error)}") from error


def tls_reason(error: Exception) -> str:
    """Say why something failed: in OpenSSL's words, without the place in its source, where it was OpenSSL."""
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else reason_of(error)


def _first_certificate(text: str) -> str | None:
    """Return the first certificate of a file, without what may stand around it."""
    begin = text.find(_BEGIN)
    end = text.find(_END, begin)
    return text[begin : end + len(_END)] + "\n" if begin >= 0 <= end else None
