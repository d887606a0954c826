"""Tickets, and what is said about them."""

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse


class Ticket(models.Model):
    """Something that somebody wants done."""

    class Status(models.TextChoices):
        """How far it is."""

        OPEN = "open"
        WAITING = "waiting"
        SOLVED = "solved"

    class Priority(models.IntegerChoices):
        """How much it matters."""

        LOW = 1
        NORMAL = 2
        HIGH = 3
        URGENT = 4

    title = models.CharField(max_length=120)
    description = models.TextField(max_length=10_000, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN, db_index=True)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="written", editable=False
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="assigned", null=True, blank=True
    )
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True, db_index=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        """Those that were changed last come first."""

        ordering = ("-updated", "-pk")

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"

    def get_absolute_url(self) -> str:
        """Return the path of its page."""
        return str(reverse("desk:ticket", args=[self.pk]))

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it, as a new version."""
        if self.pk:
            self.version += 1
        super().save(*args, **kwargs)


class Comment(models.Model):
    """What somebody has said, or changed."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    text = models.TextField(max_length=10_000)
    is_change = models.BooleanField(default=False, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The oldest comes first."""

        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.author}: {self.text}"


def place(attachment: "Attachment", name: str) -> str:
    """Return where a file is kept."""
    return f"attachments/{uuid.uuid4().hex}"


class Attachment(models.Model):
    """A file of a ticket. On the disk nothing of its name is left, which the uploader chose."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="attachments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    file = models.FileField(upload_to=place)
    name = models.CharField(max_length=150)
    size = models.PositiveIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The oldest comes first."""

        ordering = ("pk",)

    def __str__(self) -> str:
        return str(self.name)

    @staticmethod
    def safe_name(name: str) -> str:
        """Return a name without a path and without characters that cannot be seen."""
        cleaned = "".join(each for each in Path(name).name if each.isprintable()).strip(". ")
        return cleaned[-150:] or "attachment"
