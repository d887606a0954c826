"""``hybrid migrate chain``."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.django_projects import write_project
from tests.support.middleware_lab import LAB
from tests.support.needs import require_module
from tests.support.process import ROOT, run_hybrid

require_module("django")

MIDDLEWARE = """
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "shop.middleware.legacy",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
"""
LEGACY = """
def legacy(get_response):
    return lambda request: get_response(request)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give the folder of a project with one synchronous middleware."""
    return write_project(tmp_path, {"+shop/settings.py": MIDDLEWARE, "shop/middleware.py": LEGACY})


def chain(folder: Path, *arguments: str, code: int = 0) -> str:
    """Return what the command prints."""
    done = run_hybrid("migrate", "chain", "--settings", "shop.settings", *arguments, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code in (0, 3) else done.stderr


def chain_json(folder: Path, *arguments: str) -> dict[str, Any]:
    """Return the same for programs."""
    said: dict[str, Any] = json.loads(chain(folder, "--format", "json", *arguments))
    assert said["schema"] == 1
    return said


def hops(chains: dict[str, Any]) -> dict[str, list[int]]:
    """Return what a synchronous and an asynchronous view cost, by lane."""
    return {lane: [*each["hops"].values()] for lane, each in chains.items()}


def test_the_table(shop: Path) -> None:
    """Layer by layer, with what is between them, what requests cost, and what holds a thread."""
    lines = [" ".join(line.split()) for line in chain(shop).splitlines()]
    assert "0 handler handler → thread handler → thread" in lines
    assert "2 shop.middleware.legacy sync sync → loop sync → loop" in lines
    assert "3 django.middleware.common.CommonMiddleware sync async +2 async +2" in lines
    assert "WSGI 0 1 none" in lines
    purposes = "1 request_started, 1 close, 2 adapter, 1 process_request, 2 process_response"
    assert f"ASGI, Django's handler 8 7 {purposes}" in lines
    assert (
        "On ASGI a thread waits while an async view runs: shop.middleware.legacy is synchronous, and so is "
        "what is around it"
    ) in lines


def test_what_if(shop: Path) -> None:
    """One that is asynchronous, moved, or gone makes another chain; hybrid groups what stands together."""
    said = chain_json(shop, "--if", "legacy=gone")
    assert hops(said["chains"]) == {"wsgi": [0, 1], "asgi": [8, 7], "hybrid": [8, 7]}
    assert hops(said["after"]) == {"wsgi": [0, 1], "asgi": [8, 7], "hybrid": [5, 4]}
    assert said["chains"]["asgi"]["holds_thread"] == "shop.middleware.legacy"
    assert said["after"]["asgi"]["holds_thread"] == ""
    said = chain_json(shop, "--if", "shop.middleware.legacy=async", "--move", "legacy:4")
    assert [each["path"].rpartition(".")[2] for each in said["after"]["asgi"]["layers"]] == [
        *("SecurityMiddleware", "CommonMiddleware", "XFrameOptionsMiddleware", "legacy"),
    ]
    assert hops(said["after"])["hybrid"] == [5, 4]
    assert said["changes"] == ["shop.middleware.legacy becomes asynchronous", "legacy moves to 4"]
    assert "If legacy is gone:" in chain(shop, "--if", "legacy=gone")


def test_run_agrees(shop: Path) -> None:
    """Each handler serves the request, and what it costs is what was worked out."""
    said = chain_json(shop, "--run", "--url", "/")
    assert [(each["lane"], each["agrees"], each["simulated"], each["counted"]) for each in said["runs"]] == [
        ("wsgi", True, 0, 0),
        ("asgi", True, 8, 8),
        ("hybrid", True, 8, 8),
    ]
    text = chain(shop, "--run", "--url", "/nowhere")
    assert "404" in text
    assert "no route" in text


def test_run_of_the_demonstration(tmp_path: Path) -> None:
    """All of its middleware, and views of both kinds, with a database and without."""
    require_module("rest_framework")
    for url in ("/accounts/sign-in/", "/systems/", "/events/", "/nowhere/"):
        arguments = ("--settings", "demo_django.settings", "--run", "--url", url, "--format", "json")
        env = {"DEMO_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
        done = run_hybrid("migrate", "chain", *arguments, cwd=ROOT, env=env)
        assert done.returncode == 0, done.stderr
        assert [each["agrees"] for each in json.loads(done.stdout)["runs"]] == [True, True, True], url


def test_run_that_a_middleware_answers(tmp_path: Path) -> None:
    """There is nothing to compare then, which is said and is no error."""
    answers = """
        from django.http import HttpResponse
        def answers(get_response):
            return lambda request: HttpResponse("closed", status=503)
    """
    more = "\nMIDDLEWARE = ['shop.middleware.answers']\n"
    write_project(tmp_path, {"+shop/settings.py": more, "shop/middleware.py": answers})
    assert "the request was answered before it" in chain(tmp_path, "--run")


def test_run_that_fails_in_a_middleware(tmp_path: Path) -> None:
    """HM104: Django's handler fails as the chain says, and nobody calls that an answer; hybrid's agrees."""
    own_call = """
        from django.utils.deprecation import MiddlewareMixin
        class Own(MiddlewareMixin):
            def __call__(self, request):
                response = self.get_response(request)
                response["X-Own"] = "yes"
                return response
    """
    more = "\nMIDDLEWARE.append('shop.middleware.Own')\n"
    write_project(tmp_path, {"+shop/settings.py": more, "shop/middleware.py": own_call})
    lines = [" ".join(line.split()) for line in chain(tmp_path, "--run").splitlines()]
    assert "2 shop.middleware.Own sync async fails sync → loop" in lines
    wsgi, asgi, hybrid = lines[-3:]
    assert wsgi.startswith("WSGI 200 ")
    assert asgi.startswith("ASGI, Django's handler 500 before ")
    assert "the request failed before it" in asgi
    assert hybrid.startswith("asgi lane of hybrid, GET 200 ")
    assert hybrid.endswith(" yes none")


def test_run_that_does_not_agree(tmp_path: Path) -> None:
    """It is said what differs, and the exit code is 3: here a middleware asks what is inside of it twice."""
    twice = """
        def twice(get_response):
            def middleware(request):
                get_response(request)
                return get_response(request)
            return middleware
    """
    more = "\nMIDDLEWARE.insert(0, 'shop.middleware.twice')\n"
    write_project(tmp_path, {"+shop/settings.py": more, "shop/middleware.py": twice})
    text = chain(tmp_path, "--run", code=3)
    assert "async_to_sync for adapter: simulated 1, counted 2" in text


def test_what_fails_on_asgi_is_told_of(tmp_path: Path) -> None:
    """With its layer and the reason; it is served on WSGI and fails on ASGI, but not on hybrid's lane."""
    more = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        MIDDLEWARE = ["{LAB}.middleware.TouchesResponse"]
    """
    write_project(tmp_path, {"+shop/settings.py": more})
    text = chain(tmp_path, "--run")
    assert "TouchesResponse: requests may fail: its own __call__ is synchronous" in text
    runs = {each["lane"]: each["status"] for each in chain_json(tmp_path, "--run")["runs"]}
    assert runs == {"wsgi": 200, "asgi": 500, "hybrid": 200}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--if", "legacy=sync"), "--if: 'legacy=sync' is neither NAME=async nor NAME=gone"),
        (("--if", "legcy=gone"), "legcy: no middleware of the project is called so: legacy?"),
        (("--move", "legacy"), "--move: 'legacy' is not NAME:POSITION"),
        (("--move", "legacy:9"), "--move legacy: 9 is no position from 1 to 4"),
        (("--run", "--url", "nowhere"), "--url: nowhere is no path that begins with /"),
    ],
    ids=["kind", "name", "form", "position", "url"],
)
def test_wrong_options(shop: Path, arguments: tuple[str, ...], said: str) -> None:
    """One line that names the option, and exit code 2."""
    assert said in chain(shop, *arguments, code=2)


def test_a_project_that_does_not_import(tmp_path: Path) -> None:
    """Exit code 3; the chain of what could be imported is printed."""
    more = "\nMIDDLEWARE.append('shop.missing.Middleware')\n"
    write_project(tmp_path, {"+shop/settings.py": more})
    assert "CommonMiddleware" in chain(tmp_path, code=3)


STREAMS = """
from django.http import StreamingHttpResponse
from django.urls import path

def endless():
    while True:
        yield b"tick"

urlpatterns = [path("ticks/", lambda request: StreamingHttpResponse(endless()))]
"""


def test_a_run_with_a_stream_without_end(tmp_path: Path) -> None:
    """The parts of a synchronous stream, which Django collects on ASGI, are not waited for."""
    write_project(tmp_path, {"shop/urls.py": STREAMS})
    said = chain_json(tmp_path, "--url", "/ticks/", "--run", "--timeout", "20")
    assert [each["status"] for each in said["runs"]] == [200, 200, 200]
