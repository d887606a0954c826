"""Findings as results of SARIF 2.1.0; section numbers are those of its specification."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.report.identities import Identity, identity_of
from hybrid.adapters.django.migrate.report.patches import Replacement, replacements
from hybrid.adapters.django.migrate.report.places import Addresses, Texts
from hybrid.adapters.django.migrate.report.report import Compared, Gone, Report
from hybrid.adapters.django.migrate.report.words import on_lanes

#: The name by which results say that a file is below the root of the source (3.14.14).
SRCROOT: Final = "%SRCROOT%"
#: The name of the fingerprint; another number where it is made of something else (3.27.17).
FINGERPRINT: Final = "hybridFinding/v1"

_LINK: Final = re.compile(r"\[([^\[\]]*)\]\(")
_MASK: Final = re.compile(r"(H[MF]\d{3}) in (\S+?)(?=,|$)")
_ROUTES: Final = 5  # whose views are named as related locations


def message(text: str, *, links: bool = False) -> dict[str, str]:
    """Return a message: braces are doubled (3.11.5), and brackets are no links (3.11.6) unless said."""
    told = text.replace("{", "{{").replace("}", "}}")
    return {"text": told if links else _LINK.sub(r"\\[\1\\](", told)}


class Results:
    """The results of a run.

    Args:
        report: what was found.
        rules: the ids of the rules in the order of the run.
    """

    def __init__(self, report: Report, rules: list[str]) -> None:
        self.addresses = Addresses(report.reading.root)
        self._report = report
        self._rules = {name: index for index, name in enumerate(rules)}
        self._texts = Texts(report.reading.root)
        self._seen = Counter[str]()
        self._by_rule: dict[str, list[Finding]] = {}
        for each in report.findings:
            self._by_rule.setdefault(each.rule, []).append(each)
        self._routes: dict[str, list[RouteFact]] = {}
        for route in report.facts.routes:
            self._routes.setdefault(route.name or route.pattern, []).append(route)

    def all(self) -> list[dict[str, Any]]:
        """Return all: what comments or a baseline accept is suppressed, the rest says that it is not
        (3.27.23). With a baseline, each says how it stands to that (3.27.24).
        """
        state: dict[str, Any] = {} if self._report.baseline is None else {"baselineState": "new"}
        found = [{**self._result(each), **state} for each in self._report.findings]
        if self._report.baseline is not None:
            found += self._of_baseline(self._report.baseline)
        found += [
            {**self._result(each.finding), **_suppressed("inSource", each.reason)}
            for each in self._report.reading.ignored
        ]
        return found

    def _of_baseline(self, baseline: Compared) -> Iterator[dict[str, Any]]:
        for each in baseline.accepted:
            suppressed = _suppressed("external", each.reason)
            yield {**self._result(each.finding), "baselineState": "unchanged", **suppressed}
        for gone in baseline.gone:
            for _ in range(gone.count):
                yield {**self._absent(gone), **_suppressed("external", gone.reason)}

    def _absent(self, gone: Gone) -> dict[str, Any]:
        """Return what was accepted and is not found any more; where it was in its file nobody knows."""
        location = self.located(gone.identity.file or self._settings(), 0)
        symbol = {"symbol": gone.identity.symbol} if gone.identity.symbol else {}
        return {
            "ruleId": gone.identity.rule,
            "ruleIndex": self._rules[gone.identity.rule],
            "level": gone.level.value,
            "message": message(f"Not found any more: {gone.identity.text}"),
            "locations": [location] if location else [],
            "partialFingerprints": {FINGERPRINT: self._fingerprint(gone.identity)},
            "baselineState": "absent",
            "properties": {"in_file": bool(gone.identity.file), **symbol},
        }

    def located(self, file: str, line: int, end_line: int = 0) -> dict[str, Any] | None:
        """Return a location, or None for what is in no file; line 0 is for the whole file."""
        if not file:
            return None
        physical: dict[str, Any] = {"artifactLocation": self._artifact(file)}
        if line > 0:
            end = {"endLine": end_line} if end_line > line else {}
            physical["region"] = {"startLine": line, **end}
        return {"physicalLocation": physical}

    def _artifact(self, file: str) -> dict[str, Any]:
        uri, below = self.addresses.uri(file)
        return {"uri": uri, "uriBaseId": SRCROOT} if below else {"uri": uri}

    def _result(self, finding: Finding) -> dict[str, Any]:
        related, masked = self._related(finding)
        location = self._location(finding)
        changes = replacements(finding.fix.patch)
        return {
            "ruleId": finding.rule,
            "ruleIndex": self._rules[finding.rule],
            "level": finding.level.value,
            "message": _told(finding, masked),
            "locations": [location] if location else [],
            "relatedLocations": related,
            "partialFingerprints": {FINGERPRINT: self._fingerprint(identity_of(finding, self._texts))},
            "suppressions": [],
            **({"fixes": [self._fix(finding, changes)]} if changes else {}),
            "properties": _properties(finding),
        }

    def _location(self, finding: Finding) -> dict[str, Any] | None:
        """Return where a finding is. Code hosts want a file: settings, or the application, stand for none."""
        place = finding.place
        where = self.located(place.file or self._settings(), place.line, place.end_line)
        if where is not None and place.symbol:
            name = {"name": place.symbol.rpartition(".")[2], "fullyQualifiedName": place.symbol}
            where["logicalLocations"] = [name]
        return where

    def _settings(self) -> str:
        facts = self._report.facts
        return facts.modules.get(facts.settings_module, "") or facts.wsgi.where.file

    def _fingerprint(self, identity: Identity) -> str:
        """Make it of what stays when lines move; of those that are alike each has a number."""
        hashed = identity.hashed
        self._seen[hashed] += 1
        return f"{hashed}:{self._seen[hashed]}"

    def _related(self, finding: Finding) -> tuple[list[dict[str, Any]], int]:
        """Return what else to look at, and the id in it of what masks the finding, or 0."""
        found: list[dict[str, Any]] = []
        mask = self._mask(finding)
        if mask is not None:
            found.append({"id": 1, **mask, "message": message(f"masked by {finding.masked_by}")})
        for number, view in enumerate(self._views(finding), len(found) + 1):
            found.append({"id": number, **view})
        return found, int(mask is not None)

    def _mask(self, finding: Finding) -> dict[str, Any] | None:
        said = _MASK.match(finding.masked_by)
        if said is None:
            return None
        rule, symbol = said.groups()
        for each in self._by_rule.get(rule, ()):
            if symbol in {each.place.symbol, each.place.file}:
                return self.located(each.place.file, each.place.line, each.place.end_line)
        where = next((each.where for each in self._report.facts.middleware if each.path == symbol), None)
        return self.located(where.file, where.line) if where else None

    def _views(self, finding: Finding) -> Iterator[dict[str, Any]]:
        """Give the views of some routes that lead here, unless the finding is there itself."""
        place = finding.place
        given = {(str(self._report.reading.root / place.file), place.line)}
        routes = [route for name in finding.routes for route in self._routes.get(name, ())]
        for route in routes:
            where = route.where
            if where.file and route.view != place.symbol and (where.file, where.line) not in given:
                given.add((where.file, where.line))
                location = self.located(where.file, where.line)
                yield {**(location or {}), "message": message(f"the view of /{route.pattern}: {route.view}")}
            if len(given) > _ROUTES:
                return

    def _fix(self, finding: Finding, changes: list[Replacement]) -> dict[str, Any]:
        files = dict.fromkeys(each.file for each in changes)
        return {
            "description": message(finding.fix.text or RULES[finding.rule].why),
            "artifactChanges": [
                {
                    "artifactLocation": self._artifact(file),
                    "replacements": [_replacement(each) for each in changes if each.file == file],
                }
                for file in files
            ],
        }


def _suppressed(kind: str, reason: str) -> dict[str, Any]:
    why = {"justification": reason} if reason else {}
    return {"suppressions": [{"kind": kind, "status": "accepted", **why}]}


def _told(finding: Finding, masked: int) -> dict[str, str]:
    """Say what is the matter: the evidence first, as code hosts show the first sentence alone."""
    lanes = on_lanes(finding)
    parts = [finding.evidence.rstrip(".") + ".", f"{lanes[0].upper()}{lanes[1:]}."]
    if finding.fix.text and finding.fix.text != RULES[finding.rule].why:
        parts.append(f"Fix: {finding.fix.text.rstrip('.')}.")
    text = message(" ".join(parts))["text"]
    if finding.masked_by:
        hides = message(finding.masked_by)["text"]
        linked = "[" + re.sub(r"([\\\[\]])", r"\\\1", hides) + "](1)"
        text += f" {finding.rule} is masked by {linked if masked else hides}."
    return {"text": text}


def _properties(finding: Finding) -> dict[str, Any]:
    """Return what SARIF has no names for, named as in the JSON report."""
    return {
        "confidence": finding.confidence.value,
        "lanes": [*finding.lanes],
        "seen": finding.seen.value,
        "cause": finding.group,
        "routes": [*finding.routes],
        "reachable": finding.reachable,
        "masked_by": finding.masked_by,
        "fix": {"kind": finding.fix.kind.value, "text": finding.fix.text},
        "in_file": bool(finding.place.file),
    }


def _replacement(change: Replacement) -> dict[str, Any]:
    """Say which whole lines go: an empty region is for text that is put before a line (3.30.2)."""
    region = {"startLine": change.line, "startColumn": 1, "endLine": change.line + change.count}
    return {
        "deletedRegion": {**region, "endColumn": 1},
        **({"insertedContent": {"text": change.text}} if change.text else {}),
    }
