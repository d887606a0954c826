"""Tasks of Celery that are not sent, where Celery is installed."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import uuid4

from hybrid.adapters.django.migrate.shadow.guards import GuardError, replaced
from hybrid.adapters.django.migrate.shadow.runs import current


@contextmanager
def guard() -> Generator[None]:
    """Note tasks instead of sending them, and refuse every other use of a broker.

    A task that is to run at once, by ``task_always_eager``, does so: within the run.
    """
    if find_spec("celery") is None or find_spec("kombu") is None:
        yield
        return
    app: Any = import_module("celery.app.base").Celery
    chord: Any = import_module("celery.canvas")._chord  # noqa: SLF001 - the class; the name is a function's
    connection: Any = import_module("kombu.connection").Connection
    waiting: Any = import_module("celery.backends.asynchronous").AsyncBackendMixin
    with (
        replaced(app, send_task=_send_task, producer_or_acquire=_no_producer),
        replaced(chord, run=_run_chord),
        replaced(connection, _establish_connection=_refuse),
        replaced(waiting, add_pending_result=_expect_nothing, add_pending_results=_expect_nothing),
    ):
        yield


def _send_task(self: Any, name: str, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
    run = current()
    if run is not None:
        named: dict[str, Any] = dict(kwargs or {})
        said = [repr(each) for each in args or ()] + [f"{key}={value!r}" for key, value in named.items()]
        run.add("sent", f"task {name}({', '.join(said)})")
    result: Any = options.get("result_cls") or self.AsyncResult
    return result(options.get("task_id") or str(uuid4()))


def _run_chord(self: Any, header: Any, body: Any, *args: Any, **options: Any) -> Any:
    """Note the tasks of a chord, and what is to follow them."""
    app: Any = options.get("app") or body.app
    for task in header.tasks:
        _send_task(app, task.task, task.args, task.kwargs)
    return _send_task(app, f"{body.task}, after these, with their results", body.args, body.kwargs)


def _expect_nothing(self: Any, result: Any, **options: Any) -> Any:
    """Wait for no result: there will be none, and the backend is not asked."""
    return result


@contextmanager
def _no_producer(self: Any, producer: Any = None) -> Generator[Any]:
    yield producer


def _refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
    raise GuardError("a broker was to be asked: nothing leaves the process while requests are tried")
