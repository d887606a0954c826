"""Settings that have a table for each alias: DATABASES, CACHES, CHANNEL_LAYERS."""

from collections.abc import Iterator
from typing import Any, cast

from hybrid.adapters.django.migrate.project.facts import Facts


def tables_of(facts: Facts, setting: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the aliases of a setting, each with its table; nothing of what is none, or empty."""
    for alias, each in table(facts.settings.get(setting)).items():
        if table(each):
            yield alias, table(each)


def table(value: object) -> dict[str, Any]:
    """Return a table as one, and an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
