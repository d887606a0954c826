"""Whether code can run on the event loop as it is: it waits for nothing, as far as that can be told."""

import ast
from typing import Final

from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.rules.blocking_calls import FUNCTIONS as BLOCKING
from hybrid.adapters.django.migrate.rules.knowing import (
    functions_around,
    is_request,
    parameter,
    text_of,
    values_of,
)
from hybrid.adapters.django.migrate.rules.thread_state import LOCALS
from hybrid.adapters.django.migrate.source.definitions import ClassAt, FunctionAt
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Modules, and names, of which nothing waits but what is known to.
_HARMLESS: Final = (
    *("base64.", "binascii.", "collections.", "contextvars.", "copy.", "dataclasses.", "datetime.", "enum."),
    *(
        "fnmatch.",
        "functools.",
        "hashlib.",
        "hmac.",
        "html.",
        "http.HTTPStatus",
        "ipaddress.",
        "itertools.",
        "json.",
    ),
    *("logging.", "math.", "operator.", "os.environ.", "os.getenv", "random.", "re.", "secrets.", "string."),
    *("textwrap.", "time.", "types.", "typing.", "urllib.parse.", "uuid.", "warnings.", "zoneinfo."),
    *("django.conf.", "django.core.exceptions.", "django.core.signing.", "django.http.", "django.urls."),
    *("django.middleware.csrf.get_token", "django.shortcuts.redirect", "django.utils."),
)
_BUILTINS: Final = {
    *("abs", "all", "any", "bool", "bytes", "callable", "chr", "dict", "divmod", "enumerate", "filter"),
    *("float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "id", "int", "isinstance"),
    *("issubclass", "iter", "len", "list", "map", "max", "min", "next", "object", "ord", "print", "range"),
    *("repr", "reversed", "round", "set", "setattr", "sorted", "str", "sum", "tuple", "type", "zip"),
}
#: Methods of texts, collections, dates, loggers, requests and responses.
_METHODS: Final = {
    *("accepts", "add", "append", "build_absolute_uri", "capitalize", "clear", "copy", "critical", "debug"),
    *("decode", "delete_cookie", "difference", "digest", "discard", "encode", "endswith", "error"),
    *("exception", "extend", "find", "format", "fullmatch", "get", "get_full_path", "get_full_path_info"),
    *("get_host", "get_port", "get_signed_cookie", "getlist", "group", "groupdict", "groups", "has_header"),
    *("hexdigest", "info", "insert", "intersection", "is_secure", "isdigit", "isoformat", "items", "join"),
    *("keys", "log", "lower", "lstrip", "match", "partition", "pop", "remove", "removeprefix"),
    *("removesuffix", "replace", "reset", "rpartition", "rsplit", "rstrip", "search", "set", "set_cookie"),
    *("set_signed_cookie", "setdefault", "split", "splitlines", "startswith", "strftime", "strip", "sub"),
    *("timestamp", "title", "total_seconds", "union", "update", "upper", "urlencode", "values", "warning"),
}
#: Attributes of requests that are looked up, or read, when they are asked for.
_LAZY: Final = {"FILES", "POST", "auser", "body", "session", "user"}
_SLOW: Final = ("django.core.cache", "django.core.files", "django.db")
_DEPTH: Final = 4


class Waiting:
    """Looks through functions of the project for what may wait.

    Args:
        sources: of the project.
        passed: calls that are not looked at, for they are awaited.
    """

    def __init__(self, sources: Sources, passed: set[ast.Call]) -> None:
        self._sources = sources
        self._definitions = sources.definitions
        self._passed = passed
        self._seen = set[ast.AST]()

    def check(self, module: SourceModule, function: Function, owner: ClassAt | None, depth: int = 0) -> None:
        """Look at all that a function does.

        Raises:
            LeftAlone: it may wait, or is about its thread.
        """
        if function in self._seen:
            return
        self._seen.add(function)
        for node in (each for statement in function.body for each in ast.walk(statement)):
            if isinstance(node, ast.Call) and node not in self._passed:
                self._check_call(module, node, owner, depth)
            elif isinstance(node, ast.Attribute | ast.Name):
                self._check_name(module, node)
            elif isinstance(node, ast.Yield | ast.YieldFrom):
                raise LeftAlone(f"line {node.lineno} of {module.shown} yields")

    def _check_name(self, module: SourceModule, node: ast.Attribute | ast.Name) -> None:
        dotted = module.dotted(node)
        if dotted.startswith(_SLOW):
            raise LeftAlone(_said(module, node))
        if isinstance(node, ast.Name) and self._is_of_thread(module, node, dotted):
            raise LeftAlone(f"{node.id} on line {node.lineno} of {module.shown} is of a thread, see HM401")
        if isinstance(node, ast.Attribute) and node.attr in _LAZY and isinstance(node.ctx, ast.Load):
            if is_request(module, node.value):
                raise LeftAlone(_said(module, node))

    def _is_of_thread(self, module: SourceModule, node: ast.Name, dotted: str) -> bool:
        """Tell whether a name is a thread-local: of this module, or imported from another."""
        found = self._sources.find(self._definitions.resolve(dotted)) if dotted else None
        if found is not None:
            there, name = found
            return any(_is_local(there, each) for each in _in_module(there, name))
        return any(_is_local(module, each) for each in _given(module, node))

    def _check_call(self, module: SourceModule, call: ast.Call, owner: ClassAt | None, depth: int) -> None:
        called = self._definitions.resolve(module.called(call))
        if not called:
            self._check_unknown(module, call, owner, depth)
        elif (function := self._definitions.function(called)) is not None:
            self._follow(module, call, function, depth)
        elif (made := self._definitions.class_(called)) is not None:
            if (init := self._definitions.method(made, "__init__")) is not None:
                self._follow(module, call, init, depth)
        elif not called.startswith(_HARMLESS) or called in BLOCKING:
            raise LeftAlone(_said(module, call.func))

    def _follow(self, module: SourceModule, call: ast.Call, found: FunctionAt, depth: int) -> None:
        if found.is_async or found.node.decorator_list or depth == _DEPTH:
            raise LeftAlone(_said(module, call.func))
        owner = self._definitions.classes.get(found.in_class)
        self.check(found.module, found.node, owner, depth + 1)

    def _check_unknown(self, module: SourceModule, call: ast.Call, owner: ClassAt | None, depth: int) -> None:
        match call.func:
            case ast.Name(id="getattr") if self._is_lazy(module, call):
                pass
            case ast.Name(id=name) if name in _BUILTINS or _is_within(module, call, name):
                return
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if owner is not None:
                found = self._definitions.method(owner, name)
                if found is not None:
                    self._follow(module, call, found, depth)
                    return
            case ast.Attribute(value=value, attr=name) if name in _METHODS and self._is_plain(module, value):
                return
            case _:
                pass
        raise LeftAlone(_said(module, call.func))

    def _is_lazy(self, module: SourceModule, call: ast.Call) -> bool:
        """Tell whether ``getattr()`` asks a request for what is looked up then."""
        return len(call.args) > 1 and text_of(call.args[1]) in _LAZY and is_request(module, call.args[0])

    def _is_plain(self, module: SourceModule, node: ast.expr) -> bool:
        """Tell whether methods may be asked of something: it is a part of the request or the response, or
        comes from what was looked at.
        """
        match node:
            case ast.Attribute(value=ast.Name(id="self")):
                return False
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                return self._is_plain(module, value)
            case ast.Name(id=name):
                around = list(functions_around(module, node))
                if around and (parameter(around[0], name) or values_of(around[0], name)):
                    return True
                return all(self._is_harmless(module, each) for each in _given(module, node))
            case _:
                return True

    def _is_harmless(self, module: SourceModule, value: ast.expr) -> bool:
        if isinstance(value, ast.Call):
            return module.called(value).startswith(_HARMLESS)
        return not isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.Await)


def _given(module: SourceModule, node: ast.Name) -> list[ast.expr]:
    """Return what a name is given in the functions around, or in the module."""
    for function in functions_around(module, node):
        if found := values_of(function, node.id):
            return found
    return _in_module(module, node.id)


def _in_module(module: SourceModule, name: str) -> list[ast.expr]:
    return [
        each.value
        for each in module.tree.body
        if isinstance(each, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in each.targets)
    ]


def _is_local(module: SourceModule, value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and module.called(value) in LOCALS


def _is_within(module: SourceModule, node: ast.AST, name: str) -> bool:
    """Tell whether a function is defined within the one around, where it is looked at too."""
    around = next(functions_around(module, node), None)
    return around is not None and any(
        isinstance(each, ast.FunctionDef) and each.name == name for each in ast.walk(around)
    )


def _said(module: SourceModule, node: ast.expr) -> str:
    where = f"line {node.lineno} of {module.shown}"
    return f"{module.segment(node)} on {where} may wait, and would hold the event loop up"
