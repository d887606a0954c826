"""Which fields of a request code reads, and sets."""

import ast
from collections.abc import Iterator

from hybrid.adapters.django.migrate.rules.knowing import is_request, key_of
from hybrid.adapters.django.migrate.source.module import SourceModule


def fields_read(module: SourceModule) -> Iterator[tuple[ast.expr, str]]:
    """Give what is read of ``request.META`` and ``request.headers``, with its key: of headers as
    META has it, ``HTTP_REMOTE_USER``.
    """
    for node in module.nodes(ast.Subscript):
        if isinstance(node.ctx, ast.Load) and _is_fields(module, node.value):
            yield node, _key(node.value, key_of(module, node.slice))
    for call in module.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[first, *_]):
                if _is_fields(module, value):
                    yield call, _key(value, key_of(module, first))
            case _:
                pass


def fields_set(module: SourceModule) -> Iterator[tuple[ast.expr, str]]:
    """Give what is set in ``request.META``, with its key."""
    for node in module.nodes(ast.Subscript):
        if isinstance(node.ctx, ast.Store) and _is_fields(module, node.value):
            yield node, _key(node.value, key_of(module, node.slice))


def _is_fields(module: SourceModule, node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in ("META", "headers")
        and is_request(module, node.value)
    )


def _key(fields: ast.expr, name: str) -> str:
    if not (isinstance(fields, ast.Attribute) and fields.attr == "headers"):
        return name
    plain = name.upper().replace("-", "_")
    return plain if plain in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{plain}"
