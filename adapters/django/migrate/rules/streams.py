"""Streams of the kind that a lane collects in memory before it sends the first byte."""

import ast
from collections.abc import Iterator
from enum import Enum
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.knowing import guarded_by, is_generator, last_name, values_of
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.settings import place_of_entry
from hybrid.adapters.django.migrate.source.sources import Sources

_STREAMS: Final = {
    "django.http.StreamingHttpResponse",
    "django.http.response.StreamingHttpResponse",
}
#: Responses that stream files.
FILES: Final = {"django.http.FileResponse", "django.http.response.FileResponse"}
#: What makes an iterator that goes through its source while it is read.
_LAZY: Final = {"enumerate", "filter", "iter", "map", "reversed", "zip"}
_WRAPPERS: Final = {
    "django.core.servers.basehttp.FileWrapper",
    "itertools.chain",
    "itertools.chain.from_iterable",
    "wsgiref.util.FileWrapper",
}
#: Methods that give a synchronous iterator: of responses of requests, of querysets, of files.
_METHODS: Final = {"chunks", "iter_content", "iter_lines", "iterator"}
_IN_MEMORY: Final = {
    "io.BytesIO",
    "io.StringIO",
    "django.core.files.base.ContentFile",
    "tempfile.SpooledTemporaryFile",
}
_OPENS: Final = {"open"}
#: Parts of names that say that something has been written to memory.
_BUFFERS: Final = ("buf", "bytes", "string")
_WHITENOISE: Final = "whitenoise.middleware.WhiteNoiseMiddleware"


class Kind(Enum):
    """What a stream is made of."""

    SYNC = "a synchronous iterator"
    FILE = "a file"
    ASYNC = "an asynchronous generator"
    MEMORY = "what is in memory already"
    UNKNOWN = ""


@static("HM305", "HM306")
def streams_of_responses(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find streaming responses, and subclasses of them, by what they are given."""
    for call in module.nodes(ast.Call):
        base = response_class(module, sources, call)
        given = _content(call) if base else None
        if given is None or guarded_by(module, call, "is_async", "-") or _is_taken_on(module, sources, call):
            continue
        kind = _Contents(module, sources, call).kind_of(given)
        if kind is Kind.ASYNC:
            yield _asynchronous(module, call)
        elif kind in (Kind.SYNC, Kind.FILE):
            yield _synchronous(module, call, kind, Confidence.LIKELY)
        elif kind is Kind.UNKNOWN and base in FILES:
            yield _synchronous(module, call, Kind.FILE, Confidence.POSSIBLE)


@imported("HM305")
def static_files(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find WhiteNoise, whose files are synchronous iterators (whitenoise#531)."""
    for each in facts.middleware:
        if each.used and _WHITENOISE in (each.path, *each.bases):
            yield RULES["HM305"].finding(
                place_of_entry(sources, facts.settings_module, "MIDDLEWARE", each.path),
                f"{each.path} sends files as synchronous iterators, which Django collects in memory on ASGI",
                seen=Seen.IMPORT,
                confidence=Confidence.LIKELY,
                fix=Fix(FixKind.SETTING, "serve static files by the server (--static), or on hybrid's lanes"),
            )


def response_class(module: SourceModule, sources: Sources, call: ast.Call) -> str:
    """Return which class of Django's a response is of, that is made here; ``""`` for none that streams."""
    called = module.called(call)
    if called in _STREAMS or called in FILES:
        return called
    owner = sources.definitions.class_(called) if called else None
    if owner is None or {"__init__", "__aiter__", "_set_streaming_content"} & owner.methods.keys():
        return ""  # which makes something of what it is given
    foreign = sources.definitions.foreign_bases(owner)
    return next((each for each in sorted(foreign) if each in _STREAMS or each in FILES), "")


def _is_taken_on(module: SourceModule, sources: Sources, call: ast.Call) -> bool:
    """Tell whether a response is given to a function of the project that sets what it streams."""
    above = module.parent(call)
    taker = sources.definitions.function(module.called(above)) if isinstance(above, ast.Call) else None
    return taker is not None and any(
        isinstance(each, ast.Attribute)
        and each.attr == "streaming_content"
        and isinstance(each.ctx, ast.Store)
        for each in ast.walk(taker.node)
    )


def _content(call: ast.Call) -> ast.expr | None:
    if call.args:
        return call.args[0]
    return next((each.value for each in call.keywords if each.arg == "streaming_content"), None)


class _Contents:
    """Judges what a response is given, by the names that are known where it is made."""

    def __init__(self, module: SourceModule, sources: Sources, call: ast.Call) -> None:
        self._module = module
        self._definitions = sources.definitions
        self._function = module.function_of(call)
        self._followed = set[str]()

    def kind_of(self, node: ast.expr) -> Kind:
        match node:
            case ast.GeneratorExp(generators=parts):
                return Kind.ASYNC if any(each.is_async for each in parts) else Kind.SYNC
            case ast.Call():
                return self._of_call(node)
            case ast.Constant() | ast.JoinedStr() | ast.List() | ast.Tuple() | ast.ListComp():
                return Kind.MEMORY
            case ast.BinOp(left=left, right=right) if Kind.MEMORY in (
                self.kind_of(left),
                self.kind_of(right),
            ):
                return Kind.MEMORY
            case ast.Name(id=name) if any(each in name.lower() for each in _BUFFERS):
                return Kind.MEMORY
            case ast.Name(id=name) if name not in self._followed:
                self._followed.add(name)
                values = values_of(self._function, name) if self._function is not None else []
                kinds = {self.kind_of(each) for each in values}
                return kinds.pop() if len(kinds) == 1 else Kind.UNKNOWN
            case _:
                return Kind.UNKNOWN

    def _of_call(self, call: ast.Call) -> Kind:
        called = self._module.called(call)
        name = last_name(call.func)
        if called in _IN_MEMORY:
            return Kind.MEMORY
        if called in _WRAPPERS or (not called and isinstance(call.func, ast.Name) and name in _LAZY):
            return self._of_lazy(call)
        if name in _OPENS:
            return Kind.FILE
        function = self._called_function(call, called)
        if function is not None:
            return _of_function(function)
        return Kind.SYNC if name in _METHODS and isinstance(call.func, ast.Attribute) else Kind.UNKNOWN

    def _of_lazy(self, call: ast.Call) -> Kind:
        """Judge ``iter(…)`` and its like: a list that is there already needs no stream."""
        kinds = {self.kind_of(each) for each in call.args}
        return Kind.MEMORY if kinds == {Kind.MEMORY} else Kind.SYNC

    def _called_function(self, call: ast.Call, called: str) -> Function | None:
        match call.func:
            case ast.Name(id=name) if (inner := self._nested(name)) is not None:
                return inner
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                node = self._module.class_of(call)
                owner = None if node is None else self._definitions.classes.get(self._module.symbol(node))
                found = self._definitions.method(owner, name) if owner is not None else None
            case _:
                found = self._definitions.function(called)
        return found.node if found is not None else None

    def _nested(self, name: str) -> Function | None:
        if self._function is None:
            return None
        inner = (each for each in ast.walk(self._function) if each is not self._function)
        return next(
            (
                each
                for each in inner
                if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name == name
            ),
            None,
        )


def _of_function(function: Function) -> Kind:
    """Judge a generator function; anything else may return whatever it likes."""
    if function.decorator_list or not is_generator(function):
        return Kind.UNKNOWN
    return Kind.ASYNC if isinstance(function, ast.AsyncFunctionDef) else Kind.SYNC


def _synchronous(module: SourceModule, call: ast.Call, kind: Kind, sure: Confidence) -> Finding:
    return RULES["HM305"].finding(
        module.place(call),
        f"{last_name(call.func)} is given {kind.value}: on ASGI Django reads all of it into memory before "
        "the first byte is sent",
        seen=Seen.STATIC,
        confidence=sure,
        fix=Fix(
            FixKind.LANE,
            "keep the view on the wsgi lane, or on hybrid's asgi lane, which steps through it in a thread; "
            "elsewhere give it an asynchronous iterator",
        ),
    )


def _asynchronous(module: SourceModule, call: ast.Call) -> Finding:
    return RULES["HM306"].finding(
        module.place(call),
        f"{last_name(call.func)} is given an asynchronous generator: on WSGI Django reads all of it into "
        "memory before the first byte is sent",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY,
        fix=Fix(FixKind.LANE, "keep the view on the asgi lane"),
    )
