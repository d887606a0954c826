"""HTTP archives (HAR 1.2), which the network panels of browsers save."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from hybrid.adapters.django.migrate.shadow.exchanges import Request
from hybrid.adapters.django.migrate.shadow.recordings import Recorded


def is_archive(said: Any) -> bool:
    """Say whether a JSON document is one."""
    try:
        return "entries" in said["log"]
    except (KeyError, TypeError):
        return False


def read_archive(said: Any) -> Iterator[Recorded]:
    """Give the requests to the host of the first one: a page loads from others too.

    Raises:
        KeyError, TypeError, AttributeError: it is not as HAR says.
    """
    first = ""
    for entry in said["log"]["entries"]:
        request = entry["request"]
        url = urlsplit(str(request["url"]))
        if url.scheme not in ("http", "https"):
            continue
        first = first or url.netloc
        if url.netloc == first:
            yield Recorded(_request(request, url.path or "/", url.query, url.netloc))


def _request(said: dict[str, Any], path: str, query: str, host: str) -> Request:
    fields = [(str(each["name"]).lower(), str(each["value"])) for each in said.get("headers", ())]
    fields = [(name, value) for name, value in fields if not name.startswith(":")]  # of HTTP/2
    if all(name != "host" for name, _ in fields):
        fields.insert(0, ("host", host))
    sent: dict[str, Any] = said.get("postData") or {}
    body = str(sent.get("text") or "").encode()
    return Request(str(said["method"]).upper(), f"{path}?{query}" if query else path, tuple(fields), body)
