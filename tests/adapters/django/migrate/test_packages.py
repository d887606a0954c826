"""The packages that a project is made with."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.audit import Audit
from hybrid.adapters.django.migrate.findings import Level, Seen
from hybrid.adapters.django.migrate.gather import Asked
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, Where

MIDDLEWARE = """\
from django.utils.deprecation import MiddlewareMixin

class Stamp(MiddlewareMixin):
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Stamp"] = "1"
        return response
"""


def test_a_package_without_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled has no file to read: the project's own faults are not told of as the package's."""
    (tmp_path / "views.py").write_text("def f(request):\n    return request.environ\n")
    monkeypatch.chdir(tmp_path)
    facts = Facts(middleware=(MiddlewareFact("quick.Middleware", distribution="quick"),))
    report = Audit(Asked(third_party="full"), facts).report()
    assert [(each.name, each.findings) for each in report.packages] == [("quick", {})]
    assert [each.rule for each in report.findings] == ["HM101"]


def test_a_package_that_is_read_as_the_projects_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``--src`` names is told of once, and not as somebody else's too."""
    package = tmp_path / "shelf"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "views.py").write_text("def f(request):\n    return request.environ\n")
    monkeypatch.chdir(tmp_path)
    facts = Facts(apps={"shelf": str(package)})
    report = Audit(Asked(src=(package,), third_party="full"), facts).report()
    assert [each.name for each in report.packages] == []
    assert [each.rule for each in report.findings] == ["HM101"]


def test_a_middleware_of_others_that_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What both importing and reading tell of it is one finding."""
    package = tmp_path / "packages/shelf"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    file = package / "middleware.py"
    file.write_text(MIDDLEWARE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").touch()
    fact = MiddlewareFact(
        "shelf.middleware.Stamp",
        Where(str(file), 3),
        is_mixin=True,
        async_capable=True,
        own_call=Where(str(file), 4),
        keeps_response=True,
        distribution="shelf",
    )
    facts = Facts(middleware=(fact,), settings_module="shop")
    report = Audit(Asked(src=(tmp_path / "shop.py",), third_party="full"), facts).report()
    assert [(each.rule, each.seen) for each in report.findings if each.rule == "HM104"] == [
        ("HM104", Seen.IMPORT)
    ]
    assert [each.findings["HM104"] for each in report.packages] == [1]


def test_commands_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server runs them: what is found there is a note, as in the project's own."""
    package = tmp_path / "packages/shelf"
    (package / "management/commands").mkdir(parents=True)
    for folder in (package, package / "management", package / "management/commands"):
        (folder / "__init__.py").touch()
    (package / "management/commands/work.py").write_text(
        "import signal\n\ndef f(n):\n    signal.signal(n, f)\n"
    )
    (tmp_path / "shop.py").touch()
    monkeypatch.chdir(tmp_path)
    asked = Asked(src=(tmp_path / "shop.py",), third_party="full")
    (found,) = Audit(asked, Facts(apps={"shelf": str(package)})).report().findings
    assert (found.rule, found.level, found.reachable) == ("HM111", Level.NOTE, False)
