"""Making channel layers of what says which ones there are to be."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.backends import make_layer
from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.options import options_of

HERE = __name__


class Options:
    """Takes options of every kind."""

    def __init__(
        self,
        url: str,
        number: int = 1,
        *,
        ratio: float = 1.0,
        flag: bool = False,
        word: Literal["one", "two"] = "one",
        lengths: int | Mapping[str, int] = 0,
        text: str | None = None,
        clock: Callable[[], float] | None = None,
        **options: Any,
    ) -> None:
        self.url = url
        self.given = {
            "number": number,
            "ratio": ratio,
            "flag": flag,
            "word": word,
            "lengths": lengths,
            "text": text,
            **options,
        }


class Shared(InMemoryChannelLayer):
    """What another module of ours would have: a first parameter, and the options of the base."""

    def __init__(self, url: str | None, *, prefix: str = "hybrid", **options: Any) -> None:
        super().__init__(**options)
        self.url = url
        self.prefix = prefix


class Foreign:
    """Somebody else's layer."""

    def __init__(self, hosts: Any = None, prefix: str = "asgi") -> None:
        if prefix == "broken":
            raise RuntimeError("redis://:secret@h is broken")
        self.hosts, self.prefix = hosts, prefix

    async def new_channel(self) -> str:
        """Be there."""
        return ""

    async def send(self, channel: str, message: Any) -> None:
        """Be there."""

    async def receive(self, channel: str) -> Any:
        """Be there."""


class Loose(Foreign):
    """One that takes whatever comes."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options


def made(backend: object, options: Mapping[str, Any] | None = None) -> Any:
    """Make a layer, for a test that knows which one."""
    return make_layer(backend, options)


def test_memory() -> None:
    """Options of a query have the types of the signature, those of a table come as they are."""
    layer = made("memory:?capacity=5&expiry=2.5", {"group_expiry": 7})
    assert isinstance(layer, InMemoryChannelLayer)
    assert (layer.capacity, layer.expiry, layer.group_expiry) == (5, 2.5, 7)
    by_pattern = made("memory:?channel_capacity=chat.*:7,*:2")
    assert (by_pattern.get_capacity("chat.1"), by_pattern.get_capacity("x")) == (7, 2)


@pytest.mark.parametrize(
    ("backend", "wanted"),
    [
        ("memory:?capacity=many", "capacity: 'many' is not a whole number"),
        ({"backend": "memory", "capacity": "5"}, "capacity: '5' is not a whole number"),
        ({"backend": "memory", "capacity": True}, "capacity: True is not a whole number"),
        ({"backend": "memory", "channel_capacity": {"x": "y"}}, "channel_capacity: .* is not PATTERN:NUMBER"),
        ("memory:?channel_capacity=5", "channel_capacity: '5' is not PATTERN:NUMBER"),
        ("memory:?expiry=-1", "expiry must be greater than 0"),
        ("memory:?capacitiy=5", "capacitiy is no option of this layer; did you mean capacity[?]"),
        ("memory:?clock=now", "clock: 'now' is not to be had from a text"),
        ("no.such.Layer", "cannot import no.such: No module named 'no'"),
        ("hybrid.bridge.layers.memory.Layer", "the module hybrid.bridge.layers.memory has no Layer"),
        (f"{HERE}.Foreign?host=h", "host is no option of this layer; did you mean hosts[?]"),
        (f"{HERE}.Foreign?prefix=broken", r"it cannot be made: RuntimeError: redis://:\*\*\*@h is broken"),
        (f"{HERE}:HERE", "it cannot be made: TypeError"),
        ("types.SimpleNamespace", "it is no channel layer"),
    ],
)
def test_mistakes(backend: object, wanted: str) -> None:
    """One line, which names the layer and the option."""
    with pytest.raises(ConfigError, match=f"the channel layer [^ ]+: {wanted}") as caught:
        make_layer(backend)
    assert "\n" not in str(caught.value)


def test_somebody_elses() -> None:
    """Options of a query are JSON or else text, as nobody knows their types."""
    layer = made(f"{HERE}.Foreign?hosts=[1,2]&prefix=x")
    assert (type(layer), layer.hosts, layer.prefix) == (Foreign, [1, 2], "x")
    assert made(f"{HERE}:Loose?anything=true&text=x", {"more": None}).options == {
        "anything": True,
        "text": "x",
        "more": None,
    }


def test_channels_own() -> None:
    """Those of Channels and channels_redis are made as with Channels."""
    layer = made("channels.layers.InMemoryChannelLayer?capacity=3")
    assert (layer.capacity, isinstance(layer, BaseChannelLayer)) == (3, False)
    redis = made("channels_redis.core.RedisChannelLayer", {"hosts": ["redis://h"], "prefix": "x"})
    assert redis.prefix == "x"
    assert made({"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": ["x"]}})


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put layers where those of several processes are."""
    for name, layer in (("redis", "RedisChannelLayer"), ("workers", "WorkersChannelLayer")):
        module: Any = ModuleType(f"hybrid.bridge.layers.{name}")
        setattr(module, layer, Shared)
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.usefixtures("ours")
def test_redis() -> None:
    """The URL goes to the layer without the options that the layer knows; the rest is its client's."""
    layer = made("rediss://:p%40@h:1/2?capacity=5&ssl_ca_certs=/a%20b&prefix=x", {"expiry": 9})
    assert (layer.url, layer.prefix) == ("rediss://:p%40@h:1/2?ssl_ca_certs=%2Fa+b", "x")
    assert (layer.capacity, layer.expiry) == (5, 9)
    with pytest.raises(
        ConfigError, match=r"the channel layer redis://:\*\*\*@h: capacity: 'x' is not a whole"
    ):
        made("redis://:secret@h?capacity=x")


