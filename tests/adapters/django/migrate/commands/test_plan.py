"""`hybrid migrate plan`, as people call it; and the lanes that it advises, on a server."""

import json
import shutil
import tomllib
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hybrid.adapters.django.migrate.report import render
from hybrid.cli import main
from tests.support.demo_desk import MANAGE, run_python
from tests.support.needs import require_module
from tests.support.plans import compared, observed, written
from tests.support.planted import PROJECT, audited
from tests.support.process import ROOT, run_hybrid, start_server

DEMO = ("--settings", "demo_django.settings")


def migrate(*arguments: str) -> Result:
    """Run a command of the group in this process."""
    return CliRunner().invoke(main, ["migrate", *arguments])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the demonstration, audit it, and plan its move in all formats of what that has found."""
    for name in ("django", "rest_framework"):
        require_module(name)
    folder = tmp_path_factory.mktemp("desk")
    ignored = shutil.ignore_patterns("__pycache__", "var")
    shutil.copytree(ROOT / "demo_django", folder / "demo_django", ignore=ignored)
    formats = [
        word
        for name in ("markdown", "html", "toml", "json")
        for word in ("--format", name, "--output", {"toml": "hybrid.toml"}.get(name, f"plan.{name}"))
    ]
    with chdir(folder):
        assert migrate("audit", *DEMO, "--format", "json", "--output", "audit.json").exit_code == 0
        done = migrate("plan", "--audit", "audit.json", *formats)
    assert (done.exit_code, done.output) == (0, "")
    return folder


def test_the_server_takes_the_lanes(desk: Path) -> None:
    """`hybrid serve` starts with the file as it is: all views are on wsgi, and the first one can be moved as
    the plan says, and back.
    """
    plan = json.loads((desk / "plan.json").read_text())
    first = plan["lanes"][0]["view"]
    assert first == "desk:events"
    with start_server(
        cwd=desk, app_dir=desk, config=desk / "hybrid.toml", control=desk / "control"
    ) as server:
        control = ("--control", str(desk / "control"))
        assert server.url
        shown = json.loads(run_hybrid("lanes", "show", "--json", *control, cwd=desk).stdout)
        lanes = {each["name"]: each["lane"] for each in shown["views"]}
        assert {"desk:events", "desk:systems"} <= lanes.keys()
        assert set(lanes.values()) == {"wsgi"}
        step = next(each for each in plan["steps"] if each["title"] == f"Move {first}")
        commands = [each["command"].split() for each in step["how"]]
        assert len(commands) == 3
        for words in [*commands, ["hybrid", "lanes", "rollback", first]]:
            done = run_hybrid(*words[1:], *control, cwd=desk)
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_last_table(desk: Path) -> None:
    """It is accepted too, and has the demonstration's asynchronous views on asgi."""
    plan = json.loads((desk / "plan.json").read_text())
    (desk / "last.toml").write_text(f"django = 'demo_django.settings'\n{plan['toml']['last']}\n")
    assert tomllib.loads(plan["toml"]["last"])["lanes"] == {"desk:events": "asgi", "desk:systems": "asgi"}
    done = run_hybrid("routes", "--config", "last.toml", cwd=desk)
    assert (done.returncode, "event loop: 2 views" in done.stdout) == (0, True), done.stderr


def test_what_the_demonstration_is_told(desk: Path) -> None:
    """Its uploads and streams stay where they are, with the reason."""
    text = (desk / "plan.markdown").read_text()
    assert text.startswith("# demo_django.settings: from WSGI to ASGI\n")
    for each in ("- `desk:attach`: synchronous; HM203 at", "- `desk:export`: synchronous; HM305 at"):
        assert each in text
    assert (desk / "plan.html").read_text().endswith("</html>\n")


def test_of_what_others_have_written(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit, figures and differences from files: nothing is imported, and all are in the plan."""
    figures = observed(systems={"wsgi": {"calls": 60, "p50": 0.5}})
    figures["views"][0]["name"] = "desk:systems"
    differ = compared(events=(4, 1))
    differ["views"][0]["name"] = "desk:events"
    monkeypatch.chdir(tmp_path)
    done = migrate(
        *("plan", "--audit", str(desk / "audit.json"), "--format", "json"),
        *("--observe", str(written(tmp_path / "observe.json", figures))),
        *("--shadow", str(written(tmp_path / "shadow.json", differ))),
    )
    said = json.loads(done.stdout)
    assert (done.exit_code, said["missing"]) == (0, [])
    assert {each["view"]: each["last"] for each in said["lanes"]} == {
        "desk:systems": "asgi",
        "desk:events": "wsgi",
    }
    commands = [each.get("command", "") for step in said["steps"] for each in step["how"]]
    assert "hybrid migrate baseline --settings demo_django.settings" in commands


def test_manage_py(desk: Path) -> None:
    """`manage.py hybrid_migrate plan` is the same command."""
    words = ("plan", "--audit", "audit.json", "--format", "toml")
    text = run_python(MANAGE, "hybrid_migrate", *words, cwd=desk)
    assert text == (desk / "hybrid.toml").read_text()


def test_the_planted_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its broken views do not keep hybrid from starting with the lanes that are advised."""
    monkeypatch.chdir(PROJECT)
    config, audit = tmp_path / "hybrid.toml", tmp_path / "audit.json"
    audit.write_text(render(audited("shop.settings"), "json"))
    done = migrate("plan", "--audit", str(audit), "--format", "toml", "--output", str(config))
    assert (done.exit_code, done.stdout) == (0, "")
    checked = run_hybrid("routes", "--config", str(config), cwd=PROJECT)
    assert (checked.returncode, "event loop: 0 views" in checked.stdout) == (0, True), checked.stderr


def test_a_project_is_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --audit it is read and imported, and its findings and views are in the plan."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lonely_settings.py").write_text("SECRET_KEY = 'x'\nROOT_URLCONF = 'lonely_urls'\n")
    (tmp_path / "lonely_urls.py").write_text(
        "from django.urls import path\n\n"
        "async def cart(request):\n    return request.environ\n\n"
        "async def page(request):\n    ...\n\n"
        "urlpatterns = [path('cart/', cart, name='cart'), path('page/', page, name='page')]\n"
    )
    done = migrate("plan", "--settings", "lonely_settings", "--format", "json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["missing"]) == (0, ["--observe", "--shadow"])
    assert {each["view"]: each["last"] for each in said["lanes"]} == {"cart": "wsgi", "page": "asgi"}
    assert "HM101" in {rule for step in said["steps"] for rule in step["rules"]}


def test_a_project_that_does_not_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3; the plan begins with that, and has what the source tells."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site_settings.py").write_text("raise KeyError('KEY')\n")
    (tmp_path / "views.py").write_text("def cart(request):\n    return request.environ\n")
    done = migrate("plan", "--settings", "site_settings")
    assert (done.exit_code, "KeyError: 'KEY'" in done.stderr) == (3, True)
    assert "#### 1. Let the project import" in done.stdout
    assert "`views.py:2`" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--audit", "nowhere.json"], "--audit: nowhere.json: No such file or directory"),
        (["--observe", "bad.json"], "--observe: bad.json: it is no report of hybrid migrate observe"),
        (["--shadow", "bad.json"], "--shadow: bad.json: it is no report of hybrid migrate shadow"),
        (["--format", "text"], "'text' is not one of"),
        (["--format", "toml", "--format", "json"], "2 of --format and 0 of --output"),
    ],
)
def test_wrong_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    """One message that names the option and the file, and exit code 2."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "bad.json", {"schema": 1})
    done = migrate("plan", "--level", "static", *words)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr
