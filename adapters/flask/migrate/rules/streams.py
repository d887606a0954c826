"""Responses that are streamed by a generator, on the thread of the request."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Seen
from hybrid.adapters.django.migrate.rules.knowing import is_generator, last_name, nodes_in
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import is_view

_RESPONSES: Final = {
    "flask.Response",
    "flask.wrappers.Response",
    "werkzeug.wrappers.Response",
    "werkzeug.Response",
}
_WITH_CONTEXT: Final = {"flask.stream_with_context", "flask.helpers.stream_with_context"}
_EVENTS: Final = "text/event-stream"


@static("HF303", "HF305")
def streamed(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find responses that a generator makes: of events, or without an end, and others."""
    for call in module.nodes(ast.Call):
        if _is_response(module, call):
            given = _given(module, call)
            generator = _generator(module, given)
            events = any(
                isinstance(each, ast.Constant) and isinstance(each.value, str) and _EVENTS in each.value
                for each in ast.walk(call)
            )
            if generator is not None or isinstance(given, ast.GeneratorExp) or (events and _is_made(given)):
                yield _finding(module, call, generator, events=events)
    for node in module.nodes(ast.Return):
        function = module.function_of(node)
        if function is not None and is_view(module, function) and isinstance(node.value, ast.Call):
            generator = _generator(module, _inside(module, node.value))
            if generator is not None and not _is_response(module, node.value):
                yield _finding(module, node, generator, events=False)


def _finding(module: SourceModule, node: ast.AST, generator: Function | None, *, events: bool) -> Finding:
    endless = generator is not None and _is_endless(generator)
    if events or endless:
        what = "events" if events else f"{generator.name}()" if generator is not None else "it"
        end = "has no end" if endless else "goes on while the client listens"
        return RULES["HF303"].finding(
            module.place(node),
            f"the stream of {what} {end}: each client holds one of --threads (16)",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY,
        )
    return RULES["HF305"].finding(
        module.place(node),
        "a generator makes the body, on a thread that the response holds until its end",
        seen=Seen.STATIC,
    )


def _is_response(module: SourceModule, call: ast.Call) -> bool:
    return module.called(call) in _RESPONSES or last_name(call.func) == "response_class"


def _given(module: SourceModule, call: ast.Call) -> ast.expr | None:
    """Return the body that a response is given, without ``stream_with_context`` around it."""
    given = call.args[0] if call.args else None
    given = given or next((each.value for each in call.keywords if each.arg == "response"), None)
    return _inside(module, given) if isinstance(given, ast.Call) else given


def _inside(module: SourceModule, call: ast.Call) -> ast.expr:
    return call.args[0] if module.called(call) in _WITH_CONTEXT and call.args else call


def _is_made(given: ast.expr | None) -> bool:
    """Tell whether a body comes from a call, and not from text."""
    return isinstance(given, ast.Call) and last_name(given.func) not in {
        "dumps",
        "encode",
        "format",
        "join",
        "str",
    }


def _generator(module: SourceModule, given: ast.expr | None) -> Function | None:
    """Return the generator function of the module that is called."""
    if not isinstance(given, ast.Call) or not isinstance(given.func, ast.Name):
        return None
    name = given.func.id
    around = {module.function_of(given), None}
    return next(
        (
            each
            for each in module.nodes(ast.FunctionDef)
            if each.name == name and module.function_of(each) in around and is_generator(each)
        ),
        None,
    )


def _is_endless(generator: Function) -> bool:
    """Tell whether a generator goes on for ever: ``while True`` with a ``yield``, which nothing leaves."""
    for loop in nodes_in(generator):
        match loop:
            case ast.While(test=ast.Constant(value=True | 1)):
                within = list(ast.walk(loop))
                leaves = any(isinstance(each, (ast.Break, ast.Return, ast.Raise)) for each in within)
                if not leaves and any(isinstance(each, ast.Yield) for each in within):
                    return True
            case _:
                pass
    return False
