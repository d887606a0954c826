"""What importing a Flask application shows, and what rules make of facts that the planted one has not."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hybrid.adapters.django.migrate.checks import Checked, load_rules, look_at_facts
from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.project.facts import Facts, RouteFact
from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.sarif import as_sarif
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.facts import ExtensionFact, FlaskFacts, WrapperFact, flask_facts
from hybrid.adapters.flask.migrate.packages import packages_of
from tests.adapters.django.migrate.report.test_report import SCHEMA
from tests.support.planted_flask import PROJECT, audited, facts


def test_what_is_around_the_application() -> None:
    """From the outside: what is around the Flask object, and what its ``wsgi_app`` was replaced by."""
    said = flask_facts(facts())
    around = [(each.on, each.path) for each in said.wrappers]
    assert around == [
        ("app", "werkzeug.middleware.dispatcher.DispatcherMiddleware"),
        ("wsgi_app", "wsgi.Tagged"),
        ("wsgi_app", "wsgi.UnderPrefix"),
        ("wsgi_app", "desk.ProxyFixed"),
        ("wsgi_app", "werkzeug.middleware.proxy_fix.ProxyFix"),
    ]
    assert said.wrappers[0].mounts == {"/metrics": "flask.app.Flask"}
    assert said.wrappers[2].options == {"prefix": "/desk"}
    assert said.wrappers[-1].options["x_host"] == 1
    assert (said.wrappers[-1].distribution, said.wrappers[2].distribution) == ("Werkzeug", "")
    assert facts().wsgi.around == tuple(path for _, path in around)


def test_the_application_itself() -> None:
    """Where it is, what it is configured with, without secrets, and what runs beside its views."""
    said = flask_facts(facts())
    assert (said.target, said.type) == ("wsgi:application", "flask.app.Flask")
    assert Path(said.where.file) == PROJECT / "wsgi.py"
    assert said.config["MAX_CONTENT_LENGTH"] == 16 * 1024 * 1024
    assert said.config["SECRET_KEY"] in {None, "***"}
    (hook,) = (each for each in said.hooks if each.function == "desk.state.note")
    assert (hook.kind, hook.blueprint, hook.is_async) == ("before_request", "state", False)


def test_the_json_report_keeps_to_its_schema() -> None:
    """What is new in it are additions."""
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(render(audited("static", "import"), "json")))


def test_sarif_has_the_application_too() -> None:
    """In the properties of the run, as what JSON has besides findings."""
    (run,) = as_sarif(audited("static", "import"))["runs"]
    assert run["properties"]["flask"]["target"] == "wsgi:application"
    assert run["automationDetails"]["id"] == "hybrid-migrate-audit/wsgi:application/"
    assert all("flask" in each["properties"]["tags"] for each in run["tool"]["driver"]["rules"])


def judged(said: FlaskFacts, tmp_path: Path, **more: Any) -> list[Finding]:
    """Return what the rules say of facts, where no source tells anything."""
    load_rules("hybrid.adapters.flask.migrate.rules")
    checked = Checked()
    whole = Facts(framework="flask", of_framework=asdict(said), versions={"asgiref": "3.13"}, **more)
    look_at_facts(whole, Sources(tmp_path), checked, "HF")
    assert checked.broken == []
    return checked.findings


def extension(mode: str) -> FlaskFacts:
    """Return an application with Flask-SocketIO in a mode."""
    socketio = ExtensionFact(
        "socketio", "flask_socketio.SocketIO", {"async_mode": mode}, "Flask-SocketIO", "5.7"
    )
    return FlaskFacts(extensions=(socketio,))


ASYNC = RouteFact("x", view="shop.x", is_async=True, inner_is_async=True)


@pytest.mark.parametrize(
    ("said", "more", "expected"),
    [
        (extension("eventlet"), {}, [("HF105", Level.ERROR)]),
        (extension("gevent_uwsgi"), {}, [("HF105", Level.ERROR)]),
        (extension("threading"), {}, []),
        (FlaskFacts(), {"monkey": "gevent"}, [("HF104", Level.ERROR)]),
        (FlaskFacts(wrappers=(WrapperFact("flask_sockets.SocketMiddleware"),)), {}, [("HF101", Level.ERROR)]),
        (FlaskFacts(wrappers=(WrapperFact("shop.Timer"),)), {}, []),
        (FlaskFacts(wrappers=(WrapperFact("shop.Timer", "app"),)), {}, [("HF405", Level.NOTE)]),
        (
            FlaskFacts(wrappers=(WrapperFact("shop.Timer", "app"),), has_sockets=True),
            {},
            [("HF405", Level.ERROR)],
        ),
        (FlaskFacts(config={"MAX_CONTENT_LENGTH": 2 << 30}), {}, [("HF307", Level.WARNING)]),
        (FlaskFacts(config={"MAX_CONTENT_LENGTH": 1 << 20}), {}, [("HF307", Level.NOTE)]),
        (FlaskFacts(config={"MAX_CONTENT_LENGTH": None}), {}, []),
        (FlaskFacts(), {"routes": (ASYNC,)}, [("HF304", Level.NOTE)]),
        (FlaskFacts(), {"routes": (replace(ASYNC, distribution="other"),)}, []),
    ],
    ids=[
        *("eventlet", "uwsgi", "threading", "patched", "flask-sockets", "own", "around", "around-sockets"),
        *("large", "small", "no-limit", "async", "of-others"),
    ],
)
def test_rules_on_facts(
    said: FlaskFacts, more: Mapping[str, Any], expected: list[tuple[str, Level]], tmp_path: Path
) -> None:
    """What the planted application does not have, as it need not be installed."""
    assert [(each.rule, each.level) for each in judged(said, tmp_path, **more)] == expected


def test_proxy_fix_in_words(tmp_path: Path) -> None:
    """The advice has the fields that it was told to believe, and how many proxies there are."""
    options = {"x_for": 2, "x_proto": 1, "x_host": 0, "x_port": 0, "x_prefix": 1}
    wrapper = WrapperFact("werkzeug.middleware.proxy_fix.ProxyFix", options=options)
    (found,) = judged(FlaskFacts(wrappers=(wrapper,)), tmp_path)
    assert "with all 2 proxies in it" in found.fix.text
    assert "--forwarded-fields for,proto,prefix" in found.fix.text


def test_packages() -> None:
    """Distributions of extensions and wrappers, with what is known of them; Flask's own are left out."""
    known = replace(facts(), of_framework=asdict(extension("threading")), versions={"flask-socketio": "5.7"})
    by_name = {package.name: (package, folder) for package, folder in packages_of(known)}
    package, folder = by_name["Flask-SocketIO"]
    assert (package.version, package.apps) == ("5.7", ("socketio",))
    assert "message_queue" in package.advice
    assert folder is not None
    assert folder.name == "flask_socketio"
    assert not {"Flask", "Werkzeug"} & by_name.keys()
