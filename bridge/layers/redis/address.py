"""Where Redis is, from a URL: a server, by TCP, TLS or a Unix socket, or what sentinels call the primary."""

import asyncio
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio.connection import Connection, DefaultParser, parse_url
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.specs import masked

#: What may stand in front of ``://``, and what redis-py calls it.
SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
    "redis+unix": "unix",
    "valkey+unix": "unix",
    "redis+sentinel": "redis",
    "rediss+sentinel": "rediss",
    "valkey+sentinel": "redis",
    "valkeys+sentinel": "rediss",
}


class Parser(DefaultParser):  # type: ignore[misc,valid-type]
    """Reads answers as redis-py does, and does not make text of each message that is pushed for the log."""

    async def handle_pubsub_push_response(self, response: Any) -> Any:
        """Return what was pushed."""
        return response


_SENTINEL_PORT: Final = 26379
_REDIS_PORT: Final = 6379


class Address:
    """Where to connect to, and how.

    Args:
        url: such as ``redis://user:password@host:6379/0`` or
            ``redis+sentinel://host1:26379,host2:26379/service/0``, without the options of the layer.
        connect_timeout: seconds that a connection may take, unless the URL says otherwise.

    Raises:
        ConfigError: there is something in the URL that cannot be.
    """

    def __init__(self, url: str, connect_timeout: float) -> None:
        self._shown = masked(url)
        scheme, mark, rest = url.partition("://")
        if not mark or scheme not in SCHEMES:
            raise ConfigError(f"{self._shown}: a Redis URL begins with one of {', '.join(SCHEMES)}, and ://")
        self._sentinels: list[tuple[str, int]] = []
        self._service = ""
        if scheme.endswith("+sentinel"):
            rest = self._without_sentinels(url)
        try:
            options: dict[str, Any] = dict(parse_url(f"{SCHEMES[scheme]}://{rest}"))
        except ValueError as error:
            raise ConfigError(f"{self._shown}: {error}") from None
        options.setdefault("socket_connect_timeout", connect_timeout)
        self._sentinel_options = {
            "username": options.pop("sentinel_username", None),
            "password": options.pop("sentinel_password", None),
            "socket_connect_timeout": options["socket_connect_timeout"],
            "socket_timeout": options["socket_connect_timeout"],
        }
        self._class: type[Any] = options.pop("connection_class", Connection)
        # One attempt: the hub tries again itself, and what was sent must not be sent twice.
        fixed = {"protocol": 3, "retry": None, "socket_timeout": None, "parser_class": Parser}
        self._options: dict[str, Any] = {**options, **fixed}
        self.database = str(options.get("db", 0))

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<Address {self._shown}>"

    async def connect(self) -> Any:
        """Return a connection of redis-py that is ready for commands; somebody else closes it.

        Raises:
            ConnectionError: there is none to be had; the text says why, without a password.
        """
        try:
            options = dict(self._options)
            if self._sentinels:
                options["host"], options["port"] = await self._primary()
            connection = self._class(**options)
            await _connected(connection)
        except (RedisError, OSError, TimeoutError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        return connection

    async def _primary(self) -> tuple[str, int]:
        """Ask the sentinels, one after another, where the primary is."""
        make: Any = Sentinel  # which has no types
        manager = make(self._sentinels, sentinel_kwargs=self._sentinel_options)
        try:
            host, port = await manager.discover_master(self._service)
        finally:
            for client in manager.sentinels:
                await client.aclose()
        return str(host), int(port)

    def _without_sentinels(self, url: str) -> str:
        """Take the sentinels out of a URL; return the rest as it would be for a single server."""
        parts = urlsplit(url)
        user, at, hosts = parts.netloc.rpartition("@")
        path = [piece for piece in parts.path.split("/") if piece]
        if not path or not hosts:
            raise ConfigError(f"{self._shown}: sentinels are named as HOST:PORT,HOST:PORT/SERVICE/DATABASE")
        try:
            self._sentinels = [_host_and_port(each) for each in hosts.split(",")]
        except ValueError:
            raise ConfigError(f"{self._shown}: a port is not a number") from None
        self._service = unquote(path[0])
        query = f"?{parts.query}" if parts.query else ""
        return f"{user}{at}sentinel:{_REDIS_PORT}/{'/'.join(path[1:])}{query}"


async def _connected(connection: Any) -> None:
    try:
        await connection.connect()
    except BaseException:
        await asyncio.shield(connection.disconnect(nowait=True))
        raise


def _host_and_port(text: str) -> tuple[str, int]:
    """Read ``host:port``, ``host`` or ``[::1]:port``."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text.strip("[]"), _SENTINEL_PORT
    return host.strip("[]"), int(port)
