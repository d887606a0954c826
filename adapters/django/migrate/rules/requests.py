"""What is asked of a request that only one of its kinds has."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.rules.fields import fields_read, fields_set
from hybrid.adapters.django.migrate.rules.knowing import guarded_by, is_request, key_of
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Keys that are never there on ASGI: of CGI and of single servers.
_KEYS: Final = {
    "AUTH_TYPE",
    "DOCUMENT_ROOT",
    "GATEWAY_INTERFACE",
    "PATH_TRANSLATED",
    "RAW_URI",
    "REQUEST_URI",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
}
_PREFIXES: Final = ("wsgi.", "gunicorn.", "uwsgi.", "mod_wsgi.", "werkzeug.", "SSL_")
_BOTH: Final = {"wsgi.multithread", "wsgi.multiprocess"}
_OF_TEXT: Final = {
    "split",
    "strip",
    "isdigit",
    "startswith",
    "endswith",
    "join",
    "zfill",
    "encode",
    "replace",
}


@static("HM101")
def environ_of_request(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``request.environ``, unless the code is ready for there being none."""
    for node in environs_of_requests(module):
        shown = module.segment(node)
        yield RULES["HM101"].finding(
            module.place(node),
            f"{shown} is there on WSGI only: on ASGI this raises AttributeError",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY,
            fix=_fix(module, node),
        )


def environs_of_requests(module: SourceModule) -> Iterator[ast.Attribute | ast.Call]:
    """Give each ``request.environ`` of a module, and ``getattr(request, "environ")``, unless the code is
    ready for there being none.
    """
    asked: list[ast.Attribute | ast.Call] = [*module.nodes(ast.Attribute), *module.nodes(ast.Call)]
    for node in asked:
        if (
            _is_environ(module, node)
            and is_request(module, _request_of(node))
            and not guarded_by(module, node, "environ", "AttributeError")
        ):
            yield node


def wsgi_key_of(module: SourceModule, node: ast.expr) -> str:
    """Return the key that is asked for, of an environ, where only WSGI servers set it; ``""`` otherwise."""
    key = _key(module, node)
    return key if is_of_wsgi(key) else ""


def _fix(module: SourceModule, node: ast.Attribute | ast.Call) -> Fix:
    if key := wsgi_key_of(module, node):
        return Fix(FixKind.SUGGEST, f"only WSGI servers set {key}: META lacks it on ASGI too, see HM102")
    return Fix(FixKind.AUTO, f"write {module.segment(_request_of(node))}.META")


def _key(module: SourceModule, node: ast.expr) -> str:
    """Return the key that is asked for; ``""`` where that is not one, or not known."""
    match module.parent(node):
        case ast.Subscript(slice=key):
            return key_of(module, key)
        case ast.Attribute() as method:
            match module.parent(method):
                case ast.Call(func=called, args=[key, *_]) if called is method:
                    return key_of(module, key)
                case _:
                    return ""
        case ast.Compare(left=key):
            return key_of(module, key)
        case _:
            return ""


def _is_environ(module: SourceModule, node: ast.Attribute | ast.Call) -> bool:
    match node:
        case ast.Attribute(attr="environ", ctx=ast.Load()):
            return True
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name], keywords=[]):
            return key_of(module, name) == "environ"
        case _:
            return False


def _request_of(environ: ast.Attribute | ast.Call) -> ast.expr:
    return environ.value if isinstance(environ, ast.Attribute) else environ.args[0]


@static("HM102")
def keys_of_wsgi(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find keys of META that no request on ASGI has: an error where one is needed, a warning where it is
    asked for with ``get()``.
    """
    for node, key in fields_read(module):
        if isinstance(node, ast.Call):
            if is_of_wsgi(key):
                said = f"META.get({key!r}) is {_default(module, node)} on ASGI"
                yield _of_key(module, node, said, Level.WARNING)
        elif is_of_wsgi(key) and not guarded_by(module, node, key, "KeyError"):
            yield _of_key(module, node, f"META[{key!r}] raises KeyError on ASGI", Level.ERROR)
        elif key == "REMOTE_PORT" and _taken_for_text(module, node):
            yield _of_key(module, node, "REMOTE_PORT is a number on ASGI, and text on WSGI", Level.ERROR)


@static("HM102")
def scheme_that_is_set(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find the scheme of a request set in META, where ``request.scheme`` looks on WSGI alone."""
    for node, key in fields_set(module):
        if key == "wsgi.url_scheme":
            said = "does nothing on ASGI: request.scheme and is_secure() go by the server"
            yield RULES["HM102"].finding(
                module.place(node),
                f"setting META[{key!r}] {said}",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
                level=Level.WARNING,
            )


def _of_key(module: SourceModule, node: ast.expr, said: str, level: Level) -> Finding:
    return RULES["HM102"].finding(
        module.place(node),
        f"{said}: only WSGI servers set it" if "is a number" not in said else said,
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY,
        level=level,
    )


def _default(module: SourceModule, call: ast.Call) -> str:
    return f"always {module.segment(call.args[1])}" if len(call.args) > 1 else "always None"


def is_of_wsgi(key: str) -> bool:
    """Tell whether a key of META is there on WSGI alone."""
    return key not in _BOTH and (key in _KEYS or key.startswith(_PREFIXES))


def _taken_for_text(module: SourceModule, node: ast.expr) -> bool:
    match module.parent(node):
        case ast.Attribute(attr=name):
            return name in _OF_TEXT
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return any(
                isinstance(each, ast.Constant) and isinstance(each.value, str) for each in (left, right)
            )
        case ast.Compare(comparators=[ast.Constant(value=str())]):
            return True
        case _:
            return False
