"""Threads and schedulers that begin with the application, in each process that imports it."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Seen
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import in_factory, runs_at_import

_WORKERS: Final = {
    "apscheduler.schedulers.background.BackgroundScheduler",
    "apscheduler.schedulers.gevent.GeventScheduler",
    "flask_apscheduler.APScheduler",
    "multiprocessing.Process",
    "threading.Thread",
    "threading.Timer",
}


@static("HF306")
def started_with_the_application(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find those that are started when a module is imported, or in a factory."""
    if sources.is_script(module):
        return
    for call in module.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "start":
            kind = _kind(module, call.func.value)
            if kind and (runs_at_import(module, call) or in_factory(module, call)):
                yield RULES["HF306"].finding(
                    module.place(call),
                    f"a {kind.rpartition('.')[2]} starts with the application, in each process",
                    seen=Seen.STATIC,
                    confidence=Confidence.LIKELY,
                )


def _kind(module: SourceModule, started: ast.expr) -> str:
    """Return the class of what is started: made on the spot, or the value of a name in the same scope or the
    module's.
    """
    if isinstance(started, ast.Call):
        made = module.called(started)
        return made if made in _WORKERS else ""
    if not isinstance(started, ast.Name):
        return ""
    scopes = {module.function_of(started), None}
    kinds = {
        module.called(node.value) if isinstance(node.value, ast.Call) else ""
        for node in module.nodes(ast.Assign)
        if module.function_of(node) in scopes
        and any(isinstance(each, ast.Name) and each.id == started.id for each in node.targets)
    }
    return next(iter(kinds)) if len(kinds) == 1 and kinds <= _WORKERS else ""
