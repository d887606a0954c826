"""Requests as the server would hand them to the lanes: scopes, and which paths a project has."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote, unquote

from hybrid.adapters.django.lanes.parts import Resolver404, get_resolver
from hybrid.adapters.django.migrate.project.serving import usual_fields, usual_host, usual_scheme
from hybrid.adapters.django.migrate.shadow.exchanges import Request
from hybrid.bridge.types import Scope

_normalize: Final[Any] = import_module("django.utils.regex_helper").normalize

#: What a client on this machine has as address, the same in each run.
_CLIENT: Final = "127.0.0.1", 40_000


def scope_of(request: Request) -> Scope:
    """Return the scope of a request (ASGI HTTP specification, "Connection Scope"), as the server makes it.

    A ``Host`` that the project allows is added where there is none, and with ``SECURE_PROXY_SSL_HEADER`` what
    the proxy would set; the scheme is the one that the project wants.
    """
    path, _, query = request.target.partition("?")
    names = {name for name, _ in request.headers}
    added = [(name, value) for name, value in usual_fields().items() if name not in names]
    if request.body and not names & {"content-length", "transfer-encoding"}:
        added.append(("content-length", str(len(request.body))))
    scheme = usual_scheme()
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": scheme,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in (*added, *request.headers)
        ],
        "client": _CLIENT,
        "server": (usual_host(), 443 if scheme == "https" else 80),
        "state": {},
        "extensions": {},
    }


def routes_without_arguments(exclude: Sequence[str] = ()) -> list[Request]:
    """Return a GET request for each route of the project that needs no arguments, in their order.

    Those that change something for a GET request, such as a log-out, are among them: see the guards.

    Args:
        exclude: patterns of paths that are left out: ``/admin/*``, as :mod:`fnmatch` has them.
    """
    resolver = get_resolver()
    found: dict[str, Request] = {}
    for pattern in _patterns(resolver, ""):
        for text, arguments in _normalize(pattern):
            path = "/" + quote(text % ()) if not arguments else ""
            if path and path not in found and not any(fnmatchcase(path, each) for each in exclude):
                view = view_of(path)
                if view is not None:
                    found[path] = Request("GET", path, view=view)
                    break
    return list(found.values())


def view_of(target: str) -> str | None:
    """Return the name of the view of a path, or its dotted path; None where no route leads there."""
    try:
        match: Any = get_resolver().resolve(unquote(target.partition("?")[0]))
    except Resolver404:
        return None
    return str(match.view_name if match.url_name else match._func_path)  # noqa: SLF001


def _patterns(resolver: Any, before: str) -> Iterator[str]:
    """Give the regular expression of each route, from the beginning of the path."""
    for entry in resolver.url_patterns:
        text = str(entry.pattern.regex.pattern).removeprefix("^")
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry, before + text)
        else:
            yield before + text
