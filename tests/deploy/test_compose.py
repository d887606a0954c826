"""The Compose file: against its schema, against the image, and run without containers."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from hybrid.server.config import Config
from tests.support.dockerfiles import read_dockerfile
from tests.support.needs import missing, require_program
from tests.support.nginx import Nginx
from tests.support.parlour import Person
from tests.support.process import ROOT, start_server
from tests.support.redis import RedisServer

FILE = ROOT / "deploy" / "compose" / "compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
WEB: dict[str, Any] = SERVICES["web"]


def test_it_is_valid() -> None:
    """The schema of the Compose specification knows every key."""
    program = Path(sys.executable).with_name("check-jsonschema")
    if not program.exists():
        missing("check-jsonschema, which the extra `dev` brings,")
    command = [str(program), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_names_lead_somewhere() -> None:
    """Files that are mounted or built from exist, and the folders of volumes are those that the image has."""
    context = FILE.parent / WEB["build"]["context"]
    assert context.resolve() == ROOT
    stages = read_dockerfile(context / WEB["build"]["dockerfile"])
    (made,) = stages["hybrid"].all_of("RUN")
    mounted = {volume.split(":")[1] for volume in WEB["volumes"]}
    assert mounted <= set(made.words)
    files = [volume.split(":")[0] for volume in SERVICES["nginx"]["volumes"] if volume[0] == "."]
    assert files
    assert all((FILE.parent / name).is_file() for name in files)


def test_the_times_fit_each_other() -> None:
    """A container is killed 10 s after the drain at the earliest."""
    seconds = int(WEB["stop_grace_period"].removesuffix("s"))
    assert seconds >= Config(app="x").timeout_graceful_shutdown + 10


@pytest.mark.slow
def test_the_services_together(tmp_path: Path) -> None:
    """The chat on two processes, with Redis between them and nginx before them: people hear each other."""
    environment, (verb, *options) = WEB["environment"], WEB["command"]
    assert (verb, options[0]) == ("serve", "--workers")
    path = tmp_path / "web.sock"
    assert f"server {environment['HYBRID_BIND']} " in (FILE.parent / "upstream.conf").read_text(
        encoding="utf-8"
    )
    for folder in ("nginx", "redis"):
        (tmp_path / folder).mkdir()
    require_program("redis-server", "valkey-server")
    with ExitStack() as services:
        kept_off = [word.removeprefix("--") for word in SERVICES["redis"]["command"][1:]]
        assert kept_off == ["save", "", "appendonly", "no"]  # as RedisServer does
        redis = services.enter_context(RedisServer(tmp_path / "redis"))
        assert environment["HYBRID_LAYER"] == "redis://redis/0"
        there = {
            "HYBRID_LAYER": f"redis+unix://{redis.socket}",
            "DEMO_DATABASE": str(tmp_path / "chat.sqlite3"),
        }
        own: dict[str, Any] = {"cwd": tmp_path, "app_dir": ROOT, "env": environment | there}
        web = services.enter_context(
            start_server("demo_flask.wsgi:app", uds=path, workers=int(options[1]), **own)
        )
        web.wait_for_stderr(f"has {options[1]} workers")
        nginx = services.enter_context(Nginx(tmp_path / "nginx", "compose/upstream.conf", f"unix:{path}"))
        people = [services.enter_context(Person(nginx.url, f"Person {number}")) for number in range(2)]
        windows = [services.enter_context(person.window()) for person in people]
        message = people[0].say("hello")
        assert [window.hear("message")["message"] for window in windows] == [message] * 2
        assert len(redis.command("PUBSUB", "CHANNELS")) > len(b"*0\r\n")
