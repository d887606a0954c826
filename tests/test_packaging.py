"""What is built and installed: the packages under their one name, and nothing beside them."""

import email
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import ROOT

ROOMS = ("adapters", "bridge", "server")
SOURCES = ("pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE", "src", "tests", *ROOMS)

IMPORT_EVERYTHING = """
import importlib.util
import hybrid, hybrid.adapters, hybrid.bridge, hybrid.bridge.layers, hybrid.bridge.wsgi
import hybrid.server, hybrid.server.ops, hybrid.server.wire
print(hybrid.__version__, hybrid.__file__)
for name in ("adapters", "bridge", "server"):
    assert importlib.util.find_spec(name) is None, f"{name} is installed at the top level"
"""

BUILD_EDITABLE = (
    "import sys; from setuptools import build_meta; print(build_meta.build_editable(sys.argv[1]))"
)

Install = Callable[[Path], Path]


def project() -> dict[str, Any]:
    """Read pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, and return its stdout."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what is built from, links as links, so that the real tree stays clean."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        run("cp", "-RP", ROOT / name, copy / name, cwd=ROOT)
    run(sys.executable, "-c", CLEAN, cwd=copy)
    return copy


CLEAN = """
import pathlib, shutil
for pattern in ("*.egg-info", "__pycache__"):
    for path in pathlib.Path(".").rglob(pattern):
        shutil.rmtree(path)
"""


@pytest.fixture(scope="session")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build an sdist, and a wheel from that sdist, as a release does."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, sources, cwd=out)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Give a function that installs a wheel, and only it, into a new environment and returns its Python."""

    def into_new_environment(wheel: Path) -> Path:
        environment = tmp_path / "environment"
        venv.create(environment, with_pip=False)
        python = environment / "bin" / "python"
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
        run(*pip, "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=tmp_path)
        return python

    return into_new_environment


def names_in(wheel: Path) -> set[str]:
    """List the files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def expected_modules() -> set[str]:
    """List the files that the package consists of, data too, as paths inside `hybrid`'s parent."""
    front = {f"hybrid/{path.name}" for path in (ROOT / "src" / "hybrid").glob("*.py")}
    rooms = {f"hybrid/{path.relative_to(ROOT)}" for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    data = project()["tool"]["setuptools"]["package-data"]["hybrid"]
    return front | rooms | {f"hybrid/{name}" for name in data}


def test_rooms_are_linked() -> None:
    """`src/hybrid` holds a relative link to each room, and no other link."""
    links = [path for path in (ROOT / "src" / "hybrid").iterdir() if path.is_symlink()]
    assert {link.name: link.readlink().as_posix() for link in links} == {
        room: f"../../{room}" for room in ROOMS
    }


def test_package_list_is_complete() -> None:
    """pyproject.toml lists every folder of the rooms with Python code, and each has an `__init__.py`."""
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []
    dotted = {".".join(("hybrid", *folder.relative_to(ROOT).parts)) for folder in folders}
    listed = project()["tool"]["setuptools"]["packages"]
    assert listed == sorted({"hybrid", *dotted})


def test_data_list_is_complete() -> None:
    """pyproject.toml lists every file of the rooms that is neither Python nor written for people."""
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".md"}
    }
    assert found | {"py.typed"} == set(project()["tool"]["setuptools"]["package-data"]["hybrid"])


def test_type_checkers_see_every_room() -> None:
    """pyright, which does not walk into links, is told each of them."""
    included = project()["tool"]["pyright"]["include"]
    assert included == ["src/hybrid", *(f"src/hybrid/{room}" for room in ROOMS)]


def test_extras_are_the_promised_ones() -> None:
    """The extras that the documentation names exist."""
    extras = project()["project"]["optional-dependencies"]
    demos = {"demo", "demo-django"}
    promised = {"flask", "redis", "django", "dotenv", "reload", "metrics", "migrate"}
    assert set(extras) == promised | {"test", "docs", "dev"} | demos


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    """A wheel holds each module once, under `hybrid/`, and `py.typed`; at the top level only `hybrid`."""
    names = names_in(built[1])
    assert {name for name in names if ".dist-info/" not in name} == expected_modules()


@pytest.mark.slow
def test_wheel_is_the_same_from_the_tree_and_from_the_sdist(
    sources: Path, built: tuple[Path, Path], tmp_path: Path
) -> None:
    """What `pip install .` builds from a checkout is what a release contains."""
    build_wheel = (sys.executable, "-m", "build", "--no-isolation", "--wheel")
    run(*build_wheel, "--outdir", tmp_path, sources, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert names_in(wheel) == names_in(built[1])


@pytest.mark.slow
def test_sdist_holds_real_files(built: tuple[Path, Path]) -> None:
    """An sdist holds the rooms as folders inside `hybrid`, no links and no tests: it unpacks anywhere."""
    with tarfile.open(built[0]) as archive:
        members = archive.getmembers()
    assert [member.name for member in members if not (member.isfile() or member.isdir())] == []
    names = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert {f"src/{name}" for name in expected_modules()} <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names
    assert {name.partition("/")[0] for name in names} & {*ROOMS, "tests"} == set()


@pytest.mark.slow
def test_metadata(built: tuple[Path, Path]) -> None:
    """The wheel is pure Python, says its licence and Python versions, and brings the `hybrid` command."""
    with zipfile.ZipFile(built[1]) as archive:
        (root,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = email.message_from_bytes(archive.read(f"{root}/METADATA"))
        commands = archive.read(f"{root}/entry_points.txt").decode()
    assert built[1].name.endswith("-py3-none-any.whl")
    assert metadata["Name"] == "hybrid-gateway"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert f"{root}/licenses/LICENSE" in names_in(built[1])
    assert "hybrid = hybrid.__main__:main" in commands


@pytest.mark.slow
def test_installed_wheel_imports(built: tuple[Path, Path], install: Install, tmp_path: Path) -> None:
    """Installed without its dependencies, each package imports, and no room does under its bare name."""
    python = install(built[1])
    version, file = run(python, "-I", "-c", IMPORT_EVERYTHING, cwd=tmp_path).split()
    assert version == project()["project"]["version"]
    assert Path(file).is_relative_to(tmp_path)
    assert (Path(file).parent / "py.typed").exists()


@pytest.mark.slow
def test_editable_install_imports(sources: Path, install: Install, tmp_path: Path) -> None:
    """An editable install reaches the sources through the links, and no room imports under its bare name."""
    wheel = tmp_path / run(sys.executable, "-c", BUILD_EDITABLE, tmp_path, cwd=sources).splitlines()[-1]
    python = install(wheel)
    file = run(python, "-I", "-c", IMPORT_EVERYTHING, cwd=tmp_path).split()[1]
    assert Path(file) == sources / "src" / "hybrid" / "__init__.py"
