"""What is done to ``django.test.client`` in the processes of a suite."""

import sys
from collections.abc import Callable
from typing import Any

from hybrid.adapters.django.migrate.suite import asgi_client, recorder, unittest_watch


def install(client: Any) -> None:
    """Change the module, which has just been imported; does nothing where nobody asks for it."""
    here = recorder.of_process()
    if here is None:
        return
    if here.lane == "asgi":
        asgi_client.change(client, here)
    client.ClientHandler.__call__ = _noted(client, client.ClientHandler.__call__, here)
    unittest_watch.watch(here)
    here.say({"process": sys.executable})


def _noted(
    client: Any, call: Callable[[Any, dict[str, Any]], Any], here: recorder.Recorder
) -> Callable[[Any, dict[str, Any]], Any]:
    """Return a handler's call that notes the request, and the exceptions that Django makes answers of."""

    def noted(self: Any, environ: dict[str, Any]) -> Any:
        errors: list[BaseException | None] = []

        def hear(**said: Any) -> None:
            errors.append(sys.exc_info()[1])

        kept = here.lane == "asgi" and asgi_client.loop_runs()
        status = 0
        client.got_request_exception.connect(hear)
        try:
            response = call(self, environ)
            status = response.status_code
        finally:
            client.got_request_exception.disconnect(hear)
            here.request(environ, status, kept=kept)
            for each in errors:
                here.behind(each)
        return response

    return noted
