"""What calls of a function cost, in a process that makes and counts them itself: no server, no client."""

import json
import subprocess
from collections.abc import Mapping
from typing import Final

from benchmarks.contestants import Contestant
from benchmarks.loads.outcome import Outcome
from benchmarks.servers import START_TIMEOUT, ServerError, spawned

#: How often the time to measure the process gets, beside that for its start.
_SLOWEST: Final = 5


def measure_calls(
    contestant: Contestant, variables: Mapping[str, str], seconds: float, cpus: frozenset[int]
) -> Outcome:
    """Run the process, which is told the seconds, and read what it has counted.

    Raises `ServerError` when it fails.
    """
    command = contestant.command(0, {**variables, "seconds": str(seconds)})
    with spawned(command, {**contestant.environment(), **variables}, cpus) as (process, output):
        try:
            code = process.wait(START_TIMEOUT + _SLOWEST * seconds)
        except subprocess.TimeoutExpired:
            raise ServerError("it is not done in time") from None
        if code:
            raise ServerError(output.last_line())
        counted = json.loads(output.last_line())
    return Outcome(counted["calls"], counted["cpu"], counted["cpu"], 0, 0, errors=0)
