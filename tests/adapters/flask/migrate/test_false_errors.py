"""What looks like an error and is none: code that is right as it is, or of which too little is known."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.checks import Checked, load_rules, look_at_facts, look_at_source
from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.project.facts import Facts, RouteFact
from hybrid.adapters.django.migrate.reach import told_of_routes
from hybrid.adapters.django.migrate.source.sources import Sources

HEAD = """
import asyncio, multiprocessing, os, signal, sqlite3, subprocess, threading
from flask import Flask, g, request, session

app = Flask(__name__)
lock = threading.Lock()
loop = asyncio.new_event_loop()
data = {"user": "nobody", "n": 0}
settings = {}
"""

CASES = {
    # a name that a function has for itself is not the module's
    "local-table": (
        "HF201",
        None,
        """
@app.get("/")
def front():
    data = {}
    data["user"] = session["user"]
    return data
""",
    ),
    "parameter": (
        "HF201",
        None,
        """
def fill(data):
    data["user"] = session["user"]
""",
    ),
    "counted-in-a-local": (
        "HF402",
        None,
        """
@app.get("/")
def front():
    data = {"n": 0}
    data["n"] += 1
    return data
""",
    ),
    # a page of settings is meant to be for all
    "settings": (
        "HF201",
        "warning",
        """
@app.post("/")
def save():
    settings["token"] = request.form["token"]
    return ""
""",
    ),
    "what-plays": (
        "HF201",
        "warning",
        """
@app.post("/")
def play():
    data["current"] = request.form["station"]
    return ""
""",
    ),
    "whose": (
        "HF201",
        "error",
        """
@app.get("/")
def front():
    data["user"] = session["user"]
    return data
""",
    ),
    # the project's own middleware sets it
    "own-user": (
        "HF102",
        "warning",
        """
class Known:
    def __call__(self, environ, start_response):
        environ["REMOTE_USER"] = "anybody"
        return app(environ, start_response)


@app.get("/")
def front():
    return request.environ["REMOTE_USER"]
""",
    ),
    "environment-of-a-program": (
        "HF102",
        None,
        """
def program():
    env = dict(os.environ)
    return env["REMOTE_USER"]
""",
    ),
    "any-error-is-expected": (
        "HF102",
        None,
        """
try:
    import uwsgi
except Exception:
    uwsgi = None


@app.get("/")
def front():
    try:
        return request.environ["RAW_URI"]
    except:
        return request.path
""",
    ),
    # Python's main thread, in the process that fork() has made, is the one that has called it
    "in-a-child": (
        "HF103",
        None,
        """
@app.get("/")
def front():
    subprocess.run(["ls"], preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    return ""
""",
    ),
    "functions-of-children": (
        "HF103",
        None,
        """
def ignore():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@app.get("/")
def front():
    def restore():
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    subprocess.run(["ls"], preexec_fn=restore)
    multiprocessing.Process(target=ignore).start()
    return str(multiprocessing.Pool(initializer=ignore))
""",
    ),
    # the event loop is in the main thread
    "on-the-loop": (
        "HF103",
        None,
        """
@app.get("/")
async def front():
    signal.signal(signal.SIGUSR1, print)
    return request.path
""",
    ),
    "a-helper-of-a-view": (
        "HF103",
        "error",
        """
def limited():
    signal.signal(signal.SIGALRM, print)


@app.get("/")
def front():
    limited()
    return ""
""",
    ),
    # g is there in commands too, and a context for tests is no request
    "in-a-command": (
        "HF103",
        "warning",
        """
@app.cli.command("watch")
def watch():
    g.name = "watch"
    signal.signal(signal.SIGTERM, print)
""",
    ),
    "in-a-context-of-its-own": (
        "HF107",
        "warning",
        """
@app.cli.command("main")
def main():
    with app.test_request_context("/"):
        print(request.path)
    asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))
""",
    ),
    "one-at-a-time": (
        "HF107",
        None,
        """
