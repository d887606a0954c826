"""``hybrid migrate record``, and ``shadow --live``, with servers that run."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.control import asked, short_folder, sockets_below
from tests.support.django_projects import write_project
from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ServerProcess, process_environment, run_hybrid, start_server
from tests.support.waiting import poll, until

require_module("django")

URLS = """
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path


def home(request):
    return HttpResponse("home " + request.GET.get("b", ""))


async def live(request):
    return JsonResponse({"live": True, "user_token": "hush"})


def reset(request, token):
    return HttpResponse("reset")


def stream(request):
    return StreamingHttpResponse(["one ", "two"])


def differs(request):
    return HttpResponse(f"{'new' if hasattr(request, 'scope') else 'old'} {request.COOKIES.get('who')}")


urlpatterns = [
    path("", home, name="home"),
    path("live/", live, name="live"),
    path("reset/<str:token>/", reset, name="reset"),
    path("stream/", stream, name="stream"),
    path("differs/", differs, name="differs"),
]
"""
COOKIE = {"Cookie": "who=ada; sessionid=hush", "Referer": "http://a/?token=hush"}
WORKERS = 2
SAME = ("/?b=1&key=hush", "/live/", "/reset/hush/", "/stream/")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a project."""
    return write_project(tmp_path_factory.mktemp("shop"), {"shop/urls.py": URLS})


@pytest.fixture(scope="module")
def control() -> Iterator[Path]:
    """Give the folder of the server's control directory."""
    with short_folder(is_emptied=True) as made:
        yield made


@pytest.fixture(scope="module")
def server(folder: Path, control: Path) -> Iterator[ServerProcess]:
    """Serve the project with several processes, of which one tries all requests again."""
    options: dict[str, Any] = {"workers": WORKERS, "control": control, "shadow": 100, "log_level": "info"}
    with start_server(cwd=folder, django="shop.settings", **options) as started:
        until(lambda: len(sockets_below(control)) == WORKERS)
        yield started


