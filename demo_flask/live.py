"""The one place where the synchronous views and the WebSockets meet: a channel layer in this process."""

import json
from typing import Any

from hybrid.bridge.layers import InMemoryChannelLayer

#: The group that every open page belongs to.
GROUP = "board"

layer = InMemoryChannelLayer()


def announce(message: dict[str, Any]) -> None:
    """Send a new message to every open page. For views: runs on any thread, and waits for nobody."""
    text = json.dumps({"type": "message", "message": message}, ensure_ascii=False)
    layer.publish(GROUP, {"type": "board.message", "text": text})