@app.get("/")
def front():
    with lock:
        return loop.run_until_complete(asyncio.sleep(0, "x"))
""",
    ),
    "another-loop": (
        "HF107",
        None,
        """
@app.get("/")
def front():
    try:
        here = asyncio.get_event_loop()
    except Exception:
        here = asyncio.new_event_loop()
    return here.run_until_complete(asyncio.sleep(0, "x"))
""",
    ),
    "set-elsewhere": (
        "HF107",
        None,
        """
def have_loop():
    asyncio.set_event_loop(asyncio.new_event_loop())


@app.get("/")
def front():
    have_loop()
    return asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, "x"))
""",
    ),
    "called-on-the-loop": (
        "HF107",
        None,
        """
def later(work):
    asyncio.get_event_loop().create_task(work)


@app.get("/")
async def front():
    later(asyncio.sleep(0))
    return ""
""",
    ),
    "a-helper-with-a-loop": (
        "HF107",
        "error",
        """
def wait(work):
    return asyncio.get_event_loop().run_until_complete(work)


@app.get("/")
def front():
    return wait(asyncio.sleep(0, "x"))
""",
    ),
    "for-several-versions": (
        "HF108",
        None,
        """
try:
    from flask import Markup
except Exception:
    from markupsafe import Markup

if hasattr(app, "before_first_request"):

    @app.before_first_request
    def front():
        pass
""",
    ),
    # whether it patches is told by importing
    "patched-if-asked": (
        "HF104",
        "warning",
        """
if os.environ.get("WORKERS") == "gevent":
    from gevent import monkey

    monkey.patch_all()
""",
    ),
    "options-of-a-connection": (
        "HF109",
        "warning",
        """
db = sqlite3.connect("x.db", **settings)


@app.get("/")
def front():
    return str(db.execute("SELECT 1").fetchall())
""",
    ),
    "imported-in-a-function": (
        "HF109",
        None,
        """
db = sqlite3.connect("x.db")


@app.get("/")
def front():
    from shop.connections import db

    return str(db.execute("SELECT 1").fetchall())
""",
    ),
}


def found(tmp_path: Path, rule: str, text: str, name: str = "shop.py") -> list[Finding]:
    """Return what a rule finds in a module, whose function ``front`` a route leads to."""
    load_rules("hybrid.adapters.flask.migrate.rules")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + text)
    sources = Sources(tmp_path)
    sources.add(path, path.stem)
    checked = Checked()
    look_at_source(sources.modules, sources, checked, "HF")
    assert checked.broken == []
    routes = (RouteFact("", view="shop.front"),)
    told = told_of_routes(checked.findings, Facts(framework="flask", routes=routes), sources)
    return [each for each in told if each.rule == rule]


@pytest.mark.parametrize("case", CASES)
def test_look_alikes_of_errors(tmp_path: Path, case: str) -> None:
    """Each is silent, or as bad as is known; what is wrong for sure stays an error."""
    rule, level, text = CASES[case]
    assert [each.level.value for each in found(tmp_path, rule, text)] == ([level] if level else [])


def test_scripts_start_servers(tmp_path: Path) -> None:
    """No server imports what is in a directory of scripts."""
    assert len(found(tmp_path, "HF111", "app.run()\n")) == 1
    assert found(tmp_path, "HF111", "app.run()\n", "scripts/fake.py") == []


@pytest.mark.parametrize(("outside", "level"), [(True, "error"), (False, "warning")])
def test_what_a_decorator_may_run(tmp_path: Path, outside: bool, level: str) -> None:
    """A coroutine function in a synchronous decorator may be run by that, which needs no asgiref."""
    load_rules("hybrid.adapters.flask.migrate.rules")
    checked = Checked()
    route = RouteFact("x", view="shop.x", is_async=outside, inner_is_async=True)
    look_at_facts(Facts(framework="flask", routes=(route,)), Sources(tmp_path), checked, "HF")
    levels = {each.rule: each.level.value for each in checked.findings}
    assert levels == {"HF106": level, "HF304": "note"}
