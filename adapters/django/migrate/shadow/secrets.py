"""What of a request is for nobody else's eyes: in reports, and in files."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, unquote_plus

from hybrid.adapters.django.migrate.shadow.exchanges import Headers

REDACTED: Final = "[redacted]"

#: Parts of names that say that a value is secret: of fields, of parameters, and in pages and JSON.
_WORDS: Final = (
    r"(?:api|access|auth|private|session)[-_]?key|session[-_]?id|token|secret|passw(?:or)?d|passphrase|pwd"
    r"|signature|csrf|xsrf|jwt|(?<!allow-)credential|authorization|cookie"
)
_SECRET: Final = re.compile(
    rf"{_WORDS}|session|passw|oidc|dpop|(?:^|[-_])(?:auth|pass)(?:$|[-_])", re.IGNORECASE
)
_SECRET_PARAMETER: Final = re.compile(
    rf"{_WORDS}|session|(?:key|code|sig|auth|pass|otp|ticket|assertion|samlresponse)\d*(?:\[\w*\])?$",
    re.IGNORECASE,
)
#: The name of a parameter, also of a path or a fragment, wherever an address stands; and what ends its value.
_NAME: Final = re.compile(r"(?<![^?&;#])([^?&;#=/\s<>\"]+)=")
_SECRET_VALUE: Final = re.compile(r"[^&#\s<>\"]*")
_VALUE: Final = re.compile(r"[^?&;#\s<>\"]*")
#: Addresses within addresses that are looked into.
_DEEPEST: Final = 3
#: Who asks, in an address: ``//user:password@host``.
_USER: Final = re.compile(r"((?:^|:)//)[^/?#\s<>\"@]+@")
_IN_PAGES: Final = re.compile(
    rb"""(<[^<>]{0,200}\bname=["']?[^"'<>\s]{0,64}(?:%(words)s)[^<>]{0,200}?\b(?:value|content)=["']?)[^"'<>]+"""
    rb"""|(<[^<>]{0,200}\b(?:value|content)=["']?)[^"'<>]+"""
    rb"""(?=["']?[^<>]{0,200}\bname=["']?[^"'<>\s]{0,64}(?:%(words)s))""" % {b"words": _WORDS.encode()},
    re.IGNORECASE,
)
_IN_JSON: Final = re.compile(
    rb"""("[^"\\]{0,64}(?:%(words)s)[^"\\]{0,64}"\s{0,9}:\s{0,9})"""
    rb"""(?:"(?:[^"\\]|\\.)+"?|\[[^\]{}]+\]?|-?\d[\d.eE+-]*)""" % {b"words": _WORDS.encode()},
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def is_secret(name: str) -> bool:
    """Say whether the value of a field is a secret."""
    return _SECRET.search(name) is not None


def redacted_headers(headers: Headers) -> Headers:
    """Write over the values that are secret; cookies of answers keep their names and attributes."""
    return tuple((name, _redacted(name, value)) for name, value in headers)


def is_secret_parameter(name: str) -> bool:
    """Say whether the value of a parameter, of a query or of a route, is a secret."""
    return _SECRET_PARAMETER.search(name) is not None


def redacted_target(target: str) -> str:
    """Write over the values of parameters whose names say that they are secret, over those that are addresses
    with such parameters, and over who asks.
    """
    return _written_over(target, _DEEPEST)


def _written_over(target: str, deepest: int) -> str:
    target = _USER.sub(rf"\g<1>{REDACTED}@", target)
    parts, done = list[str](), 0
    for name in _NAME.finditer(target):
        if name.start() < done:
            continue  # in a value that is written over
        end = _end_of_secret(target, name, deepest)
        if end > name.end():
            parts += [target[done : name.end()], REDACTED]
            done = end
    return "".join((*parts, target[done:]))


def _end_of_secret(target: str, name: re.Match[str], deepest: int) -> int:
    """Return where the value ends that is to be written over; 0 where it is not."""
    if is_secret_parameter(unquote_plus(name[1])):
        return _end(_SECRET_VALUE, target, name.end())
    end = _end(_VALUE, target, name.end())
    if deepest and "%" in (value := target[name.end() : end]):
        inner = unquote(value)
        return end if _written_over(inner, deepest - 1) != inner else 0
    return 0


def _end(value: re.Pattern[str], target: str, begin: int) -> int:
    found = value.match(target, begin)
    return begin if found is None else found.end()


def redacted_body(headers: Headers, body: bytes) -> bytes:
    """Write over what pages and JSON have under names that say that it is secret, as the tokens of forms.
    Of a compressed body, which nobody has looked into, nothing is left.
    """
    if any(name == "content-encoding" and value.lower() != "identity" for name, value in headers):
        return b""
    over = REDACTED.encode()
    return _IN_JSON.sub(rb'\g<1>"%b"' % over, _IN_PAGES.sub(rb"\g<1>\g<2>%b" % over, body))


def _redacted(name: str, value: str) -> str:
    if name == "set-cookie":
        pair, semicolon, attributes = value.partition(";")
        key, equal, secret = pair.partition("=")
        if not equal:  # a cookie without a name
            return f"{REDACTED}{semicolon}{attributes}"
        return f"{key}={REDACTED if secret else ''}{semicolon}{attributes}"
    return REDACTED if is_secret(name) else redacted_target(value)
