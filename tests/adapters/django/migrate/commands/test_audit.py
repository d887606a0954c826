"""`hybrid migrate audit`: its options, its reports, and its exit codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hybrid.adapters.django.migrate.checks import load_rules
from hybrid.adapters.django.migrate.rules import registry
from hybrid.cli import main
from tests.support.planted import PROJECT
from tests.support.process import run_hybrid

VIEWS = "def cart(request):\n    return request.environ\n"
SETTINGS = """
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = "x"
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["shop"]
"""
URLS = "from django.urls import path\nfrom shop import views\n\nurlpatterns = [path('cart/', views.cart)]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small project with one fault, and go there."""
    for name, text in {
        "shop/__init__.py": "",
        "shop/views.py": VIEWS,
        "urls.py": URLS,
        "site_settings.py": SETTINGS,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    return tmp_path


def audit(*arguments: str) -> Result:
    """Run the command in this process; the project is imported in another."""
    return CliRunner().invoke(main, ["migrate", "audit", *arguments])


IMPORTING = ("--settings", "site_settings")


def test_a_fault_is_found(project: Path) -> None:
    """With its route; and the exit code says that there is an error."""
    done = audit(*IMPORTING)
    assert done.exit_code == 1
    assert "shop/views.py:2 in shop.views.cart" in done.stdout
    assert "routes: cart/" in done.stdout


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        (VIEWS, "never", 0),
        ("", "error", 0),
        ("def f(request):\n    return request.META.get('RAW_URI')\n", "error", 0),
        ("def f(request):\n    return request.META.get('RAW_URI')\n", "warning", 1),
        (VIEWS, "warning", 1),
        ("def f(request):\n    return request.environ  # hybrid: ignore[HM101] old\n", "error", 0),
    ],
)
def test_exit_codes(project: Path, text: str, fail_on: str, code: int) -> None:
    """1 is for what is as bad as --fail-on says, or worse; what a comment leaves out does not count."""
    (project / "shop" / "views.py").write_text(text)
    assert audit("--level", "static", "--fail-on", fail_on).exit_code == code


def test_a_project_that_does_not_import(project: Path) -> None:
    """Exit code 3, the exception with its file and line, and all the same what the source tells."""
    (project / "shop" / "views.py").write_text(f"{VIEWS}\nraise KeyError('SHOP_KEY')\n")
    done = audit(*IMPORTING, "--fail-on", "never")
    assert done.exit_code == 3
    assert "shop/views.py:2 in shop.views.cart" in done.stdout
    for said in (done.stdout, done.stderr):
        assert "KeyError: 'SHOP_KEY'" in said
        assert f"{project / 'shop' / 'views.py'}:4" in said


def test_settings_that_are_not_there(project: Path) -> None:
    """That is a project that does not import."""
    done = audit("--settings", "nowhere")
    assert (done.exit_code, "No module named 'nowhere'" in done.stderr) == (3, True)


def test_the_settings_of_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DJANGO_SETTINGS_MODULE names the project, as for any command of Django's."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "site_settings")
    assert audit().exit_code == 1


def test_several_reports(project: Path) -> None:
    """Each format goes to its own output; - is standard output."""
    done = audit(
        *IMPORTING, "--format", "json", "--output", "audit.json", "--format", "text", "--output", "-"
    )
    assert done.stdout.startswith("site_settings, django ")
    assert json.loads((project / "audit.json").read_text())["counts"]["error"] == 1


def test_json_alone_on_standard_output(project: Path) -> None:
    """A program can read it."""
    assert json.loads(audit(*IMPORTING, "--format", "json").stdout)["schema"] == 1


@pytest.mark.parametrize(
    ("rules", "fail_on", "code"),
    [(("HM104",), "note", 0), (("HM104", "HM101"), "error", 1), (("HM414",), "note", 1)],
)
def test_one_rule_alone(project: Path, rules: tuple[str, ...], fail_on: str, code: int) -> None:
    """--rule tells of it alone, so that the exit code says whether anything of it is left: a note too."""
    (project / "shop" / "views.py").write_text(
        "def f(request):\n    try:\n        return request.environ\n    except Exception:\n        pass\n"
    )
    named = [word for each in rules for word in ("--rule", each)]
    done = audit("--level", "static", *named, "--fail-on", fail_on, "--format", "json")
    assert (done.exit_code, {each["rule"] for each in json.loads(done.stdout)["findings"]} <= {*rules}) == (
        code,
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--settings: "),
        (("--level", "deep"), "'deep' is none of static, import"),
        (("--level", ""), "'' is none of static, import"),
        (("--src", "nowhere"), "'nowhere' does not exist"),
        (("--format", "text", "--format", "json"), "2 of --format and 0 of --output"),
        (("--output", "a", "--output", "b"), "1 of --format and 2 of --output"),
        (
            ("--format", "text", "--format", "json", "--output", "-", "--output", "-"),
            "only one report can go to standard output",
        ),
        (
            ("--level", "static", "--output", "nowhere/audit.txt"),
            "cannot write nowhere/audit.txt: No such file",
        ),
        (("--fail-on", "info"), "'info' is not one of"),
        (("--rule", "HM999"), "'--rule': HM999 is no rule"),
    ],
)
def test_wrong_options(project: Path, arguments: tuple[str, ...], message: str) -> None:
    """One message that names the option, and exit code 2."""
    done = audit(*arguments)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_reading_what_is_named(project: Path) -> None:
    """--src takes the place of the project's packages."""
    (project / "other.py").write_text(VIEWS)
    done = audit("--level", "static", "--src", "other.py")
    assert "other.py:2" in done.stdout
    assert "shop/views.py" not in done.stdout


