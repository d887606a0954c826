"""The Dockerfile: a linter reads it, and what needs no container engine is done as it says."""

import http.server
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from tests.support.dockerfiles import Context, own_paths, read_dockerfile, run_stage
from tests.support.needs import missing
from tests.support.ops import HAS_OPS
from tests.support.process import DEADLINE, ROOT
from tests.support.programs import Program
from tests.support.redis import free_port

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
STAGES = read_dockerfile(DOCKERFILE)


def test_the_linter_has_nothing_against_it() -> None:
    """Hadolint finds nothing, at any level."""
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        missing("hadolint, which the extra `dev` brings,")
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_runs_is_not_root() -> None:
    """The images run as a user that is given as a number, which Kubernetes can check; they are slim."""
    (user,) = STAGES["hybrid"].all_of("USER")
    assert all(int(each) > 0 for each in user.rest.split(":"))
    assert STAGES["demo"].all_of("USER") == []
    assert {STAGES[name].base for name in ("build", "hybrid")} == {"python:${PYTHON}-slim"}


def test_nothing_is_sent_that_is_not_copied() -> None:
    """The builder gets what the Dockerfile copies, and no secrets or tests that lie beside it."""
    context = Context(ROOT, DOCKERFILE.with_name("Dockerfile.dockerignore"))
    copies = [each.words for stage in STAGES.values() for each in stage.all_of("COPY")]
    copied = {source for words in copies if not words[0].startswith("--") for source in words[:-1]}
    assert context.sent == copied


# The check of health.


class Health(http.server.BaseHTTPRequestHandler):
    """Answers as the server does that is asked for its health."""

    status: ClassVar = 200

    def do_GET(self) -> None:
        """Answer the one path."""
        self.send_response(self.status if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Write nothing."""


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Answer while the block runs; give the port."""
    handler = type("Answer", (Health,), {"status": status})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def check_of_health(port: int) -> int:
    """Run what `HEALTHCHECK` says, as an engine does; return the exit code."""
    (check,) = STAGES["hybrid"].all_of("HEALTHCHECK")
    command = check.rest[check.rest.index("CMD") + 4 :]
    address, _, own = STAGES["hybrid"].environment["HYBRID_OPS"].rpartition(":")
    assert f"'{address}', {own}" in command
    program, *arguments = type(check)("CMD", command.replace(own, str(port))).words
    assert program == "python"
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False, timeout=DEADLINE)
    return done.returncode


def test_health() -> None:
    """The check is content with 200 and with nothing else; it needs no program but Python."""
    for status, code in ((200, 0), (503, 1)):
        with answering(status) as port:
            assert check_of_health(port) == code
    assert check_of_health(port) == 1  # nobody is there any more


# The images.


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do what the stages `build` and `demo` say, with the Python of the tests as that of the base image.

    What the package depends on is that of the tests, too; `scripts/release` installs it anew.
    """
    folder = tmp_path_factory.mktemp("image")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_NO_BUILD_ISOLATION": "0",  # which means that there is none
        "PIP_NO_DEPS": "1",
    }
    context = Context(ROOT, DOCKERFILE.with_name("Dockerfile.dockerignore"))
    for name in ("build", "demo"):
        run_stage(STAGES[name], context, folder, environment)
    return folder


@pytest.mark.slow
def test_the_image_serves(root: Path) -> None:
    """What the stages have made serves the demonstration, and ends with 0 at SIGTERM."""
    (entry,), (command,) = (STAGES["hybrid"].all_of(name) for name in ("ENTRYPOINT", "CMD"))
    environment = STAGES["hybrid"].environment | STAGES["demo"].environment
    environment = {name: own_paths(value, root) for name, value in environment.items()}
    (root / "data").mkdir()
    health = free_port()
    environment |= {"HYBRID_BIND": "127.0.0.1:0", "HYBRID_OPS": f"127.0.0.1:{health}"}
    environment["PYTHONPATH"] = sysconfig.get_path("purelib")
    words = [str(root / "opt" / "hybrid" / "bin" / entry.words[0]), *command.words]
    with Program(words, {}, cwd=root / "app", env=environment) as server:
        server.wait_until_listening()
        with httpx.Client(base_url=server.url, follow_redirects=True, timeout=DEADLINE) as client:
            page = client.get("/")
            assert page.status_code == 200
        assert not HAS_OPS or check_of_health(health) == 0
        assert server.terminate() == 0
    assert (root / "data" / "secret_key").exists()
