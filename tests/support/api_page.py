"""Reads the public names out of the source, for docs/api.md and for its site; nothing is imported for it."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.process import ROOT

#: What Sphinx would make links of, in reStructuredText.
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):(?=`)")
#: Whose `__all__` is promised, and what each is for. A name is listed where it is met first.
PUBLIC = {
    "hybrid": "The front door: what most programs need.",
    "hybrid.server": "Servers in a program of one's own, and their settings.",
    "hybrid.bridge": "Both kinds of application under any ASGI server: translation, threads, routes, errors.",
    "hybrid.bridge.auth": "Who is at the other end of a WebSocket: [authentication](authentication.md).",
    "hybrid.bridge.layers": "Channel layers: [groups](channel-layers.md) and who is in them.",
    "hybrid.bridge.layers.redis": "The [layer through Redis](channel-layers-redis.md).",
    "hybrid.bridge.layers.workers": "The [layer between the workers](channel-layers-workers.md) of a server.",
    "hybrid.bridge.testing": "Communicators, with which consumers are tested without a server.",
    "hybrid.adapters.flask": "[WebSockets in Flask](flask.md).",
    "hybrid.adapters.gunicorn": "The worker class for [gunicorn](gunicorn.md).",
}


@dataclass(frozen=True)
class PublicName:
    """A name of an `__all__`: where it is defined (nowhere, if at run time), and what it is for."""

    name: str
    place: str
    summary: str


@cache
def public_names(module: str) -> tuple[PublicName, ...]:
    """List what a module promises, in the order of its `__all__`, without what one before it promises too."""
    earlier = {name for other in list(PUBLIC)[: list(PUBLIC).index(module)] for name in _promised(other)}
    return tuple(_found(module, name) for name in _promised(module) if name not in earlier)


def api_tables() -> str:
    """Write a table for each module: the name, and the first sentence of what it says of itself."""
    return "\n\n".join(f"## {module}\n\n{what}\n\n{_table(module)}" for module, what in PUBLIC.items())


def _table(module: str) -> str:
    rows = [
        f"| `{each.name}` | {each.summary.replace('|', chr(92) + '|')} |" for each in public_names(module)
    ]
    return "\n".join(["| name | what it is for |", "| --- | --- |", *rows])


def _found(module: str, name: str) -> PublicName:
    """Follow a name to where it is defined."""
    place, seen = module, set[str]()
    while place and place not in seen:
        seen.add(place)
        for node in _tree(place).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                return PublicName(name, place, _first_sentence(ast.get_docstring(node) or ""))
        if comment := _comment_of(place, name):
            return PublicName(name, place, comment)
        place = _imported_from(place, name)
    return PublicName(name, "", "The installed version." if name == "__version__" else "")


def _imported_from(module: str, name: str) -> str:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and any(
            (each.asname or each.name) == name for each in node.names
        ):
            return node.module or ""
    return ""


def _comment_of(module: str, name: str) -> str:
    """Give what stands above an assignment to a name as `#: …`."""
    lines = _source(module).read_text(encoding="utf-8").splitlines()
    for node in _tree(module).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == name and name != "__version__":
            above = node.lineno - 1
            while above and lines[above - 1].startswith("#:"):
                above -= 1
            return (
                _first_sentence(" ".join(line[2:].strip() for line in lines[above : node.lineno - 1]))
                or "A constant."
            )
    return ""


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return _ROLE.sub("", paragraph).replace("``", "`").rstrip()


def _promised(module: str) -> list[str]:
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    raise ValueError(f"{module} has no __all__")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_source(module).read_text(encoding="utf-8"))


def _source(module: str) -> Path:
    place = ROOT / "src" / Path(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
