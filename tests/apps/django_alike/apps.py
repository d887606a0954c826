"""The project as an application of itself, which listens to signals from the start."""

from django.apps import AppConfig  # type: ignore[import-untyped]


class AlikeConfig(AppConfig):  # type: ignore[misc]
    """Connects the journal."""

    name = "tests.apps.django_alike"

    def ready(self) -> None:
        """Listen."""
        from tests.apps.django_alike import journal  # noqa: F401 - for what it connects
