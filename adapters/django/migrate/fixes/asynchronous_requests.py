"""``request.user`` and ``request.session`` in a coroutine."""

import ast
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.fixes.awaiting import awaited, awaits, needs_parentheses
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.twin_versions import SESSIONS, USERS, check_version
from hybrid.adapters.django.migrate.rules.knowing import is_request

_AUTHENTICATION: Final = "django.contrib.auth.middleware.AuthenticationMiddleware"
_OTHERS: Final = ("rest_framework", "ninja")


def request_twin(draft: Draft, node: ast.Attribute) -> str:
    """Note the asynchronous twin of a part of the request, and return what to know of it."""
    if node.attr == "session":
        return _session(draft, node)
    known = check_version(draft, USERS, "auser()")
    _check_user(draft)
    binds = needs_parentheses(draft.module, node)
    draft.change(node, cst.Attribute, lambda each: _user(each, binds=binds))
    return "; ".join(
        filter(
            None, (known, "auser() is the user of the session, and of nothing else that sets request.user")
        )
    )


def _user(node: cst.Attribute, *, binds: bool) -> cst.Await:
    call = cst.Call(
        node.with_changes(attr=cst.Name("auser"), lpar=(), rpar=()), lpar=node.lpar, rpar=node.rpar
    )
    return awaited(call, binds=binds)


def _check_user(draft: Draft) -> None:
    """Leave users alone that do not come from the session."""
    middleware = draft.facts.middleware
    if middleware and not any(_AUTHENTICATION in (each.path, *each.bases) for each in middleware):
        raise LeftAlone("MIDDLEWARE has no AuthenticationMiddleware, which auser() comes from")
    for each in draft.module.imports.values():
        if each.partition(".")[0] in _OTHERS:
            raise LeftAlone(
                f"the module imports {each.partition('.')[0]}, whose users are not of the session"
            )
    for module in draft.sources.modules:
        if ".user" in module.text and not draft.sources.is_test(module):
            for node in module.nodes(ast.Attribute):
                if node.attr == "user" and isinstance(node.ctx, ast.Store) and is_request(module, node.value):
                    where = f"{module.shown}:{node.lineno}"
                    raise LeftAlone(f"{where} sets request.user, of which auser() knows nothing")


def _session(draft: Draft, node: ast.Attribute) -> str:
    above = draft.module.parent(node)
    match above:
        case ast.Attribute(attr=name):
            call = draft.module.parent(above)
            if not isinstance(call, ast.Call) or call.func is not above:
                raise LeftAlone(f"session.{name} is handed on: a{name} gives a coroutine")
            known = check_version(draft, SESSIONS, f"session.a{name}()")
            draft.change(above, cst.Attribute, lambda each: each.with_changes(attr=cst.Name(f"a{name}")))
            awaits(draft, call)
            return known
        case ast.Subscript(ctx=ast.Store()):
            return _set(draft, above)
        case _:
            raise LeftAlone("session[…] raises KeyError where aget() gives None: say which is meant")


def _set(draft: Draft, node: ast.Subscript) -> str:
    """``request.session["a"] = b`` becomes ``await request.session.aset("a", b)``."""
    above = draft.module.parent(node)
    if not isinstance(above, ast.Assign) or len(above.targets) != 1:
        raise LeftAlone("it sets an item of the session in a way of its own")
    if isinstance(node.slice, ast.Slice):
        raise LeftAlone("a session has no slices")
    known = check_version(draft, SESSIONS, "session.aset()")
    draft.change(above, cst.Assign, _set_call)
    return known


def _set_call(node: cst.Assign) -> cst.Expr:
    target = cst.ensure_type(node.targets[0].target, cst.Subscript)
    key = cst.ensure_type(target.slice[0].slice, cst.Index).value
    function = cst.Attribute(target.value, cst.Name("aset"))
    return cst.Expr(cst.Await(cst.Call(function, [cst.Arg(key), cst.Arg(node.value)])))
