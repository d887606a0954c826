"""``asgi.py``: whether it is there, and would do."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Place, Seen
from hybrid.adapters.django.migrate.rules.module_imports import ModuleImports
from hybrid.adapters.django.migrate.rules.registry import static, whole
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

GET_WSGI: Final = "django.core.wsgi.get_wsgi_application"
GET_ASGI: Final = "django.core.asgi.get_asgi_application"
_READY: Final = {GET_ASGI, GET_WSGI, "django.setup"}
_UNSAFE: Final = "DJANGO_ALLOW_ASYNC_UNSAFE"
_IN_TEMPLATES: Final = "{{ project_name }}"  #: where `startproject` fills in a name
_ROUTERS: Final = ("channels.routing.ProtocolTypeRouter", "hybrid.ProtocolTypeRouter")
_NO_PROTOCOLS: Final = {"https", "ws", "wss"}


@whole("HM115")
def missing_or_other(sources: Sources) -> Iterator[Finding]:
    """Find projects without an ASGI application, and ones whose two files name different settings."""
    for module, beside in missing_files(sources):
        yield _finding(
            Place(module.shown, 1, 1, module.name),
            f"there is no {sources.shown(beside)}: an ASGI server has nothing to serve",
            Confidence.CERTAIN,
            Fix(FixKind.AUTO, f"write {sources.shown(beside)}"),
        )
    for module, beside in _wsgi_files(sources):
        found = sources.at(beside)
        if found is not None:
            yield from _other_settings(module, found)


def missing_files(sources: Sources) -> Iterator[tuple[SourceModule, Path]]:
    """Give each wsgi.py without an asgi.py beside it, with the path of that, where no other file has one."""
    if not any(_calls(each, GET_ASGI) for each in _served(sources)):
        for module, beside in _wsgi_files(sources):
            if sources.at(beside) is None and not beside.exists():
                yield module, beside


def _wsgi_files(sources: Sources) -> Iterator[tuple[SourceModule, Path]]:
    for module in _served(sources):
        if "wsgi" in module.path.name and _calls(module, GET_WSGI):
            yield module, module.path.with_name(module.path.name.replace("wsgi", "asgi"))


def _served(sources: Sources) -> Iterator[SourceModule]:
    for module in sources.modules:
        if not sources.is_test(module) and _IN_TEMPLATES not in module.text:
            yield module


def _other_settings(wsgi: SourceModule, asgi: SourceModule) -> Iterator[Finding]:
    ours, theirs = settings_of(wsgi), settings_of(asgi)
    if ours and theirs and ours[0] != theirs[0]:
        said = f"{asgi.shown} takes the settings {theirs[0]}, and {wsgi.shown} takes {ours[0]}"
        yield _finding(asgi.place(theirs[1]), said, Confidence.CERTAIN)


@static("HM115")
def imported_too_early(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find imports of models before ``get_asgi_application()``, through other modules too; and applications
    that are made twice.
    """
    calls = [call for call in module.nodes(ast.Call) if module.called(call) == GET_ASGI]
    first = first_ready(module) if calls else None
    if first is None:
        return
    imports = ModuleImports(sources)
    for node in module.tree.body:
        if node.lineno < first.lineno and isinstance(node, (ast.Import, ast.ImportFrom)):
            through = imports.models_behind(module, node)
            if through:
                yield _finding(
                    module.place(node),
                    f"{module.segment(node)} comes before get_asgi_application() and imports models"
                    f"{_through(through)}: AppRegistryNotReady",
                    Confidence.LIKELY,
                    Fix(FixKind.AUTO, "import it below get_asgi_application()"),
                )
    if len(calls) > 1:
        said = "get_asgi_application() is called more than once, and loads all middleware each time"
        yield _finding(module.place(calls[1]), said, Confidence.CERTAIN, level=Level.WARNING)


