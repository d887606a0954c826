"""Importing a project in a process of its own, whatever that project does."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.project.facts import Facts, Failure, Where
from hybrid.adapters.django.migrate.project.importing import import_project
from tests.support.django_projects import line_of, write_project
from tests.support.needs import require_module
from tests.support.process import ROOT
from tests.support.waiting import until

require_module("django")
SETTINGS = "shop.settings"


def imported(folder: Path, timeout: float = 60.0) -> Facts:
    """Import the project in a folder."""
    return import_project(SETTINGS, directory=folder, timeout=timeout)


def only_failure(facts: Facts) -> Failure:
    """Return the failure, of which there is one."""
    assert len(facts.failures) == 1, [each.error for each in facts.failures]
    return facts.failures[0]


def test_what_it_prints_does_no_harm(tmp_path: Path) -> None:
    """Prints, threads that do not end, and what is written to the descriptors 1 and 2 are no facts."""
    noise = """
        import os, sys, threading
        print('{"facts": {"monkey": "printed"}}')
        os.write(1, b"x" * 200_000)
        os.write(2, b"y" * 200_000)
        threading.Thread(target=threading.Event().wait).start()
    """
    facts = imported(write_project(tmp_path, {"+shop/settings.py": noise}))
    assert not facts.failures
    assert facts.monkey == ""
    assert [each.name for each in facts.routes] == ["home"]


def test_the_environment_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that read the environment find it; ``DJANGO_SETTINGS_MODULE`` is the one asked for."""
    monkeypatch.setenv("SHOP_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "elsewhere.settings")
    said = "import os\nTIME_ZONE = os.environ['SHOP_ZONE']\nMODULE = os.environ['DJANGO_SETTINGS_MODULE']\n"
    facts = imported(write_project(tmp_path, {"+shop/settings.py": said}))
    assert facts.settings["TIME_ZONE"] == "Asia/Tokyo"
    assert facts.settings["MODULE"] == SETTINGS


def test_settings_that_are_not_there(tmp_path: Path) -> None:
    """One failure, no route, and the versions all the same."""
    facts = import_project("nowhere.settings", directory=write_project(tmp_path))
    assert only_failure(facts).step == "settings"
    assert only_failure(facts).error == "ModuleNotFoundError: No module named 'nowhere'"
    assert facts.versions["python"]
    assert not facts.routes


def test_settings_with_a_mistake_in_their_syntax(tmp_path: Path) -> None:
    """The place is that of the mistake."""
    facts = imported(write_project(tmp_path, {"+shop/settings.py": "\nTIME_ZONE = = 1\n"}))
    where = Where(str(tmp_path / "shop/settings.py"), line_of(tmp_path / "shop/settings.py", "= = 1"))
    assert only_failure(facts).where == where
    assert only_failure(facts).error.startswith("SyntaxError: ")


def test_an_urlconf_that_raises(tmp_path: Path) -> None:
    """The deepest place in the project is told, and everything but routes is there."""
    files = {
        "shop/urls.py": "import shop.views\n",
        "shop/views.py": "def limit():\n    return int('many')\n\nLIMIT = limit()\n",
        "shop/asgi.py": """
            from django.core.asgi import get_asgi_application
            application = get_asgi_application()
        """,
    }
    facts = imported(write_project(tmp_path, files))
    failure = only_failure(facts)
    assert failure.step == "urlconf"
    assert failure.where == Where(str(tmp_path / "shop/views.py"), 2)
    assert "int('many')" in failure.traceback
    assert not facts.routes
    assert [each.path for each in facts.middleware] == ["django.middleware.common.CommonMiddleware"]
    assert facts.asgi.handler == "django.core.handlers.asgi.ASGIHandler"


def test_one_middleware_that_is_not_there(tmp_path: Path) -> None:
    """The others are."""
    more = "\nMIDDLEWARE.insert(0, 'shop.middleware.Missing')\n"
    facts = imported(write_project(tmp_path, {"+shop/settings.py": more}))
    assert only_failure(facts).step == "middleware"
    assert len(facts.middleware) == 1
    assert len(facts.routes) == 1


def test_a_middleware_that_raises(tmp_path: Path) -> None:
    """It is one failure, though the handlers of both applications make it again."""
    handlers = {
        f"shop/{kind}.py": f"from django.core.{kind} import get_{kind}_application\n"
        f"application = get_{kind}_application()\n"
        for kind in ("wsgi", "asgi")
    }
    raises = "def raises(get_response):\n    raise RuntimeError('no licence')\n"
    more = "\nMIDDLEWARE.append('shop.middleware.raises')\n"
    files = {"+shop/settings.py": more, "shop/middleware.py": raises, **handlers}
    facts = imported(write_project(tmp_path, files))
    assert only_failure(facts).step == "middleware"
    assert only_failure(facts).where == Where(str(tmp_path / "shop/middleware.py"), 2)
    assert len(facts.middleware) == 2


def test_an_application_that_is_not_installed(tmp_path: Path) -> None:
    """It is one failure, though nothing that needs the models can be imported either."""
    wsgi = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
    files = {
        "shop/wsgi.py": wsgi,
        "+shop/settings.py": "\nINSTALLED_APPS.append('nowhere')\n",
        "shop/models.py": "from django.db import models\nclass Thing(models.Model):\n    pass\n",
        "+shop/urls.py": "\nimport shop.models\n",
    }
    facts = imported(write_project(tmp_path, files))
    assert only_failure(facts).step == "setup"
    assert "nowhere" in only_failure(facts).error
    assert facts.apps == {"shop": str(tmp_path / "shop")}
    assert facts.middleware


@pytest.mark.parametrize(
    ("name", "step"),
    [("shop/settings.py", "settings"), ("shop/urls.py", "urlconf"), ("shop/models.py", "setup")],
)
def test_sys_exit(tmp_path: Path, name: str, step: str) -> None:
    """It ends nothing but its step."""
    facts = imported(write_project(tmp_path, {f"+{name}": "\nimport sys\nsys.exit('bye')\n"}))
    assert only_failure(facts).step == step
    assert only_failure(facts).error == "SystemExit: bye"
    assert only_failure(facts).where == Where(
        str(tmp_path / name), line_of(tmp_path / name, "sys.exit('bye')")
    )


def test_a_process_that_ends_itself(tmp_path: Path) -> None:
    """One line says how, when, and what it had printed last; the facts are as far as it came."""
    ends = "\nimport os, sys\nprint('licence expired', flush=True)\nos._exit(7)\n"
    facts = imported(write_project(tmp_path, {"+shop/urls.py": ends}))
    assert only_failure(facts).step == "process"
    assert only_failure(facts).error == (
        "the process that imports the project ended by itself with the exit code 7 during the step urlconf, "
        "after it had printed: licence expired"
    )
    assert facts.settings_module == SETTINGS
    assert facts.middleware


def test_a_process_that_crashes(tmp_path: Path) -> None:
    """The place is where it was."""
    crash = "\nimport os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    facts = imported(write_project(tmp_path, {"+shop/urls.py": crash}))
    assert "was ended by SIGSEGV during the step urlconf" in only_failure(facts).error
    assert only_failure(facts).where.file == str(tmp_path / "shop/urls.py")
    assert only_failure(facts).where.line == line_of(tmp_path / "shop/urls.py", "os.kill")


def test_an_endless_loop(tmp_path: Path) -> None:
    """The process, and what it has started, are ended in time, and the place is where it was."""
    loop = f"""
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open({str(tmp_path / "pids")!r}, "w").write(str(child.pid))
        while True:
            pass
    """
    folder, begin = write_project(tmp_path, {"+shop/urls.py": loop}), time.monotonic()
    for seconds in (4, 16):  # a busy machine may not come so far in the first
        facts = imported(folder, timeout=seconds)
        if (tmp_path / "pids").exists():
            break
    assert time.monotonic() - begin < 100
    failure = only_failure(facts)
    assert failure.error == (
        f"importing the project took longer than {seconds} s: it was ended during the step urlconf"
    )
    assert failure.where.file == str(tmp_path / "shop/urls.py")
    assert line_of(tmp_path / "shop/urls.py", "while True") <= failure.where.line
    assert facts.middleware
    child = int((tmp_path / "pids").read_text())
    until(lambda: not _runs(child))


def test_who_has_asked_is_gone(tmp_path: Path) -> None:
    """The process ends by itself then, soon after its time, whatever it does."""
    hangs = f"""
        import os, pathlib, time
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        time.sleep(600)
    """
    folder = write_project(tmp_path, {"+shop/urls.py": hangs})
    command = ("hybrid", "migrate", "routes", "--settings", SETTINGS, "--timeout", "10")
    with subprocess.Popen([sys.executable, "-m", *command], cwd=folder) as asks:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        asks.kill()
    pid = int((tmp_path / "pid").read_text())
    try:
        until(lambda: not _runs(pid))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Tell whether a process is there, and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_queries_at_import(tmp_path: Path) -> None:
    """They are run, and told with their place; nothing else touches the database."""
    files = {
        "+shop/settings.py": "\nDATABASES['default']['NAME'] = BASE_DIR / 'shop.sqlite3'\n".replace(
            "BASE_DIR", "__import__('pathlib').Path(__file__).parent"
        ),
        "+shop/urls.py": """
            from django.db import connection
            with connection.cursor() as cursor:
                cursor.execute("SELECT 40 + 2")
        """,
    }
    facts = imported(write_project(tmp_path, files))
    assert not facts.failures
    urls = tmp_path / "shop/urls.py"
    assert facts.queries == (f"SELECT 40 + 2 -- {urls}:{line_of(urls, 'SELECT')}",)


def test_secrets_are_left_out(tmp_path: Path) -> None:
    """Of settings by their names, wherever they are, and of URLs; what is no value of JSON is text."""
    more = """
        import datetime, pathlib
        BASE_DIR = pathlib.Path("/srv/shop")
        DATABASES["default"]["PASSWORD"] = "hidden-too"
        CACHES = {"default": {"BACKEND": "x.y", "LOCATION": "redis://me:hidden-as-well@host/0"}}
        PERIOD = datetime.timedelta(days=1)
        HOOK = print
    """
    facts = imported(write_project(tmp_path, {"+shop/settings.py": more}))
    text = str(facts.to_json())
    assert "hidden" not in text
    assert facts.settings["DATABASES"]["default"]["PASSWORD"] == "***"
    assert facts.settings["CACHES"]["default"]["LOCATION"] == "redis://***@host/0"
    assert facts.settings["PERIOD"] == "1 day, 0:00:00"
    assert facts.settings["HOOK"] == "builtins.print"
    assert facts.base_dir == "/srv/shop"
    assert facts.settings["PASSWORD_HASHERS"][0].startswith("django.contrib.auth.hashers.")
    assert "CACHES" in facts.explicit
    assert "DEBUG" not in facts.explicit


@pytest.mark.parametrize("how", ["raise ValueError({})", "import os; print({}, flush=True); os._exit(1)"])
def test_secrets_of_urls_are_left_out_of_failures(tmp_path: Path, how: str) -> None:
    """Of the error, of the line in its traceback, and of what was printed; a password may have an @ in it."""
    said = how.format("'no such database: postgres://me:hid@den@db/shop?x=1'")
    failure = only_failure(imported(write_project(tmp_path, {"+shop/urls.py": f"\n{said}\n"})))
    assert "no such database: postgres://***@db/shop?x=1" in failure.error
    assert "hid" not in failure.error + failure.traceback
    assert "den" not in failure.error + failure.traceback


def test_what_is_the_projects_own(tmp_path: Path) -> None:
    """Its modules and applications are; Django's, Python's and hybrid's are not."""
    more = "\nINSTALLED_APPS += ['django.contrib.contenttypes', 'hybrid.adapters.django']\n"
    facts = imported(write_project(tmp_path, {"+shop/settings.py": more}))
    assert facts.first_party == ("shop",)
    assert set(facts.apps) == {"shop", "django.contrib.contenttypes", "hybrid.adapters.django"}
    assert facts.modules == {
        name: str(tmp_path / file)
        for name, file in (
            ("shop", "shop/__init__.py"),
            ("shop.settings", "shop/settings.py"),
            ("shop.urls", "shop/urls.py"),
        )
    }


def test_without_settings_the_application_sets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--wsgi module:attribute`` is enough."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    wsgi = """
        import os
        from django.core.wsgi import get_wsgi_application
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
        served = get_wsgi_application()
    """
    facts = import_project(
        "", "shop.deployed:served", directory=write_project(tmp_path, {"shop/deployed.py": wsgi})
    )
    assert not facts.failures
    assert facts.settings_module == SETTINGS
    assert facts.wsgi.path == "shop.deployed.served"
    assert facts.wsgi.where.line == line_of(tmp_path / "shop/deployed.py", "served =")
    assert [each.name for each in facts.routes] == ["home"]


def test_modules_are_found_where_this_process_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ``manage.py`` may have said where else they are: behind the project's folder, in its order."""
    write_project(tmp_path, {"+shop/settings.py": "\nINSTALLED_APPS.append('stock')\n"})
    for folder in ("inner", "other", "inner/stock", "other/stock"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, "inner", str(tmp_path / "other")])
    facts = imported(tmp_path)
    assert not facts.failures
    assert facts.apps["stock"] == str(tmp_path / "inner/stock")
    assert set(facts.first_party) == {"shop", "stock"}


