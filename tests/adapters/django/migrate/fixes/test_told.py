"""Findings with the change that would put each right."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes import told
from hybrid.adapters.django.migrate.fixes.draft import Project
from hybrid.adapters.django.migrate.fixes.told import told_of_patches
from hybrid.adapters.django.migrate.project.facts import Facts
from tests.support.sources import findings_in, write_sources

VIEWS = "def one(request):\n    return request.environ\n\n\ndef two(request):\n    return request.environ\n"
FILES = {"shop/a.py": VIEWS, "shop/b.py": VIEWS.replace("environ", "META['RAW_URI']"), "shop/c.py": VIEWS}


def findings_told(folder: Path) -> list[Finding]:
    """Return what is found in the files, with patches."""
    sources = write_sources(folder, FILES)
    return list(told_of_patches(findings_in(sources), Project(sources, Facts())))


def test_each_has_its_own(tmp_path: Path) -> None:
    """A patch is for one finding, in the file as it is; what has no codemod has none."""
    findings = [each for each in findings_told(tmp_path) if each.place.file != "shop/c.py"]
    assert [(each.rule, each.place.line, each.fix.patch.count("\n+ ")) for each in findings] == [
        ("HM101", 2, 1),
        ("HM101", 6, 1),
        ("HM102", 2, 0),
        ("HM102", 6, 0),
    ]
    assert "@@ -3,4 +3,4 @@" in findings[1].fix.patch


def test_there_is_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beyond the lines that are read for it have no patches: a report does not wait for them."""
    monkeypatch.setattr(told, "_LINES", VIEWS.count("\n") + 1)
    patched = {each.place.file for each in findings_told(tmp_path) if each.fix.patch}
    assert patched == {"shop/a.py"}
