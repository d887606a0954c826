"""Which peers are listed: addresses, networks, everybody, those on Unix sockets."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from hybrid.server.wire.nodes import Address, parse_address

_MAPPED_BITS: Final = 96
#: Peers whose verdict is remembered.
_KNOWN_LIMIT: Final = 1024


class AllowList:
    """A list of peers. Loop thread only.

    Args:
        listed: addresses and networks with commas between; ``*`` for every peer, ``unix`` for those on Unix
            sockets, ``none`` for nobody.

    Attributes:
        everyone: whether ``*`` is listed.
        unix: whether peers on Unix sockets are.

    Raises:
        ValueError: a word is none of these; the message says which one.
    """

    def __init__(self, listed: str) -> None:
        listed_words = set(words(listed)) - {"none"}
        self.everyone = "*" in listed_words
        self.unix = self.everyone or "unix" in listed_words
        self._networks = [_network(word) for word in sorted(listed_words - {"*", "unix"})]
        self._known: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"<AllowList everyone={self.everyone} unix={self.unix} {self._networks}>"

    def admits(self, host: str) -> bool:
        """Tell whether a peer with an address is one of them."""
        if self.everyone:
            return True
        known = self._known.get(host)
        if known is None:
            address = parse_address(host.partition("%")[0])  # without the zone of a link-local one
            known = address is not None and self.lists(address)
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            self._known[host] = known
        return known

    def admits_peer(self, client: tuple[str, int] | None, server: tuple[str, int | None] | None) -> bool:
        """Tell whether the peer of a connection is one of them.

        Args:
            client: its address; None on a Unix socket, but also when it has left already.
            server: what it has connected to, by which the two can be told apart.
        """
        if client is not None:
            return self.admits(client[0])
        return self.unix and server is not None and server[1] is None

    def lists(self, address: Address) -> bool:
        """Tell whether an address is there by itself or in a network; ``*`` does not count."""
        return any(address in network for network in self._networks)


def words(listed: str) -> list[str]:
    """Return the members of a list with commas."""
    return [word for each in listed.split(",") if (word := each.strip())]


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(word)
    except ValueError as error:
        hint = " (the network's own address ends in zero bits)" if "host bits" in str(error) else ""
        raise ValueError(f"{word!r} is not an address, a network, 'unix', '*' or 'none'{hint}") from None
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network
