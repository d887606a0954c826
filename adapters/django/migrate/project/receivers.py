"""Facts on the receivers of the signals that Django sends for each request."""

import inspect
import weakref
from collections.abc import Iterator
from typing import Any, Final

from hybrid.adapters.django.lanes.parts import WSGIHandler, is_coroutine_function, signals
from hybrid.adapters.django.migrate.project.facts import ReceiverFact
from hybrid.adapters.django.migrate.project.origins import Origins, dotted, where_of

_SIGNALS: Final = ("request_started", "request_finished", "got_request_exception")


def receiver_facts(origins: Origins) -> Iterator[ReceiverFact]:
    """Give a fact for each receiver, Django's own too."""
    for name in _SIGNALS:
        for entry in getattr(signals, name).receivers:
            receiver = entry[1]() if isinstance(entry[1], weakref.ReferenceType) else entry[1]
            if receiver is not None:
                for_wsgi = entry[0][1] == id(WSGIHandler)
                yield _fact(name, receiver, origins, for_wsgi=for_wsgi)


def _fact(signal: str, receiver: Any, origins: Origins, *, for_wsgi: bool) -> ReceiverFact:
    inner = inspect.unwrap(receiver)
    return ReceiverFact(
        signal,
        dotted(inner),
        where_of(inner),
        needs_environ=not for_wsgi and _needs_environ(receiver),
        is_async=bool(is_coroutine_function(receiver)),
        distribution=origins.distribution_of(inner)[0],
    )


def _needs_environ(receiver: Any) -> bool:
    try:
        parameter = inspect.signature(receiver).parameters.get("environ")
    except (TypeError, ValueError):  # of what is written in C
        return False
    return parameter is not None and parameter.default is parameter.empty
