"""What `hybrid lanes` prints: tables for people.

The answers come from a server, in which views and clients have a say: control characters of theirs are
escaped.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hybrid.tables import duration, plain, seconds, table

_VIEWS = ("VIEW", "RUNS ON", "WHY", "LANE", "REQUESTS", "ERRORS", "STALLS", "P50", "P95")
_CHANGES = ("NO", "TIME", "VIEW", "BEFORE", "AFTER", "BY", "REASON")
#: Columns of numbers, which end below each other.
_NUMBERS = {"REQUESTS", "ERRORS", "STALLS", "P50", "P95", "NO"}
#: Of paths without a rule: each view below them is where it is by itself.
_OWN = "each its own"


def show_text(answer: Mapping[str, Any]) -> str:
    """Write which view runs where, and how it does there: a row for each lane that has had requests."""
    views: list[Any] = answer["views"]
    rows = [row for view in views for row in _view_rows(view)]
    below = [_trial(view) for view in views if view.get("trial")]
    if budget := answer.get("budget"):
        below.append(f"budget: {_budget(budget)}")
    below.append(_processes(answer))
    return "\n".join([table(_VIEWS, rows, _NUMBERS), "", *below])


def change_text(answer: Mapping[str, Any]) -> str:
    """Write what was changed."""
    change: Any = answer["change"]
    view, before, after = _view(change), _place(change["before"]), _place(change["after"])
    return "\n".join((f"{view}: {before} -> {after}", f"change {change['number']}, {_processes(answer)}"))


def history_text(answer: Mapping[str, Any]) -> str:
    """Write all changes since the start of the server, the newest last."""
    rows = [
        (
            str(each["number"]),
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each["time"])),
            _view(each),
            _place(each["before"]),
            _place(each["after"]),
            plain(each["by"]),
            plain(each["reason"] or ""),
        )
        for each in answer["changes"]
    ]
    return table(_CHANGES, rows, _NUMBERS) if rows else "nothing was changed since the server has started"


def _view_rows(view: Any) -> list[Sequence[str]]:
    """Write the rows of a view, whose name stands in the first alone."""
    trial: Any = view.get("trial")
    watched: Sequence[str] = (trial["old"], trial["new"]) if trial else ()
    lanes = {lane: each for lane, each in view["figures"].items() if each["requests"] or lane in watched}
    figures: list[Sequence[str]] = [(lane, *_figures(each)) for lane, each in lanes.items()]
    heads: list[Sequence[str]] = [(plain(view["name"]), _lane(view), plain(view["reason"]))]
    heads += [("", "", "")] * (len(figures) - 1)
    return [(*head, *row) for head, row in zip(heads, figures or [("-",) * 6], strict=True)]


def _figures(figures: Any) -> tuple[str, ...]:
    requests, errors = figures["requests"], figures["errors"]
    share = f"{100 * errors / requests:.1f} %" if requests else "-"
    times = (seconds(figures[name]) for name in ("p50", "p95"))
    return f"{requests:,}", share, f"{figures['stalls']:,}", *times


def _trial(view: Any) -> str:
    trial = view["trial"]
    lasts = duration(max(0.0, time.time() - trial["since"]))
    return f"on trial: {plain(view['name'])}, {trial['old']} -> {trial['new']}, for {lasts}"


def _budget(budget: Any) -> str:
    """Say what a lane that is on trial may cost."""
    parts = (
        ("errors", "errors +{:g} points"),
        ("p95", "p95 x {:g}"),
        ("stalls", "stalls +{:g} per 1,000 requests"),
        ("stall", "a stall is {:g} s"),
        ("window", "within {:g} s"),
        ("requests", "from {:g} requests on"),
    )
    return ", ".join(
        text.format(budget[key]) for key, text in parts if isinstance(budget.get(key), (int, float))
    )


def _processes(answer: Mapping[str, Any]) -> str:
    number = answer["processes"]
    return f"{number} process{'es' if number != 1 else ''}"


def _view(change: Any) -> str:
    return plain(change["view"]) if change["view"] is not None else "all views"


def _place(place: Any) -> str:
    """Write where a view runs, or a share of its clients, and why."""
    if not place:
        return "-"
    reason = place.get("reason")
    return _lane(place) + (f" ({plain(reason)})" if reason else "")


def _lane(place: Any) -> str:
    percent = place.get("percent")
    share = f" {percent:g} %" if percent is not None else ""
    return f"{plain(place['lane'] or _OWN)}{share}"
