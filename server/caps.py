"""How many WebSockets may be open: in all, of one client, of one application."""

from collections import Counter
from ipaddress import IPv4Address
from typing import Final, NamedTuple, TypeVar

from hybrid.server.config import Config
from hybrid.server.wire.nodes import parse_address

_Key = TypeVar("_Key")

#: Bits of an IPv6 address that name a network; the others are its owner's to choose (RFC 4291 section 2.5.4).
_NETWORK_BITS: Final = 64


class Overstep(NamedTuple):
    """A limit that a client has hit, and how its WebSocket is to be closed for it.

    Attributes:
        setting: which limit.
        code: the close code.
        reason: what the client is told, and the log.
    """

    setting: str
    code: int
    reason: str


_IN_ALL: Final = Overstep("ws_limit_connections", 1013, "too many WebSockets, try again later")
_PER_CLIENT: Final = Overstep("ws_limit_per_client", 1008, "too many WebSockets of this client")
_PER_ROUTE: Final = Overstep("ws_limit_per_route", 1008, "too many WebSockets of this application")


class Place(NamedTuple):
    """Where a WebSocket counts.

    Attributes:
        client: its client's address, or network; empty when it has none that tells clients apart.
        route: the identity of the application that answers it, as the routers found it.
    """

    client: str
    route: int

    @staticmethod
    def of(client: tuple[str, int] | None, application: object) -> "Place":
        """Return the place of a client, as ASGI names it, with an application."""
        return Place("" if client is None else _network(client[0]), id(application))


class Caps:
    """Counts open WebSockets, and says when there are enough. Loop thread only.

    What is kept are the clients and applications that have any.

    Args:
        config: the limits; 0 is none.
    """

    def __init__(self, config: Config) -> None:
        self._limit = config.ws_limit_connections
        self._client_limit = config.ws_limit_per_client
        self._route_limit = config.ws_limit_per_route
        self._count = 0
        self._by_client: Counter[str] = Counter()
        self._by_route: Counter[int] = Counter()

    def __repr__(self) -> str:
        return f"<Caps {self._count} open, of {len(self._by_client)} clients>"

    def enter(self, place: Place) -> Overstep | None:
        """Count a WebSocket, which is to :meth:`leave` again; or return why there is no room for it."""
        if 0 < self._limit <= self._count:
            return _IN_ALL
        if place.client and 0 < self._client_limit <= self._by_client[place.client]:
            return _PER_CLIENT
        if 0 < self._route_limit <= self._by_route[place.route]:
            return _PER_ROUTE
        self._count += 1
        self._by_client[place.client] += 1
        self._by_route[place.route] += 1
        return None

    def leave(self, place: Place) -> None:
        """Count one less."""
        self._count -= 1
        _count_down(self._by_client, place.client)
        _count_down(self._by_route, place.route)


def _count_down(counter: Counter[_Key], key: _Key) -> None:
    """Count one less of a key, and forget it when it was the last."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def _network(text: str) -> str:
    """Return what tells clients apart: an IPv4 address, or the network of an IPv6 one."""
    address = parse_address(text.partition("%")[0])
    if address is None:  # a name that a proxy tells
        return text
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{int(address) >> (address.max_prefixlen - _NETWORK_BITS):x}::/{_NETWORK_BITS}"
