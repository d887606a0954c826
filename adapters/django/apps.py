"""``hybrid.adapters.django`` in ``INSTALLED_APPS``: the commands ``serve`` and ``runserver``, and
``CHANNEL_LAYERS`` wherever the project is set up.
"""

from importlib import import_module
from typing import Any

from hybrid.adapters.django.fitted import fit_in

_apps: Any = import_module("django.apps")
_checks: Any = import_module("django.core.checks")


class HybridConfig(_apps.AppConfig):  # type: ignore[misc]  # of Django, which is not typed
    """The application, which has no models."""

    name = "hybrid.adapters.django"
    label = "hybrid"
    verbose_name = "Hybrid"

    def ready(self) -> None:
        """Fit the bridge in with the project, and have the order of the applications checked.

        A script, or a task that calls ``hybrid.publish``, has no server that would do the former.
        """
        fit_in()
        _checks.register(check_order)


def check_order(**_: object) -> list[Any]:
    """Find out whether ``runserver`` is this one: of several applications that have it, the first counts."""
    installed = [config.name for config in _apps.apps.get_app_configs()]
    others = [name for name in ("daphne", "django.contrib.staticfiles") if name in installed]
    ours = installed.index("hybrid.adapters.django")
    return [
        _checks.Error(
            f"hybrid.adapters.django must be listed before {name} in INSTALLED_APPS",
            hint="runserver is that of the first application that has one",
            id="hybrid.E001",
        )
        for name in others
        if installed.index(name) < ours
    ]
