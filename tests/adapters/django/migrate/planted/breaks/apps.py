from django.apps import AppConfig


class BreaksConfig(AppConfig):
    name = "breaks"

    def ready(self):
        import breaks.receivers
