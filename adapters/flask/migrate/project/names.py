"""Names of functions, as those who read their source have them."""

from typing import Any

from hybrid.adapters.django.migrate.project.origins import dotted


def named_in_source(function: Any) -> str:
    """Return the dotted name of a function or a class; one within a factory is ``shop.create_app.cart``."""
    return dotted(function).replace(".<locals>", "")
