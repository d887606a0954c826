"""The fields of an answer, as a tree: cookies by name and attribute, lists without order as sets."""

import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from hybrid.adapters.django.migrate.shadow.exchanges import Headers
from hybrid.adapters.django.migrate.shadow.masks import REQUEST_ID
from hybrid.adapters.django.migrate.shadow.parts.cookies import cookie
from hybrid.adapters.django.migrate.shadow.parts.trees import Leaf, Named, Node

#: What the server says of itself and the connection, and not the application (HM407), and hybrid's own field.
#: How long the body is, and how it is framed, is told of by the body.
IGNORED: Final = frozenset(
    {
        *("alt-svc", "connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"),
        *("via", "x-hybrid-lane"),
    }
)
#: Fields whose members have no order (RFC 9110, 5.6.1, as far as the field's own section says so).
_SETS: Final = frozenset(
    {
        *("access-control-allow-headers", "access-control-allow-methods", "access-control-expose-headers"),
        *("allow", "cache-control", "clear-site-data", "permissions-policy", "server-timing", "vary"),
    }
)
#: Of these members the case says nothing.
_CASELESS: Final = frozenset({"vary", "cache-control", "content-encoding", "access-control-allow-headers"})
_REQUEST_IDS: Final = re.compile(r"^x-(amzn-)?(request|correlation|trace|transaction)-?id$|^traceparent$")
#: A quoted string keeps its commas (RFC 9110, 5.6.4).
_MEMBER: Final = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"|")+')


def header_tree(headers: Headers, cover: Callable[[str], str]) -> Named:
    """Return the fields by their names; those that come several times are one.

    Args:
        headers: the fields, with their names in lower case.
        cover: writes over what the user's own masks match.
    """
    values: dict[str, list[str]] = {}
    cookies: dict[str, Node] = {}
    for name, value in headers:
        if name == "set-cookie":
            named, parts = cookie(cover(value))
            cookies[_another(f"set-cookie {named}", cookies)] = parts
        elif name not in IGNORED:
            values.setdefault(name, []).append(cover(value.strip()))
    fields = {name: _field(name, ", ".join(said)) for name, said in values.items()}
    return Named.of({**fields, **cookies})


def _another(step: str, taken: Mapping[str, Node]) -> str:
    """Number a cookie of the same name: with another path or domain it is another cookie."""
    numbered = (f"{step} [{number}]" for number in count(2))
    return step if step not in taken else next(each for each in numbered if each not in taken)


def _field(name: str, value: str) -> Node:
    if _REQUEST_IDS.match(name):
        return Leaf(value, REQUEST_ID)
    value = value.lower() if name in _CASELESS else value
    if name in _SETS:
        return Leaf(", ".join(sorted({each.strip() for each in _MEMBER.findall(value)} - {""})))
    if name.startswith("content-security-policy"):
        return Leaf("; ".join(sorted(_directive(each) for each in value.split(";") if each.strip())))
    if name == "content-type":
        return Leaf("; ".join(_parameter(each) for each in value.split(";") if each.strip()))
    return Leaf(value)


def _directive(text: str) -> str:
    """Write a directive of a content security policy, whose sources have no order (CSP 3, 2.2.1)."""
    name, *sources = text.split()
    return " ".join([name.lower(), *sorted(sources)])


def _parameter(text: str) -> str:
    """Write a part of a media type without what says nothing: case and quotes (RFC 9110, 8.3.1)."""
    name, equals, value = text.strip().partition("=")
    return f"{name.lower()}{equals}{value.strip().strip(chr(34)).lower()}"