def test_a_check_of_ours_that_fails(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the rule; the exit code is that of what the others find."""
    load_rules()

    def fails(module: object, sources: object) -> None:
        raise ValueError("no")

    monkeypatch.setitem(registry.STATIC, "HM305", [fails])
    done = audit(*IMPORTING)
    assert done.exit_code == 1
    assert "hybrid: HM305: a check failed, which is an error of hybrid's: ValueError: no" in done.stderr
    assert "shop/views.py:2" in done.stdout


@pytest.mark.parametrize(
    ("how", "shown", "errors"),
    [
        ("names", "  other-shop 2.1", 1),
        ("summary", "  other-shop 2.1: 1 of HM101", 1),
        ("full", "  other-shop 2.1: 1 of HM101", 2),
    ],
)
def test_packages_of_others(
    project: Path, monkeypatch: pytest.MonkeyPatch, how: str, shown: str, errors: int
) -> None:
    """They are named, counted, or told of in full: then they count for the exit code too."""
    site = project / "site-packages"
    for name, text in {
        "other_shop/__init__.py": "",
        "other_shop/views.py": VIEWS,
        "other_shop-2.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: other-shop\nVersion: 2.1\n",
        "other_shop-2.1.dist-info/RECORD": "other_shop/__init__.py,,\nother_shop/views.py,,\n",
        "other_shop-2.1.dist-info/top_level.txt": "other_shop\n",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(site))
    (project / "site_settings.py").write_text(SETTINGS.replace('"shop"', '"shop", "other_shop"'))
    done = audit(*IMPORTING, "--third-party", how, "--format", "json")
    said = json.loads(done.stdout)
    lines = audit(*IMPORTING, "--third-party", how).stdout.splitlines()
    assert said["counts"]["error"] == errors
    assert shown in lines


def test_nothing_is_loaded_for_help() -> None:
    """`hybrid --help` lists the group, and imports nothing of it."""
    code = (
        "import sys\nfrom hybrid.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([each for each in sys.modules if each.startswith('hybrid.adapters')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "  migrate  Find what a Django project's move" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_group_knows_its_commands() -> None:
    """It lists them, and says of another word that there is no such command."""
    assert re.search(r"^  audit +Find what breaks", run_hybrid("migrate", "--help").stdout, re.MULTILINE)
    done = run_hybrid("migrate", "audti")
    assert (done.returncode, "No such command 'audti'" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", ["audit", "routes", "chain", "fix", "plan"])
def test_django_is_imported_elsewhere(project: Path, command: str) -> None:
    """The process of the command does without Django; the one that imports the project has it."""
    code = (
        "import sys; sys.modules['django'] = None\n"
        "from hybrid.cli import main\n"
        f"main(['migrate', {command!r}])\n"
    )
    manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n"
    (project / "manage.py").write_text(manage)
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr in ("", "hybrid: 1 of HM101 to put right in 1 file, 0 left alone\n")
    assert done.returncode in (0, 1)


def test_manage_py(tmp_path: Path) -> None:
    """`manage.py hybrid_migrate` is the same, with the settings of manage.py."""
    code = (
        "import sys; sys.path.insert(0, '.'); sys.argv[0] = 'manage.py'\n"
        + (PROJECT / "manage.py").read_text()
    )
    settings = "from shop.settings import *\nINSTALLED_APPS = ['hybrid.adapters.django', *INSTALLED_APPS]\n"
    (tmp_path / "with_hybrid.py").write_text(settings)
    for words in (["audit", "--level", "static", "--src", "breaks/requests.py"], ["audit", "--help"]):
        arguments = ["hybrid_migrate", *words]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=PROJECT,
            env={"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "with_hybrid", "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        expected = ("breaks/requests.py:8", 1) if "--src" in words else ("--third-party", 0)
        assert expected[0] in done.stdout, done.stderr
        assert done.returncode == expected[1]
