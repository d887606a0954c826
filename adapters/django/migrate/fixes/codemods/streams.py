"""HM305: a response that streams a synchronous iterator streams an asynchronous twin of it by ASGI."""

import ast
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding, FixKind
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.located import Statement
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.fixes.stream_text import FUNCTION, PARTS, stream_text
from hybrid.adapters.django.migrate.fixes.twin_versions import STREAMS, check_version
from hybrid.adapters.django.migrate.rules.knowing import functions_around, request_parameter
from hybrid.adapters.django.migrate.rules.streams import FILES, response_class

_REMARK: Final = (
    "on ASGI its streaming_content is asynchronous from now on, for middleware that goes through it too: "
    "the parts are made one by one, on the thread of the request"
)
_FILE: Final = (
    "hybrid's lanes let the server send a file, which they could not any more: elsewhere keep the view on "
    "the wsgi lane"
)
_FREE: Final = cst.EmptyLine(indent=False)


@codemod("HM305", kind=FixKind.SUGGEST)
def asynchronous_stream(draft: Draft, finding: Finding) -> str:
    """Leave code alone that knows no request, which tells whether the response goes out by ASGI; and files,
    which hybrid's lanes let the server send.
    """
    module, found = draft.module, False
    for call in module.nodes(ast.Call):
        base = response_class(module, draft.sources, call) if draft.same(finding, call) else ""
        if base in FILES:
            raise LeftAlone(_FILE)
        if base:
            check_version(draft, STREAMS, "an asynchronous stream")
            _stream(draft, call, _request(draft, call))
            found = True
    if not found:
        raise LeftAlone(f"to be done by hand: {finding.fix.text}")
    return _REMARK


def _request(draft: Draft, call: ast.Call) -> str:
    """Return what the request is called where a response is made."""
    module = draft.module
    if any(each.partition(".")[0] == "rest_framework" for each in module.imports.values()):
        raise LeftAlone("a request of Django REST framework does not tell how it came")
    for function in functions_around(module, call):
        if name := request_parameter(module, function):
            return name
    node = module.class_of(call)
    owner = draft.sources.definitions.classes.get(module.symbol(node)) if node else None
    foreign = draft.sources.definitions.foreign_bases(owner) if owner else set[str]()
    if any(each.startswith("django.views.") for each in foreign):
        return "self.request"
    raise LeftAlone("no request is known there, which tells whether it came by ASGI")


def _stream(draft: Draft, call: ast.Call, request: str) -> None:
    """``StreamingHttpResponse(…)`` becomes ``_streamed(request, StreamingHttpResponse(…))``."""
    _define(draft)
    draft.change(call, cst.Call, lambda each: _streamed(each, request))


def _streamed(response: cst.Call, request: str) -> cst.Call:
    given = [cst.Arg(cst.parse_expression(request)), cst.Arg(response.with_changes(lpar=(), rpar=()))]
    return cst.Call(cst.Name(FUNCTION), given, lpar=response.lpar, rpar=response.rpar)


def _define(draft: Draft) -> None:
    """Note that the module gets the functions, at its end, unless it has them already."""
    module = draft.module
    defined = {
        each.name for each in module.tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    used = {each.id for each in module.nodes(ast.Name)} | {each.arg for each in module.nodes(ast.arg)}
    own = {FUNCTION, PARTS}
    if own <= defined or any(map(_is_own, (each for edit in draft.edits.edits for each in edit.after))):
        return
    if taken := own & (defined | used):
        raise LeftAlone(f"the name {min(taken)} means something else there")
    names = [
        draft.name("asgiref.sync", "sync_to_async", module.tree.body[-1]),
        draft.name("django.core.handlers.asgi", "ASGIRequest", module.tree.body[-1]),
    ]
    made = [_set_off(each) for each in cst.parse_module(stream_text(*names)).body]
    draft.insert(draft.statement(module.tree.body[-1]), after=tuple(made))


def _set_off(statement: Statement) -> Statement:
    return statement.with_changes(leading_lines=[_FREE, _FREE])


def _is_own(statement: Statement) -> bool:
    return isinstance(statement, cst.FunctionDef) and statement.name.value == FUNCTION
