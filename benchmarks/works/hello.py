"""Works whose application does next to nothing, so that the figure is the server's own."""

from benchmarks.contestants import granian, hybrid, uvicorn
from benchmarks.loads.plan import Steady
from benchmarks.work import CPU, RATE, Target, Work

HELLO = "Hello, world!"
ECHO = "0123456789abcdef0123456789abcdef"

ASGI = ("--interface", "asgi3")
GRANIAN_WSGI = ("--interface", "wsgi", "--blocking-threads", "10")

ASGI_HELLO = Work(
    "ASGI hello, 64 connections",
    Steady("http", HELLO),
    hybrid("hello_asgi", "--lifespan", "off"),
    (uvicorn("hello_asgi", *ASGI), granian("hello_asgi", "--interface", "asgi")),
    (CPU, RATE),
    (Target(CPU, 0.65, "uvicorn"),),
)
WSGI_HELLO = Work(
    "WSGI hello, 10 threads, 64 connections",
    Steady("http", HELLO),
    hybrid("hello_wsgi", "--threads", "10"),
    (uvicorn("hello_wsgi_a2wsgi", *ASGI, packages=("a2wsgi",)), granian("hello_wsgi", *GRANIAN_WSGI)),
    (CPU, RATE),
    (Target(CPU, 1.0, "granian"), Target(CPU, 0.08, "uvicorn + a2wsgi")),
)
WEBSOCKET_ECHO = Work(
    "WebSocket echo, 32 bytes, 64 connections",
    Steady("websocket", ECHO),
    hybrid("echo_asgi", "--lifespan", "off"),
    (
        uvicorn("echo_asgi", *ASGI, "--ws", "websockets-sansio", packages=("websockets",)),
        granian("echo_asgi", "--interface", "asgi"),
    ),
    (CPU, RATE),
    (Target(CPU, 0.8, "uvicorn"),),
)
FLASK_HELLO = Work(
    "Flask hello, 10 threads, 64 connections",
    Steady("http", HELLO),
    hybrid("hello_flask", "--threads", "10", packages=("flask",)),
    (
        uvicorn("hello_flask_a2wsgi", *ASGI, packages=("a2wsgi", "flask")),
        granian("hello_flask", *GRANIAN_WSGI, packages=("flask",)),
    ),
    (RATE, CPU),
    (Target(RATE, 1.0, "granian"), Target(RATE, 2.5, "uvicorn + a2wsgi")),
)
