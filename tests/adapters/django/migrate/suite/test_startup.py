"""What comes into the processes of a suite, which must go on whatever it finds."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.suite import startup
from tests.support.needs import require_module

require_module("django")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Give a folder in which it is ``sitecustomize``."""
    folder = tmp_path / "site"
    folder.mkdir()
    shutil.copyfile(startup.__file__, folder / "sitecustomize.py")
    return folder


def python(site: Path, code: str, *path: Path, options: tuple[str, ...] = ()) -> list[str]:
    """Run some code where it comes first, and return the lines that it prints."""
    said = {"folder": str(site.parent), "lane": "wsgi", "root": str(site)}
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, (site, *path))),
        "HYBRID_MIGRATE_TEST": json.dumps(said),
    }
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_another_one(site: Path, tmp_path: Path) -> None:
    """The ``sitecustomize`` that it hides runs too, and is what others see."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("print('hidden')\nTHERE = 1\n")
    code = f"import sys, sitecustomize; print(sitecustomize.THERE, {str(site)!r} in sys.path)"
    assert python(site, code, hidden) == ["hidden", "1 False"]


def test_it_waits(site: Path) -> None:
    """Nothing of this package is imported before Django's test client is; then its process is told of."""
    code = (
        "import sys; print('hybrid' in sys.modules); import django.test.client as client;"
        "print('hybrid' in sys.modules, client.ClientHandler.__call__.__name__)"
    )
    assert python(site, code) == ["False", "True noted"]
    (lines,) = site.parent.glob("*.jsonl")
    assert json.loads(lines.read_text()) == {"process": sys.executable}


def test_python_without_hybrid(site: Path) -> None:
    """A Python that has Django and not this package goes on, and says so."""
    code = (
        "import sys; sys.modules['hybrid'] = None; import django.test.client as client; print(client.Client)"
    )
    assert python(site, code) == ["<class 'django.test.client.Client'>"]
    (lines,) = site.parent.glob("*.jsonl")
    assert "ModuleNotFoundError" in json.loads(lines.read_text())["problem"]
