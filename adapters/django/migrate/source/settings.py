"""Settings as they are written: where one is set, through ``from … import *``, and what its lists name."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.findings import Place
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

Assignment = ast.Assign | ast.AnnAssign | ast.AugAssign

_ADDS: Final = {"append", "extend", "insert"}
_DEPTH: Final = 10  # modules that import all of each other


@dataclass(frozen=True)
class Entry:
    """A text in a list of a settings module: one middleware, one application."""

    module: SourceModule
    text: str
    node: ast.AST
    setting: str

    @property
    def place(self) -> Place:
        """Where it stands; its symbol is that of the setting."""
        return _place(self.module, self.node, self.setting)


def entries_of(module: SourceModule, setting: str) -> Iterator[Entry]:
    """Give what a module puts into a setting that is a list, in the order of the source."""
    for node in _assignments(module):
        if setting in _targets(node) and node.value is not None and module.function_of(node) is None:
            yield from _texts(module, node.value, setting)
    for call in module.nodes(ast.Call):
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in _ADDS:
                if name == setting:
                    yield from (each for given in call.args for each in _texts(module, given, setting))
            case _:
                pass


def place_of_setting(sources: Sources, module: str, *path: str) -> Place:
    """Return where a setting is set for a settings module, and in it a key, as far as that is written out.

    Args:
        sources: that have the settings.
        module: dotted.
        path: the setting, and keys within it: ``"DATABASES", "default", "CONN_MAX_AGE"``.
    """
    for each in settings_modules(sources, module):
        found = _in_module(each, path)
        if found is not None:
            return _place(each, found, path[0])
    return Place(symbol=path[0])


def place_of_entry(sources: Sources, module: str, setting: str, text: str) -> Place:
    """Return where a list of a settings module has an entry, or the list itself."""
    for each in settings_modules(sources, module):
        for entry in entries_of(each, setting):
            if entry.text == text:
                return entry.place
    return place_of_setting(sources, module, setting)


def settings_modules(sources: Sources, module: str) -> Iterator[SourceModule]:
    """Give a settings module and those that it imports all of, the last one that counts first."""
    waiting, seen = [module], set[str]()
    while waiting and len(seen) < _DEPTH:
        name = waiting.pop(0)
        found = sources.module(name)
        if found is not None and name not in seen:
            seen.add(name)
            yield found
            stars = [
                found.meant_by(node, "").rstrip(".")
                for node in found.nodes(ast.ImportFrom)
                if any(alias.name == "*" for alias in node.names)
            ]
            waiting.extend(reversed(stars))


def _in_module(module: SourceModule, path: tuple[str, ...]) -> ast.AST | None:
    found: ast.AST | None = None
    for node in _assignments(module):
        keys = _keys(node)
        if keys and keys == path[: len(keys)] and module.function_of(node) is None:
            below = node.value if node.value is not None else node
            found = _below(below, path[len(keys) :]) or found or node
    return found


def _assignments(module: SourceModule) -> Iterator[Assignment]:
    yield from module.nodes(ast.Assign)
    yield from module.nodes(ast.AnnAssign)
    yield from module.nodes(ast.AugAssign)


def _below(value: ast.AST, path: tuple[str, ...]) -> ast.AST | None:
    """Return the key of a dictionary that is written out; None where it is not."""
    found: ast.AST | None = None
    for name in path:
        if not isinstance(value, ast.Dict):
            return found
        for key, inner in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == name:
                found, value = key, inner
                break
        else:
            return found
    return found


def _keys(node: Assignment) -> tuple[str, ...]:
    """Return what is assigned: ``DATABASES["default"]["NAME"]`` as a path."""
    target: ast.expr = node.targets[0] if isinstance(node, ast.Assign) else node.target
    keys: list[str] = []
    while isinstance(target, ast.Subscript):
        if not isinstance(target.slice, ast.Constant):
            return ()
        keys.insert(0, str(target.slice.value))
        target = target.value
    return (target.id, *keys) if isinstance(target, ast.Name) else ()


def _targets(node: Assignment) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _texts(module: SourceModule, value: ast.AST, setting: str) -> Iterator[Entry]:
    for each in ast.walk(value):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield Entry(module, each.value, each, setting)


def _place(module: SourceModule, node: ast.AST, setting: str) -> Place:
    found = module.place(node)
    return Place(found.file, found.line, found.line, setting)