def get(server: ServerProcess, path: str, method: str = "GET") -> None:
    """Ask for a path, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    try:
        connection.request(method, path, headers=COOKIE)
        assert connection.getresponse().read() or method == "POST"
    finally:
        connection.close()


class Recorder:
    """The command, which runs."""

    def __init__(self, folder: Path, control: Path, *options: str) -> None:
        self.file = folder / "recorded.jsonl"
        command = [sys.executable, "-m", "hybrid", "migrate", "record", "--control", str(control)]
        self.process = subprocess.Popen(
            [*command, "--output", str(self.file), *options],
            cwd=folder,
            env=process_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_it_records(self) -> None:
        """Wait until it says so."""
        assert self.process.stderr is not None
        assert self.process.stderr.readline() == "hybrid: recording, for 60 s at most; Ctrl-C ends it\n"

    def end(self, code: int = 0) -> str:
        """Wait for its end, and return what it has printed."""
        out, err = self.process.communicate(timeout=DEADLINE)
        assert self.process.returncode == code, out + err
        return out + err

    def lines(self) -> list[dict[str, Any]]:
        """Return what is in the file."""
        return [json.loads(each) for each in self.file.read_text().splitlines()]


def replayed(folder: Path, file: Path, code: int) -> dict[str, Any]:
    """Return what ``replay`` says, for programs."""
    done = run_hybrid("migrate", "replay", str(file), "--format", "json", cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_record_and_replay(folder: Path, control: Path, server: ServerProcess) -> None:
    """What all processes answer is in one file that only its owner may read, without secrets; and the same on
    both lanes when it is sent to them again.
    """
    recorder = Recorder(folder, control, "--requests", "24", "--path", "/*", "--seconds", "60")
    recorder.wait_until_it_records()
    get(server, "/", "POST")
    for _ in range(6):
        for path in SAME:
            get(server, path)
    assert recorder.end() == f"24 requests of {WORKERS} processes, in {recorder.file}\n"
    head, *found = recorder.lines()
    assert head == {"format": "hybrid-recording", "version": 1, "redacted": True}
    assert {each["view"]: each["target"] for each in found} == {
        "home": "/?b=1&key=[redacted]",
        "live": "/live/",
        "reset": "/reset/[redacted]/",
        "stream": "/stream/",
    }
    answers = {each["view"]: (each["outcome"]["lane"], each["outcome"]["body"]) for each in found}
    assert answers == {
        "home": ("wsgi", "home 1"),
        "live": ("asgi", '{"live": true, "user_token": "[redacted]"}'),
        "reset": ("wsgi", "reset"),
        "stream": ("wsgi", "one two"),
    }
    assert "hush" not in recorder.file.read_text()
    assert recorder.file.stat().st_mode & 0o777 == 0o600
    results = replayed(folder, recorder.file, 0)
    assert (results["requests"], results["same"]) == (4, 4)
    hint = "they are sent as nobody's; --user, --cookie, or a recording --with-secrets"
    for options, expected in (((), True), (("--cookie", "who=ada"), False)):
        done = run_hybrid("migrate", "replay", str(recorder.file), *options, cwd=folder)
        assert (done.returncode, hint in done.stderr) == (0, expected), done.stderr


def test_ctrl_c_and_secrets(folder: Path, control: Path, server: ServerProcess) -> None:
    """Ctrl-C ends a recording on the server too; with secrets the requests are those of the same user again,
    and a planted difference is found.
    """
    recorder = Recorder(folder, control, "--with-secrets")
    recorder.wait_until_it_records()
    get(server, "/differs/")
    # An answer may be here before the thread that gave it has put it down.
    until(lambda: recorder.file.read_bytes().count(b"\n") == 2)
    recorder.process.send_signal(signal.SIGINT)
    assert "1 request of 2 processes" in recorder.end()
    (_, line) = recorder.lines()
    assert ["cookie", COOKIE["Cookie"]] in line["headers"]
    (group,) = replayed(folder, recorder.file, 4)["groups"]
    assert (group["old"], group["new"]) == ("old ada", "new ada")
    begun = {"name": "x", "seconds": 0.001, "requests": 1, "percent": 1}
    for path in sockets_below(control).values():
        assert "pid" in asked(path, "record.begin", begun)  # nobody records any more
        assert "pid" in asked(path, "record.end", begun)
        asked(path, "record.fetch", begun)


def live(control: Path, folder: Path, *arguments: str, code: int = 0) -> str:
    """Return what is printed of a server that runs."""
    done = run_hybrid("migrate", "shadow", "--control", str(control), *arguments, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code not in (2, 5) else done.stderr


def test_a_file_that_cannot_be_written(folder: Path, control: Path, server: ServerProcess) -> None:
    """It is named, and nothing is left of the recording: the next one begins at once."""
    record = ("migrate", "record", "--control", str(control), "--seconds", "0.5", "--output")
    done = run_hybrid(*record, "nowhere/shop.jsonl", cwd=folder)
    assert (done.returncode, "--output: cannot write nowhere/shop.jsonl" in done.stderr) == (2, True)
    done = run_hybrid(*record, "once more.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr


def test_live(folder: Path, control: Path, server: ServerProcess) -> None:
    """A planted difference is found while the server runs, for the user who asks; no secrets are told."""
    leader = sockets_below(control)[min(sockets_below(control))]

    def tried() -> bool:
        get(server, "/differs/")
        return bool(asked(leader, "shadow.show", {"form": "json"})["different"])

    assert poll(tried)
    said = live(control, folder, "--format", "json", code=4)
    results = json.loads(said)
    schema = files("hybrid") / "adapters/django/migrate/shadow/schema.json"
    jsonschema.validate(results, json.loads(schema.read_text()))
    (group,) = results["groups"]
    assert (group["view"], group["old"], group["new"]) == ("differs", "old ada", "new ada")
    assert "hush" not in said
    assert f"http://127.0.0.1:{server.port}/differs/" in group["curl"]
    assert "differs has another value of text" in live(control, folder, code=4)


def test_one_process_tries(control: Path, server: ServerProcess) -> None:
    """There is one for all processes of the server, and everything else goes before it."""

    def priorities() -> list[int]:
        get(server, "/")
        answers = [asked(path, "shadow.show") for path in sockets_below(control).values()]
        pids = [each["process"] for each in answers if each.get("process") is not None]
        try:
            return [os.getpriority(os.PRIO_PROCESS, pid) for pid in pids]
        except ProcessLookupError:  # of one that leads no more
            return []

    # At the start two may lead for a moment, as one does not see the other's socket yet; and the process lets
    # others go first only once it runs.
    until(lambda: priorities() == [19])


@pytest.mark.parametrize("argument", ["/a/", "--old=http://a", "--limit=3"], ids=["path", "server", "limit"])
def test_live_sends_nothing(argument: str, folder: Path, control: Path) -> None:
    """What says which requests are sent is refused."""
    assert "not for a server that runs already" in live(control, folder, argument, code=2)


@pytest.mark.parametrize(
    "command", [["record", "--output", "a.jsonl"], ["shadow", "--live"]], ids=lambda it: it[0]
)
def test_nobody_is_there(command: list[str], tmp_path: Path) -> None:
    """That ends with 5 and one line; no file is made."""
    (tmp_path / "empty").mkdir()
    done = run_hybrid("migrate", *command, "--control", "empty", cwd=tmp_path)
    assert done.returncode == 5, done.stderr
    assert done.stderr == "hybrid: no server with a control socket is running (none in empty)\n"
    assert not (tmp_path / "a.jsonl").exists()


def test_servers_that_cannot(control_folder: Path, tmp_path: Path) -> None:
    """One without lanes can neither record nor shadow; the error says so."""
    with start_server("hello_wsgi:app", control=control_folder, cwd=tmp_path) as server:
        until(lambda: sockets_below(control_folder))
        for command in (["record", "--output", "a.jsonl"], ["shadow"]):
            done = run_hybrid("migrate", *command, "--control", str(control_folder), cwd=tmp_path)
            assert (done.returncode, done.stderr) == (
                5,
                "hybrid: the server cannot do that: it does not serve a Django project on both lanes\n",
            )
        assert server.running


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--control", "none", "--django", "shop.settings"],
            "shadow: what came of it is asked for at the control",
        ),
        (["--app-dir", str(APPS), "hello_wsgi:app"], "shadow: nothing is served on two lanes"),
        (["--django", "shop.settings", "--shadow", "101"], "101"),
    ],
    ids=["no control", "no lanes", "too many"],
)
def test_settings_that_make_no_sense(options: list[str], message: str, folder: Path) -> None:
    """Such a server does not start."""
    done = run_hybrid("serve", "--port", "0", "--shadow", "5", *options, cwd=folder)
    assert done.returncode != 0
    assert message in done.stderr


def test_the_end_of_the_server(folder: Path, control: Path, server: ServerProcess) -> None:
    """The process that tries ends with it. Without an option nothing is tried."""

    def trying() -> list[int]:
        answers = [asked(path, "shadow.show") for path in sockets_below(control).values()]
        return [each["process"] for each in answers if each.get("process")]

    def begun() -> bool:
        get(server, "/live/")  # the first one that the process with the sample answers starts it
        return len(trying()) == 1

    until(begun)
    (pid,) = trying()
    assert server.terminate() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
