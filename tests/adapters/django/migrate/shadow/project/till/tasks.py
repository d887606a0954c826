"""A Celery application."""

from celery import Celery, shared_task

app = Celery("till", broker="redis://127.0.0.1:9/0", backend="redis://127.0.0.1:9/1", set_as_current=True)


@shared_task(name="till.count")
def count(what, of="coins"):
    """Never run in a test."""


@shared_task(name="till.total")
def total(counted):
    """Never run in a test."""
