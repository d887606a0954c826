"""What an audit of a Flask application is made of."""

from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.frameworks import Framework
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.flask.migrate.facts import flask_facts
from hybrid.adapters.flask.migrate.packages import packages_of


def _everywhere(facts: Facts) -> Iterator[str]:
    """Give what runs for every request: the hooks of the application, and its WSGI middleware."""
    said = flask_facts(facts)
    yield from (
        each.function for each in said.hooks if not each.blueprint and not each.kind.startswith("error")
    )
    yield from (f"{each.path}.__call__" for each in said.wrappers)


FRAMEWORK: Final = Framework("HF", "hybrid.adapters.flask.migrate.rules", packages_of, _everywhere)
