"""Which rules of the catalogue were seen to apply while requests were served, and where."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Place, Seen

#: Methods that change nothing (RFC 9110 section 9.2.1): a view that is cancelled leaves nothing half done.
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
#: The rule of each event, for which there is one in any case.
_RULES: Final = {
    "stall": "HM307",
    "synchronous_only": "HM107",
    "collected": "HM305",
    "cancelled": "HM402",
    "unfinished": "HM410",
    "escaped": "HM406",
    "path": "HM405",
}


def findings_of(answer: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for each rule and place, the worst first."""
    root = Path(answer["root"])
    groups: dict[tuple[str, Place], list[Mapping[str, Any]]] = {}
    for event in answer["events"]:
        if rule := _rule_of(event):
            groups.setdefault((rule, _place(root, event["spot"])), []).append(event)
    found = [_finding(rule, place, events) for (rule, place), events in groups.items()]
    return sorted(found, key=_order)


def _order(finding: Finding) -> tuple[int, str, str, int]:
    return [*Level].index(finding.level), finding.rule, finding.place.file, finding.place.line


def _rule_of(event: Mapping[str, Any]) -> str | None:
    if event["what"] == "cancelled" and event["detail"] in _SAFE:
        return None
    if event["what"] == "collected" and event["detail"].startswith("an asynchronous"):
        return "HM306"
    return _RULES.get(event["what"])


def _place(root: Path, spot: Mapping[str, Any]) -> Place:
    path = Path(spot["file"])
    file = path.relative_to(root).as_posix() if path.is_relative_to(root) else spot["file"]
    return Place(file, spot["line"], spot["line"], spot["symbol"])


def _finding(rule: str, place: Place, events: Iterable[Mapping[str, Any]]) -> Finding:
    events = [*events]
    count = sum(each["count"] for each in events)
    views = sorted({each["view"] for each in events})
    confidence = Confidence.CERTAIN if place.file or rule in ("HM405", "HM410") else Confidence.LIKELY
    found = RULES[rule].finding(
        place,
        f"{_evidence(rule, place, events)}, {_times(count)} in requests for {_names(views)}.",
        seen=Seen.RUN,
        confidence=confidence,
        cause="" if place.file else f"{rule} {' '.join(views)}",
    )
    return replace(found, routes=tuple(views))


def _evidence(rule: str, place: Place, events: list[Mapping[str, Any]]) -> str:
    details = ", ".join(sorted({each["detail"] for each in events if each["detail"]}))
    match rule:
        case "HM307":
            longest = max(each["longest"] for each in events)
            where = "" if place.file else ", in no line of the project"
            return f"The event loop of the asgi lane was held for up to {longest:.2f} s{where}"
        case "HM107":
            return "SynchronousOnlyOperation was raised"
        case "HM305" | "HM306":
            return f"Django has collected {details or 'a stream'} in memory"
        case "HM402":
            return f"A client has left the asgi lane before the end, and the view was cancelled ({details})"
        case "HM410":
            return f"request_started was sent and request_finished was not{details and f', for {details}'}"
        case "HM406":
            return f"{details or 'An error'} came out of the application, so that the server has answered"
        case _:
            return "The path was no UTF-8"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _names(views: list[str]) -> str:
    most = 3
    more = f" and {len(views) - most} more" if len(views) > most else ""
    return f"{', '.join(views[:most])}{more}"
