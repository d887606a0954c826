"""Audits a project of 150,000 lines and 900 routes: `python -m benchmarks.audit_large`.

The project is the demonstration's ticket desk over and over, each copy with a name of its own: code that
somebody could have written, that calls and imports as such code does. Most copies have no routes, as most of
a large project has none. The command is run as a user runs it, in a process of its own; what it takes is that
process and all that it starts, Django's import included.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.process import ROOT

_LINES = 150_000
_ROUTES = 900
_DEMO = ROOT / "demo_django"
#: What a copy does without; the pages of the administration are routes too, and too many.
_LEFT_OUT = ("__pycache__", "static", "templates", "admin.py", "tests.py")
_FORMATS = ("text", "json", "html", "sarif")


def main() -> None:
    """Make the project, audit it, and print what that took."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        copies, routed = make_project(root)
        lines = sum(map(_lines, root.rglob("*.py")))
        print(f"{lines:,} lines in {copies} apps, of which {routed} have routes")
        audit(root)


def make_project(root: Path) -> tuple[int, int]:
    """Write it below `root`; return how many copies there are, and how many of them have routes."""
    project = root / "demo_django"
    shutil.copytree(_DEMO, project, ignore=shutil.ignore_patterns("var", "desk", "__pycache__"))
    desk = sum(_lines(each) for each in (_DEMO / "desk").rglob("*.py") if each.name not in _LEFT_OUT)
    urls = (_DEMO / "desk" / "urls.py").read_text()
    routes = urls.count("path(") + 1  # the router of a viewset that only reads has two
    copies, routed = _LINES // desk + 1, _ROUTES // routes + 1
    names = [f"desk{number}" for number in range(copies)]
    for name in names:
        _copy_desk(project / name)
    _list_apps(project / "settings.py", names)
    _list_routes(project / "urls.py", names[:routed])
    sockets = project / "routing.py"
    sockets.write_text(_renamed(sockets.read_text(), names[0]))
    return copies, routed


def audit(root: Path) -> None:
    """Audit the project, and print how long that took and how much memory."""
    program = Path(sys.executable).with_name("hybrid")
    reports = [
        part for name in _FORMATS for part in ("--format", name, "--output", str(root / f"audit.{name}"))
    ]
    began = time.perf_counter()
    done = subprocess.run(
        [program, "migrate", "audit", "--settings", "demo_django.settings", *reports],
        cwd=root,
        env={**os.environ, "DEMO_DATA": str(root / "var")},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode not in {0, 1}:
        sys.exit(f"the audit failed:\n{done.stdout}{done.stderr}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads((root / "audit.json").read_text())
    steps = ", ".join(f"{step} {taken:.2f} s" for step, taken in report["seconds"].items())
    print(f"{len(report['routes'])} routes, {len(report['findings'])} findings; {steps}")
    print(f"{seconds:.1f} s, of CPU {used.ru_utime + used.ru_stime:.1f} s")
    print(f"{used.ru_maxrss / 1024:,.0f} MiB in the larger of its two processes")


def _lines(file: Path) -> int:
    return len(file.read_bytes().splitlines())


def _copy_desk(target: Path) -> None:
    shutil.copytree(_DEMO / "desk", target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    for file in target.rglob("*.py"):
        file.write_text(_renamed(file.read_text(), target.name))


def _renamed(source: str, name: str) -> str:
    """Return a module of the desk as one of the copy that is called so."""
    source = re.sub(r"\bdemo_django\.desk\b", f"demo_django.{name}", source)
    source = source.replace("from demo_django import desk", f"from demo_django import {name}")
    source = re.sub(r'related_name="(\w+)"', rf'related_name="\1_{name}"', source)
    return source.replace('"desk.', f'"{name}.').replace('app_name = "desk"', f'app_name = "{name}"')


def _list_apps(settings: Path, names: list[str]) -> None:
    listed = "\n".join(f'    "demo_django.{name}",' for name in names)
    settings.write_text(settings.read_text().replace('    "demo_django.desk",', listed))


def _list_routes(urls: Path, names: list[str]) -> None:
    listed = "\n".join(f'    path("{name}/", include("demo_django.{name}.urls")),' for name in names)
    urls.write_text(urls.read_text().replace('    path("", include("demo_django.desk.urls")),', listed))


if __name__ == "__main__":
    main()
