"""Each rule of Flask's finds what was planted for it, and nothing that looks alike."""

import pytest

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.checks import load_rules
from hybrid.adapters.django.migrate.findings import Seen
from hybrid.adapters.django.migrate.rules import registry
from tests.support.planted import marks
from tests.support.planted_flask import PROJECT, audited, found

load_rules("hybrid.adapters.flask.migrate.rules")
LOOKED_FOR = registry.looked_for("HF")


@pytest.mark.parametrize("rule", LOOKED_FOR)
def test_what_is_planted_is_found_and_nothing_else(rule: str) -> None:
    """The findings of a rule are exactly the lines that are marked with it."""
    planted = {str(each) for each in marks(PROJECT)[0] if each.rule == rule}
    assert {str(each) for each in found() if each.rule == rule} == planted


@pytest.mark.parametrize("rule", LOOKED_FOR)
def test_each_rule_has_a_fault_and_a_look_alike(rule: str) -> None:
    """A rule without either has never been seen to work, or to be silent."""
    planted, alike = marks(PROJECT)
    assert [each for each in planted if each.rule == rule]
    assert [each for each in alike if each.rule == rule]


def test_every_rule_of_the_catalogue_is_looked_for() -> None:
    """And is found in the ways that the catalogue says."""
    said = {(rule, way) for rule, each in RULES.items() if rule in LOOKED_FOR for way in each.seen}
    read = {*registry.STATIC, *registry.WHOLE}
    checked = {(rule, Seen.STATIC) for rule in LOOKED_FOR if rule in read}
    checked |= {(rule, Seen.IMPORT) for rule in LOOKED_FOR if rule in registry.IMPORT}
    assert [each for each in RULES if each.startswith("HF")] == LOOKED_FOR
    assert said == checked


def test_the_application_imports() -> None:
    """Nothing of that fails, nor a check of ours."""
    report = audited("static", "import")
    assert (report.facts.failures, report.broken, report.reading.unread) == ((), (), ())
    assert report.reading.root == PROJECT


def test_the_source_alone_tells_most() -> None:
    """Without importing, and without being told that it is Flask's, all that has a place is found as well."""
    static = {each.rule for each in audited("static").findings}
    assert {each for each in LOOKED_FOR if each in registry.STATIC} <= static
    assert all(each.startswith("HF") for each in static)
