"""What the pages about channel layers show works as it stands there, and their tables are true."""

import inspect
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge import AsyncJsonWebsocketConsumer
from hybrid.bridge.layers import BaseChannelLayer, InMemoryChannelLayer, channel_layers
from hybrid.bridge.layers.backends import make_layer
from hybrid.bridge.layers.memory import InMemoryChannelLayer as Memory
from hybrid.bridge.layers.options import options_of
from hybrid.bridge.layers.redis import RedisChannelLayer
from hybrid.bridge.layers.resident import Resident
from hybrid.bridge.layers.specs import parse_layer
from hybrid.bridge.testing import ApplicationCommunicator, WebsocketCommunicator
from tests.support.layers import run
from tests.support.needs import require_module
from tests.support.process import ROOT

#: As the pages write numbers.
WORDS = {"none": None, "8 MiB": 8 * 1024 * 1024}


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(name: str, language: str = "python") -> list[str]:
    """Return the blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", page(name), re.DOTALL)


def defaults(name: str) -> dict[str, object]:
    """Return the options that a page has in its table, with their defaults."""
    found = re.findall(r"^\| `((?!after|None)\w+)` \| ([^|]+) \| [^|]+ \|$", page(name), re.MULTILINE)
    return {option: WORDS.get(text, _value(text)) for option, text in found}


def _value(text: str) -> object:
    text = text.strip("`\"' ")
    return float(text) if text.isdecimal() else text


def defaults_of(layer: type[Any], options: dict[str, object]) -> dict[str, object]:
    """Return the defaults that a class has for these options."""
    parameters = inspect.signature(layer).parameters
    return {name: parameters[name].default for name in options}


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    """Put back what the pages' programs configure."""
    books: list[dict[str, Any]] = [channel_layers._set, channel_layers._made, channel_layers._configured]
    before = [dict(book) for book in books]
    yield
    for book, content in zip(books, before, strict=True):
        book.clear()
        book.update(content)


def test_the_first_page() -> None:
    """Its pieces, put together to a consumer: who is here, who comes and goes, and what was missed."""
    layer, presence, events, resuming = blocks("channel-layers")
    names: dict[str, Any] = {"Base": AsyncJsonWebsocketConsumer}
    exec(layer, names)  # noqa: S102 - our own page, as below
    source = f"""
class Room(Base):
    async def connect(self):
        layer = self.channel_layer
{textwrap.indent(presence, " " * 8)}
        await layer.group_watch("room-1", self.channel_name)
        await self.accept()

{textwrap.indent(events, " " * 4)}
{textwrap.indent(resuming, " " * 4)}
    async def chat_message(self, message):
        await self.send_json({{"said": message["text"], "sequence": message["sequence"]}})
"""
    exec(source, names)  # noqa: S102

    async def main() -> None:
        one, two = (WebsocketCommunicator(names["Room"].as_asgi(), "/") for _ in range(2))
        assert await one.connect() == (True, None)
        assert await two.connect() == (True, None)
        assert await one.receive_json_from() == {"came": {"name": "Ann"}}
        room = channel_layers["default"]
        assert isinstance(room, InMemoryChannelLayer)
        for text in ("a", "b"):
            await room.group_send("room-1", {"type": "chat.message", "text": text})
        first, second = [await one.receive_json_from() for _ in range(2)]
        assert second["sequence"] == first["sequence"] + 1
        await one.send_json_to({"after": first["sequence"]})
        assert await one.receive_json_from() == second
        await one.send_json_to({"after": 7})
        assert [await one.receive_json_from() for _ in range(3)] == [{"reload": True}, first, second]
        await two.disconnect()
        assert await one.receive_json_from() == {"left": {"name": "Ann"}}
        await one.disconnect()

    run(main())


def test_options_and_their_defaults() -> None:
    """Those of every layer, and those that only Redis has."""
    common = defaults("channel-layers")
    assert set(common) >= {"capacity", "expiry", "group_expiry", "overflow", "history", "backlog"}
    assert common == defaults_of(Memory, common)
    shared = {name: value for name, value in common.items() if name != "backlog"}
    assert shared == defaults_of(BaseChannelLayer, shared)
    assert set(options_of(RedisChannelLayer)) >= set(shared)
    own = defaults("channel-layers-redis")
    assert own == {
        **defaults_of(RedisChannelLayer, {"prefix": 0, "lease": 0}),
        **defaults_of(Resident, {"backlog": 0, "max_message_size": 0, "timeout": 0}),
    }


def test_the_page_about_redis() -> None:
    """The program makes a layer, and each URL is one, in a program and on the command line."""
    require_module("redis")
    (program,) = blocks("channel-layers-redis")
    exec(program, {})  # noqa: S102
    assert isinstance(channel_layers["default"], RedisChannelLayer)
    urls = re.findall(r"^\| `([a-z+]+://[^`]+)` ", page("channel-layers-redis"), re.MULTILINE)
    assert len(urls) == 4
    for url in urls:
        assert isinstance(RedisChannelLayer(url.replace("host:6379", "host")), RedisChannelLayer)
        assert isinstance(make_layer(parse_layer(url)), RedisChannelLayer)


def test_the_page_about_use() -> None:
    """Each text says which layer there is to be; messages go where they should, and a worker works."""
    require_module("redis")
    for table in blocks("channel-layers-use", "toml"):
        for alias, value in tomllib.loads(table)["layers"].items():
            assert alias in {"default", "presence"}
            parse_layer(value)
    texts = re.findall(r"(?:--layer |HYBRID_LAYER=)('[^']+'|[^\s`,]+:[^\s`,]+)", page("channel-layers-use"))
    assert len(texts) >= 4
    for text in texts:
        parse_layer(text.strip("'"))
    configure, send, work, send_to_worker = blocks("channel-layers-use")
    names: dict[str, Any] = {}
    exec(configure, names)  # noqa: S102
    assert isinstance(channel_layers["default"], RedisChannelLayer)
    assert isinstance(channel_layers["chat"], InMemoryChannelLayer)

    async def main() -> None:
        layer = InMemoryChannelLayer()
        channel_layers.set("default", layer)
        names["channel_name"] = channel = await layer.new_channel()
        await layer.group_add("room.7", channel)
        exec(send, names)  # noqa: S102
        assert [(await layer.receive(channel))["text"] for _ in range(2)] == ["Hello", "You alone"]
        exec(work, names)  # noqa: S102
        exec(send_to_worker, names)  # noqa: S102
        worker = ApplicationCommunicator(names["app"], {"type": "channel", "channel": "thumbnails"})
        await worker.send_input(await layer.receive("thumbnails"))
        assert await worker.receive_nothing()

    run(main())


def test_the_page_about_workers(tmp_path: Path) -> None:
    """The program makes a layer, which two processes may have."""
    (program,) = blocks("channel-layers-workers")
    names: dict[str, Any] = {}
    exec(program.replace("/run/shop", str(tmp_path)), names)  # noqa: S102

    async def main() -> None:
        layer = names["layer"]
        await layer.open()
        assert await layer.group_count("g") == 0
        await layer.close()

    run(main())
