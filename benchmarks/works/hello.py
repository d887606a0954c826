"""Works whose application does next to nothing, so that the figure is the server's own."""

import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contestants import granian, hybrid, uvicorn
from benchmarks.loads.plan import Steady
from benchmarks.work import CPU, RATE, Target, Work

HELLO = "Hello, world!"

ASGI = ("--interface", "asgi3")
GRANIAN_WSGI = ("--interface", "wsgi", "--blocking-threads", "10")

ASGI_HELLO = Work(
    "ASGI hello, 64 connections",
    Steady("http", HELLO),
    hybrid("hello_asgi", "--lifespan", "off"),
    (uvicorn("hello_asgi", *ASGI), granian("hello_asgi", "--interface", "asgi")),
    (CPU, RATE),
    (Target(CPU, 0.6, "uvicorn"), Target(CPU, 0.9, "granian")),
)


@contextmanager
def certificate() -> Generator[Mapping[str, str]]:
    """Make a certificate for a day, with the `openssl` command; `OSError` where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: str(Path(folder) / f"{name}.pem") for name in ("certificate", "key")}
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]
        command += [
            "-subj",
            "/CN=localhost",
            "-days",
            "1",
            "-out",
            files["certificate"],
            "-keyout",
            files["key"],
        ]
        subprocess.run(command, capture_output=True, check=True)
        yield files


TLS = ("--ssl-certfile", "{certificate}", "--ssl-keyfile", "{key}")
TLS_HELLO = Work(
    "ASGI hello over TLS, 64 connections",
    Steady("https", HELLO),
    hybrid("hello_asgi", "--lifespan", "off", *TLS),
    (
        uvicorn("hello_asgi", *ASGI, *TLS),
        granian(
            "hello_asgi",
            "--interface",
            "asgi",
            "--ssl-certificate",
            "{certificate}",
            "--ssl-keyfile",
            "{key}",
        ),
    ),
    (CPU, RATE),
    (Target(CPU, 1.0, "uvicorn"),),
    environment=certificate,
)
WSGI_HELLO = Work(
    "WSGI hello, 10 threads, 64 connections",
    Steady("http", HELLO),
    hybrid("hello_wsgi", "--threads", "10"),
    (uvicorn("hello_wsgi_a2wsgi", *ASGI, packages=("a2wsgi",)), granian("hello_wsgi", *GRANIAN_WSGI)),
    (CPU, RATE),
    (Target(CPU, 1.0, "granian"), Target(CPU, 0.08, "uvicorn + a2wsgi")),
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
