import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.urls import COMMON, SHARED, redacted, split_options


def test_options_are_taken_out_of_the_query() -> None:
    """They come as numbers where they are numbers, and what is the client library's stays in the URL."""
    url = "rediss://u:p%40@h:1/2?capacity=5&ssl_ca_certs=/a%20b.pem&expiry=1.5&overflow=close"
    rest, options = split_options(url, SHARED, {"ssl_ca_certs"})
    assert rest == "rediss://u:p%40@h:1/2?ssl_ca_certs=%2Fa+b.pem"
    assert options == {"capacity": 5, "expiry": 1.5, "overflow": "close"}


def test_a_url_without_a_host() -> None:
    """The layer in memory has nothing but options."""
    assert split_options("memory:?history=100", COMMON) == ("memory:", {"history": 100})
    assert split_options("memory", COMMON) == ("memory", {})


def test_an_unknown_option_is_named() -> None:
    """With those that there are, and without the password."""
    with pytest.raises(
        ConfigError, match="no option 'capactiy' of the layer; there are backlog, capacity"
    ) as error:
        split_options("redis://:secret@h?capactiy=1", COMMON)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(("query", "kind"), [("capacity=x", "a whole number"), ("expiry=", "a number")])
def test_an_option_that_is_no_number(query: str, kind: str) -> None:
    """It says what should be there."""
    with pytest.raises(ConfigError, match=f"must be {kind}"):
        split_options(f"redis://h?{query}", COMMON)


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:hush@h/0",
        "redis://:hush@h",
        "redis://:hu@sh-hush@h/0",
        "redis+sentinel://u:hush@a:1,b:2/s/0?sentinel_password=hush",
        "redis://h?password=hush&x=1",
        "rediss://h?ssl_password=hush",
    ],
)
def test_secrets_are_not_shown(url: str) -> None:
    """Wherever a URL has its password."""
    assert "hush" not in redacted(url)
    assert "***" in redacted(url)
