"""Fitting in with a Django project that has just been loaded."""

from hybrid.adapters.django.fitted import fit_in
from hybrid.adapters.django.layers import refuse_apart
from hybrid.server.config import Config


def project_loaded(config: Config) -> None:
    """Fit the bridge in with the project, and look whether its settings can work with the server's.

    Raises:
        ConfigError: a layer keeps the processes of this server apart, or cannot be made.
    """
    fit_in()
    refuse_apart(config.workers)
