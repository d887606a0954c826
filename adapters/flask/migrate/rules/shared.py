"""Objects of a module that belong to one thread, and that requests on several threads share."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import (
    in_request,
    is_constant,
    keyword,
    module_values,
    uses_in_functions,
)

_CONNECT: Final = "sqlite3.connect"
_MAKERS: Final = {"sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.session.sessionmaker"}
_SESSIONS: Final = {
    "sqlalchemy.orm.Session",
    "sqlalchemy.orm.session.Session",
    "sqlalchemy.orm.create_session",
    "sqlmodel.Session",
}
_DEPTH: Final = 5  # names that stand for each other


@static("HF109")
def connections_of_modules(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find connections, and cursors of them, that a module makes and functions use."""
    for name, value, node in module_values(module):
        if not isinstance(value, ast.Call) or module.called(value) != _CONNECT:
            continue
        names = [name, *_cursors(module, name)]
        used = [use for each in names for use in _uses(module, each, sources)]
        if not used:
            continue
        asked = any(in_request(*each) for each in used)
        same = keyword(value, "check_same_thread")
        shared = is_constant(same, False)
        known = same is None and all(each.arg for each in value.keywords)
        said = (
            "is one for all threads, and so are its transactions"
            if shared
            else "belongs to the thread that imports the module: on others it raises ProgrammingError"
            + ("" if known else ", unless its options say otherwise")
        )
        yield RULES["HF109"].finding(
            module.place(node),
            f"{name} {said}; {used[0][0].symbol(used[0][1])} uses it",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY if asked else Confidence.POSSIBLE,
            level=Level.ERROR if asked and known else Level.WARNING,
            fix=Fix(FixKind.SUGGEST, "connect in a function that keeps the connection in flask.g"),
        )


def _cursors(module: SourceModule, connection: str) -> Iterator[str]:
    for name, value, _ in module_values(module):
        match value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr="cursor")) if of == connection:
                yield name
            case _:
                pass


@static("HF110")
def sessions_of_modules(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find sessions of SQLAlchemy that a module makes and functions use."""
    for name, value, node in module_values(module):
        if isinstance(value, ast.Call) and _is_session(module, value, sources):
            used = list(_uses(module, name, sources))
            asked = any(in_request(*each) for each in used)
            if used:
                yield RULES["HF110"].finding(
                    module.place(node),
                    f"{name} is one Session for all threads; {used[0][0].symbol(used[0][1])} uses it",
                    seen=Seen.STATIC,
                    confidence=Confidence.LIKELY if asked else Confidence.POSSIBLE,
                    level=Level.ERROR if asked else Level.WARNING,
                    fix=Fix(FixKind.SUGGEST, "scoped_session(…), and remove() in teardown_appcontext"),
                )


def _is_session(module: SourceModule, call: ast.Call, sources: Sources) -> bool:
    if isinstance(call.func, ast.Call):
        return module.called(call.func) in _MAKERS
    return module.called(call) in _SESSIONS or _is_maker(module, call.func, sources)


def _is_maker(module: SourceModule, name: ast.expr, sources: Sources) -> bool:
    """Tell whether a name stands for what ``sessionmaker()`` has made, here or where it is imported from."""
    for _ in range(_DEPTH):
        if isinstance(name, ast.Name) and not module.dotted(name):
            values = [value for each, value, _ in module_values(module) if each == name.id]
            return bool(values) and all(
                isinstance(each, ast.Call) and module.called(each) in _MAKERS for each in values
            )
        found = sources.find(module.dotted(name))
        if found is None or found[0] is module or "." in found[1]:
            return False
        module, name = found[0], ast.Name(found[1])
        if found[0].imports.get(found[1]):
            return False
    return False


def _uses(module: SourceModule, name: str, sources: Sources) -> Iterator[tuple[SourceModule, ast.AST]]:
    """Give where functions use a name of a module: of its own, or of others that import it."""
    yield from ((module, each) for each in uses_in_functions(module, name))
    whole = f"{module.name}.{name}"
    for other in sources.modules:
        if other is not module and whole in other.imports.values() and not sources.is_test(other):
            shown = next(each for each, meant in other.imports.items() if meant == whole)
            yield from ((other, each) for each in uses_in_functions(other, shown))
