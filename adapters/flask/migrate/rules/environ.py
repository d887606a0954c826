"""Variables of the environ, and modules, that single servers have."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Seen
from hybrid.adapters.django.migrate.rules.knowing import (
    functions_around,
    last_name,
    parameter,
    text_of,
    values_of,
)
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import expects, makes_application, of_request, runs_at_import

#: Keys, and who sets them.
_KEYS: Final = {
    "wsgi.websocket": "gevent-websocket",
    "wsgi.websocket_version": "gevent-websocket",
    "werkzeug.server.shutdown": "Werkzeug before 2.1",
    "RAW_URI": "gunicorn and Werkzeug",
    "REQUEST_URI": "uWSGI, Werkzeug and Apache",
    "DOCUMENT_ROOT": "Apache and uWSGI",
    "AUTH_TYPE": "Apache and uWSGI",
    "REMOTE_USER": "Apache and uWSGI",
}
_PREFIXES: Final = {
    "gunicorn.": "gunicorn",
    "uwsgi.": "uWSGI",
    "mod_wsgi.": "mod_wsgi",
    "eventlet.": "eventlet",
}
#: What code asks of that can run on several servers.
_HOW: Final = {"wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"}
_MODULES: Final = {"uwsgi", "uwsgidecorators"}


@static("HF102")
def of_one_server(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find keys that only one server sets: an error where one is needed, a warning where it is asked for, or
    set by the source itself, as middleware does.
    """
    for node, key in _asked(module):
        server = _server(key)
        if not server:
            continue
        if isinstance(node, ast.Call):
            said = f"{key} is set by {server} alone: elsewhere this is {_default(module, node)}"
            yield _found(module, node, said, Level.WARNING)
        elif not expects(module, node, key, "KeyError"):
            own = _is_set(sources, key)
            who = f"{server}, and by this source itself" if own else f"{server} alone"
            said = f"{key} is set by {who}: elsewhere this raises KeyError"
            yield _found(module, node, said, Level.WARNING if own else Level.ERROR)


@static("HF102")
def module_of_one_server(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``import uwsgi``, which only works inside uWSGI: an error in the module of the application, as
    others may be for uWSGI alone.
    """
    imports: Iterator[ast.Import | ast.ImportFrom] = module.nodes(ast.Import, ast.ImportFrom)
    for node in imports:
        names = (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        )
        found = [each for each in names if each in _MODULES and not getattr(node, "level", 0)]
        if found and not any(
            expects(module, node, found[0], each) for each in ("ImportError", "ModuleNotFoundError")
        ):
            sure = runs_at_import(module, node) and makes_application(module)
            level = Level.ERROR if sure else Level.WARNING
            yield _found(module, node, f"there is no module {found[0]} outside of uWSGI", level)


@static("HF404")
def how_it_is_served(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find code that asks for threads and processes."""
    for node, key in _asked(module):
        if key in _HOW:
            yield RULES["HF404"].finding(module.place(node), f"{key} is asked for", seen=Seen.STATIC)
    for field in module.nodes(ast.Attribute):
        if field.attr in ("is_multithread", "is_multiprocess", "is_run_once") and of_request(
            module, field.value
        ):
            yield RULES["HF404"].finding(module.place(field), f"{field.attr} is asked for", seen=Seen.STATIC)


def _asked(module: SourceModule) -> Iterator[tuple[ast.Subscript | ast.Call, str]]:
    """Give what is read of an environ: ``environ[key]`` and ``environ.get(key)``."""
    for node in module.nodes(ast.Subscript):
        if isinstance(node.ctx, ast.Load) and _is_environ(module, node.value) and text_of(node.slice):
            yield node, text_of(node.slice)
    for call in module.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[key, *_]):
                if _is_environ(module, value) and text_of(key):
                    yield call, text_of(key)
            case _:
                pass


def _is_environ(module: SourceModule, node: ast.expr) -> bool:
    """Tell whether an expression is a request's environ, by its name; ``os.environ`` is another one."""
    if isinstance(node, ast.Attribute) and node.attr == "environ":
        return of_request(module, node.value) or last_name(node.value) in ("request", "req")
    return isinstance(node, ast.Name) and node.id in ("environ", "env") and _is_given(module, node)


def _is_given(module: SourceModule, name: ast.Name) -> bool:
    """Tell whether a name is an argument, as of WSGI middleware, or stands for ``request.environ``."""
    return any(
        parameter(function, name.id) is not None
        or any(
            isinstance(value, ast.Attribute) and _is_environ(module, value)
            for value in values_of(function, name.id)
        )
        for function in functions_around(module, name)
    )


def _is_set(sources: Sources, key: str) -> bool:
    """Tell whether some module puts a key into a table."""
    return any(
        isinstance(node.ctx, ast.Store) and text_of(node.slice) == key
        for module in sources.modules
        if key in module.text
        for node in module.nodes(ast.Subscript)
    )


def _server(key: str) -> str:
    return _KEYS.get(key) or next((name for prefix, name in _PREFIXES.items() if key.startswith(prefix)), "")


def _default(module: SourceModule, call: ast.Call) -> str:
    return module.segment(call.args[1]) if len(call.args) > 1 else "None"


def _found(module: SourceModule, node: ast.AST, said: str, level: Level) -> Finding:
    return RULES["HF102"].finding(
        module.place(node), said, seen=Seen.STATIC, confidence=Confidence.LIKELY, level=level
    )
