"""Extensions for WebSockets: those that need a server of their own, and what the others cost."""

import ast
from collections.abc import Iterator
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.knowing import text_of
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.facts import flask_facts
from hybrid.adapters.flask.migrate.rules.knowing import is_constant, keyword, place_of

#: Classes of extensions, and the server that each needs.
_SERVERS: Final = {
    "flask_sockets.Sockets": "gevent-websocket",
    "flask_uwsgi_websocket.WebSocket": "uWSGI",
    "flask_uwsgi_websocket.GeventWebSocket": "uWSGI with gevent",
    "flask_uwsgi_websocket.AsyncioWebSocket": "uWSGI with asyncio",
}
_SOCKETIO: Final = "flask_socketio.SocketIO"
_SOCK: Final = "flask_sock.Sock"
_GREEN: Final = ("eventlet", "gevent", "gevent_uwsgi")
_FIX: Final = Fix(FixKind.SUGGEST, "hybrid.adapters.flask.WebSockets, whose routes are the same")


@static("HF101")
def for_one_server(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find objects of extensions that need one server."""
    for call in module.calls_of(_SERVERS):
        name = module.called(call)
        yield RULES["HF101"].finding(
            module.place(call),
            f"{name} needs {_SERVERS[name]} as the server, and has no WebSockets under another one",
            seen=Seen.STATIC,
            fix=_FIX,
        )


@imported("HF101")
def registered_for_one_server(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find wrappers of such extensions around the application."""
    for each in flask_facts(facts).wrappers:
        if each.path.startswith(("flask_sockets.", "flask_uwsgi_websocket.")):
            yield RULES["HF101"].finding(
                Place(symbol=each.path),
                f"{each.path} is around the application, and waits for what its own server sets",
                seen=Seen.IMPORT,
                fix=_FIX,
            )


@static("HF105")
def greenlets_asked_for(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find Flask-SocketIO that is told to use greenlets."""
    for call in _socketio_calls(module):
        mode = text_of(keyword(call, "async_mode"))
        if mode in _GREEN:
            yield RULES["HF105"].finding(
                module.place(call),
                f"async_mode={mode!r} needs {mode.partition('_')[0]}'s own server",
                seen=Seen.STATIC,
            )


@imported("HF105")
def greenlets_found(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find Flask-SocketIO that has chosen greenlets, as a package for them is installed."""
    for extension in flask_facts(facts).extensions:
        mode = _mode(extension.options)
        if extension.type == _SOCKETIO and mode in _GREEN:
            yield RULES["HF105"].finding(
                place_of(sources, (_SOCKETIO,)) or Place(symbol=extension.type),
                f"Flask-SocketIO runs with async_mode={mode!r}, as it is told or as "
                f"{mode.partition('_')[0]} is installed",
                seen=Seen.IMPORT,
            )


@static("HF501")
def threads_of_sock(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find flask-sock."""
    for call in module.calls_of((_SOCK,)):
        yield RULES["HF501"].finding(
            module.place(call),
            "each WebSocket has a thread of --websocket-threads for as long as it is open, and a second one "
            "that reads",
            seen=Seen.STATIC,
        )


@static("HF502")
def without_queue(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find Flask-SocketIO, where it is made, without a queue between processes."""
    for call in _socketio_calls(module):
        has_options = any(each.arg is None for each in call.keywords)
        queue = keyword(call, "message_queue")
        if not has_options and (queue is None or is_constant(queue, None)):
            later = _told_later(sources)
            if not later:
                yield RULES["HF502"].finding(
                    module.place(call),
                    "nothing connects this with other processes: with --workers each knows its own clients",
                    seen=Seen.STATIC,
                    confidence=Confidence.LIKELY,
                    level=Level.NOTE,
                )


def _socketio_calls(module: SourceModule) -> Iterator[ast.Call]:
    yield from module.calls_of((_SOCKETIO,))


def _told_later(sources: Sources) -> bool:
    """Tell whether some ``init_app()`` is given a queue, or options that are not written out."""
    return any(
        keyword(call, "message_queue") is not None
        or (any(each.arg is None for each in call.keywords) and "socketio" in ast.dump(call.func))
        for module in sources.modules
        for call in module.nodes(ast.Call)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "init_app"
    )


def _mode(options: dict[str, Any]) -> str:
    return str(options.get("async_mode") or options.get("server.eio.async_mode") or "")
