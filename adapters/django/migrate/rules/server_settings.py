"""What the server of today is told, that a plain ASGI server does not know."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Place, Seen
from hybrid.adapters.django.migrate.rules.registry import static, whole
from hybrid.adapters.django.migrate.source.beside import Command, commands_beside, lines_of
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: gunicorn's options, and what they do.
_OPTIONS: Final = {
    "--timeout": "ends workers that a request keeps busy",
    "-t": "ends workers that a request keeps busy",
    "--max-requests": "replaces workers before they have grown",
    "--preload": "imports the application once for all workers",
}
_NAMES: Final = {
    "timeout": "ends workers that a request keeps busy",
    "max_requests": "replaces workers before they have grown",
    "preload_app": "imports the application once for all workers",
}
_UWSGI: Final = {
    "harakiri": "ends workers that a request keeps busy",
    "max-requests": "replaces workers before they have grown",
}
#: Words in the names of gunicorn's workers that serve ASGI already.
_ASGI: Final = ("uvicorn", "asgi", "hybrid")
_TO_ASGI: Final = {"asgiref.wsgi.WsgiToAsgi", "starlette.middleware.wsgi.WSGIMiddleware"}


@whole("HM408", "HM312")
def commands_of_servers(sources: Sources) -> Iterator[Finding]:
    """Find options of gunicorn and uWSGI in the files beside a project, and daphne."""
    for command in commands_beside(sources.root):
        if command.server == "gunicorn" and not _serves_asgi(command):
            options = [each for each in _OPTIONS if command.value(each) is not None]
            if options:
                yield _lost(command.place, "gunicorn's", options, _OPTIONS)
        elif command.server == "daphne":
            yield RULES["HM312"].finding(
                command.place,
                "daphne holds the parts of an upload in memory until it has all of them, whichever lane the "
                "view would have",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
            )
    for shown, number, line in lines_of(sources.root, "uwsgi.ini"):
        name = line.partition("=")[0].strip()
        if name in _UWSGI and "=" in line:
            yield _lost(Place(shown, number, number, shown), "uWSGI's", [name], _UWSGI)


@static("HM408")
def configuration_of_gunicorn(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find the same in ``gunicorn.conf.py``."""
    if "gunicorn" not in module.path.name:
        return
    given = {
        target.id: node
        for node in module.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    worker = given.get("worker_class")
    if worker is not None and any(each in module.segment(worker.value).lower() for each in _ASGI):
        return
    for name, node in given.items():
        if name in _NAMES and not (isinstance(node.value, ast.Constant) and not node.value.value):
            yield _lost(module.place(node), "gunicorn's", [name], _NAMES)


@static("HM312")
def bridges_without_bounds(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find bridges that hand on a response however slowly it is read."""
    for call in module.calls_of(_TO_ASGI):
        name = module.called(call).rpartition(".")[2]
        yield RULES["HM312"].finding(
            module.place(call),
            f"{name} serves WSGI on ASGI and reads on while the client does not: a response that is read "
            "slowly is in memory as a whole",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY,
        )


def _serves_asgi(command: Command) -> bool:
    worker = command.value("-k", "--worker-class") or ""
    return any(each in worker.lower() for each in _ASGI)


def _lost(place: Place, whose: str, options: list[str], what: dict[str, str]) -> Finding:
    said = ", ".join(f"{each} {what[each]}" for each in options)
    return RULES["HM408"].finding(
        place,
        f"{whose} {said}: a plain ASGI server has nothing of that",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY,
        cause=f"HM408 {place.file}",
    )