def first_ready(module: SourceModule) -> ast.Call | None:
    """Return the call behind which models can be imported."""
    calls = (call for call in module.nodes(ast.Call) if module.called(call) in _READY)
    return min(calls, key=lambda call: call.lineno, default=None)


@static("HM115")
def what_asgi_does_not_take(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find protocols that no server sends, a lifespan for Django, and the switch for unsafe access."""
    for call in module.nodes(ast.Call):
        if module.called(call) in _ROUTERS and call.args and isinstance(call.args[0], ast.Dict):
            for key, value in zip(call.args[0].keys, call.args[0].values, strict=True):
                if isinstance(key, ast.Constant) and key.value in _NO_PROTOCOLS:
                    said = f"no server sends the protocol {key.value!r}: it is http or websocket"
                    yield _finding(module.place(key), said, Confidence.CERTAIN)
                elif isinstance(key, ast.Constant) and key.value == "lifespan" and _is_djangos(module, value):
                    said = "Django raises ValueError for the lifespan: it takes HTTP alone"
                    yield _finding(module.place(key), said, Confidence.CERTAIN)
    if not sources.is_script(module):
        yield from _unsafe(module)


def _unsafe(module: SourceModule) -> Iterator[Finding]:
    """Find ``os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = …``, set for the whole process."""
    for node in module.nodes(ast.Constant):
        if node.value != _UNSAFE:
            continue
        above = module.parent(node)
        match above:
            case ast.Subscript(ctx=ast.Store()):
                if _gets_back(module, above):
                    continue
            case ast.Call(func=ast.Attribute(attr="setdefault" | "putenv"), args=[first, *_]) if (
                first is node
            ):
                pass
            case _:
                continue
        said = f"{_UNSAFE} turns off what keeps coroutines from sharing a database connection"
        yield _finding(module.place(node), said, Confidence.CERTAIN)


def _gets_back(module: SourceModule, target: ast.Subscript) -> bool:
    """Tell whether the switch is given a name in which the function has kept what it was."""
    match module.parent(target):
        case ast.Assign(value=ast.Name(id=name)):
            function = module.function_of(target)
        case _:
            return False
    return any(
        isinstance(each, ast.Assign)
        and any(isinstance(kept, ast.Name) and kept.id == name for kept in each.targets)
        and any(isinstance(part, ast.Constant) and part.value == _UNSAFE for part in ast.walk(each.value))
        for each in ast.walk(function or module.tree)
    )


def settings_of(module: SourceModule) -> tuple[str, ast.AST] | None:
    """Return the settings that a module names for the process, if they are written out."""
    for call in module.nodes(ast.Call):
        match call:
            case ast.Call(
                func=ast.Attribute(attr="setdefault"),
                args=[ast.Constant(value="DJANGO_SETTINGS_MODULE"), ast.Constant(value=str(value))],
            ):
                return value, call
            case _:
                pass
    for node in module.nodes(ast.Assign):
        match node:
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value="DJANGO_SETTINGS_MODULE"))],
                value=ast.Constant(value=str(value)),
            ):
                return value, node
            case _:
                pass
    return None


def _is_djangos(module: SourceModule, value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return module.called(value) == GET_ASGI
    return isinstance(value, ast.Name) and any(
        isinstance(each, ast.Assign)
        and isinstance(each.value, ast.Call)
        and module.called(each.value) == GET_ASGI
        and any(isinstance(target, ast.Name) and target.id == value.id for target in each.targets)
        for each in module.tree.body
    )


def _calls(module: SourceModule, name: str) -> bool:
    return any(module.called(call) == name for call in module.nodes(ast.Call))


def _through(names: tuple[str, ...]) -> str:
    return f" through {' → '.join(names)}" if names else ""


def _finding(
    place: Place, said: str, sure: Confidence, fix: Fix | None = None, level: Level | None = None
) -> Finding:
    return RULES["HM115"].finding(place, said, seen=Seen.STATIC, confidence=sure, fix=fix, level=level)
