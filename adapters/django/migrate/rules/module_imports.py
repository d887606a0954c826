"""What importing a module imports, before anything in it runs."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_MODEL: Final = "django.db.models.Model"
#: What raises AppRegistryNotReady when it is imported before Django is set up.
_MODELS: Final = (
    "django.contrib.auth.models",
    "django.contrib.contenttypes.models",
    "django.contrib.sessions.models",
)
_CALLS: Final = {"django.contrib.auth.get_user_model", "django.apps.apps.get_model"}
_IN_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class ModuleImports:
    """The imports between a project's modules, as far as they happen at import."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._found: dict[str, tuple[str, ...]] = {}

    def models_behind(self, module: SourceModule, node: ast.Import | ast.ImportFrom) -> tuple[str, ...]:
        """Return the modules through which a statement comes to models; empty where it does not."""
        for name in _meant(module, node):
            found = self._models_of(name)
            if found:
                return found
        return ()

    def _models_of(self, name: str) -> tuple[str, ...]:
        if name.startswith(_MODELS):
            return (name,)
        found = self._sources.find(name)
        return () if found is None else self._of_module(found[0])

    def _of_module(self, module: SourceModule) -> tuple[str, ...]:
        known = self._found.get(module.name)
        if known is not None:
            return known
        self._found[module.name] = ()  # for imports that go in circles
        if self._needs_apps(module):
            self._found[module.name] = (module.name,)
            return (module.name,)
        for node in _at_import(module):
            further = self.models_behind(module, node)
            if further:
                self._found[module.name] = (module.name, *further)
                break
        return self._found[module.name]

    def _needs_apps(self, module: SourceModule) -> bool:
        """Tell whether a module defines a model, or asks for one, when it is imported."""
        definitions = self._sources.definitions
        if any(_MODEL in definitions.foreign_bases(each) for each in definitions.classes_of(module)):
            return True
        return any(
            module.called(call) in _CALLS and module.function_of(call) is None
            for call in module.nodes(ast.Call)
        )


def _at_import(module: SourceModule) -> Iterator[ast.Import | ast.ImportFrom]:
    nodes: Iterator[ast.Import | ast.ImportFrom] = module.nodes(ast.Import, ast.ImportFrom)
    for node in nodes:
        above = [*module.ancestors(node)]
        if not any(isinstance(each, _IN_FUNCTIONS) or _is_for_checkers(each) for each in above):
            yield node


def _is_for_checkers(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return True
        case _:
            return False


def _meant(module: SourceModule, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Give the dotted names that a statement imports, absolute."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.name
        else:
            yield module.meant_by(node, alias.name)
