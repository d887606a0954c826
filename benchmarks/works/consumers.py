"""Works on consumers: what a message costs that comes from the client, and one that goes to a group."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchmarks.apps.chat import LAYER_VARIABLE
from benchmarks.contestants import Contestant, daphne, hybrid, uvicorn
from benchmarks.loads.plan import Broadcast, Calls, Steady
from benchmarks.redis import running_redis
from benchmarks.work import CPU_PER_CALL, CPU_PER_MESSAGE, MESSAGES, Target, Work
from benchmarks.works.websockets import ECHO, SANSIO

CHANNELS_ON_UVICORN = "uvicorn + Channels"
CHANNELS_ON_DAPHNE = "daphne + Channels"
TWO_WORKERS = ("--lifespan", "off", "--workers", "2")


def of_channels(app: str, *packages: str) -> tuple[Contestant, ...]:
    """An application on Channels' classes, on either server that people use for it."""
    needed = ("channels", *packages)
    return (
        replace(uvicorn(app, *SANSIO, packages=("websockets", *needed)), name=CHANNELS_ON_UVICORN),
        replace(daphne(app, packages=needed), name=CHANNELS_ON_DAPHNE),
    )


def ours_on_uvicorn(app: str) -> Contestant:
    """An application on our classes on a peer's server: what is the classes', and what is the server's."""
    packages = ("websockets", "hybrid-gateway")
    return replace(uvicorn(app, *SANSIO, packages=packages), name="uvicorn + our consumer")


def against_channels(limit: float) -> tuple[Target, ...]:
    """A share of what Channels needs, on each of its servers."""
    return tuple(Target(CPU_PER_MESSAGE, limit, peer) for peer in (CHANNELS_ON_UVICORN, CHANNELS_ON_DAPHNE))


@contextlib.contextmanager
def redis() -> Iterator[Mapping[str, str]]:
    """Run a Redis, and name it to the servers."""
    with running_redis() as url:
        yield {LAYER_VARIABLE: url}


def _layer(name: str, *packages: str, title: str) -> Contestant:
    command = ("benchmarks.delivery", name, "1000", "{seconds}")
    return Contestant(title, (*packages, "uvloop"), command)


#: All with a channel layer in memory, to which no message goes.
CONSUMER_ECHO = Work(
    "echo by an async consumer, 32 bytes, 64 connections",
    Steady("websocket", ECHO),
    hybrid("consumer_asgi", "--lifespan", "off"),
    (*of_channels("consumer_channels"), ours_on_uvicorn("consumer_asgi")),
    (CPU_PER_MESSAGE, MESSAGES),
    against_channels(0.5),
)
GROUP_SEND = Work(
    "group_send of 100 bytes to 1000 WebSockets, in memory",
    Broadcast(100, 1000),
    hybrid("group_asgi", "--lifespan", "off"),
    (*of_channels("group_channels"), ours_on_uvicorn("group_asgi")),
    (CPU_PER_MESSAGE, MESSAGES),
    against_channels(0.3),
    rounds=3,
)
GROUP_SEND_REDIS = replace(
    GROUP_SEND,
    name="group_send of 100 bytes to 1000 WebSockets, through Redis",
    hybrid=hybrid("group_asgi", "--lifespan", "off", packages=("redis",)),
    peers=(*of_channels("group_channels", "channels_redis"), ours_on_uvicorn("group_asgi")),
    targets=against_channels(0.6),
    environment=redis,
)
GROUP_SEND_WORKERS = Work(
    "group_send of 100 bytes to 1000 WebSockets of 2 worker processes",
    Broadcast(100, 1000),
    hybrid("group_asgi", *TWO_WORKERS, "--layer", "workers"),
    (hybrid("group_asgi", *TWO_WORKERS, packages=("redis",), name="hybrid through Redis"),),
    (CPU_PER_MESSAGE, MESSAGES),
    rounds=3,
    environment=redis,
    every_cpu=True,
)
LAYER = Work(
    "group_send to 1000 readers that wait, in memory, without a server",
    Calls(),
    _layer("hybrid", "hybrid-gateway", title="hybrid"),
    (_layer("channels", "channels", title="Channels"),),
    (replace(CPU_PER_CALL, name=CPU_PER_MESSAGE.name),),
    seconds=1.0,
)
