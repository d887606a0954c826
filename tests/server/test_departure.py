"""Which errors of an application say that its client has left, and which that it failed."""

from collections.abc import Callable

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.server.departure import came_of_departure


class ClientGone(Exception):
    """What a framework raises in the server's place."""


def itself() -> None:
    """Let the server's error through."""
    raise ClientDisconnected


def group() -> None:
    """Fail as several tasks do."""
    raise BaseExceptionGroup("", [ClientDisconnected(), ExceptionGroup("", [ClientDisconnected()])])


def translated() -> None:
    """Raise another error instead, as Starlette does."""
    try:
        raise ClientDisconnected
    except OSError:
        raise ClientGone  # noqa: B904 - what is tested


def translated_on_purpose() -> None:
    """Raise one of Python's own from it."""
    try:
        raise ClientDisconnected
    except OSError as error:
        raise RuntimeError("gone") from error


def translated_without_trace() -> None:
    """Raise one of Python's own, and hide the other."""
    try:
        raise ClientDisconnected
    except OSError:
        raise RuntimeError("gone") from None


def translated_twice() -> None:
    """Raise an error instead of another one."""
    try:
        translated()
    except ClientGone:
        raise ClientGone  # noqa: B904 - what is tested


def group_of_translated() -> None:
    """Raise them in a group."""
    try:
        translated()
    except ClientGone as error:
        raise ExceptionGroup("", [error, ClientDisconnected()]) from None


def failed() -> None:
    """Fail."""
    raise ClientGone


def failed_in_the_handler() -> None:
    """Make a mistake when the client has left."""
    try:
        raise ClientDisconnected
    except OSError:
        dict[str, str]()["missing"]


def failed_beside() -> None:
    """Fail in one task, and lose the client in another."""
    raise BaseExceptionGroup("", [ClientDisconnected(), ClientGone()])


def failed_otherwise() -> None:
    """Raise an error that has another cause, while the client leaves."""
    try:
        raise ClientDisconnected
    except OSError:
        raise ClientGone from ValueError("another")


def other_os_error() -> None:
    """Miss a file."""
    raise FileNotFoundError


def without_end() -> None:
    """Fail with an error that is its own cause."""
    error = ClientGone()
    error.__cause__ = error
    raise error


@pytest.mark.parametrize(
    ("raising", "expected"),
    [
        (itself, True),
        (group, True),
        (translated, True),
        (translated_on_purpose, True),
        (translated_without_trace, True),
        (translated_twice, True),
        (group_of_translated, True),
        (failed, False),
        (failed_in_the_handler, False),
        (failed_beside, False),
        (failed_otherwise, False),
        (other_os_error, False),
        (without_end, False),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_errors(raising: Callable[[], None], expected: bool) -> None:
    """An error that says that the client has left, in whatever it comes, is no failure; a mistake is one."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - of many kinds
        raising()
    assert came_of_departure(raised.value) is expected
