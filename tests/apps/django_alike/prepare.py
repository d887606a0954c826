"""Makes the project's database in the current folder: `python -m tests.apps.django_alike.prepare`."""

import os

import django  # type: ignore[import-untyped]
from django.core.management import call_command  # type: ignore[import-untyped]


def main() -> None:
    """Make the tables, and one user."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.apps.django_alike.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User  # type: ignore[import-untyped]

    User.objects.create_user("ida", password="secret")


if __name__ == "__main__":
    main()
