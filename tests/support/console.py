"""The console of servers of tests: where it is, and what it says."""

import re
from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.process import DEADLINE, ServerProcess

#: What a server says at its start.
_PLACE = re.compile(r"(?:operations page|health alone, .*) at (http://\S+)")
#: A token of tests.
TOKEN = "the-token-of-tests"


def console_of(server: ServerProcess) -> str:
    """Return the URL of a server's console, once the server has said it; of what others can reach, the
    address of this machine.
    """
    found = _PLACE.search(server.wait_for_stderr(_PLACE))
    assert found is not None
    return found[1].replace("0.0.0.0", "127.0.0.1")


def ask(server: ServerProcess, path: str, **headers: str) -> httpx.Response:
    """Ask the console for something, on a connection of its own."""
    return httpx.get(f"{console_of(server)}{path}", headers=headers, timeout=DEADLINE)


def metrics_of(server: ServerProcess) -> Mapping[tuple[str, str], float]:
    """Return the sums of metrics by name and the label that says the status, the code or the pool."""
    found: dict[tuple[str, str], float] = {}
    response = ask(server, "/metrics")
    assert response.status_code == 200, response.text
    for metric in text_string_to_metric_families(response.text):
        for sample in metric.samples:
            label = next(
                (sample.labels[each] for each in ("status", "code", "pool") if each in sample.labels), ""
            )
            if "le" not in sample.labels:
                key = (sample.name, label)
                found[key] = found.get(key, 0) + sample.value
    return found
