"""`hybrid migrate test`: a project's own tests, run on both sides."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.migrate.suite import running
from hybrid.adapters.django.migrate.suite.records import read
from tests.support.needs import require_module
from tests.support.process import process_environment, run_hybrid
from tests.support.tested_shop import write_shop
from tests.support.waiting import until

require_module("django")
require_module("rest_framework")

MANAGE = (sys.executable, "manage.py", "test")
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_django.plugin")
#: Where tests of one folder are, for both runners.
SAME, DIFFERENT, NONE = (f"shop/tests/test_{name}.py" for name in ("same", "different", "none"))
#: A suite may be run three times here.
SECONDS = 110


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a project with tests."""
    return write_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def everything(shop: Path) -> dict[str, Any]:
    """Give the report of all of its tests, by Django's runner."""
    return report(shop, *MANAGE, code=4)


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "hybrid", "migrate", "test", *words],
        cwd=folder,
        env=process_environment({"PYTHONWARNINGS": "ignore", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def report(folder: Path, *words: str, code: int = 0, options: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the report for programs."""
    done = run(folder, "--format", "json", *options, "--", *words)
    assert done.returncode == code, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["schema"], said["kind"], said["command"]) == (1, "test", list(words))
    return said


def rules(said: dict[str, Any]) -> dict[str, str]:
    """Return the rule of each test that differs, by the test's name."""
    return {
        each["test"].replace("::", ".").rpartition(".")[2]: group["rule"]
        for group in said["groups"]
        for each in group["tests"]
    }


def assert_as_named(said: dict[str, Any]) -> None:
    """Check that each test that is to differ does, with the rule that its name ends in."""
    found = rules(said)
    assert len(found) == 10
    assert found == {name: f"HM{name[-3:]}" for name in found}


def test_what_agrees(everything: dict[str, Any]) -> None:
    """Whatever the test client can do comes to the same: no test differs that has no reason to."""
    assert not [name for name in rules(everything) if not name[-3:].isdecimal()]
    assert everything["agree"] == 21
    assert (everything["collected"], everything["kept"]) == (1, 1)


def test_what_differs(everything: dict[str, Any]) -> None:
    """Each difference has its rule: by its exception, by one behind a 500, or by what was asked for."""
    assert_as_named(everything)
    assert everything["differ"] == 10


def test_place_and_request(everything: dict[str, Any]) -> None:
    """Tests with one cause stand together, with the place in the project and the request that differs."""
    group = everything["groups"][0]
    assert (group["rule"], len(group["tests"])) == ("HM101", 4)
    assert (group["error"]["file"], group["error"]["symbol"]) == ("shop/views.py", "environ")
    answered = next(each for each in group["tests"] if "answered" in each["test"])
    assert answered["request"] == "GET /environ/: 500 on ASGI, 200 on WSGI"
    assert answered["said"] == "AssertionError: 500 != 200"


def test_trouble_of_its_own(everything: dict[str, Any]) -> None:
    """What fails on both sides is no difference, and neither is what does not fail again."""
    assert everything["failing"] == ["shop.tests.test_trouble.Trouble.test_fails"]
    assert everything["unsteady"] == ["shop.tests.test_trouble.Trouble.test_fails_in_the_second_run"]


def test_two_processes(shop: Path) -> None:
    """Django's parallel runner says the same, without tblib too, which it needs for a traceback."""
    labels = ("shop.tests.test_same", "shop.tests.test_different")
    said = report(shop, *MANAGE, "--parallel", "2", *labels, code=4, options=("--once",))
    assert_as_named(said)
    assert said["agree"] == 18
    assert said["runs"][1]["processes"] > 0


def test_pytest(shop: Path) -> None:
    """The tests of pytest are told of by their node ids; what sets a class up fails with its tests."""
    require_module("pytest_django")
    said = report(shop, *PYTEST, SAME, DIFFERENT, code=4, options=("--once",))
    assert_as_named(said)
    assert f"{DIFFERENT}::SetUp::test_one_hm101" in [
        each["test"] for group in said["groups"] for each in group["tests"]
    ]
    assert said["agree"] == 18


def test_pytest_in_two_processes(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of pytest-xdist are listened to as well, and go through ASGI."""
    require_module("pytest_django")
    for name, value in {"PYTHONWARNINGS": "ignore", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(shop)
    words = (*PYTEST, "-p", "xdist.plugin", "-n", "2", "-k", "session or stream", SAME)
    done = read(running.run(words, "asgi", tmp_path, SECONDS), tmp_path)
    assert {name.rpartition("::")[2]: each.verdict for name, each in done.tests.items()} == {
        "test_session": "passed",
        "test_stream": "passed",
    }
    assert done.processes > 1
    assert done.sent > 3  # of the tests, and of what sets up their class in each process
    assert sum(each.collected for each in done.tests.values()) == 1  # which is so on ASGI alone


def test_no_requests(shop: Path) -> None:
    """Tests without requests run once, and that is said."""
    done = run(shop, "--", *MANAGE, "shop.tests.test_none")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "1 test, 0 of them with 0 requests through django.test.Client",
        "no test goes through django.test.Client: there is nothing to compare",
    ]
    assert "run 2" not in done.stderr


def test_text_into_a_file(shop: Path, tmp_path: Path) -> None:
    """The report goes where --output says; what the tests print is on standard error."""
    output = tmp_path / "report.txt"
    label = "shop.tests.test_different.Different.test_user_hm201"
    done = run(shop, "--once", "--output", str(output), "--", *MANAGE, label)
    assert (done.returncode, done.stdout) == (4, "")
    assert "Ran 1 test" in done.stderr
    text = output.read_text()
    assert text.startswith("1 test, 1 of them with 1 request through django.test.Client\n0 come to the same")
    assert "the test passes REMOTE_USER as a WSGI server would" in text
    assert f"  - {label}\n" in text


def test_from_manage(shop: Path) -> None:
    """`manage.py hybrid_migrate test` is the same command, and leaves the options of CMD alone."""
    (shop / "with_hybrid.py").write_text(
        "from shop.settings import *\n\nINSTALLED_APPS += ['hybrid.adapters.django']\n", encoding="utf-8"
    )
    words = (*MANAGE, "--settings", "shop.settings", "shop.tests.test_none")
    done = subprocess.run(
        [*MANAGE[:2], "hybrid_migrate", "test", "--settings", "with_hybrid", "--", *words],
        cwd=shop,
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--settings shop.settings shop.tests.test_none" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("./no-such-program",), 2, "CMD: cannot start ./no-such-program: No such file or directory"),
        (
            (sys.executable, "-c", "raise SystemExit(7)"),
            3,
            "no test was heard of, and it ended with the exit code 7",
        ),
        ((), 2, "Missing argument"),
    ],
    ids=["not there", "no tests", "nothing"],
)
def test_wrong_command(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """A command that does not start, or runs no tests, is one clear error."""
    done = run_hybrid("migrate", "test", "--", *words, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_time_is_over(tmp_path: Path) -> None:
    """Tests that do not end on WSGI have nothing to be compared with."""
    words = (sys.executable, "-c", "import time; time.sleep(600)")
    done = run_hybrid("migrate", "test", "--timeout", "1", "--", *words, cwd=tmp_path)
    assert done.returncode == 3
    assert "took longer than 1 s on WSGI, and was ended" in done.stderr


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """That is found out before anything runs."""
    done = run_hybrid(
        "migrate", "test", "--output", "none/report.txt", "--", "./no-such-program", cwd=tmp_path
    )
    assert (done.returncode, "--output: cannot write none/report.txt" in done.stderr) == (2, True)


#: A test that says its process, in a file, and does not end.
HANGING = """
import os
import signal
import time
from pathlib import Path

from django.test import SimpleTestCase


class Hanging(SimpleTestCase):
    def test_for_ever(self):
        self.client.get("/page/")
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Django's runner lets a test end at the first
        Path("pid.part").write_text(str(os.getpid()))
        os.rename("pid.part", "pid")
        time.sleep(600)
"""


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Path]:
    """Give the folder of a project whose test does not end, and check that its process has."""
    folder = write_shop(tmp_path)
    (folder / "shop" / "tests" / "test_hanging.py").write_text(HANGING, encoding="utf-8")
    settings = folder / "shop" / "settings.py"
    settings.write_text(f"{settings.read_text(encoding='utf-8')}\nMIDDLEWARE = []\n", encoding="utf-8")
    yield folder
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted(hanging: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the tests as well, and leave nothing behind."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hybrid", "migrate", "test", "--", *MANAGE, "shop.tests.test_hanging"],
        cwd=hanging,
        env=process_environment({"TMPDIR": str(hanging)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until((hanging / "pid").exists)
        process.send_signal(number)
        assert process.wait(SECONDS) == 128 + number
    finally:
        process.kill()
        process.wait()
    assert not list(hanging.glob("hybrid-migrate-test-*"))
