"""A report that is read back from JSON."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.from_json import report_from_json
from tests.support.planted import audited
from tests.support.reports import full_report


def as_said(report: Any) -> dict[str, Any]:
    """Return what JSON says of a report."""
    said: dict[str, Any] = json.loads(render(report, "json"))
    return said


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    """Findings, causes, routes, middleware, receivers, versions and packages come back."""
    for report in (full_report(tmp_path), audited("shop.settings")):
        again = report_from_json(as_said(report))
        assert again.findings == tuple(replace(each, cause=each.group) for each in report.findings)
        assert [(each.routes, each.reachable, each.masked_by) for each in again.findings] == [
            (each.routes, each.reachable, each.masked_by) for each in report.findings
        ]
        assert again.packages == report.packages
        for name in ("routes", "socket_routes", "middleware", "receivers", "failures", "versions", "wsgi"):
            assert getattr(again.facts, name) == getattr(report.facts, name), name
        assert again.reading.root == report.reading.root


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"findings": {}},
        {"project": None},
        {"findings": [{"rule": "HM101"}]},
        {"routes": [3]},
        {"packages": [{}]},
    ],
    ids=str,
)
def test_what_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    """Anything else is refused in one line, and not with a traceback."""
    with pytest.raises(ValueError, match=r"it is no report of an audit.*\Z"):
        report_from_json({**as_said(full_report(tmp_path)), **change})
