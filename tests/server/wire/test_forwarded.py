"""What proxies say: the lists, from the right, and no further than hops are trusted."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.types import Headers
from hybrid.server.wire.forwarded import (
    Claims,
    elements_from_right,
    parse_element,
    read_forwarded,
    read_x_forwarded,
)
from hybrid.server.wire.nodes import Address, parse_node

_PROXIES = ip_network("10.0.0.0/8")


def trusts(address: Address) -> bool:
    """Trust the proxies of 10.0.0.0/8."""
    return address in _PROXIES


def fields(name: str, *lines: str) -> Headers:
    """Write header lines."""
    return [(name.encode(), line.encode("latin-1")) for line in lines]


def client_of(claims: Claims) -> str | None:
    """Return the client's address as text."""
    return None if claims.client is None else f"{claims.client.address}"


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1, 10.0.0.1"], "192.0.2.1"),
        (["6.6.6.6", "192.0.2.1, 10.0.0.2", "10.0.0.1"], "192.0.2.1"),
        (["10.0.0.9, 192.0.2.1"], "192.0.2.1"),
        (["10.0.0.2, 10.0.0.1"], "10.0.0.2"),
        (["192.0.2.1,::ffff:10.0.0.1"], "192.0.2.1"),
        (["192.0.2.1,10.0.0.1:443"], "192.0.2.1"),
        (["6.6.6.6, garbage, 10.0.0.1"], "10.0.0.1"),
        (["6.6.6.6, unknown, 10.0.0.1"], "10.0.0.1"),
        (["6.6.6.6, _hidden"], None),
        (["6.6.6.6, unix:"], None),
        (["6.6.6.6,"], None),
        (["6.6.6.6, ,10.0.0.1"], "10.0.0.1"),
        (["6.6.6.6", ""], None),
        (["", "192.0.2.1"], "192.0.2.1"),
        ([""], None),
        ([], None),
    ],
)
def test_x_forwarded_for(lines: list[str], client: str | None) -> None:
    """The client is the right-most address that is no proxy's; what cannot be read ends the search there."""
    assert client_of(read_x_forwarded(fields("x-forwarded-for", *lines), trusts)) == client


