"""`hybrid migrate` for Flask applications: which application, what is printed, and the exit codes."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hybrid.cli import main
from tests.support.planted_flask import PROJECT
from tests.support.process import ROOT, run_hybrid

APP = """
import signal
from flask import Flask


def create_app(name="made"):
    app = Flask(name)

    @app.get("/limit")
    def limit():
        signal.signal(signal.SIGALRM, print)
        return "x"

    return app


app = create_app("app")

"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small application with one fault, and go there."""
    (tmp_path / "shop.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    return tmp_path


def migrate(*arguments: str) -> Result:
    """Run a command in this process; the application is imported in another."""
    return CliRunner().invoke(main, ["migrate", *arguments])


@pytest.mark.parametrize(
    "target", ["shop:app", "shop", "shop:create_app()", "shop:create_app", "shop:create_app('x')"]
)
def test_how_an_application_is_named(project: Path, target: str) -> None:
    """As for Flask's own command and gunicorn: a name, a module, a factory, with arguments or without."""
    done = migrate("audit", "--wsgi", target, "--fail-on", "never")
    assert done.exit_code == 0, done.output
    assert "2 routes" in done.stdout.splitlines()[1]
    assert "shop.py:11 in shop.create_app.limit" in done.stdout
    assert "routes: limit" in done.stdout


def test_exit_code_of_an_error(project: Path) -> None:
    """As of a Django project: 1 where something is as bad as --fail-on."""
    assert migrate("audit", "--wsgi", "shop:app").exit_code == 1


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("app = lambda environ, start_response: []\n", "shop:app", "no application of Django's or Flask's"),
        ("from quart import Quart\napp = Quart('x')\n", "shop:app", "Flask's: quart.app.Quart"),
    ],
    ids=["wsgi", "quart"],
)
def test_applications_of_others(project: Path, text: str, target: str, message: str) -> None:
    """Nothing is known of them, which is said with what they are."""
    (project / "shop.py").write_text(text)
    done = migrate("audit", "--wsgi", target)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere:app", "there is no module nowhere"),
        ("shop:ap", "did you mean app?"),
        ("shop:create_app(name)", "arguments of a factory are written out"),
        ("shop:create_app)", "is not MODULE:FACTORY()"),
    ],
)
def test_applications_that_are_not_there(project: Path, target: str, message: str) -> None:
    """That is a project that does not import, and nothing is said of Django."""
    done = migrate("audit", "--wsgi", target)
    assert (done.exit_code, message in done.stderr) == (3, True), done.stderr
    assert "django" not in done.stderr.lower()


def test_an_application_that_does_not_import(project: Path) -> None:
    """The place is told, and what the source alone tells is found by Flask's rules all the same."""
    (project / "shop.py").write_text(f"{APP}\nraise KeyError('SHOP')\n")
    done = migrate("audit", "--wsgi", "shop:app")
    assert done.exit_code == 3
    assert f"{project / 'shop.py'}:20" in done.stderr
    assert "error HF103" in done.stdout


def test_the_chain_is_djangos(project: Path) -> None:
    """Commands about Django's middleware refuse a Flask application."""
    done = migrate("chain", "--wsgi", "shop:app")
    assert (done.exit_code, "is a Flask application" in done.stderr) == (2, True)


def test_without_django(tmp_path: Path) -> None:
    """Flask's users need not have Django."""
    (tmp_path / "django").mkdir()
    (tmp_path / "django" / "__init__.py").write_text("raise ModuleNotFoundError('no Django here')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = run_hybrid(
        *("migrate", "audit", "--wsgi", "demo_flask.wsgi:app", "--fail-on", "warning"),
        cwd=ROOT,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 errors, 0 warnings" in done.stdout


def routes(*arguments: str) -> Any:
    """Return what `hybrid migrate routes` says of the planted application, in JSON."""
    return json.loads(migrate("routes", "--wsgi", "wsgi:application", "--format", "json", *arguments).stdout)


def test_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of the URL map, with what answers them."""
    monkeypatch.chdir(PROJECT)
    said = routes()
    by_name = {each["name"]: each for each in said["routes"]}
    assert said["framework"] == "flask"
    assert by_name["asynchronous.waits"]["pattern"] == "waits"
    assert by_name["asynchronous.waits"]["view"] == "desk.asynchronous.waits"
    assert by_name["asynchronous.waits"]["is_async"] is True
    assert by_name["asynchronous.waits"]["lane"] == "wsgi; async-view"
    assert by_name["streams.rows"]["streaming"] == "stream_with_context"
    assert by_name["streams.lines"]["streaming"] == "generator"
    assert by_name["front"]["methods"] == ["GET"]


def test_routes_in_text() -> None:
    """WebSockets of hybrid's extension are among them, and the endpoint is what url_for() takes."""
    done = run_hybrid("migrate", "routes", "--wsgi", "demo_flask.wsgi:app", cwd=ROOT)
    assert done.returncode == 0
    assert "ENDPOINT" in done.stdout.splitlines()[0]
    assert "/sign-up" in done.stdout
    assert "accounts.sign_up" in done.stdout
    assert "ws/<slug>  demo_flask.live.listen  async" in done.stdout
    assert done.stdout.rstrip().endswith("while their thread waits; 1 of WebSockets")
