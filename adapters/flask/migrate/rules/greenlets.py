"""Greenlets: what patches the process, and files that say that it is served by them."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.registry import imported, static, whole
from hybrid.adapters.django.migrate.source.beside import DEPLOYMENT, lines_of
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import in_factory, makes_application, runs_at_import

_PATCHES: Final = {
    "gevent.monkey.patch_all",
    "gevent.monkey.patch_socket",
    "gevent.monkey.patch_thread",
    "eventlet.monkey_patch",
    "eventlet.patcher.monkey_patch",
}
_GREEN: Final = ("gevent", "eventlet", "ggevent", "geventlet", "geventwebsocket")
_OPTION: Final = re.compile(r"(?:-k|--worker-class)[\s=,\"']+([\w.:]*(?:gevent|eventlet)\w*)|--(gevent)\b")
_CONFIGURATION: Final = re.compile(r"gunicorn.*\.py|.*\.conf\.py")


@static("HF104")
def patches_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find calls that patch the process when a module is imported: an error where the application is made in
    it, as other modules may be programs that start a server of greenlets. Gunicorn's configuration is one.
    What is below an ``if`` may never run: importing tells.
    """
    if _CONFIGURATION.fullmatch(module.path.name):
        return
    makes = makes_application(module)
    for call in module.calls_of(_PATCHES):
        if runs_at_import(module, call) or in_factory(module, call):
            sure = makes and not any(isinstance(above, ast.If) for above in module.ancestors(call))
            yield RULES["HF104"].finding(
                module.place(call),
                f"{module.called(call)}() patches the process when a server imports this",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
                level=Level.ERROR if sure else Level.WARNING,
                cause="HF104",
            )


@imported("HF104")
def patched_when_imported(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find a process that was patched when the application had been imported."""
    if facts.monkey:
        yield RULES["HF104"].finding(
            Place(symbol=facts.monkey),
            f"importing the application has {facts.monkey} patch the process",
            seen=Seen.IMPORT,
            cause="HF104",
        )


@static("HF301")
def workers_configured(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``worker_class`` in gunicorn's configuration."""
    if not _CONFIGURATION.fullmatch(module.path.name):
        return
    for node in module.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="worker_class")], value=ast.Constant(value=str(value))):
                if any(each in value for each in _GREEN):
                    yield _served(module.place(node), f"gunicorn's worker_class is {value}")
            case _:
                pass


@whole("HF301")
def workers_started(sources: Sources) -> Iterator[Finding]:
    """Find the option of gunicorn, or of uWSGI, in the files that say how the application is served."""
    for shown, number, line in lines_of(sources.root, *DEPLOYMENT):
        found = _OPTION.search(line)
        if found and not line.lstrip().startswith("#"):
            yield _served(Place(shown, number, number, shown), f"it is started with {found[1] or found[2]}")


def _served(place: Place, said: str) -> Finding:
    return RULES["HF301"].finding(
        place,
        f"{said}: requests that wait cost a greenlet there, and one of --threads (16) here",
        seen=Seen.STATIC,
        cause="HF301",
    )
