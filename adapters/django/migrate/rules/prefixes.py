"""Where the application is mounted."""

from collections.abc import Iterator

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.registry import imported
from hybrid.adapters.django.migrate.source.settings import place_of_setting
from hybrid.adapters.django.migrate.source.sources import Sources


@imported("HM404")
def script_name_of_settings(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find FORCE_SCRIPT_NAME."""
    name = facts.settings.get("FORCE_SCRIPT_NAME")
    if name:
        yield RULES["HM404"].finding(
            place_of_setting(sources, facts.settings_module, "FORCE_SCRIPT_NAME"),
            f"FORCE_SCRIPT_NAME = {name!r}: the path {name}/page/ is the page /page/ on ASGI, and on WSGI "
            "only where the server takes the prefix away",
            seen=Seen.IMPORT,
        )
