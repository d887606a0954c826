"""A request as a command line of curl, which works when it is pasted into a shell."""

import re
import shlex
from typing import Final

from hybrid.adapters.django.migrate.shadow.exchanges import Request
from hybrid.adapters.django.migrate.shadow.secrets import is_secret, redacted_headers, redacted_target

#: What curl says by itself, or another connection says otherwise.
_LEFT_OUT: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
_NAME: Final = re.compile(r"\W")


def curl_line(request: Request, base: str, *, with_secrets: bool = False) -> str:
    """Return the line.

    Args:
        request: what is asked for.
        base: the address of the server, without a slash at the end.
        with_secrets: whether cookies and the like stand in it; otherwise the shell's variables of their names
            do, as ``"Cookie: $COOKIE"``.
    """
    target = request.target if with_secrets else redacted_target(request.target)
    words = ["curl", "-ig", "--path-as-is", *_method(request), shlex.quote(f"{base}{target}")]
    host = next((value for name, value in request.headers if name == "host"), "")
    if host and host != base.partition("://")[2]:
        words += ["-H", shlex.quote(f"Host: {host}")]
    for name, value in request.headers:
        if name not in _LEFT_OUT:
            words += ["-H", _field(name, value, with_secrets=with_secrets)]
    return " ".join([*words, *_body(request, with_secrets=with_secrets)])


def _method(request: Request) -> list[str]:
    match request.method:
        case "GET" if not request.body:
            return []
        case "HEAD":
            return ["--head"]
        case method:
            return ["-X", shlex.quote(method)]


def _field(name: str, value: str, *, with_secrets: bool) -> str:
    written = "-".join(part.capitalize() for part in name.split("-"))
    if is_secret(name) and not with_secrets:
        return f'"{written}: ${_NAME.sub("_", name).upper()}"'
    if not with_secrets:
        ((_, value),) = redacted_headers(((name, value),))
    return shlex.quote(f"{written}: {value}" if value else f"{written};")


def _body(request: Request, *, with_secrets: bool) -> list[str]:
    """Give the body, which may have anything in it: a file is to have it where a shell cannot say it."""
    if not request.body:
        return []
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if not with_secrets:
        return ["--data-raw", '"$BODY"']
    return ["--data-binary", "@body"] if "\0" in text else ["--data-raw", shlex.quote(text)]
