"""What `docs/migrate-rules.md` says of each rule, made from the catalogue."""

from itertools import groupby

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.checks import load_rules
from hybrid.adapters.django.migrate.findings import FixKind
from hybrid.adapters.django.migrate.rule import Rule, is_of_flask
from hybrid.adapters.django.migrate.rules import registry

_FIXES = {
    FixKind.AUTO: "the change is safe to make at once",
    FixKind.SUGGEST: "a change to read first",
    FixKind.LANE: "a lane for the view",
    FixKind.SETTING: "a setting or a version",
    FixKind.NONE: "nothing has to be done",
}


def rules_of_migration() -> str:
    """Write a section for each group, and a part for each rule."""
    load_rules()
    load_rules("hybrid.adapters.flask.migrate.rules")
    parts: list[str] = []
    for (flask, group), rules in groupby(RULES.values(), key=lambda each: (is_of_flask(each.id), each.group)):
        parts.append(f"## Flask: {group[0].lower()}{group[1:]}" if flask else f"## {group}")
        parts.extend(map(_rule, rules))
    return "\n\n".join(parts)


def _rule(rule: Rule) -> str:
    facts = f"{rule.level.value} on {rule.where}; {_seen(rule.id)}; {_FIXES[rule.fix]}"
    said = f"**{rule.title}** ({facts}). {rule.why}".replace("__", r"\_\_")
    return f"### {rule.id}\n\n{said} [Documentation]({rule.link})"


def _seen(rule: str) -> str:
    """Say what looks for a rule now, which may be less than the catalogue plans."""
    read = rule in registry.STATIC or rule in registry.WHOLE
    ways = [name for name, there in (("reading", read), ("importing", rule in registry.IMPORT)) if there]
    if rule in registry.AT_RUN_TIME:
        return "shows when requests are sent"
    return f"found by {' and '.join(ways)}" if ways else "nothing looks for it yet"
