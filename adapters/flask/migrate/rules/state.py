"""State in globals and in thread-locals, which requests on several threads share or find again."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.rules.knowing import last_name, text_of
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.rules.thread_state import WHO, thread_locals
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import (
    in_request,
    is_local,
    is_locked,
    mentions_request,
    module_values,
)

#: Names that say whose a request is, beside those of :data:`WHO`.
_WHOSE: Final = {*WHO, "username", "user_name", "logged_in", "logged_in_user", "session", "token"}
#: What is in the names of tables that are meant to be for all.
_FOR_ALL: Final = ("config", "option", "preference", "setting")
_USE_G: Final = Fix(FixKind.SUGGEST, "flask.g for one request, flask.session from one to the next")
_TABLES: Final = (ast.Dict, ast.List, ast.DictComp, ast.ListComp)
_MADE: Final = {"dict", "list", "collections.Counter", "collections.defaultdict", "collections.OrderedDict"}


@static("HF201")
def requests_in_globals(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find what is got from a request in globals, and under a fixed key of tables of the module: an error
    where the name says whose it is, as only then it is surely meant for one request, and not for settings.
    """
    tables = {name for name, value, _ in module_values(module) if _is_table(module, value)}
    for node in module.nodes(ast.Assign):
        function = module.function_of(node)
        if function is None or isinstance(function, ast.Lambda) or not mentions_request(module, node.value):
            continue
        for target in node.targets:
            match target:
                case ast.Name(id=name) if name in _globals_of(module, function):
                    yield _kept(module, node, f"the global {name}", whose=_is_whose(name))
                case ast.Subscript(value=ast.Name(id=name), slice=key) if name in tables and text_of(key):
                    if not is_local(module, node, name):
                        whose = _is_whose(text_of(key)) and not any(each in name.lower() for each in _FOR_ALL)
                        yield _kept(module, node, f"{name}[{text_of(key)!r}], of the module", whose=whose)
                case _:
                    pass


def _is_whose(name: str) -> bool:
    return name.lower().strip("_") in _WHOSE


def _kept(module: SourceModule, node: ast.AST, what: str, *, whose: bool) -> Finding:
    return RULES["HF201"].finding(
        module.place(node),
        f"{what}, is given something of a request: others that run at once read it",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY if whose else Confidence.POSSIBLE,
        level=Level.ERROR if whose else Level.WARNING,
        fix=_USE_G,
    )


@static("HF402")
def changed_without_lock(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find globals, and entries of tables of the module, that requests read, change and write back."""
    tables = {name for name, value, _ in module_values(module) if _is_table(module, value)}
    statements: Iterator[ast.AugAssign | ast.Assign] = module.nodes(ast.AugAssign, ast.Assign)
    for node in statements:
        function = module.function_of(node)
        if function is None or isinstance(function, ast.Lambda):
            continue
        name = _changed(node, _globals_of(module, function), tables)
        if name.endswith("[…]") and is_local(module, node, name.removesuffix("[…]")):
            continue
        if name and in_request(module, node) and not is_locked(module, node):
            yield RULES["HF402"].finding(
                module.place(node),
                f"{name} is read, changed and written: another thread may do so in between",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
                cause=f"HF402 {module.name}.{name.partition('[')[0]}",
            )


def _changed(node: ast.AugAssign | ast.Assign, names: set[str], tables: set[str]) -> str:
    """Return what a statement changes by what it was; ``""`` for nothing of that kind."""
    match node:
        case ast.AugAssign(target=ast.Name(id=name)) if name in names:
            return name
        case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=name))) if name in tables:
            return f"{name}[…]"
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.BinOp() as value) if name in names:
            read = any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(value))
            return name if read else ""
        case _:
            return ""


def _globals_of(module: SourceModule, function: Function) -> set[str]:
    within = (each for each in module.nodes(ast.Global) if module.function_of(each) is function)
    return {name for each in within for name in each.names}


def _is_table(module: SourceModule, value: ast.expr) -> bool:
    if isinstance(value, _TABLES):
        return True
    if not isinstance(value, ast.Call):
        return False
    return (module.called(value) or last_name(value.func)) in _MADE


@static("HF403")
def kept_by_threads(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find thread-locals in which something of a request is kept, where they are made."""
    found = {
        each.name: (each.node, next(iter(each.state))) for each in thread_locals(module, sources.definitions)
    }
    made = {name: node for name, value, node in module_values(module) if _is_thread_local(module, value)}
    for node in module.nodes(ast.Assign) if made else ():
        match node.targets:
            case [ast.Attribute(value=ast.Name(id=name), attr=attribute)] if name in made:
                if mentions_request(module, node.value):
                    found.setdefault(name, (made[name], attribute))
            case _:
                pass
    for name, (statement, attribute) in found.items():
        yield RULES["HF403"].finding(
            module.place(statement),
            f"{name}.{attribute} stays for the thread's next request, where nothing takes it out; under "
            "greenlets each request has had its own",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY,
            cause=f"HF403 {module.name}.{name}",
        )


def _is_thread_local(module: SourceModule, value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and module.called(value) == "threading.local"
