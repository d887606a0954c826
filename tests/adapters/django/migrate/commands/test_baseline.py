"""`hybrid migrate baseline`, and `audit --baseline`, as people call them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hybrid.adapters.django.migrate.baseline import baseline_of
from hybrid.cli import main
from tests.support.planted import PROJECT, audited

VIEWS = "def cart(request):\n    return request.environ\n"
SETTINGS = "SECRET_KEY = 'x'\nROOT_URLCONF = 'urls'\nMIDDLEWARE = []\n"
URLS = "from django.urls import path\nimport views\n\nurlpatterns = [path('cart/', views.cart)]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a project with one fault, and go there."""
    for name, text in {"views.py": VIEWS, "site_settings.py": SETTINGS, "urls.py": URLS}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def migrate(*arguments: str) -> Result:
    """Run a command of the group in this process."""
    return CliRunner().invoke(main, ["migrate", *arguments])


READ = ("--level", "static")
ACCEPTED = ("--baseline", "hybrid-baseline.json")


def test_from_today_on(project: Path) -> None:
    """What is there does not fail; what is new does; what is put right is told of, and taken out."""
    assert migrate("audit", *READ).exit_code == 1
    done = migrate("baseline", *READ)
    assert (done.exit_code, done.stdout) == (0, "hybrid-baseline.json: 1 finding accepted\n")
    done = migrate("audit", *READ, *ACCEPTED)
    assert (done.exit_code, "views.py:2 HM101" in done.stdout) == (0, True)
    (project / "views.py").write_text(
        f"import os\n\n{VIEWS}\n\ndef pay(request):\n    request.environ.get('x')\n"
    )
    done = migrate("audit", *READ, *ACCEPTED)
    assert (done.exit_code, "views.py:8 in views.pay" in done.stdout) == (1, True)
    assert "views.py:4 in views.cart" not in done.stdout
    (project / "views.py").write_text("def pay(request):\n    request.environ.get('x')\n")
    done = migrate("audit", *READ, *ACCEPTED)
    assert (done.exit_code, "  views.py HM101: return request.environ" in done.stdout) == (1, True)
    done = migrate("baseline", *READ)
    assert done.stdout == "hybrid-baseline.json: 1 finding accepted, 1 of them new; 1 taken out\n"
    assert migrate("audit", *READ, *ACCEPTED).exit_code == 0


def test_reasons_stay(project: Path) -> None:
    """They are read from the file that is written again, and reports have them."""
    migrate("baseline", *READ)
    path = project / "hybrid-baseline.json"
    text = path.read_text().replace('"reason": ""', '"reason": "our own server sets it"')
    path.write_text(text)
    migrate("baseline", *READ)
    assert path.read_text() == text
    assert "views.py:2 HM101 our own server sets it" in migrate("audit", *READ, *ACCEPTED).stdout


def test_elsewhere_and_on_standard_output(project: Path) -> None:
    """--output says where; - writes nothing but the file's text."""
    migrate("baseline", *READ, "--output", "accepted.json")
    done = migrate("baseline", *READ, "--output", "-")
    assert json.loads(done.stdout)["schema"] == 1
    assert done.stdout == (project / "accepted.json").read_text()
    assert not (project / "hybrid-baseline.json").exists()


def test_a_project_that_does_not_import(project: Path) -> None:
    """Exit code 3, and the file of before is left as it is: half of the findings would be gone from it."""
    path = project / "hybrid-baseline.json"
    path.write_text(migrate("baseline", *READ, "--output", "-").stdout)
    before = path.read_text()
    (project / "urls.py").write_text("raise KeyError('URLS')\n")
    done = migrate("baseline", "--settings", "site_settings")
    assert (done.exit_code, "KeyError: 'URLS'" in done.stderr, done.stdout) == (3, True, "")
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("command", "text", "message"),
    [
        ("audit --baseline b.json", None, "--baseline: b.json: No such file or directory"),
        ("audit --baseline b.json", "{", "--baseline: b.json is no JSON: Expecting property name"),
        ("audit --baseline .", None, "'--baseline': File '.' is a directory"),
        ("baseline --output b.json", "{}", "--output: b.json is no baseline: it has no list of findings"),
        ("baseline --output nowhere/b.json", None, "--output: cannot write nowhere/b.json: No such file"),
    ],
)
def test_wrong_files(project: Path, command: str, text: str | None, message: str) -> None:
    """One message that names the option and the file, and exit code 2; no other file is written over."""
    if text is not None:
        (project / "b.json").write_text(text)
    done = migrate(*command.split(), *READ)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr
    assert text is None or (project / "b.json").read_text() == text


def test_the_planted_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imported and read, two audits find the same, so that nothing is new and nothing gone."""
    before = baseline_of(audited("shop.settings"))
    file = tmp_path / "b.json"
    file.write_text(before.as_text())
    monkeypatch.chdir(PROJECT)
    done = migrate(
        *("audit", "--settings", "shop.settings", "--baseline", str(file)),
        *("--fail-on", "note", "--format", "json"),
    )
    said = json.loads(done.stdout)
    assert (done.exit_code, said["findings"], said["baseline"]["gone"]) == (0, [], [])
    assert before.looked == {"levels": ["import", "static"], "third_party": "summary", "src": []}
    assert len(said["baseline"]["accepted"]) > 100
