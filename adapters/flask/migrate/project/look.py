"""Says what there is to know of a Flask application that was imported."""

from typing import Any

from hybrid.adapters.django.migrate.project.facts import ApplicationFact
from hybrid.adapters.django.migrate.project.origins import Origins, dotted
from hybrid.adapters.django.migrate.project.targets import where_of_name
from hybrid.adapters.django.migrate.project.telling import Teller
from hybrid.adapters.django.migrate.project.values import plain
from hybrid.adapters.flask.migrate.facts import FlaskFacts
from hybrid.adapters.flask.migrate.project.extensions import extension_facts
from hybrid.adapters.flask.migrate.project.hooks import hook_facts
from hybrid.adapters.flask.migrate.project.routes import route_facts, socket_facts
from hybrid.adapters.flask.migrate.project.wrappers import Found, find, wrapper_facts


def look(application: Any, target: str, teller: Teller, origins: Origins) -> None:
    """Say the facts on an application, and on what is around it.

    Args:
        application: in which a Flask object is.
        target: its full name, ``module:attribute`` or ``module:factory()``.
        teller: says them.
        origins: tells whose code is whose.
    """
    found = find(application)
    app = found.app
    origins.own(str(app.import_name))
    module, _, attribute = target.partition(":")
    where = where_of_name(module, attribute.removesuffix("()"))
    said: dict[str, Any] = {}
    with teller.step("wsgi"):
        wrappers = tuple(wrapper_facts(found, origins))
        around = tuple(each.path for each in wrappers)
        teller.facts(wsgi=ApplicationFact(target, where, around, dotted(app)))
        said["wrappers"] = wrappers
    with teller.step("extensions"):
        said["extensions"] = tuple(extension_facts(app, origins))
    with teller.step("hooks"):
        said["hooks"] = tuple(hook_facts(app, origins))
    facts = FlaskFacts(
        target,
        str(app.import_name),
        dotted(app),
        where,
        _config(app),
        found.mount,
        has_sockets=_has_sockets(found),
        **said,
    )
    teller.facts(of_framework=facts)
    with teller.step("routes"):
        teller.facts(routes=list(route_facts(app, origins)), socket_routes=list(socket_facts(app)))


def _config(app: Any) -> dict[str, Any]:
    return {str(name): plain(value, str(name)) for name, value in dict(app.config).items()}


def _has_sockets(found: Found) -> bool:
    return getattr(found.app, "__hybrid_websocket__", None) is not None
