"""What works in the main thread alone, and servers that begin when a module is imported."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Seen
from hybrid.adapters.django.migrate.rules.knowing import last_name, nodes_in
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import (
    expects,
    in_request,
    is_locked,
    is_view,
    module_values,
    runs_at_import,
)

_SIGNALS: Final = {"signal.signal", "signal.set_wakeup_fd"}
#: Arguments that are called in a process of their own, in its main thread.
_IN_CHILD: Final = {"initializer", "preexec_fn", "target"}
_GET_LOOP: Final = {"asyncio.get_event_loop", "asyncio.events.get_event_loop"}
_LOOPS: Final = {*_GET_LOOP, "asyncio.new_event_loop"}
_SET_LOOP: Final = {"asyncio.set_event_loop"}
_RUNS: Final = {"run_forever", "run_until_complete"}
_APPS: Final = {"flask.Flask", "flask.app.Flask", "flask_socketio.SocketIO"}
_SERVERS: Final = {"werkzeug.serving.run_simple", "waitress.serve", "bjoern.run"}


@static("HF103")
def signals_of_the_process(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``signal.signal()`` in functions: an error in what a request leads to. Coroutines run in the main
    thread, and so does what is for a child process.
    """
    for call in module.calls_of(_SIGNALS):
        function = module.function_of(call)
        if function is None or module.is_async(call) or _is_for_child(module, function):
            continue
        if expects(module, call, "main_thread", "ValueError"):
            continue
        sure = in_request(module, call)
        yield RULES["HF103"].finding(
            module.place(call),
            f"{module.called(call)}() raises ValueError on any thread but the main one",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
            level=Level.ERROR if sure else Level.WARNING,
        )


def _is_for_child(module: SourceModule, function: Function | ast.Lambda) -> bool:
    """Tell whether a function is given to something that calls it in a process of its own."""
    return any(
        given.arg in _IN_CHILD
        and (given.arg != "target" or last_name(call.func) == "Process")
        and (given.value is function or last_name(given.value) == getattr(function, "name", ""))
        for call in module.nodes(ast.Call)
        for given in call.keywords
    )


@static("HF107")
def loops_of_threads(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find synchronous functions that ask for the loop of their thread, unless they catch the error, or set
    one, or use a function of the module that does. One that is no view has to run it: others may be for
    coroutines, on whose thread there is one.
    """
    setters = {module.function_of(call) for call in module.calls_of(_SET_LOOP)} - {None}
    names = {each.name for each in setters if each is not None and not isinstance(each, ast.Lambda)}
    for call in module.calls_of(_GET_LOOP):
        function = module.function_of(call)
        if function is None or isinstance(function, ast.AsyncFunctionDef):
            continue
        if function in setters or not _needs_loop(module, function, names):
            continue
        if expects(module, call, "main_thread", "RuntimeError"):
            continue
        sure = in_request(module, call)
        yield RULES["HF107"].finding(
            module.place(call),
            "asyncio.get_event_loop() raises RuntimeError on a thread without a loop, as all that run views",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
            level=Level.ERROR if sure else Level.WARNING,
        )


def _needs_loop(module: SourceModule, function: Function | ast.Lambda, setters: set[str]) -> bool:
    """Tell whether a function surely asks for the loop on a thread of views, and uses none of ``setters``."""
    names = {last_name(each) for each in nodes_in(function)}
    return not names & setters and (bool(names & _RUNS) or is_view(module, function))


@static("HF107")
def loops_of_modules(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find synchronous functions that run a loop of their module's, without a lock."""
    loops = {
        name
        for name, value, _ in module_values(module)
        if isinstance(value, ast.Call) and module.called(value) in _LOOPS
    }
    for call in module.nodes(ast.Call) if loops else ():
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr=method) if name in loops and method in _RUNS:
                if in_request(module, call) and not is_locked(module, call):
                    yield RULES["HF107"].finding(
                        module.place(call),
                        f"{name} is one loop for all threads: while one request runs it, another one that "
                        "does raises RuntimeError",
                        seen=Seen.STATIC,
                        confidence=Confidence.LIKELY,
                    )
            case _:
                pass


@static("HF111")
def servers_at_import(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find servers that a module starts when it is imported, scripts aside, of applications that are made in
    it.
    """
    apps = {
        name
        for name, value, _ in module_values(module)
        if isinstance(value, ast.Call) and module.called(value) in _APPS
    }
    if not apps or sources.is_script(module):
        return
    for call in module.nodes(ast.Call):
        if runs_at_import(module, call) and (_is_run(call, apps) or module.called(call) in _SERVERS):
            yield RULES["HF111"].finding(
                module.place(call),
                f"{module.segment(call.func)}() serves when this module is imported, and does not return",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
            )


def _is_run(call: ast.Call, apps: set[str]) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr="run"):
            return name in apps
        case _:
            return False
