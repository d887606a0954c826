"""The examples of docs/shutdown.md do what the page says."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.shutdown import ShutdownNotice
from tests.support.embedded import client, on_each_loop, serving

PAGE = Path(__file__).parents[2] / "docs" / "shutdown.md"


def example(heading: str) -> dict[str, Any]:
    """Run the code below a heading, and return what it has defined."""
    _, _, section = PAGE.read_text().partition(f"## {heading}\n")
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(found[1], str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


@pytest.mark.parametrize(
    ("heading", "last"),
    [("An event stream, plain ASGI", b"retry: 1000\n\n\r\n0\r\n\r\n"), ("A stream in Flask", b"0\r\n\r\n")],
)
@on_each_loop
async def test_stream(heading: str, last: bytes) -> None:
    """A stream goes on until the server stops, and then ends in good order."""
    async with serving(example(heading)["app"]) as (server, _), client(server) as connection:
        connection.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        await connection.read_until(b"data: 1\n\n")
        server.should_exit = True
        assert (await connection.read_all()).endswith(last)


@on_each_loop
async def test_consumer() -> None:
    """The consumer handles what comes, and ends when the server stops."""
    names = example("A consumer in the lifespan")
    handled: list[str] = []

    async def handle(item: str) -> None:
        handled.append(item)
        if item == "last":
            notice.give()

    names["handle"] = handle
    notice, queue = ShutdownNotice(), asyncio.Queue[str]()
    for item in ("first", "last", "never"):
        queue.put_nowait(item)
    await names["consume"](queue, notice)
    assert handled == ["first", "last"]


def test_starlette_example_is_python() -> None:
    """The example for Starlette, which needs more than it shows, can be imported."""
    assert "events" in example("A stream in Starlette or FastAPI")
