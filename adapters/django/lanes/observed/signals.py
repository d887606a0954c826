"""Django's two signals around each request: whether the second one comes for each first.

To hear of them takes longer than all else that is done for a request of the wsgi lane. That is needed only
where something is around Django's handlers: otherwise a response tells by itself whether it was closed.
"""

from typing import Final

from hybrid.adapters.django.lanes.observed.seen import current
from hybrid.adapters.django.lanes.parts import signals

_NAME: Final = "hybrid.django.observed.signals"


def listen() -> None:
    """Count both of them for each request."""
    signals.request_started.connect(_started, weak=False, dispatch_uid=_NAME)
    signals.request_finished.connect(_finished, weak=False, dispatch_uid=_NAME)


def stop() -> None:
    """Count them no more."""
    signals.request_started.disconnect(dispatch_uid=_NAME)
    signals.request_finished.disconnect(dispatch_uid=_NAME)


def _started(**sent: object) -> None:
    record = current()
    if record is not None:
        record.started += 1


def _finished(**sent: object) -> None:
    record = current()
    if record is not None:
        record.finished += 1
