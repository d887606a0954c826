import pytest

from demo_flask.origin import same_origin


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "board.example"),
        ("http://board.example", "board.example"),
        ("https://board.example", "board.example"),
        ("https://board.example", "Board.Example:443"),
        ("http://board.example:80", "board.example"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_pages_of_the_same_host_and_port_are_our_own(origin: str | None, host: str) -> None:
    """Host and port decide, whichever way they are written; a program sends no Origin."""
    assert same_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "board.example"),
        ("http://board.example.evil.example", "board.example"),
        ("http://127.0.0.1:9000", "127.0.0.1:8000"),
        ("https://board.example", "board.example:8000"),
        ("null", "board.example"),
        ("", ""),
        ("http://board.example", None),
        ("http://[", "board.example"),
        ("http://board.example:port", "board.example"),
    ],
)
def test_other_pages_are_not(origin: str, host: str | None) -> None:
    """Another host, another port, a sandboxed page and nonsense are all refused."""
    assert not same_origin(origin, host)
