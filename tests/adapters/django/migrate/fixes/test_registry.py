"""Which rules have a codemod."""

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import FixKind
from hybrid.adapters.django.migrate.fixes.registry import CODEMODS
from hybrid.adapters.django.migrate.fixes.runner import load_codemods
from hybrid.adapters.django.migrate.plan.shell import FIXED, SUGGESTED
from tests.support.fixing import pairs


def test_a_plan_knows_them() -> None:
    """It names the rules that are put right, without loading what does that."""
    load_codemods()
    assert sorted(CODEMODS[FixKind.AUTO]) == sorted(FIXED)
    assert CODEMODS[FixKind.SUGGEST].keys() - CODEMODS[FixKind.AUTO].keys() == {*SUGGESTED}


def test_they_are_rules_that_can_be_put_right() -> None:
    """The catalogue says of each that it is, which the list of rules in the manual shows."""
    load_codemods()
    assert {RULES[each].fix for each in CODEMODS[FixKind.AUTO]} == {FixKind.AUTO}


def test_each_has_pairs() -> None:
    """There are at least two files for each, before and after."""
    load_codemods()
    for kind in CODEMODS:
        files = [each.rule for each in pairs() if each.suggest is (kind is FixKind.SUGGEST)]
        assert all(files.count(rule) >= 2 for rule in CODEMODS[kind])
