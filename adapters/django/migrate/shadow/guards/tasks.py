"""Tasks of Django's own that are not sent, from Django 6.0 on."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from hybrid.adapters.django.migrate.shadow.guards import replaced
from hybrid.adapters.django.migrate.shadow.runs import current


@contextmanager
def guard() -> Generator[None]:
    """Note tasks instead of sending them; a backend that runs them at once does so, within the run."""
    if find_spec("django.tasks") is None:
        yield
        return
    task: Any = import_module("django.tasks.base").Task
    at_once: Any = import_module("django.tasks.backends.immediate").ImmediateBackend
    nowhere: Any = import_module("django.tasks.backends.dummy").DummyBackend
    enqueue, aenqueue = task.enqueue, task.aenqueue

    def note(self: Any, args: Any, kwargs: Any) -> Any:
        run = current()
        if run is not None:
            said = [repr(each) for each in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
            run.add("sent", f"task {self.module_path}({', '.join(said)})")
        return nowhere(self.backend, {"QUEUES": []}).enqueue(self, args, kwargs)

    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        is_run = isinstance(self.get_backend(), at_once)
        return enqueue(self, *args, **kwargs) if is_run else note(self, args, kwargs)

    async def asend(self: Any, *args: Any, **kwargs: Any) -> Any:
        is_run = isinstance(self.get_backend(), at_once)
        return await aenqueue(self, *args, **kwargs) if is_run else note(self, args, kwargs)

    with replaced(task, enqueue=send, aenqueue=asend):
        yield
