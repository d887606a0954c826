"""Which exception stands behind an answer; a server with DEBUG says so in its page."""

import re
from html import unescape
from typing import Final

from hybrid.adapters.django.migrate.shadow.exchanges import Outcome

#: Of the page of Django's DEBUG, and of the text that it sends to what asks for no HTML.
_TITLE: Final = re.compile(rb"<title>\s*([\w.]+)\s+at ")
_VALUE: Final = re.compile(rb'<pre class="exception_value">(.*?)</pre>', re.DOTALL)
_TEXT: Final = re.compile(rb"^([\w.]+) at /\S*\r?\n(.*)", re.MULTILINE)
#: The last line of a traceback.
_LAST: Final = re.compile(rb"^([A-Za-z_][\w.]*(?:Error|Exception|Operation|\w): .*)\s*\Z", re.MULTILINE)
_MOST: Final = 300


def exception_of(outcome: Outcome) -> str:
    """Return ``"ValueError: …"``; ``""`` where nothing says which."""
    if outcome.exception or outcome.status < 500:
        return outcome.exception[:_MOST]
    body = outcome.body
    if (title := _TITLE.search(body)) and (value := _VALUE.search(body)):
        return _line(title[1] + b": " + value[1])
    if found := _TEXT.search(body):
        return _line(found[1] + b": " + found[2])
    if body.startswith(b"Traceback ") and (last := _LAST.search(body)):
        return _line(last[1])
    return ""


def _line(text: bytes) -> str:
    return " ".join(unescape(text.decode("utf-8", "replace")).split())[:_MOST]
