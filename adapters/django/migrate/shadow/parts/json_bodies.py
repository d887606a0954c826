"""JSON as a tree: ``$.items[3].price``."""

import json
import re
from typing import Any, Final, cast

from hybrid.adapters.django.migrate.shadow.masks import CSRF
from hybrid.adapters.django.migrate.shadow.parts.trees import Item, Leaf, Listed, Named, Node

_PLAIN: Final = re.compile(r"^[A-Za-z_]\w*$")
_CSRF: Final = re.compile(r"csrf", re.IGNORECASE)
#: What is nested deeper is one text.
_DEPTH: Final = 80


def json_tree(text: str) -> Node | None:
    """Return the tree; None where the text is no JSON."""
    try:
        return Named((("$", _node(json.loads(text), "", 0)),))
    except (ValueError, RecursionError):
        return None


def _node(value: Any, name: str, depth: int) -> Node:
    if depth < _DEPTH and isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return Named.of({_step(key): _node(inner, key, depth + 1) for key, inner in fields})
    if depth < _DEPTH and isinstance(value, list):
        elements = cast("list[object]", value)
        items = (Item(f"[{at}]", _node(inner, "", depth + 1)) for at, inner in enumerate(elements))
        return Listed(tuple(items))
    is_token = isinstance(value, str) and _CSRF.search(name)
    return Leaf(json.dumps(value, ensure_ascii=False, sort_keys=True), CSRF if is_token else "")


def _step(key: str) -> str:
    return f".{key}" if _PLAIN.match(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
