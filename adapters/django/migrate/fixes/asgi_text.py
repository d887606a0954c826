"""An ``asgi.py`` for a project that has a ``wsgi.py``."""

import ast
import sys
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.rules.asgi_file import GET_WSGI, settings_of
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_SETTINGS: Final = "DJANGO_SETTINGS_MODULE"
#: Calls that only prepare the environment, by the beginning of their dotted names or by the last part.
_PREPARE: Final = ("os.environ.", "os.path.", "pathlib.Path", "sys.path.")
_READ_ENV: Final = {"load_dotenv", "read_dotenv", "read_env"}
_OF_PATHS: Final = {"absolute", "joinpath", "resolve", "str"}


def asgi_text(module: SourceModule, sources: Sources) -> tuple[str, str]:
    """Return what an asgi.py is to have in it, and a remark on what of wsgi.py it does not do, or ``""``.

    It prepares what wsgi.py prepares before Django is set up, and takes the same settings; those of manage.py
    where wsgi.py names none.

    Raises:
        LeftAlone: wsgi.py does something else first, or nothing names the settings.
    """
    named = settings_of(module)
    if named and not all(each.isidentifier() for each in named[0].split(".")):
        raise LeftAlone(f"the settings that wsgi.py names are of no module: {named[0]}")
    made, name = _application(module)
    kept = list(_prepared(module, made))
    body = [_segment(module, each) for each in kept]
    if not any(_SETTINGS in each for each in body):
        body.append(f'os.environ.setdefault("{_SETTINGS}", "{_settings_of_manage(sources)}")')
    needed = {each.id for text in body for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Name)}
    imports = _imports(module, needed)
    parts = ['"""The ASGI application: what wsgi.py has, for servers that speak ASGI."""', *imports]
    parts += ["\n".join(body), f"{name} = get_asgi_application()"]
    return "\n\n".join(parts) + "\n", _remark(module, made)


def _application(module: SourceModule) -> tuple[ast.Assign, str]:
    """Return the statement that makes the WSGI application, and its name."""
    for node in module.tree.body:
        if any(isinstance(each, ast.Call) and module.called(each) == GET_WSGI for each in ast.walk(node)):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    return node, name
                case _:
                    break
    raise LeftAlone("wsgi.py makes its application in a way of its own")


def _prepared(module: SourceModule, made: ast.stmt) -> Iterator[ast.stmt]:
    """Give what comes before the application, imports and docstring aside."""
    used = {each.id for each in module.nodes(ast.Name)}
    for number, node in enumerate(module.tree.body):
        if node is made:
            return
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if (name := _only_imported(node, used)) is not None:
                raise LeftAlone(
                    f"line {node.lineno} of {module.shown} imports {name}, and nothing uses the name"
                )
            continue
        if number == 0 and _is_text(node):
            continue
        if not _only_prepares(module, node):
            raise LeftAlone(f"line {node.lineno} of {module.shown} does more than to prepare the environment")
        yield node


def _only_imported(node: ast.Import | ast.ImportFrom, used: set[str]) -> str | None:
    """Return what is imported for what that does, as patches are; the standard library does nothing then."""
    for each in node.names:
        source = node.module or "" if isinstance(node, ast.ImportFrom) else each.name
        is_standard = not getattr(node, "level", 0) and source.partition(".")[0] in sys.stdlib_module_names
        if _shown(each) not in used and not is_standard:
            return each.name
    return None


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _only_prepares(module: SourceModule, node: ast.stmt) -> bool:
    """Tell whether a statement is about paths and the environment, and about nothing of WSGI."""
    if not isinstance(node, (ast.Expr, ast.Assign, ast.If)) or "wsgi" in _segment(module, node).lower():
        return False
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            return False  # such as sys.stdout, for mod_wsgi
    return all(_is_harmless(module, each) for each in ast.walk(node) if isinstance(each, ast.Call))


def _is_harmless(module: SourceModule, call: ast.Call) -> bool:
    called = module.called(call)
    last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return called.startswith(_PREPARE) or last in _READ_ENV or last in _OF_PATHS


def _settings_of_manage(sources: Sources) -> str:
    for module in sources.modules:
        if module.path.name == "manage.py" and (found := settings_of(module)):
            return found[0]
    raise LeftAlone("neither wsgi.py nor manage.py names the settings")


def _imports(module: SourceModule, needed: set[str]) -> list[str]:
    """Return the imports: those of the standard library, and the others."""
    standard, others = list[str](), ["from django.core.asgi import get_asgi_application"]
    if "os" in needed:
        standard.append("import os")
    for node in module.tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [each for each in node.names if _shown(each) in needed - {"os"}]
            if names:
                text, first = _import(node, names)
                (standard if first in sys.stdlib_module_names else others).append(text)
    return ["\n".join(sorted(each, key=_by_kind)) for each in (standard, others) if each]


def _shown(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _import(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> tuple[str, str]:
    """Return an import of some of the names, and the top of what it imports from."""
    listed = ", ".join(map(ast.unparse, names))
    if isinstance(node, ast.Import):
        return f"import {listed}", names[0].name.partition(".")[0]
    source = "." * node.level + (node.module or "")
    return f"from {source} import {listed}", source.partition(".")[0]


def _by_kind(text: str) -> tuple[bool, str]:
    return text.startswith("from "), text


def _segment(module: SourceModule, node: ast.stmt) -> str:
    """Return the lines of a statement, with what comes behind it."""
    return "\n".join(module.text.split("\n")[node.lineno - 1 : node.end_lineno])


def _remark(module: SourceModule, made: ast.Assign) -> str:
    """Say what of wsgi.py is left out: what is around the application, and what comes behind it."""
    body = module.tree.body
    after = body[body.index(made) + 1 :]
    around = not (isinstance(made.value, ast.Call) and module.called(made.value) == GET_WSGI)
    if not after and not around:
        return ""
    line = made.lineno if around else after[0].lineno
    return f"asgi.py lacks what {module.shown} does from line {line} on, see HM114"
