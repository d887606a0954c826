"""The app."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Tells open pages of what is saved, wherever that happens."""

    name = "demo_django.desk"

    def ready(self) -> None:
        """Listen to the models."""
        from demo_django.desk import live

        live.listen()
