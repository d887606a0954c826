"""Projects for plans: routes, findings, and what other commands say of them."""

import json
from pathlib import Path
from typing import Any

from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.plan.compared import comparison_of
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.observed import observation_of
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.step import Step
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, RouteFact
from hybrid.adapters.django.migrate.report.report import Reading, Report
from tests.support.sources import finding


def route(label: str, kind: str = "async", **more: Any) -> RouteFact:
    """Return a route to ``shop.views.LABEL``, which is called ``shop:LABEL``."""
    said: dict[str, Any] = {
        "name": f"shop:{label}",
        "view": f"shop.views.{label}",
        "lane": "asgi; async-view" if kind == "async" else "wsgi; sync-view",
        "is_async": kind == "async",
        **more,
    }
    return RouteFact(f"{label}/", **{"called": said["name"] or said["view"], **said})


def of_view(rule: str, name: str, level: Level = Level.ERROR, **more: Any) -> Finding:
    """Return a finding to which a route of the shop leads."""
    said: dict[str, Any] = {"routes": (f"shop:{name}",), "reachable": True, "lanes": ("asgi",), **more}
    return finding(rule, "shop/views.py", 3, f"shop.views.{name}", level=level, **said)


def known(
    *found: Finding,
    routes: tuple[RouteFact, ...] = (),
    middleware: tuple[MiddlewareFact, ...] = (),
    observed: dict[str, Any] | None = None,
    compared: dict[str, Any] | None = None,
) -> Known:
    """Return what is known of a project."""
    facts = Facts(settings_module="shop.settings", routes=routes, middleware=middleware)
    return Known(
        Report(found, facts, Reading(Path("/srv"))),
        None if observed is None else observation_of(observed),
        None if compared is None else comparison_of(compared),
    )


def seen(calls: int, p50: float | None = 0.1, **more: Any) -> dict[str, Any]:
    """Return what ``observe`` says of a view on a lane."""
    stalls = {"count": 0, "longest": 0.0, "stacks": list[Any]()}
    return {"calls": calls, "failed": 0, "p50": p50, "p95": p50, "p99": p50, "stalls": stalls, **more}


def observed(seconds: float = 3600, **views: dict[str, Any]) -> dict[str, Any]:
    """Return what ``observe`` says of the shop's views, on one lane or both: ``cart={"wsgi": seen(9)}``."""
    told = [{"name": f"shop:{name}", "path": "", "lanes": lanes} for name, lanes in views.items()]
    return {"schema": 1, "kind": "observe", "since": 0, "seconds": seconds, "views": told, "findings": []}


def compared(*groups: dict[str, Any], **views: tuple[int, int]) -> dict[str, Any]:
    """Return what ``shadow`` says of the shop's views: ``cart=(requests, different)``."""
    told = [
        {"name": f"shop:{name}", "requests": requests, "same": requests - different, "different": different}
        for name, (requests, different) in views.items()
    ]
    different = sum(each[1] for each in views.values())
    requests = sum(each[0] for each in views.values())
    numbers = {"requests": requests, "same": requests - different, "different": different, "unreachable": 0}
    return {"schema": 1, "kind": "shadow", **numbers, "views": told, "groups": [*groups], "masks": []}


def steps(plan: Plan) -> list[Step]:
    """Return the steps in their order."""
    return [step for _, _, step in plan.numbered]


def number(plan: Plan, title: str) -> int:
    """Return the number of the one step with this in its title."""
    (found,) = (number for number, _, step in plan.numbered if title in step.title)
    return found


def written(path: Path, said: Any) -> Path:
    """Write JSON to a file."""
    path.write_text(json.dumps(said))
    return path
