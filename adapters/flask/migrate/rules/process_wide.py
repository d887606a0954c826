"""What is the process's, and is changed for one request."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Seen
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import in_request

#: Functions, and what they change.
_CALLS: Final = {
    "contextlib.chdir": "the working directory",
    "contextlib.redirect_stderr": "standard error",
    "contextlib.redirect_stdout": "standard output",
    "locale.setlocale": "the locale",
    "os.chdir": "the working directory",
    "os.environ.pop": "the environment",
    "os.environ.setdefault": "the environment",
    "os.environ.update": "the environment",
    "os.putenv": "the environment",
    "os.umask": "the mask for new files",
    "os.unsetenv": "the environment",
    "socket.setdefaulttimeout": "the time-out of all new sockets",
    "time.tzset": "the time zone",
}
_STREAMS: Final = {
    "sys.stdout": "standard output",
    "sys.stderr": "standard error",
    "sys.argv": "the arguments",
}


@static("HF401")
def changed_by_calls(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find calls of such functions, unless they only ask: ``locale.setlocale(category)``."""
    for call in module.calls_of(_CALLS):
        name = module.called(call)
        if in_request(module, call) and not (name == "locale.setlocale" and len(call.args) == 1):
            yield _changed(module, call, f"{name}()", _CALLS[name])


@static("HF401")
def changed_by_statements(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find statements that set a variable of the environment, or replace a stream."""
    statements: Iterator[ast.Assign | ast.Delete] = module.nodes(ast.Assign, ast.Delete)
    for node in statements:
        for target in node.targets:
            what = _what(module, target)
            if what and in_request(module, node):
                yield _changed(module, node, module.segment(target), what)


def _what(module: SourceModule, target: ast.expr) -> str:
    match target:
        case ast.Subscript(value=value) if module.dotted(value) == "os.environ":
            return "the environment"
        case ast.Attribute():
            return _STREAMS.get(module.dotted(target), "")
        case _:
            return ""


def _changed(module: SourceModule, node: ast.AST, said: str, what: str) -> Finding:
    return RULES["HF401"].finding(
        module.place(node),
        f"{said} changes {what} for all requests that run at once",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY,
    )
