"""A backend for Django's own tasks, which there are from Django 6.0 on."""

from django.tasks import task
from django.tasks.backends.base import BaseTaskBackend


class Backend(BaseTaskBackend):
    """Sends nothing: nobody may ask it to."""

    def enqueue(self, task, args, kwargs):
        raise AssertionError("a task has been sent")


@task
def weigh(coin, times=1):
    """Never run in a test."""
