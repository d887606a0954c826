"""Works on WebSockets whose application does next to nothing."""

from dataclasses import replace

from benchmarks.contestants import granian, gunicorn, hybrid, hypercorn, uvicorn
from benchmarks.loads.plan import Broadcast, Steady
from benchmarks.work import BEST, CPU_PER_MESSAGE, MESSAGES, Target, Work
from benchmarks.works.hello import ASGI

ECHO = "0123456789abcdef0123456789abcdef"
ECHO_16K = ECHO * 512

SANSIO = (*ASGI, "--ws", "websockets-sansio")
GUNICORN_ASGI = ("--worker-class", "asgi")

WEBSOCKET_ECHO = Work(
    "WebSocket echo, 32 bytes, 64 connections",
    Steady("websocket", ECHO),
    hybrid("echo_asgi", "--lifespan", "off"),
    (
        uvicorn("echo_asgi", *SANSIO, packages=("websockets",)),
        granian("echo_asgi", "--interface", "asgi"),
        gunicorn("echo_asgi", *GUNICORN_ASGI),
        hypercorn("echo_asgi"),
    ),
    (CPU_PER_MESSAGE, MESSAGES),
    (Target(CPU_PER_MESSAGE, 0.7, BEST),),
)
WEBSOCKET_ECHO_16K = replace(
    WEBSOCKET_ECHO,
    name="WebSocket echo, 16 KiB, 64 connections",
    load=Steady("websocket", ECHO_16K),
)
BROADCAST = Work(
    "broadcast of 100 bytes to 1000 WebSockets",
    Broadcast(100, 1000),
    hybrid("broadcast_asgi", "--lifespan", "off"),
    (
        uvicorn("broadcast_asgi", *SANSIO, packages=("websockets",)),
        gunicorn("broadcast_asgi", *GUNICORN_ASGI),
    ),
    (CPU_PER_MESSAGE, MESSAGES),
    (Target(CPU_PER_MESSAGE, 0.75, "uvicorn"), Target(CPU_PER_MESSAGE, 0.9, "gunicorn")),
)
