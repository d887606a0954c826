"""An application whose module takes for ever to import, and says when that begins.

`$IMPORT` says how: it `waits`; it `catches` what is to end it, and waits again; it starts a `thread`
that never ends and waits; it is `deaf`, and waits where no signal handler of Python's is ever called.
"""

import os
import signal
import sys
import threading

how = os.environ.get("IMPORT", "waits")
for_ever = threading.Event()

if how == "deaf":  # from before it says so: as long as code in C that lets no Python run
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
if how == "thread":
    threading.Thread(target=for_ever.wait, name="for ever").start()

sys.stderr.write("the import begins\n")
sys.stderr.flush()

try:
    for_ever.wait()
except BaseException:
    if how != "catches":
        raise
    for_ever.wait()


def app(*arguments: object) -> object:
    """Never be there."""
    raise NotImplementedError
