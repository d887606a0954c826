"""Reading what says which channel layer there is to be, and keeping its secrets."""

from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.specs import LayerSpec, masked, masked_value, parse_layer


@pytest.mark.parametrize(
    ("text", "backend", "query"),
    [
        ("memory", "memory", {}),
        ("memory:", "memory", {}),
        ("memory:?history=100", "memory", {"history": "100"}),
        ("memory?history=100&overflow=close", "memory", {"history": "100", "overflow": "close"}),
        ("workers", "workers", {}),
        ("workers:///run/app.sock?capacity=5", "workers:///run/app.sock", {"capacity": "5"}),
        ("redis://h:1/2?expiry=3", "redis://h:1/2", {"expiry": "3"}),
        ("redis+sentinel://a:1,b:2/main", "redis+sentinel://a:1,b:2/main", {}),
        ("valkey://h", "valkey://h", {}),
        ("channels_redis.core.RedisChannelLayer", "channels_redis.core.RedisChannelLayer", {}),
        ("package.module:Layer?prefix=x%20y", "package.module:Layer", {"prefix": "x y"}),
        (" memory ", "memory", {}),
    ],
)
def test_texts(text: str, backend: str, query: dict[str, str]) -> None:
    """A backend, and options after a question mark, which are text yet."""
    assert parse_layer(text) == LayerSpec(backend, {}, query)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("memroy", "did you mean memory?"),
        ("rediss//h", "did you mean rediss"),
        ("amqp://h", "it is memory, workers, redis://HOST, or the dotted path of a class"),
        ("redis", "write redis://HOST"),
        ("redis:h", "write redis://HOST"),
        ("workers:/run/app.sock", "three slashes"),
        ("memory:?history", "NAME=VALUE"),
        ("memory:?history=1&history=2", "history: the option is there twice"),
        ("", "is no channel layer"),
    ],
)
def test_no_layer(text: str, wanted: str) -> None:
    """The message says what is wrong, or what may have been meant."""
    with pytest.raises(ConfigError, match=wanted.replace("?", "[?]")):
        parse_layer(text)


def test_tables() -> None:
    """A table of a file, and Channels' own form."""
    ours = parse_layer({"backend": "redis://h?capacity=5", "history": 100})
    assert ours == LayerSpec("redis://h", {"history": 100}, {"capacity": "5"})
    channels = parse_layer({"BACKEND": "a.B", "CONFIG": {"hosts": ["h"]}, "TEST_CONFIG": {}})
    assert channels == LayerSpec("a.B", {"hosts": ["h"]})
    assert parse_layer(ours) is ours


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ({}, "backend is missing"),
        ({"backend": 5}, "backend: 5 is no text"),
        ({"BACKEND": "memory", "ROUTING": "x"}, "ROUTING: a channel layer has BACKEND and CONFIG"),
        ({"BACKEND": "memory", "CONFIG": "x"}, "CONFIG: it is not a table"),
        ({"backend": "memory:?history=1", "history": 2}, "history: it is an option, and in the query"),
        (5, "5 is no channel layer"),
    ],
)
def test_no_table(table: Any, wanted: str) -> None:
    """Each mistake has its own message."""
    with pytest.raises(ConfigError, match=wanted):
        parse_layer(table)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://u:secret@h/1", "redis://u:***@h/1"),
        ("redis://:se@cret@h/1", "redis://:***@h/1"),
        ("redis+sentinel://u:p@a:1,b:2/m?sentinel_password=q", "redis+sentinel://u:***@a:1,b:2/m?sentinel_password=***"),
        ("a.B?symmetric_encryption_keys=k&prefix=x", "a.B?symmetric_encryption_keys=***&prefix=x"),
        ("redis://h:6379/1?capacity=5", "redis://h:6379/1?capacity=5"),
        ("memory", "memory"),
    ],
)  # fmt: skip
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    """Neither by the function that everything uses, nor by what shows a layer, nor by a message."""
    assert masked(text) == shown
    assert str(parse_layer(text)) == shown
    assert repr(parse_layer(text)) == f"<LayerSpec {shown}>"


@pytest.mark.parametrize("text", ["amqp://:secret@h", "redis://:secret@h?x", "redis://:secret@h?n=1&n=2"])
def test_secrets_are_not_said(text: str) -> None:
    """A message that refuses a URL does not say its password."""
    with pytest.raises(ConfigError) as caught:
        parse_layer(text)
    assert "secret" not in str(caught.value)


def test_secrets_in_tables_are_not_shown() -> None:
    """However deep they are."""
    table = {"backend": "redis://:p@h", "hosts": ["redis://:p@h", {"address": "h", "password": "p"}], "n": 5}
    assert masked_value("", table) == {
        "backend": "redis://:***@h",
        "hosts": ["redis://:***@h", {"address": "h", "password": "***"}],
        "n": 5,
    }
