"""Every rule of the catalogue is looked for, or has a reason why not."""

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.checks import load_rules
from hybrid.adapters.django.migrate.findings import Seen
from hybrid.adapters.django.migrate.rules import registry

load_rules()
LOOKED_FOR = set(registry.looked_for("HM"))
READ = LOOKED_FOR & {*registry.STATIC, *registry.WHOLE}
OF_DJANGO = {name: each for name, each in RULES.items() if name.startswith("HM")}


def test_every_rule_has_a_check_or_a_reason() -> None:
    """A rule has checks, or is in the list of those that show at run time alone; none is in both."""
    assert LOOKED_FOR | set(registry.AT_RUN_TIME) == set(OF_DJANGO)
    assert not LOOKED_FOR & set(registry.AT_RUN_TIME)


def test_the_catalogue_says_how_each_rule_is_found() -> None:
    """What is read is said to be found by reading, what is imported by importing, and nothing else."""
    said = {(rule, way) for rule, each in OF_DJANGO.items() for way in each.seen if way is not Seen.RUN}
    checked = {(rule, Seen.STATIC) for rule in READ} | {
        (rule, Seen.IMPORT) for rule in LOOKED_FOR if rule in registry.IMPORT
    }
    assert said == checked


def test_what_shows_at_run_time_is_seen_nowhere_else() -> None:
    """The catalogue has nothing but that for these rules."""
    assert {RULES[each].seen for each in registry.AT_RUN_TIME} == {(Seen.RUN,)}
