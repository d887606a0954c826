"""``Set-Cookie``: each cookie by its name, with its attributes by theirs (RFC 6265, 4.1)."""

import re
from typing import Final

from hybrid.adapters.django.migrate.shadow.masks import CSRF, SESSION
from hybrid.adapters.django.migrate.shadow.parts.trees import Leaf, Named, Node

_CSRF: Final = re.compile(r"csrf|xsrf", re.IGNORECASE)
_SESSION: Final = re.compile(r"session|sessid|(?:^|[^a-z])s(?:ess|id)$", re.IGNORECASE)


def cookie(field: str) -> tuple[str, Named]:
    """Read one field: the name of the cookie, and its parts: ``value``, ``path``, ``secure`` and the like."""
    pair, *attributes = field.split(";")
    name, _, value = pair.strip().partition("=")
    parts: dict[str, Node] = {}
    for each in attributes:
        key, _, said = each.strip().partition("=")
        if key:
            parts[f": {key.lower()}"] = Leaf(_in_one_case(key.lower(), said.strip()))
    if value not in ("", '""'):  # without one it is taken away, which is another thing
        parts[": value"] = Leaf(value, _mask_of(name))
    else:
        parts[": value"] = Leaf("")
    return name, Named.of(parts)


def _mask_of(name: str) -> str:
    if _CSRF.search(name):
        return CSRF
    return SESSION if _SESSION.search(name) else ""


def _in_one_case(key: str, said: str) -> str:
    return said.lower() if key in ("samesite", "domain") else said
