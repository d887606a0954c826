"""What a server asks about Django: an :class:`~hybrid.server.frameworks.Adapter`.

Nothing is imported before it is needed: that Django is there does not say that anybody serves a project.
"""

import sys
from collections.abc import Sequence

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.gateway import Target
from hybrid.server.config import Config
from hybrid.server.config.static import StaticMount


def load(config: Config, targets: Sequence[Target]) -> list[Target]:
    """Set up the project that a configuration names, and return it before the targets that are no part of
    it.
    """
    from hybrid.adapters.django.lanes import project

    return project.load(config, targets)


def adapt(targets: Sequence[Target], config: Config) -> list[Target]:
    """Put both handlers of a project together."""
    from hybrid.adapters.django.lanes import project

    return project.adapt(targets, config)


def static_mounts(targets: Sequence[Target], config: Config) -> list[StaticMount]:
    """Return where the static files of the project are that has been set up.

    Raises:
        ConfigError: there is no project, or its settings name none.
    """
    if not _is_set_up():
        raise ConfigError("django_static: no target is a Django project, whose STATIC_ROOT could be served")
    from hybrid.adapters.django import static

    try:
        return static.static_mounts(targets, root_path=config.root_path)
    except ConfigError as error:
        raise ConfigError(f"django_static: {error}") from None


def loaded(config: Config) -> None:
    """Fit the bridge in with a project, and look whether its settings can work with the server's.

    Raises:
        ConfigError: a layer keeps the processes of this server apart, or cannot be made.
    """
    if not _is_set_up():
        return
    from hybrid.adapters.django.fitted import fit_in
    from hybrid.adapters.django.layers import refuse_apart

    fit_in()
    refuse_apart(config.workers)


def _is_set_up() -> bool:
    django_apps = sys.modules.get("django.apps")
    return django_apps is not None and bool(django_apps.apps.ready)