def test_a_project_whose_modules_are_called_as_ours(tmp_path: Path) -> None:
    """Files such as ``json.py`` in the project's folder are in nobody's way but its own."""
    facts = imported(write_project(tmp_path, {"hybrid.py": "raise RuntimeError('not this one')\n"}))
    assert not facts.failures


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    """No descriptor of ours stays open."""
    folder = write_project(tmp_path)
    imported(folder)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of a process
    imported(folder)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_the_demonstration() -> None:
    """The whole of it is imported: routes of each kind, the REST API's too, and its WebSockets."""
    require_module("rest_framework")
    facts = import_project("demo_django.settings", directory=ROOT)
    assert not facts.failures
    assert not facts.queries
    lanes = {each.name: each.lane for each in facts.routes}
    assert lanes["desk:systems"] == "asgi; async-view"
    assert lanes["desk:tickets"] == "wsgi; sync-view"
    api = next(each for each in facts.routes if each.name == "desk:ticket-list")
    assert api.view == "demo_django.desk.api.TicketViewSet"
    assert api.handlers == {"get": False, "post": False}
    assert api.csrf_exempt
    assert {each.consumer for each in facts.socket_routes} == {"demo_django.desk.live.TicketPage"}
    around = [each.rpartition(".")[2] for each in facts.socket_routes[0].around]
    assert around == [
        "AllowedHostsOriginValidator",
        "CookieMiddleware",
        "SessionMiddleware",
        "AuthMiddleware",
    ]
    assert set(facts.first_party) == {"demo_django.accounts", "demo_django.desk"}
    assert facts.asgi.protocols == ("http", "websocket")