@pytest.mark.parametrize(
    ("hops", "protos", "proto"),
    [
        ("192.0.2.1", "https", "https"),
        ("192.0.2.1, 10.0.0.1", "https", "https"),
        ("192.0.2.1, 10.0.0.1", "https, http", "https"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.1", "http, https, http", "https"),
        ("192.0.2.1", "http, https", "https"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.1", "https, http", "http"),
        ("garbage", "https", "https"),
        (None, "http,https", "https"),
        ("192.0.2.1", None, None),
    ],
)
def test_where_the_client_stands(hops: str | None, protos: str | None, proto: str | None) -> None:
    """If each proxy has appended to both lists the scheme is the client's, otherwise what is said last."""
    lines = [*fields("x-forwarded-for", *[hops] * (hops is not None))] if hops is not None else []
    lines += fields("x-forwarded-proto", protos) if protos is not None else []
    assert read_x_forwarded(lines, trusts).proto == proto


def test_others() -> None:
    """Host, port and prefix come along."""
    lines = [(b"x-forwarded-host", b"a"), (b"x-forwarded-port", b"1"), (b"x-forwarded-prefix", b"/p")]
    assert read_x_forwarded(lines, trusts) == Claims(None, None, "a", "1", "/p")


@pytest.mark.parametrize(
    ("lines", "client", "proto", "host"),
    [
        (["for=192.0.2.1;proto=https;host=a.example"], "192.0.2.1", "https", "a.example"),
        (['For="[2001:db8::1]:80" ; Proto=https'], "2001:db8::1", "https", None),
        (["for=192.0.2.1:80"], "192.0.2.1", None, None),
        (["for=6.6.6.6;proto=http, for=192.0.2.1;proto=https"], "192.0.2.1", "https", None),
        (["for=192.0.2.1;proto=https, for=10.0.0.1;proto=http"], "192.0.2.1", "https", None),
        (["for=192.0.2.1", "for=10.0.0.1;proto=https;by=_x"], "192.0.2.1", "https", None),
        (["for=6.6.6.6;proto=https, for=192.0.2.1"], "192.0.2.1", None, None),
        (["for=6.6.6.6;host=evil, for=_hidden;host=a"], None, None, "a"),
        (["for=6.6.6.6, for=unknown, for=10.0.0.1"], "10.0.0.1", None, None),
        (["for=6.6.6.6, proto=https"], None, "https", None),
        (["for=6.6.6.6, for=192.0.2.1;for=192.0.2.2, for=10.0.0.1"], "10.0.0.1", None, None),
        (["for=6.6.6.6,"], None, None, None),
        ([r'for=192.0.2.1;host="a\.example"'], "192.0.2.1", None, "a.example"),
        (['for=192.0.2.1;by="a, b", for=10.0.0.1'], "192.0.2.1", None, None),
        (["nonsense"], None, None, None),
        ([""], None, None, None),
        ([], None, None, None),
    ],
)
def test_forwarded(lines: list[str], client: str | None, proto: str | None, host: str | None) -> None:
    """RFC 7239: as above, and each element says what its proxy has seen."""
    claims = read_forwarded(fields("forwarded", *lines), trusts)
    assert (client_of(claims), claims.proto, claims.host) == (client, proto, host)


_FORGED = ['for="6.6.6.6', 'for=6.6.6.6;x="', '"', "\\", ";;;", "for=", '"a\\', "for=6.6.6.6;;", '="', ",,,"]


@pytest.mark.parametrize("appended", ["for=192.0.2.1", 'for="192.0.2.1:5";proto=http', "by=_x;for=192.0.2.1"])
@pytest.mark.parametrize("forged", _FORGED)
def test_nothing_swallows_what_a_proxy_appends(forged: str, appended: str) -> None:
    """A client that leaves a quoted string open does not hide what comes after it."""
    for lines in ([f"{forged}, {appended}"], [forged, appended]):
        assert client_of(read_forwarded(fields("forwarded", *lines), trusts)) == "192.0.2.1"


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=200))
def test_any_prefix(forged: str) -> None:
    """Whatever a client sends in front of what the proxy appends, in either family, does not count."""
    by_hand = fields("x-forwarded-for", f"{forged}, 192.0.2.1, 10.0.0.1")
    assert client_of(read_x_forwarded(by_hand, trusts)) == "192.0.2.1"
    by_rfc = fields("forwarded", f"{forged}, for=192.0.2.1;proto=http, for=10.0.0.1")
    claims = read_forwarded(by_rfc, trusts)
    assert (client_of(claims), claims.proto) == ("192.0.2.1", "http")


@given(st.text(st.sampled_from('for=;," \\\t12._:[]ab'), max_size=80))
def test_any_value(value: str) -> None:
    """Nothing makes it fail, and what an element says can be read again."""
    read_x_forwarded(fields("x-forwarded-for", value), trusts)
    read_forwarded(fields("forwarded", value), trusts)
    for element in elements_from_right(value):
        if element is not None:
            quoted = {name: text.replace("\\", "\\\\").replace('"', '\\"') for name, text in element.items()}
            assert parse_element(";".join(f'{name}="{text}"' for name, text in quoted.items())) == element


def test_elements_have_a_size() -> None:
    """An element that does not end is given up, and not looked at again and again."""
    assert list(elements_from_right("," * 100_000)) == [None]
    assert list(elements_from_right(f'for="{"a," * 50_000}"')) == [None]


def test_node_of_an_element() -> None:
    """A quoted address with its port is one that can be read."""
    assert parse_node("[2001:db8::1]:80") is not None
