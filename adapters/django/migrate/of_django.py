"""What an audit of a Django project is made of."""

from typing import Final

from hybrid.adapters.django.migrate.frameworks import Framework
from hybrid.adapters.django.migrate.packages import packages_of
from hybrid.adapters.django.migrate.project.facts import Facts


def _everywhere(facts: Facts) -> tuple[str, ...]:
    """Return nothing: middleware and receivers are among the facts of every project."""
    return ()


FRAMEWORK: Final = Framework("HM", "hybrid.adapters.django.migrate.rules", packages_of, _everywhere)
