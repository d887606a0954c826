"""HTTP/2 as httpx sees it, which speaks it with h2."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.certificates import Authority
from tests.support.process import DEADLINE, ServerProcess

BODY = bytes(range(256)) * 4000


def client_for(server: ServerProcess, authority: Authority | None = None) -> httpx.AsyncClient:
    """Make a client that speaks HTTP/2: by ALPN under TLS, and else by prior knowledge."""
    if authority is not None:
        context = authority.client_context()
        url = f"https://localhost:{server.port}"
        return httpx.AsyncClient(http2=True, verify=context, base_url=url, timeout=DEADLINE)
    return httpx.AsyncClient(http1=False, http2=True, base_url=server.url, timeout=DEADLINE)


@pytest.fixture(params=["clear", "tls"])
def client(request: pytest.FixtureRequest) -> httpx.AsyncClient:
    """Give a client that has not connected yet."""
    if request.param == "clear":
        return client_for(request.getfixturevalue("mixed"))
    return client_for(request.getfixturevalue("secure"), request.getfixturevalue("authority"))


def test_many_at_once(client: httpx.AsyncClient) -> None:
    """Requests to applications of every kind run at once on one connection, each with its own answer."""

    async def ask() -> None:
        async with client:
            first = await client.get("/peer")
            answers = await asyncio.gather(
                *(client.get("/peer") for _ in range(20)),
                *(client.get(f"/flask/hello/{number}") for number in range(20)),
                *(client.post("/upload", content=BODY[: number * 10_000]) for number in range(10)),
                *(client.get("/barrier?8") for _ in range(8)),
            )
        assert {answer.http_version for answer in answers} == {"HTTP/2"}
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["port"] for answer in answers[:20]} == {first.json()["port"]}
        assert [answer.text for answer in answers[20:40]] == [f"Hello, {number}!" for number in range(20)]
        assert [answer.json()["size"] for answer in answers[40:50]] == [n * 10_000 for n in range(10)]
        assert [answer.text for answer in answers[50:]] == ["together"] * 8

    asyncio.run(ask())


def test_streamed_both_ways(client: httpx.AsyncClient) -> None:
    """A body that is made while it is sent has no length, and arrives whole."""

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(BODY), 50_000):
            yield BODY[start : start + 50_000]
            await asyncio.sleep(0)

    async def ask() -> None:
        async with client:
            answer = await client.post("/upload", content=parts())
            assert answer.json()["sha256"] == hashlib.sha256(BODY).hexdigest()
            assert answer.json()["content_length"] == str(len(BODY))
            async with client.stream("GET", "/download?3000000") as response:
                assert sum([len(part) async for part in response.aiter_bytes()]) == 3_000_000

    asyncio.run(ask())
