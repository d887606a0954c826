"""A task of Celery that publishes to the room."""

import os

from celery import Celery  # type: ignore[import-untyped]

import hybrid

app = Celery("room", broker=os.environ["ROOM_BROKER"])
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True


@app.task  # type: ignore[untyped-decorator]
def say(text: str) -> None:
    """Publish."""
    hybrid.publish("room", {"type": "room.said", "text": f"celery: {text}"})
