"""An application whose module takes for ever to import, and says when that begins."""

import sys
import threading

sys.stderr.write("the import begins\n")
sys.stderr.flush()
threading.Event().wait()


def app(*arguments: object) -> object:
    """Never be there."""
    raise NotImplementedError
