"""`hybrid migrate audit --format sarif` and `--format html`, as people call them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hybrid.cli import main
from tests.support.process import run_hybrid
from tests.support.reports import read_page

VIEWS = "def cart(request):\n    return request.environ\n"

WITHOUT_JINJA = """
import sys
sys.modules["jinja2"] = None
from hybrid.__main__ import main
sys.argv = ["hybrid", "migrate", "audit", "--level", "static", "--format", {name!r}, "--output", "-"]
main()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a project with one fault, and go there."""
    (tmp_path / "views.py").write_text(VIEWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_formats_at_once(project: Path) -> None:
    """Each to its file; the exit code is that of the audit."""
    arguments = [
        word
        for name in ("text", "json", "sarif", "html")
        for word in ("--format", name, "--output", f"audit.{name}")
    ]
    done = CliRunner().invoke(main, ["migrate", "audit", "--level", "static", *arguments])
    assert done.exit_code == 1
    sarif = json.loads((project / "audit.sarif").read_text())
    assert [each["ruleId"] for each in sarif["runs"][0]["results"]] == ["HM101"]
    page = read_page((project / "audit.html").read_text())
    assert "views.py:2 in views.cart" in page.by_id("findings").text
    assert {each.name for each in project.iterdir()} == {
        "views.py", *(f"audit.{name}" for name in ("text", "json", "sarif", "html"))
    }  # fmt: skip


def test_a_page_on_standard_output(project: Path) -> None:
    """One document, and nothing before or behind it."""
    done = run_hybrid("migrate", "audit", "--level", "static", "--format", "html", cwd=project)
    assert done.stdout.startswith("<!doctype html>\n")
    assert done.stdout.endswith("</html>\n")


@pytest.mark.parametrize(("name", "code"), [("html", 2), ("sarif", 1), ("text", 1)])
def test_without_jinja(project: Path, name: str, code: int) -> None:
    """Only the page needs it, and says so before anything is looked at: one line, which names the option."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_JINJA.format(name=name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    if code == 2:
        assert "Error: --format: html needs Jinja2: pip install 'hybrid-gateway[migrate]'" in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("nowhere/audit", "No such file or directory"),
        ("views.py/audit", "Not a directory"),
        (".", "Is a directory"),
    ],
)
@pytest.mark.parametrize("command", ["audit", "baseline", "plan"])
def test_where_nothing_can_be_written(
    project: Path, monkeypatch: pytest.MonkeyPatch, command: str, output: str, why: str
) -> None:
    """That is said before the audit, which may take long, and not when all is done."""
    monkeypatch.setattr("hybrid.adapters.django.migrate.audit.Audit.__init__", None)  # which nobody may need
    done = CliRunner().invoke(main, ["migrate", command, "--level", "static", "--output", output])
    assert (done.exit_code, f"--output: cannot write {output}: {why}" in done.output) == (2, True), (
        done.output
    )
    assert {each.name for each in project.iterdir()} == {"views.py"}
