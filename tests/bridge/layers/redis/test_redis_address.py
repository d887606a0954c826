"""Where Redis is: URLs, TLS, sentinels; and what is never shown."""

import logging
from pathlib import Path

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.redis import RedisChannelLayer
from hybrid.bridge.layers.redis.address import Address
from tests.support.certificates import Authority, authority
from tests.support.layers import run, until
from tests.support.redis import RedisServer, free_port, sharing

__all__ = ["authority"]


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "rediss://user:pass@[::1]:7000/3?ssl_ca_certs=/ca.pem",
        "valkey://localhost:1/0",
        "valkeys://localhost",
        "unix:///run/redis.sock?db=2",
        "redis+unix:///run/redis.sock",
        "redis+sentinel://a,b:1,[::1]:2/service/3?sentinel_password=x",
        "rediss+sentinel://u:p@a/service",
    ],
)
def test_urls_that_are_understood(url: str) -> None:
    """The schemes of redis-py, of Valkey, and sentinels."""
    Address(url, 5)


def test_databases() -> None:
    """In the path, or in the query of what has none."""
    databases = {
        "redis://h": "0",
        "redis://h/3": "3",
        "unix:///s?db=2": "2",
        "redis+sentinel://a/service/4": "4",
        "redis+sentinel://a/service": "0",
    }
    assert {url: Address(url, 5).database for url in databases} == databases


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("localhost:6379", "begins with one of redis, rediss"),
        ("http://localhost", "begins with one of redis, rediss"),
        ("redis://h:port/0", "Port could not be cast"),
        ("redis://h?capactiy=3", "capactiy is no option of this layer; did you mean capacity"),
        ("redis://h?capacity=x", "capacity: 'x' is not a whole number"),
        ("redis://h?capacity=0", "capacity must be greater than 0"),
        ("redis://h?overflow=never", "overflow: 'never' is not one of drop_newest"),
        ("redis://h?prefix=a%20b", "prefix must be letters"),
        ("redis://h?lease=0", "lease must be greater than 0"),
        ("redis+sentinel://a,b", "HOST:PORT,HOST:PORT/SERVICE"),
        ("redis+sentinel://a:x/service", "a port is not a number"),
    ],
)
def test_urls_that_are_not(url: str, complaint: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(ConfigError, match=complaint):
        RedisChannelLayer(url)


def test_options_in_the_url() -> None:
    """They are the layer's; those that are given by name count for more."""
    layer = RedisChannelLayer(
        "redis://h?capacity=7&expiry=5&history=9&prefix=p&lease=3&overflow=close", expiry=6
    )
    assert (layer.capacity, layer.expiry, layer.get_history("g")) == (7, 6, 9)
    assert (layer.prefix, layer.lease, layer.overflow) == ("p", 3, "close")


def test_a_password_is_not_shown(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a right one nor a wrong one, in the log, in errors or in what is printed of objects."""
    redis.command("CONFIG", "SET", "requirepass", "secret-right")

    async def main() -> None:
        async with sharing(f"{redis.url}?password=secret-right", 1) as (layer,):
            assert await layer.group_count("g") == 0
            shown = [
                repr(layer),
                repr(layer.address),
                str(layer.address),
                repr(layer._link and layer._link.hub),
            ]
            redis.kill()
            await until(lambda: "AWAY" in repr(layer))
        redis.start()
        redis.command("CONFIG", "SET", "requirepass", "secret-right")
        async with sharing(f"{redis.url}?password=secret-wrong", 1) as (layer,):
            with pytest.raises(Exception, match="no connection") as caught:
                await layer.group_count("g")
            shown.append(str(caught.value))
        shown.append(caplog.text)
        assert "invalid username-password pair" in caplog.text
        assert not [text for text in shown if "secret" in text]

    with caplog.at_level(logging.DEBUG):
        run(main())


def test_tls(tmp_path: Path, authority: Authority) -> None:
    """With the authority's file in the URL; a server that it does not vouch for is refused."""
    folder = tmp_path / "redis"
    folder.mkdir()
    port = free_port()
    certificate = authority.folder / "server.pem"
    options = ["--tls-port", str(port), "--port", "0", "--bind", "127.0.0.1", "--tls-auth-clients", "no"]
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(authority.folder / "server-key.pem")]
    ca = ["--tls-ca-cert-file", str(authority.file)]

    async def main() -> None:
        async with sharing(f"rediss://localhost:{port}?ssl_ca_certs={authority.file}") as (one, other):
            channel = await other.new_channel()
            await other.group_add("g", channel)
            await one.group_send("g", {"n": 1, "large": "x" * 3_000_000})
            assert (await other.receive(channel))["n"] == 1
        async with sharing(f"rediss://localhost:{port}", 1) as (stranger,):
            with pytest.raises(Exception, match="no connection"):
                await stranger.group_count("g")

    with RedisServer(folder, *options, *files, *ca):
        run(main())


SENTINEL = """
port {port}
bind 127.0.0.1
sentinel monitor chat 127.0.0.1 {primary} 1
sentinel down-after-milliseconds chat 300
sentinel failover-timeout chat 2000
"""


@pytest.mark.slow
def test_sentinel(tmp_path: Path) -> None:
    """The primary is found through a sentinel, and found again when it dies and its replica takes over."""
    folders = [tmp_path / name for name in ("primary", "replica", "sentinel")]
    for folder in folders:
        folder.mkdir()
    primary, replica, port = free_port(), free_port(), free_port()
    where = ["--bind", "127.0.0.1", "--port"]

    async def main(server: RedisServer, watcher: RedisServer) -> None:
        url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{port}/chat/0"
        await until(lambda: b"num-slaves\r\n$1\r\n1" in watcher.command("SENTINEL", "MASTER", "chat"))
        async with sharing(url, 1, expiry=30) as (layer,):
            channel = await layer.new_channel()
            await layer.group_add("g", channel)
            await layer.group_send("g", {"n": 1})
            assert await layer.receive(channel) == {"n": 1}
            server.kill()
            await until(lambda: "AWAY" in repr(layer))
            await layer.group_send("g", {"n": 2})
            assert await layer.receive(channel) == {"n": 2}

    with RedisServer(folders[0], *where, str(primary)) as server:
        follows = ["--replicaof", f"127.0.0.1 {primary}", "--repl-diskless-sync-delay", "0"]
        with RedisServer(folders[1], *where, str(replica), *follows):
            configuration = SENTINEL.format(port=port, primary=primary)
            with RedisServer(folders[2], sentinel=configuration) as watcher:
                run(main(server, watcher))
