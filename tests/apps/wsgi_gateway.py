"""What `hybrid serve` makes of the targets in an environment variable, for any ASGI server."""

import os

from hybrid.bridge.gateway import Gateway, load_targets
from hybrid.bridge.wsgi.threadpool import ThreadPool

_pool = ThreadPool(int(os.environ.get("WSGI_THREADS", "16")))
app = Gateway(load_targets(os.environ["WSGI_TARGETS"].split()), pool=_pool)
