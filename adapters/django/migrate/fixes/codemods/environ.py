"""HM101: ``request.environ`` becomes ``request.META``, which on WSGI is the same dictionary."""

import ast

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.rules.knowing import has_other_requests
from hybrid.adapters.django.migrate.rules.requests import environs_of_requests, wsgi_key_of


@codemod("HM101")
def environ_to_meta(draft: Draft, finding: Finding) -> str:
    """Leave keys alone that only WSGI servers set: the error would only become a quieter one."""
    module = draft.module
    if has_other_requests(module):
        raise LeftAlone("the module imports another framework: the request may be of that, and without META")
    found = [each for each in environs_of_requests(module) if draft.same(finding, each)]
    for node in found:
        if key := wsgi_key_of(module, node):  # beside another one, in the same line
            raise LeftAlone(f"only WSGI servers set {key}: META lacks it on ASGI too, see HM102")
    set_here = {each.attr for each in module.nodes(ast.Attribute) if isinstance(each.ctx, ast.Store)}
    if changed := set_here & {"META", "environ"}:
        raise LeftAlone(
            f"{min(changed)} of a request is set in this module, so that it may be another dictionary"
        )
    for node in found:
        if isinstance(node, ast.Call):
            draft.change(node, cst.Call, _meta_of)
        else:
            draft.change(node, cst.Attribute, lambda each: each.with_changes(attr=cst.Name("META")))
    return ""


def _meta_of(call: cst.CSTNode) -> cst.CSTNode:
    """Return ``request.META`` for ``getattr(request, "environ")``; each finding of a line asks for that."""
    if not isinstance(call, cst.Call):
        return call
    return cst.Attribute(call.args[0].value, cst.Name("META"), lpar=call.lpar, rpar=call.rpar)
