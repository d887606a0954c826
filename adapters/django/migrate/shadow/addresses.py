"""The servers' own addresses, which their answers may name: each has another one."""

from typing import Final
from urllib.parse import urlsplit

from hybrid.adapters.django.migrate.shadow.exchanges import Outcome

_WRITTEN: Final = "[server]"


def addresses_of(*outcomes: Outcome) -> tuple[str, ...]:
    """Return how the servers that were asked may be named, the longest first; none for lanes."""
    found: set[str] = set()
    for each in outcomes:
        if "://" in each.lane:
            url = urlsplit(each.lane)
            found.add(f"{url.scheme}://{url.netloc}")
            if not url.netloc.isalnum():  # which may be any word
                found.add(url.netloc)
    return tuple(sorted(found, key=len, reverse=True))


def without(addresses: tuple[str, ...], text: str) -> str:
    """Write the same over each address."""
    for each in addresses:
        text = text.replace(each, _WRITTEN)
    return text
