"""Mail that is not sent: whatever backend it would have gone out through."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.guards import replaced
from hybrid.adapters.django.migrate.shadow.runs import current

_mail: Final[Any] = import_module("django.core.mail")
_message: Final[Any] = _mail.EmailMessage
_base: Final[Any] = import_module("django.core.mail.backends.base").BaseEmailBackend
_smtp: Final[Any] = import_module("django.core.mail.backends.smtp").EmailBackend


class NotedMail(_base):  # type: ignore[misc]  # of Django, which is not typed
    """A backend that notes mail; it takes the arguments of any other, of each version of Django."""

    fail_silently = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.alias = kwargs.get("alias")

    def send_messages(self, messages: Sequence[Any]) -> int:
        """Note them."""
        return _note(messages)


@contextmanager
def guard() -> Generator[None]:
    """Let ``get_connection`` have no other backend; messages go to none, whichever they are given, and those
    for SMTP that are there send nothing.
    """

    def find(path: str) -> type:
        return NotedMail

    def send(self: Any, *args: Any, **kwargs: Any) -> int:
        return _note([self])

    def open_(self: Any) -> bool:
        return False

    def close(self: Any) -> None:
        pass

    def send_messages(self: Any, messages: Sequence[Any]) -> int:
        return _note(messages)

    mailers: Any = import_module("django.core.mail.handler") if hasattr(_mail, "mailers") else _mail
    with (
        replaced(_mail, import_string=find),
        replaced(mailers, import_string=find),  # from Django 6.1 on
        replaced(_message, send=send),
        replaced(_smtp, open=open_, close=close, send_messages=send_messages),
    ):
        yield


def _note(messages: Sequence[Any]) -> int:
    run = current()
    sent = [each for each in messages if each.recipients()]
    for each in sent:
        each.message()  # which refuses header fields that are none
        to = ", ".join(each.recipients())
        if run is not None:
            run.add("sent", f"mail to {to}: {str(each.subject)!r}, {len(str(each.body))} characters")
    return len(sent)
