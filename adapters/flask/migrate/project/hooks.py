"""Facts on what Flask calls beside views."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

from hybrid.adapters.django.migrate.project.origins import Origins, where_of
from hybrid.adapters.django.migrate.project.unwrap import layers_of
from hybrid.adapters.flask.migrate.facts import HookFact
from hybrid.adapters.flask.migrate.project.names import named_in_source

#: Tables by the name of a blueprint, None for the application, and the kind of hook that is in each.
_TABLES: Final = {
    "before_request_funcs": "before_request",
    "after_request_funcs": "after_request",
    "teardown_request_funcs": "teardown_request",
    "url_value_preprocessors": "url_value_preprocessor",
    "template_context_processors": "context_processor",
}


def hook_facts(app: Any, origins: Origins) -> Iterator[HookFact]:
    """Give a fact for each function, Flask's own aside."""
    for table, kind in _TABLES.items():
        for blueprint, functions in dict(getattr(app, table, {})).items():
            for function in functions:
                yield from _facts(kind, function, str(blueprint or ""), origins)
    for function in getattr(app, "teardown_appcontext_funcs", ()):
        yield from _facts("teardown_appcontext", function, "", origins)
    for blueprint, by_code in dict(app.error_handler_spec).items():
        for by_class in dict(by_code).values():
            for function in dict(by_class).values():
                yield from _facts("errorhandler", function, str(blueprint or ""), origins)


def _facts(kind: str, function: Any, blueprint: str, origins: Origins) -> Iterator[HookFact]:
    inner = list(layers_of(function))[-1]
    distribution, _ = origins.distribution_of(inner)
    if distribution.lower() not in {"flask", "werkzeug"}:
        is_async = inspect.iscoroutinefunction(function)
        yield HookFact(kind, named_in_source(inner), where_of(inner), blueprint, is_async, distribution)
