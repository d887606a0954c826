"""Fitting in with the framework of applications that have just been loaded."""

import sys

from hybrid.server.application import AFTER_LOADING
from hybrid.server.config import Config


def fit_in_when_loaded() -> None:
    """Have servers of this process fit in with what their applications use; to be called any time before."""
    if fit_in not in AFTER_LOADING:
        AFTER_LOADING.append(fit_in)


def fit_in(config: Config) -> None:
    """Fit in with frameworks that are there; nothing is imported for those that are not.

    Raises:
        ConfigError: the settings of an application cannot work with the configuration.
    """
    django_apps = sys.modules.get("django.apps")
    if django_apps is not None and django_apps.apps.ready:
        from hybrid.adapters.django.project import project_loaded

        project_loaded(config)
