"""The works that are measured, with their contestants and the targets hybrid must reach against them."""

from dataclasses import dataclass

from benchmarks.contestants import Contestant, granian, hybrid, uvicorn

HELLO = "Hello, world!"
ECHO = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Peer:
    """Another server for the same work; `target` is the highest CPU per request, as a multiple of the peer's.

    Without a target the peer is measured for information.
    """

    contestant: Contestant
    target: float | None = None


@dataclass(frozen=True)
class Work:
    """One kind of load: `protocol` is "http" or "websocket", `expected` the body or message that returns."""

    name: str
    protocol: str
    expected: str
    hybrid: Contestant
    peers: tuple[Peer, ...]
    connections: int = 64


ASGI = ("--interface", "asgi3")
GRANIAN_WSGI = ("--interface", "wsgi", "--blocking-threads", "10")

ASGI_HELLO = Work(
    "ASGI hello",
    "http",
    HELLO,
    hybrid("hello_asgi", "--lifespan", "off"),
    (
        Peer(uvicorn("hello_asgi", *ASGI), target=0.65),
        Peer(granian("hello_asgi", "--interface", "asgi")),
    ),
)
WSGI_HELLO = Work(
    "WSGI hello, 10 threads",
    "http",
    HELLO,
    hybrid("hello_wsgi", "--threads", "10"),
    (
        Peer(uvicorn("hello_wsgi_a2wsgi", *ASGI, packages=("a2wsgi",)), target=0.15),
        Peer(granian("hello_wsgi", *GRANIAN_WSGI)),
    ),
)
WEBSOCKET_ECHO = Work(
    "WebSocket echo, 32 bytes",
    "websocket",
    ECHO,
    hybrid("echo_asgi", "--lifespan", "off"),
    (
        Peer(uvicorn("echo_asgi", *ASGI, "--ws", "websockets-sansio", packages=("websockets",)), target=0.8),
        Peer(granian("echo_asgi", "--interface", "asgi")),
    ),
)
FLASK_HELLO = Work(
    "Flask hello, 10 threads",
    "http",
    HELLO,
    hybrid("hello_flask", "--threads", "10", packages=("flask",)),
    (
        Peer(uvicorn("hello_flask_a2wsgi", *ASGI, packages=("a2wsgi", "flask"))),
        Peer(granian("hello_flask", *GRANIAN_WSGI, packages=("flask",))),
    ),
)

WORKS = {"asgi": ASGI_HELLO, "wsgi": WSGI_HELLO, "websocket": WEBSOCKET_ECHO, "flask": FLASK_HELLO}
