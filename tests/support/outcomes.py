"""Answers for tests of comparing, in few words."""

from typing import Any

from hybrid.adapters.django.migrate.shadow.compare import Compared, Comparer
from hybrid.adapters.django.migrate.shadow.differences import Difference
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome
from hybrid.adapters.django.migrate.shadow.masks import Masks, own_masks

#: The time at which tests compare, in seconds since 1970.
NOW = 1_764_000_000.0


def answer(
    body: str | bytes = "", kind: str = "text/html", *headers: tuple[str, str], **parts: Any
) -> Outcome:
    """Return an answer of 200, with a whole body of a type."""
    data = body.encode() if isinstance(body, str) else body
    fields = (*((("content-type", kind),) if kind else ()), *headers)
    return Outcome(
        **{"lane": "wsgi", "status": 200, "headers": fields, "body": data, "size": len(data), **parts}
    )


def compared(*olds: Outcome, new: Outcome, masks: tuple[str, ...] = (), **options: Any) -> Compared:
    """Compare answers of the old lane with one of the new one."""
    comparer = Comparer(Masks(own_masks(masks), lambda: NOW), **options)
    return comparer.compare(olds[0], olds[1:], new)


def places(differences: Any) -> list[str]:
    """Write differences as ``what where: old | new``."""
    found: list[Difference] = [*differences]
    return [f"{each.what} {each.where}: {each.old} | {each.new}" for each in found]
