"""What a server asks about Django: an :class:`~hybrid.server.frameworks.Adapter`.

Nothing is imported before it is needed: that Django is there does not say that anybody serves a project.
"""

import sys
from collections.abc import Sequence

from hybrid.bridge.gateway import Target
from hybrid.server.config import Config


def load(config: Config) -> Target:
    """Set up the project that a configuration names, and return it as a target."""
    from hybrid.adapters.django.lanes import project

    return project.load(config)


def adapt(targets: Sequence[Target], config: Config) -> list[Target]:
    """Put both handlers of a project together."""
    from hybrid.adapters.django.lanes import project

    return project.adapt(targets, config)


def loaded(config: Config) -> None:
    """Fit the bridge in with a project, and look whether its settings can work with the server's.

    Raises:
        ConfigError: a layer keeps the processes of this server apart, or cannot be made.
    """
    django_apps = sys.modules.get("django.apps")
    if django_apps is None or not django_apps.apps.ready:
        return
    from hybrid.adapters.django.fitted import fit_in
    from hybrid.adapters.django.layers import refuse_apart

    fit_in()
    refuse_apart(config.workers)