@pytest.mark.usefixtures("ours")
def test_workers() -> None:
    """With a path of the socket, or without."""
    assert made("workers").url is None
    layer = made("workers:///run/app.sock?capacity=5")
    assert (layer.url, layer.capacity) == ("/run/app.sock", 5)


def test_redis_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says what to install."""
    (tmp_path / "redis_layer_of_a_test.py").write_text(
        "raise ModuleNotFoundError('no', name='redis.asyncio')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        "hybrid.bridge.layers.backends._imported", lambda *_: __import__("redis_layer_of_a_test")
    )
    with pytest.raises(ConfigError, match=r"pip install 'hybrid-gateway\[redis\]'"):
        made("redis://h")


def test_options_of_a_class() -> None:
    """Those of the bases count where they are passed on, and what comes first by position does not."""
    options = options_of(Shared, skip=1)
    assert options["prefix"] is str
    assert {"capacity", "expiry"} <= options.keys()
    assert "url" not in options
    assert "self" not in options


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("number=5&ratio=2", {"number": 5, "ratio": 2.0}),
        ("flag=on", {"flag": True}),
        ("flag=False", {"flag": False}),
        ("word=two&text=x", {"word": "two", "text": "x"}),
        ("lengths=5", {"lengths": 5}),
        ("lengths=room.*:5,*:1", {"lengths": {"room.*": 5, "*": 1}}),
    ],
)
def test_options_of_every_kind(query: str, wanted: dict[str, Any]) -> None:
    """A text is read as what the signature says."""
    from hybrid.bridge.layers.options import checked_options
    from hybrid.bridge.layers.specs import parse_layer

    known = options_of(Options, skip=1)
    assert checked_options(known, {}, parse_layer(f"memory?{query}").query) == wanted
    assert checked_options(known, wanted, {}) == wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("flag=maybe", "flag: 'maybe' is not true or false"),
        ("word=three", "word: 'three' is not one of one, two"),
        ("lengths=:5", "lengths: ':5' is not a whole number or PATTERN:NUMBER"),
        ("ratio=x", "ratio: 'x' is not a number"),
    ],
)
def test_options_that_cannot_be(query: str, wanted: str) -> None:
    """The message says what could."""
    from hybrid.bridge.layers.options import checked_options
    from hybrid.bridge.layers.specs import parse_layer

    with pytest.raises(ConfigError, match=wanted):
        checked_options(options_of(Options, skip=1), {}, parse_layer(f"memory?{query}").query)
