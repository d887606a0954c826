"""`manage.py demo_data`: people and tickets to begin with."""

import random
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from demo_django.desk.models import Ticket

PEOPLE = ("ada", "grace", "linus")
PASSWORD = "correct horse"  # noqa: S105 - it is printed for everybody

TITLES = (
    "The printer on the third floor prints everything twice",
    "Cannot sign in after changing my password",
    "New laptop for Monday",
    "Invoices from March are missing in the archive",
    "The door of the server room does not close",
    "Please add Hedy to the mailing list",
    "Video calls freeze after ten minutes",
    "The shop shows prices without tax",
    "Backup of last night has failed",
    "Two monitors flicker in the meeting room",
    "The coffee machine asks for a network cable",
    "Access to the shared calendar",
)


class Command(BaseCommand):
    """Makes them, once."""

    help = "Makes three people, the first of whom may use the admin, and tickets; says how to sign in."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is not there."""
        accounts = get_user_model().objects
        if not accounts.filter(username=PEOPLE[0]).exists():
            make = (accounts.create_superuser, accounts.create_user, accounts.create_user)
            people = [create(name, password=PASSWORD) for create, name in zip(make, PEOPLE, strict=True)]
            self._write_tickets(people)
        self.stdout.write(f"Sign in as {', '.join(PEOPLE)}, with the password: {PASSWORD}")

    def _write_tickets(self, people: list[Any]) -> None:
        dice = random.Random(7)  # noqa: S311 - the same tickets each time
        for number in range(40):
            ticket = Ticket.objects.create(
                title=TITLES[number % len(TITLES)],
                description="It began this morning. Nothing was changed as far as we know.",
                status=dice.choice(("open", "open", "waiting", "solved")),
                priority=dice.choice(Ticket.Priority.values),
                author=dice.choice(people),
                assignee=dice.choice([*people, None]),
            )
            if number % 3 == 0:
                ticket.comments.create(author=dice.choice(people), text="I am looking at it.")
