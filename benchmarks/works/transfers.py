"""Large bodies: whether memory stays bounded, how fast it goes, and what a file costs."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.apps.file_wsgi import FILE_VARIABLE
from benchmarks.apps.stream_wsgi import CHUNK
from benchmarks.contestants import Contestant, granian, gunicorn, hybrid, uvicorn
from benchmarks.loads.plan import Download, RoundTrip, Upload
from benchmarks.work import CPU_PER_GIB, MEMORY, THROUGHPUT, Target, Work
from benchmarks.works.hello import ASGI, GRANIAN_WSGI

GIB = 1 << 30
PACE = 10_000_000  # bytes a second
PACED_SECONDS = 10.0
FULL_SECONDS = 108.0  # in which all of it has been read at that pace
GTHREAD = ("--worker-class", "gthread", "--threads", "10")


@contextlib.contextmanager
def large_file(size: int = GIB) -> Iterator[Mapping[str, str]]:
    """Write a file of this size, for as long as the servers run, and name it to them."""
    block = CHUNK * 16
    with tempfile.TemporaryDirectory(prefix="hybrid-benchmark-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            for _ in range(size // len(block)):
                file.write(block)
        yield {FILE_VARIABLE: str(path)}


def _peers(app: str) -> tuple[Contestant, ...]:
    return (
        uvicorn(f"{app}_a2wsgi", *ASGI, packages=("a2wsgi",)),
        granian(app, *GRANIAN_WSGI),
        gunicorn(app, *GTHREAD),
    )


DOWNLOAD = Work(
    f"1 GiB in chunks of 64 KiB, read at {PACE // 1_000_000} MB/s, and the rest at once",
    Download(GIB, pace=PACE),
    hybrid("stream_wsgi", "--threads", "10"),
    _peers("stream_wsgi"),
    (CPU_PER_GIB, MEMORY),
    (Target(MEMORY, 32.0),),
    rounds=1,
    seconds=PACED_SECONDS,
)
UPLOAD = Work(
    "1 GiB in a request, read by the view",
    Upload(GIB),
    hybrid("count_wsgi", "--threads", "10"),
    _peers("count_wsgi"),
    (CPU_PER_GIB, THROUGHPUT, MEMORY),
    (Target(MEMORY, 32.0),),
    rounds=1,
    seconds=1.0,
)
FILE = Work(
    "1 GiB file by wsgi.file_wrapper",
    Download(GIB),
    hybrid("file_wsgi", "--threads", "10"),
    (gunicorn("file_wsgi", *GTHREAD), granian("file_wsgi", *GRANIAN_WSGI)),
    (THROUGHPUT, CPU_PER_GIB, MEMORY),
    (Target(THROUGHPUT, 0.9, "gunicorn"),),
    environment=large_file,
)
UPLOAD_ECHO = Work(
    "1 MiB in a request, sent back as it comes, 8 connections",
    RoundTrip(1 << 20, connections=8),
    hybrid("upload_echo_asgi", "--lifespan", "off"),
    (uvicorn("upload_echo_asgi", *ASGI), granian("upload_echo_asgi", "--interface", "asgi")),
    (THROUGHPUT, CPU_PER_GIB),
    (Target(THROUGHPUT, 1.0, "uvicorn"),),
)
FILE_ASGI = Work(
    "1 GiB file by http.response.pathsend",
    Download(GIB),
    hybrid("file_asgi", "--lifespan", "off"),
    (granian("file_asgi", "--interface", "asgi"), uvicorn("file_asgi", *ASGI)),
    (THROUGHPUT, CPU_PER_GIB, MEMORY),
    (Target(CPU_PER_GIB, 0.7, "granian"),),
    environment=large_file,
)
