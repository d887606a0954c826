"""Each rule finds what was planted for it, and nothing that looks alike."""

import pytest

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.checks import load_rules
from hybrid.adapters.django.migrate.rules import registry
from tests.support.planted import PROJECT, audited, found, marks

load_rules()
LOOKED_FOR = registry.looked_for("HM")


@pytest.mark.parametrize("rule", LOOKED_FOR)
def test_what_is_planted_is_found_and_nothing_else(rule: str) -> None:
    """The findings of a rule are exactly the lines that are marked with it."""
    planted = {str(each) for each in marks()[0] if each.rule == rule}
    seen = {str(each) for each in found() if each.rule == rule}
    assert seen == planted


@pytest.mark.parametrize("rule", LOOKED_FOR)
def test_each_rule_has_a_fault_and_a_look_alike(rule: str) -> None:
    """A rule without either has never been seen to work, or to be silent."""
    planted, alike = marks()
    assert [each for each in planted if each.rule == rule]
    assert [each for each in alike if each.rule == rule]


def test_what_is_marked_is_looked_for() -> None:
    """No comment names a rule that nothing looks for, or that is none."""
    planted, alike = marks()
    assert {each.rule for each in planted | alike} <= set(LOOKED_FOR) <= set(RULES)


def test_the_project_imports() -> None:
    """The planted project is found by importing too: nothing of that failed, and no check of ours did."""
    report = audited("shop.settings")
    assert report.facts.failures == ()
    assert report.broken == ()
    assert report.reading.unread == ()
    assert report.reading.root == PROJECT


def test_the_source_alone_tells_most() -> None:
    """Without importing, all that has a place in the source and does not need routes is found as well."""
    static = {each.rule for each in audited("shop.settings", ("static",)).findings}
    assert {each for each in LOOKED_FOR if each in registry.STATIC} <= static
