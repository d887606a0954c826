"""Where a project keeps something in a ``threading.local``, and what."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from hybrid.adapters.django.migrate.rules.knowing import is_request, takes_request, text_of
from hybrid.adapters.django.migrate.source.definitions import Definitions
from hybrid.adapters.django.migrate.source.module import SourceModule

#: What makes a thread-local.
LOCALS: Final = {"threading.local", "_thread._local", "_threading_local.local"}
#: Names of what says who is asking.
WHO: Final = {
    *("account", "company", "current_tenant", "current_user", "customer", "member", "organisation"),
    *("organization", "request", "current_request", "schema_name", "team", "tenant", "tenant_id", "user"),
    "user_id",
}
#: Names of what else belongs to one request.
_STATE: Final = {
    *WHO,
    *("correlation_id", "ip", "ip_address", "language", "locale", "remote_addr", "request_id", "session"),
    *("trace_id", "user_agent"),
}


@dataclass(eq=False)
class ThreadLocal:
    """A ``threading.local()`` of a module.

    Attributes:
        name: of the variable, in its module.
        node: that makes it.
        state: what of a request is kept in it: the attribute, and where it is set.
    """

    module: SourceModule
    name: str
    node: ast.stmt
    state: dict[str, ast.AST] = field(default_factory=dict[str, ast.AST])

    @property
    def who(self) -> str:
        """The attribute that says who is asking; ``""`` where none does."""
        return next((each for each in self.state if each.lower() in WHO), "")


def thread_locals(module: SourceModule, definitions: Definitions) -> tuple[ThreadLocal, ...]:
    """Return those of a module in which something of a request is kept."""
    return _found(module, definitions) if "local" in module.text else ()


@lru_cache(maxsize=512)
def _found(module: SourceModule, definitions: Definitions) -> tuple[ThreadLocal, ...]:
    made = {each.name: each for each in _made(module, definitions)}
    for name, attribute, node, value in _written(module, made):
        if _is_state(module, attribute, node, value):
            made[name].state.setdefault(attribute, node)
    return tuple(each for each in made.values() if each.state)


def _made(module: SourceModule, definitions: Definitions) -> Iterator[ThreadLocal]:
    """Give all of a module's; a name that may be something else as well, such as asgiref's, is left out."""
    given: dict[str, list[tuple[ast.Assign, bool]]] = {}
    for node in module.nodes(ast.Assign):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if module.function_of(node) is None:
                is_local = isinstance(node.value, ast.Call) and _is_local(module, definitions, node.value)
                given.setdefault(name, []).append((node, is_local))
            case _:
                pass
    for name, nodes in given.items():
        if all(is_local for _, is_local in nodes):
            yield ThreadLocal(module, name, nodes[0][0])


def _is_local(module: SourceModule, definitions: Definitions, call: ast.Call) -> bool:
    called = module.called(call)
    if called in LOCALS:
        return True
    owner = definitions.class_(called)
    return owner is not None and bool(LOCALS & definitions.foreign_bases(owner))


def _written(
    module: SourceModule, made: dict[str, ThreadLocal]
) -> Iterator[tuple[str, str, ast.AST, ast.expr | None]]:
    """Give what is set in them: the name, the attribute, where, and to what."""
    for node in module.nodes(ast.Assign):
        for target in node.targets:
            match target:
                case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in made:
                    yield name, attribute, node, node.value
                case _:
                    pass
    for call in module.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), key, value]):
                if name in made and text_of(key):
                    yield name, text_of(key), call, value
            case _:
                pass


def _is_state(module: SourceModule, attribute: str, node: ast.AST, value: ast.expr | None) -> bool:
    """Tell whether what is set belongs to a request: by its name, or because it is got from one."""
    function = module.function_of(node)
    if function is None or value is None or (isinstance(value, ast.Constant) and value.value is None):
        return False
    if attribute.lower().lstrip("_") in _STATE:
        return True
    return takes_request(module, function) and any(
        isinstance(each, ast.expr) and is_request(module, each) for each in ast.walk(value)
    )


def reads(module: SourceModule, node: ast.AST, kept: ThreadLocal) -> bool:
    """Tell whether a node reads what a thread-local keeps: as an attribute, or with ``getattr()``."""
    match node:
        case ast.Attribute(value=holder, attr=attribute, ctx=ast.Load()) if attribute in kept.state:
            return _is_meant(module, holder, kept)
        case ast.Call(func=ast.Name(id="getattr"), args=[holder, name, *_]) if text_of(name) in kept.state:
            return _is_meant(module, holder, kept)
        case _:
            return False


def _is_meant(module: SourceModule, holder: ast.expr, kept: ThreadLocal) -> bool:
    if module is kept.module and isinstance(holder, ast.Name):
        return holder.id == kept.name
    return module.dotted(holder) == f"{kept.module.name}.{kept.name}"
