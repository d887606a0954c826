"""The hosts for which applications are mounted."""

import re

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_ADDRESS = re.compile(r"\[[0-9a-f:.]+\]")


def clean_host(host: str) -> str:
    """Return a host in the one form used inside: ``example.org``, ``*.example.org``, ``[::1]`` or ``*``.

    Lower case, without a dot at the end. A name in another script is written as a client sends it, in its
    ASCII form (``xn--…``).

    Raises:
        ValueError: no request could name it; the message is one line.
    """
    clean = host.lower().removesuffix(".")
    if host == "*" or _NAME.fullmatch(clean) or _ADDRESS.fullmatch(clean):
        return clean
    raise ValueError(f'"{host}" is not a host: a name, "*." and a name, or "*"; no scheme and no port')
