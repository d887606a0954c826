"""HM115: a missing ``asgi.py`` is written; in one that is there, imports of models go where they work."""

import ast
from typing import Any, Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.asgi_text import asgi_text
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.rules.asgi_file import first_ready, missing_files
from hybrid.adapters.django.migrate.source.module import SourceModule

_NAME: Final = "django_application"
_COMMENT: Final = cst.EmptyLine(
    comment=cst.Comment("# Models can be imported once Django is set up, which this does.")
)
_FREE: Final = cst.EmptyLine(indent=False)


@codemod("HM115")
def asgi_file(draft: Draft, finding: Finding) -> str:
    """Leave alone what is for the project to say: which settings are meant, what the protocols are."""
    for module, path in missing_files(draft.sources):
        if module is draft.module and finding.place.line == 1:
            text, remark = asgi_text(module, draft.sources)
            draft.create(path, text.replace("\n", draft.newline))
            return remark
    for node in draft.module.tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and draft.same(finding, node):
            _import_below(draft, node)
            return ""
    raise LeftAlone(f"it is for you to say what is meant: {finding.evidence}")


def _import_below(draft: Draft, node: ast.Import | ast.ImportFrom) -> None:
    """Put an import below what sets Django up; where that is part of a statement, it gets one of its own."""
    ready = first_ready(draft.module)
    holder = next((each for each in draft.module.tree.body if ready in [*ast.walk(each)]), None)
    if ready is None or not isinstance(holder, (ast.Assign, ast.AnnAssign, ast.Expr)):
        raise LeftAlone("Django is not set up by a statement of the module itself")
    _check_between(draft.module, node, holder)
    below = draft.statement(holder)
    first = not draft.has_insertion(below)
    moved = draft.take_out(node)
    comments = [each for each in moved.leading_lines if each.comment]
    moved = moved.with_changes(leading_lines=[*([_FREE] if first else []), *comments])
    if holder.value is not ready:
        made = (_set_up(draft, ready),) if first else ()
        draft.insert(below, before=(*made, moved))
        return
    draft.insert(below, after=(moved,))
    if first:
        draft.change_statement(holder, _explained)
        for each in draft.module.tree.body[draft.module.tree.body.index(holder) + 1 :][:1]:
            draft.set_off(each)


def _explained(statement: Any) -> cst.CSTNode:
    """Return what sets Django up with a comment above it."""
    changed: cst.CSTNode = statement.with_changes(leading_lines=[*statement.leading_lines, _COMMENT])
    return changed


def _check_between(module: SourceModule, node: ast.Import | ast.ImportFrom, holder: ast.stmt) -> None:
    """Leave an import alone that something needs before Django is set up."""
    if any(each.name == "*" for each in node.names):
        raise LeftAlone("it does not say which names it imports")
    names = {each.asname or each.name.partition(".")[0] for each in node.names}
    for use in module.nodes(ast.Name):
        if use.id in names and node.lineno < use.lineno < holder.lineno:
            raise LeftAlone(f"line {use.lineno}, which is above get_asgi_application(), needs {use.id}")


def _set_up(draft: Draft, ready: ast.Call) -> cst.SimpleStatementLine:
    """Take the call out of what it is part of, and return a statement for it."""
    module = draft.module
    if any(each.id == _NAME for each in module.nodes(ast.Name)):
        raise LeftAlone(f"the name {_NAME} means something else there")
    call = draft.node(ready, cst.Call)
    draft.change(ready, cst.Call, lambda _: cst.Name(_NAME))
    made = cst.Assign([cst.AssignTarget(cst.Name(_NAME))], call)
    return cst.SimpleStatementLine([made], leading_lines=[_FREE, _COMMENT])
