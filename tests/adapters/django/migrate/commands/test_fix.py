"""`hybrid migrate fix`: its diff, what it writes and what it refuses, and its exit codes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hybrid.adapters.django.migrate.findings import FixKind
from hybrid.adapters.django.migrate.fixes.registry import CODEMODS
from hybrid.cli import main
from tests.support.planted import PROJECT

VIEWS = "def cart(request):\n    return request.environ\n"
LOCALS = "import threading\n\nhere = threading.local()\n\n\ndef keep(request):\n    here.request = request\n"
SETTINGS = "SECRET_KEY = 'x'\nROOT_URLCONF = 'urls'\nINSTALLED_APPS = ['shop']\n"
URLS = "from django.urls import path\nfrom shop import views\n\nurlpatterns = [path('cart/', views.cart)]\n"
DIFF = """\
--- a/shop/views.py
+++ b/shop/views.py
@@ -1,2 +1,2 @@
 def cart(request):
-    return request.environ
+    return request.META
"""
STATIC = ("--level", "static")


def git(*words: str, given: bytes = b"") -> str:
    """Run git in the working directory."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.autocrlf=false")
    done = subprocess.run(["git", *who, *words], input=given, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small project with one fault into a git repository, not at its root, and go there."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "site"
    for name, text in {
        "shop/__init__.py": "",
        "shop/views.py": VIEWS,
        "urls.py": URLS,
        "site_settings.py": SETTINGS,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    git("init", "--quiet", str(tmp_path))
    commit()
    return folder


def commit() -> None:
    """Commit all that is there."""
    git("add", ".")
    git("commit", "--quiet", "--message", "all")


def fix(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, ["migrate", "fix", *arguments])


def test_a_diff(project: Path) -> None:
    """It is all that goes to standard output, and changes nothing; the exit code is 1."""
    done = fix("--settings", "site_settings")
    assert (done.stdout, done.exit_code) == (DIFF, 1)
    assert done.stderr == "hybrid: 1 of HM101 to put right in 1 file, 0 left alone\n"
    assert git("status", "--porcelain") == ""


def test_nothing_to_do(project: Path) -> None:
    """Exit code 0, and nothing on standard output; what a comment leaves out is left alone."""
    (project / "shop" / "views.py").write_text(VIEWS.rstrip() + "  # hybrid: ignore[HM101] served by WSGI\n")
    done = fix(*STATIC)
    assert (done.stdout, done.exit_code) == ("", 0)
    assert done.stderr == "hybrid: nothing to put right, 0 left alone\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_git_takes_the_diff(project: Path, end: str) -> None:
    """In the directory of the project, which need not be that of the repository; new files too. Then nothing
    is left to do.
    """
    wsgi = "import os\nfrom django.core.wsgi import get_wsgi_application\n"
    wsgi += "os.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'\napplication = get_wsgi_application()\n"
    for name, text in {"views": VIEWS, "keeping here": LOCALS, "wsgi": wsgi}.items():
        (project / "shop" / f"{name}.py").write_bytes(text.replace("\n", end).encode())
    commit()
    git("apply", given=fix(*STATIC).stdout_bytes)
    changed = git("status", "--porcelain", "--untracked-files=all").splitlines()
    assert changed == [
        ' M "site/shop/keeping here.py"',
        " M site/shop/views.py",
        "?? site/shop/asgi.py",
    ]
    done = fix(*STATIC)
    assert (done.stdout, done.exit_code) == ("", 0)
    for name in ("views", "keeping here", "asgi"):
        raw = (project / "shop" / f"{name}.py").read_bytes()
        assert raw.count(b"\r\n") == (raw.count(b"\n") if end == "\r\n" else 0)


def test_some_rules(project: Path) -> None:
    """Only those that are named are put right."""
    (project / "shop" / "keeping.py").write_text(LOCALS)
    assert "keeping.py" in fix(*STATIC, "HM401").stdout
    assert "views.py" not in fix(*STATIC, "HM401").stdout
    assert fix(*STATIC, "HM104", "HM113").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("HM999",), "RULE: there is no rule 'HM999'"),
        (("HM101", "HM202"), "RULE: HM202 is put right by hand; without that: HM101, HM103"),
        (("--level", "deep"), "'--level': 'deep' is none of static"),
        (("--src", "nowhere"), "--src': Path 'nowhere' does not exist"),
        ((), "--settings: "),
    ],
)
def test_wrong_options(project: Path, arguments: tuple[str, ...], message: str) -> None:
    """One message that names what is wrong, and exit code 2."""
    done = fix(*arguments)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_rules_that_are_offered_only(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be read first is made with --suggest alone, and said to be there without it."""
    monkeypatch.setitem(CODEMODS[FixKind.SUGGEST], "HM102", lambda *_: "")
    said = "RULE: HM102 is put right only with --suggest"
    assert said in fix(*STATIC, "HM102").stderr
    assert fix(*STATIC, "--suggest", "HM102").exit_code == 0


def test_writing(project: Path) -> None:
    """The file is changed, the exit code is 1, and nothing is on standard output."""
    done = fix(*STATIC, "--write")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "hybrid: 1 of HM101 put right in 1 file, 0 left alone\n"
    assert (project / "shop" / "views.py").read_text() == VIEWS.replace("environ", "META")
    assert fix(*STATIC).exit_code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("urls.py", "git has changes that are not committed: site/urls.py"),
        ("shop/other.py", "git does not have "),
    ],
)
def test_a_dirty_tree(project: Path, name: str, message: str) -> None:
    """Nothing is written where git could not give back what was there; --allow-dirty writes all the same."""
    (project / name).write_text(VIEWS)
    done = fix(*STATIC, "--write")
    assert (done.exit_code, f"--write: {message}" in done.stderr) == (2, True), done.stderr
    assert (project / "shop" / "views.py").read_text() == VIEWS
    assert fix(*STATIC).exit_code == 1
    assert fix(*STATIC, "--write", "--allow-dirty").exit_code == 1
    assert "META" in (project / "shop" / "views.py").read_text()


def test_an_untracked_file_that_stays(project: Path) -> None:
    """It is in nobody's way."""
    (project / "notes.py").write_text("")
    assert fix(*STATIC, "--write").exit_code == 1


def test_without_a_repository(project: Path) -> None:
    """That is a reason to refuse as well: nothing could be given back."""
    shutil.rmtree(project.parent / ".git")
    done = fix(*STATIC, "--write")
    assert (done.exit_code, "is in no git repository" in done.stderr) == (2, True)
    assert fix(*STATIC, "--write", "--allow-dirty").exit_code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="directories are read-only otherwise there")
