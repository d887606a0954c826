"""Where each view runs at first, and where in the end."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.views import STREAM, View

#: Shares of the clients by which a view is moved.
_SHARES: Final = (1, 5, 10, 25, 50)
#: Where nobody knows how often it is asked for.
_SHARE: Final = 5
#: Fewest requests that a budget judges by, and in how many seconds; the latter is made longer if need be.
REQUESTS: Final = 20
_WINDOW: Final = 60
_LONGEST: Final = 3600
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Placing:
    """Where a view runs that does not stay where it is without being told.

    Attributes:
        first: on which lane before anything is tried: where it runs today.
        last: where in the end.
        why: why there.
        share: the percentage of the clients to begin with, where it moves.
    """

    view: View
    first: str
    last: str
    why: str
    share: int = 0


@dataclass(frozen=True)
class Lanes:
    """All of them.

    Attributes:
        moving: views for the asgi lane, those that gain most first.
        staying: views that would be on the asgi lane by their kind, and must not.
        window: seconds of requests by which a view is judged on its new lane.
    """

    moving: tuple[Placing, ...]
    staying: tuple[Placing, ...]
    window: int


def lanes_of(known: Known) -> Lanes:
    """Work out where the views of a project run."""
    if known.sets_urlconf:
        return Lanes((), (), _WINDOW)
    views = [each for each in known.views if "asgi" in each.lanes]
    moving = sorted((each for each in views if not each.keeps), key=lambda each: each.gain, reverse=True)
    staying = [Placing(each, "wsgi", "wsgi", "; ".join(each.keeps)) for each in views if each.keeps]
    rates = {each.name: _rate(known, each) for each in moving}
    placed = (Placing(each, "wsgi", "asgi", _why(each), _share(rates[each.name])) for each in moving)
    return Lanes(tuple(placed), tuple(staying), _window(rates.values()))


def _why(view: View) -> str:
    kind = f"an asynchronous stream ({STREAM})" if view.is_stream else "an asynchronous view"
    said = "" if any("decorator" not in each.lane for each in view.routes) else ", as its decorator says"
    seen = view.all_seen
    if seen is None or seen.p50 is None:
        return f"{kind}{said}"
    return f"{kind}{said}, {seen.calls:,} calls of {told(seen.p50)} were seen"


def told(seconds: float) -> str:
    """Say a time."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _rate(known: Known, view: View) -> float | None:
    """Return how often a view is asked for, in requests a second; None where nobody knows."""
    seen = view.all_seen
    if known.observed is None or not known.observed.seconds or seen is None:
        return None
    return seen.calls / known.observed.seconds


def _share(rate: float | None) -> int:
    """Return the smallest share that has as many requests in a minute as are needed to judge by."""
    if rate is None:
        return _SHARE
    return next((each for each in _SHARES if rate * _WINDOW * each / 100 >= REQUESTS), _SHARES[-1])


def _window(rates: Iterable[float | None]) -> int:
    """Return the window in which the largest share of the least asked view is enough; in whole minutes."""
    known = [each for each in rates if each]
    needed = REQUESTS / (min(known) * _SHARES[-1] / 100) if known else 0
    return min(max(_WINDOW, -(-int(needed) // 60) * 60), _LONGEST)


def first_table(known: Known, lanes: Lanes) -> str:
    """Return ``[lanes]`` for the day on which the server changes: every view runs where it did before."""
    lines = [*_head(known), *_paragraph("These move to asgi later, in this order.", lanes.moving, "first")]
    return "\n".join([*lines, *_paragraph("These stay here.", lanes.staying, "first")])


def last_table(known: Known, lanes: Lanes) -> str:
    """Return ``[lanes]`` for the day on which the plan is done."""
    lines = [*_head(known), *_paragraph("These have proved themselves.", lanes.moving, "last")]
    return "\n".join([*lines, *_paragraph("These stay here.", lanes.staying, "last")])


def _head(known: Known) -> Iterator[str]:
    if known.sets_urlconf:
        yield "# A middleware sets request.urlconf: all views are on the wsgi lane, whatever is said here."
    else:
        yield "# A view that is not named here is on the lane of its kind: synchronous ones on wsgi."
    yield "[lanes]"


def _paragraph(title: str, placings: Iterable[Placing], which: str) -> list[str]:
    entries = [
        f"{_quoted(each.view.name)} = {_quoted(getattr(each, which))}  # {_commented(each.why)}"
        for each in placings
    ]
    return [f"# {title}", *entries] if entries else []


def _quoted(text: str) -> str:
    """Return a basic string of TOML, which JSON's strings are but for U+007F and halves of characters."""
    clean = text.encode(errors="backslashreplace").decode()
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def _commented(text: str) -> str:
    return _CONTROL.sub(" ", text.encode(errors="backslashreplace").decode())


def budget_table(lanes: Lanes) -> str:
    """Return ``[lane_budget]``: how much worse a view may do on its new lane."""
    return "\n".join(
        (
            "[lane_budget]",
            "errors = 1.0   # percentage points of requests that may fail more than on the old lane",
            "p95 = 1.5      # times as long as on the old lane",
            "stalls = 1     # more in 1000 requests than on the old lane",
            f"window = {lanes.window:<4}  # seconds of which requests are compared",
            f"requests = {REQUESTS}  # fewest on the new lane, before it is judged",
        )
    )
