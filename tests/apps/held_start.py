"""`hybrid`, whose process over the workers says `bound` once it has opened everything, and waits for the file
`$HELD` before it goes on.
"""

import os
import sys
from pathlib import Path

from hybrid.adapters.gunicorn.rolling import RollingArbiter
from hybrid.cli import main
from tests.support.waiting import until

_start = RollingArbiter.start


def _held(arbiter: RollingArbiter) -> None:
    sys.stderr.write("bound\n")
    sys.stderr.flush()
    until(Path(os.environ["HELD"]).exists)
    _start(arbiter)


setattr(RollingArbiter, "start", _held)  # noqa: B010 - a type checker would not have it
main()
