"""Which hosts, ports, schemes and prefixes make sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.claims import checked_host, checked_path, checked_port, checked_scheme, split_host


@pytest.mark.parametrize("value", ["a", "a.example", "a:1", "[::1]", "[::1]:65535", "a:", "192.0.2.1:80"])
def test_host(value: str) -> None:
    """What may be in Host."""
    assert checked_host(value) == value


@pytest.mark.parametrize("value", ["", ":80", "a b", "a/b", "a@b", "a:65536", "a:x", "[::1", "a\n", "é"])
def test_no_host(value: str) -> None:
    """What may not, or has no name."""
    assert checked_host(value) is None


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a", ("a", 0)),
        ("a:80", ("a", 80)),
        ("a:", ("a", 0)),
        ("[::1]", ("[::1]", 0)),
        ("[::1]:80", ("[::1]", 80)),
        ("", ("", 0)),
    ],
)
def test_split_host(value: str, parts: tuple[str, int]) -> None:
    """An address with colons keeps its brackets."""
    assert split_host(value) == parts


@pytest.mark.parametrize(
    ("value", "port"),
    [("1", 1), ("65535", 65535), ("0", None), ("65536", None), ("", None), ("-1", None), ("8x", None)],
)
def test_port(value: str, port: int | None) -> None:
    """A port that can be connected to."""
    assert checked_port(value) == port


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("http", "http"), ("HTTPS", "https"), ("ws", "http"), ("wss", "https"), ("ftp", None), ("", None)],
)
def test_scheme(value: str, scheme: str | None) -> None:
    """WebSockets have schemes of their own."""
    assert checked_scheme(value) == scheme


@pytest.mark.parametrize(
    ("raw", "path"), [("/a", "/a"), ("/a/b-c.d~e", "/a/b-c.d~e"), ("/caf%C3%A9", "/café"), ("/a%20b", "/a b")]
)
def test_path(raw: str, path: str) -> None:
    """A prefix comes back percent-decoded."""
    assert checked_path(raw) == path


@pytest.mark.parametrize(
    "raw",
    [
        *("", "a", "/", "//evil.example", "/a//b", "/a/", "/..", "/a/../b", "/.", "/%2e%2e", "/a/%2E./b"),
        *("/\\evil.example", "/%5Cevil", "/a%2Fb", "/a?b", "/a#b", "/a%0d%0ab", "/a%00", "/a b", "/%ff"),
        *("http://evil.example", "/a\n", "/a,/b", "/a%e2%80%a8", "/é"),
    ],
)
def test_no_path(raw: str) -> None:
    """What could lead elsewhere, or put something into a line, is no prefix."""
    assert checked_path(raw) is None


@given(st.text(st.sampled_from("/.%2eE5cCfF\\:@ab\0\n"), max_size=20))
def test_any_path(raw: str) -> None:
    """No prefix leaves the host, or goes up."""
    path = checked_path(raw)
    if path is not None:
        assert path.startswith("/")
        assert path.isprintable()
        assert not {"", ".", ".."} & set(path.split("/")[1:])
        assert "\\" not in path
