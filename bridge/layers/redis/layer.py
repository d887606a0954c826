"""The channel layer for processes that share a Redis or Valkey server."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.hub import Hub
from hybrid.bridge.layers.options import checked_options, options_of
from hybrid.bridge.layers.shared import SharedChannelLayer
from hybrid.bridge.layers.specs import masked

#: What the query of a URL may have beside options of the layer; redis-py says what they mean.
CLIENT_OPTIONS: Final = frozenset(
    {
        "db",
        "username",
        "password",
        "socket_connect_timeout",
        "socket_keepalive",
        "client_name",
        "ssl_keyfile",
        "ssl_certfile",
        "ssl_password",
        "ssl_cert_reqs",
        "ssl_ca_certs",
        "ssl_ca_path",
        "ssl_ca_data",
        "ssl_check_hostname",
        "ssl_min_version",
        "ssl_ciphers",
        "sentinel_username",
        "sentinel_password",
    }
)

_PREFIX = re.compile(r"[A-Za-z0-9_.\-]+")


class RedisChannelLayer(SharedChannelLayer):
    """Channels and groups for any number of processes, on any number of machines, through Redis or Valkey.

    See :class:`~hybrid.bridge.layers.shared.SharedChannelLayer` for what it does without a connection, and
    for most of the options.

    Args:
        url: ``redis://user:password@host:6379/0``, ``rediss://`` for TLS, ``unix:///path/to/socket``,
            ``redis+sentinel://host:26379,host:26379/service/0``; ``valkey`` may stand for ``redis``. Options
            of this layer may be in the query, as may those of redis-py such as ``ssl_ca_certs``.
        prefix: with which all keys begin: layers with different ones have nothing to do with each other.
        lease: seconds after which the members of a process that has died are taken to have left.
        options: those of :class:`~hybrid.bridge.layers.shared.SharedChannelLayer`; they count for more than
            those in the URL.

    Raises:
        ConfigError: an option cannot be, or is unknown; or redis-py is not installed.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        *,
        prefix: str = "hybrid",
        lease: float = 15.0,
        **options: Any,
    ) -> None:
        rest, found = _split(url)
        self.prefix: str = found.pop("prefix", prefix)
        self.lease: float = found.pop("lease", lease)
        if not _PREFIX.fullmatch(self.prefix):
            raise ConfigError(f"prefix must be letters, digits, '-', '_' and '.', not {self.prefix!r}")
        if self.lease <= 0:
            raise ConfigError(f"lease must be greater than 0, not {self.lease!r}")
        super().__init__(**{**found, **options})
        try:
            from hybrid.bridge.layers.redis.address import Address
        except ImportError as error:
            raise ConfigError("the package redis is missing: pip install 'hybrid-gateway[redis]'") from error
        self.address = Address(rest, self.timeout)

    def make_hub(self) -> Hub:
        """Return a new hub."""
        from hybrid.bridge.layers.redis.hub import RedisHub

        return RedisHub(self.address, self.prefix, self.lease, self.timeout)


def _split(url: str) -> tuple[str, dict[str, Any]]:
    """Return a URL without the options of the layer that its query has, and these."""
    base, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    client = {name: options.pop(name) for name in CLIENT_OPTIONS & options.keys()}
    try:
        found = checked_options(options_of(RedisChannelLayer, skip=1), {}, options)
    except ConfigError as error:
        raise ConfigError(f"{masked(base)}: {error}") from None
    return (f"{base}?{urlencode(client)}" if client else base), found