def test_a_file_that_cannot_be_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the reason, and the exit code is 2."""

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    done = fix(*STATIC, "--write")
    assert done.exit_code == 2
    assert "hybrid: shop/views.py is not written: it cannot be written: Permission denied" in done.stderr
    assert done.stderr.splitlines()[-1] == "hybrid: nothing put right, 0 left alone"
    assert sorted(each.name for each in (project / "shop").glob("*views*")) == ["views.py"]


def test_what_is_left_alone_is_told(project: Path) -> None:
    """With its place and the reason, and what to know of what is done."""
    (project / "shop" / "views.py").write_text("def f(request):\n    return request.environ['wsgi.input']\n")
    (project / "shop" / "own.py").write_text(
        "from django.utils.deprecation import MiddlewareMixin\n\n\nclass Own(MiddlewareMixin):\n"
        "    def __call__(self, request):\n        return str(self.get_response(request))\n"
    )
    told = fix(*STATIC).stderr.splitlines()
    assert told[0].startswith("hybrid: HM104 shop/own.py:5: shop.own.Own is synchronous from now on")
    assert told[1].startswith("hybrid: left alone: HM101 shop/views.py:2: to be done by hand: only WSGI")


def test_a_project_that_does_not_import(project: Path) -> None:
    """Exit code 3, with the exception; what the source tells is put right all the same."""
    (project / "urls.py").write_text("raise KeyError('SHOP_KEY')\n")
    done = fix("--settings", "site_settings")
    assert (done.exit_code, done.stdout) == (3, DIFF)
    assert "the project does not import: " in done.stderr
    assert "KeyError: 'SHOP_KEY'" in done.stderr


def test_a_codemod_of_ours_that_fails(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding is left alone, and the others are put right."""

    def fails(draft: object, finding: object) -> str:
        raise ValueError("no")

    (project / "shop" / "keeping.py").write_text(LOCALS)
    fix(*STATIC)  # which loads all of them
    monkeypatch.setitem(CODEMODS[FixKind.AUTO], "HM101", fails)
    done = fix(*STATIC)
    assert "views.py:2: a codemod failed, which is an error of hybrid's: ValueError: no" in done.stderr
    assert "+here = Local()" in done.stdout


def test_an_audit_shows_the_patches(project: Path) -> None:
    """JSON has the diff, and so has the page; a finding that is left alone has none."""
    (project / "shop" / "views.py").write_text(
        f"{VIEWS}\n\ndef f(request):\n    request.environ['wsgi.input']\n"
    )
    arguments = ["migrate", "audit", *STATIC, "--format", "json", "--output", "-", "--format", "html"]
    done = CliRunner().invoke(main, [*arguments, "--output", "audit.html"])
    patches = [
        each["fix"]["patch"] for each in json.loads(done.stdout)["findings"] if each["rule"] == "HM101"
    ]
    assert [each.count("+    return request.META") for each in patches] == [1, 0]
    assert "+    return request.META" in (project / "audit.html").read_text()


def without_libcst(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run hybrid where libcst is not installed."""
    code = f"import sys; sys.modules['libcst'] = None\nfrom hybrid.cli import main\nmain({[*arguments]!r})"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_without_libcst(project: Path) -> None:
    """The command says what to install; an audit does without patches."""
    done = without_libcst("migrate", "fix")
    assert (done.returncode, "pip install 'hybrid-gateway[migrate]'" in done.stderr) == (2, True)
    audit = without_libcst("migrate", "audit", *STATIC, "--format", "json")
    assert [each["fix"]["patch"] for each in json.loads(audit.stdout)["findings"]] == [""]


def test_the_planted_project_with_what_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is offered imports too, and is offered once; each change says what to look at."""
    copy = tmp_path / "planted"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copy)
    asked = ("HM107", "HM302", "HM305", "--suggest", "--settings", "shop.settings_atomic")
    done = fix(*asked, "--write", "--allow-dirty")
    assert done.exit_code == 1
    assert "HM302 breaks/middleware.py:29: breaks.middleware.Marked is asynchronous on ASGI" in done.stderr
    again = fix(*asked)
    assert (again.exit_code, again.stdout) == (0, "")


def test_the_planted_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written imports as before, and leaves nothing to do; what loses its transaction is told."""
    copy = tmp_path / "planted"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copy)
    done = fix("--settings", "shop.settings_atomic", "--write", "--allow-dirty")
    assert done.exit_code == 1
    assert "HM106 breaks/atomic.py:7: breaks.atomic.atomic has no transaction for each request" in done.stderr
    again = fix("--settings", "shop.settings_atomic")
    assert (again.exit_code, again.stdout) == (0, "")  # 3 would be a project that does not import
    assert " HM106 " not in again.stderr
