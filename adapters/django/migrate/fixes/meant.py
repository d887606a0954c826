"""Which function of the project an expression stands for."""

import ast
from dataclasses import dataclass

from hybrid.adapters.django.migrate.rules.knowing import functions_around, parameter, values_of
from hybrid.adapters.django.migrate.source.definitions import Definitions
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources


@dataclass(frozen=True)
class Meant:
    """A function, and whether it has its first argument already: a method of ``self``."""

    node: Function
    bound: bool = False

    @property
    def is_coroutine_function(self) -> bool:
        """Whether calling it makes a coroutine: not an asynchronous generator."""
        return isinstance(self.node, ast.AsyncFunctionDef) and not any(
            isinstance(each, (ast.Yield, ast.YieldFrom)) for each in ast.walk(self.node)
        )

    @property
    def goes_without(self) -> bool:
        """Whether it can be called without an argument."""
        return goes_without(self.node.args, given=int(self.bound))


def goes_without(arguments: ast.arguments, given: int = 0) -> bool:
    """Tell whether a function needs no more than the first arguments that it has already."""
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional <= given and all(each is not None for each in arguments.kw_defaults)


def function_meant(module: SourceModule, sources: Sources, node: ast.expr) -> Meant | None:
    """Return the function that a name, ``self.method`` or ``module.function`` is.

    None where that is not sure, and where a decorator may have made something else of it.
    """
    found = _found(module, sources.definitions, node)
    return None if found is None or found.node.decorator_list else found


def _found(module: SourceModule, definitions: Definitions, node: ast.expr) -> Meant | None:
    match node:
        case ast.Name(id=name) if (beside := _beside(module, node, name)) is not None:
            return Meant(beside)
        case ast.Name(id=name) if _is_local(module, node, name):
            return None
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            owner = module.class_of(node)
            known = definitions.class_(module.symbol(owner)) if owner else None
            method = definitions.method(known, name) if known else None
            return Meant(method.node, bound=True) if method else None
        case ast.Name() | ast.Attribute():
            function = definitions.function(module.dotted(node))
            return Meant(function.node) if function and not function.in_class else None
        case _:
            return None


def _beside(module: SourceModule, node: ast.Name, name: str) -> Function | None:
    """Return the function of a name that is defined within one of those around a node."""
    for around in functions_around(module, node):
        for each in around.body if isinstance(around.body, list) else ():
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name == name:
                return each
    return None


def _is_local(module: SourceModule, node: ast.Name, name: str) -> bool:
    """Tell whether a name is a parameter, or is given something, in a function around a node."""
    return any(
        parameter(around, name) is not None or values_of(around, name)
        for around in functions_around(module, node)
    )
