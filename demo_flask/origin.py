"""Tells whether a request was made by one of our own pages.

Browsers say in the Origin field (RFC 6454 §7) whose page makes a POST or opens a WebSocket, and a page
cannot forge it. That is the protection against other sites' forms, and no tokens are needed.
"""

from hybrid.bridge.auth.origins import is_own, parsed


def same_origin(origin: str | None, host: str | None) -> bool:
    """Return whether a request with these Origin and Host fields may have effects.

    The scheme is not compared, because a proxy in front may end TLS. No Origin means no browser: programs
    are not what other sites can misuse, and they may post.
    """
    return origin is None or is_own(parsed(origin), host or "", secure=False)
