"""Reads what other commands have written: ``audit``, ``observe``, ``shadow`` and ``replay``, as JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from hybrid.adapters.django.migrate.plan.compared import Comparison, comparison_of
from hybrid.adapters.django.migrate.plan.observed import Observation, observation_of
from hybrid.adapters.django.migrate.report.from_json import report_from_json
from hybrid.adapters.django.migrate.report.report import Report
from hybrid.bridge.errors import ConfigError

T = TypeVar("T")


def read_audit(option: str, path: Path) -> Report:
    """Read what ``audit --format json`` has written; what a baseline accepts is a finding like any other.

    Raises:
        ConfigError: it is something else; the message names the option and the file. So with the others.
    """
    return _read(option, path, _audit_of)


def read_observation(option: str, path: Path) -> Observation:
    """Read what ``observe --format json`` has written."""
    return _read(option, path, observation_of)


def read_comparison(option: str, path: Path) -> Comparison:
    """Read what ``shadow --format json``, or ``replay``, has written."""
    return _read(option, path, comparison_of)


def _audit_of(said: Mapping[str, Any]) -> Report:
    report = report_from_json(said)
    if report.facts.framework == "flask":
        raise ValueError("it is of a Flask application, and plans are for projects of Django's")
    accepted = report.baseline.accepted if report.baseline else ()
    return replace(report, findings=(*report.findings, *(each.finding for each in accepted)), baseline=None)


def _read(option: str, path: Path, make: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{option}: {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{option}: {path} is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise ConfigError(f"{option}: {path}: it is no report, which is an object")
    try:
        return make(cast("dict[str, Any]", said))
    except ValueError as error:
        raise ConfigError(f"{option}: {path}: {error}") from None
