"""What `hybrid serve` makes of the targets in an environment variable, for any ASGI server.

Another variable may have the body policy of all of them, as JSON.
"""

import json
import os

from hybrid.bridge.gateway import Gateway, load_targets
from hybrid.bridge.types import BodyPolicy
from hybrid.bridge.wsgi.threadpool import ThreadPool

app = Gateway(
    load_targets(os.environ["WSGI_TARGETS"].split()),
    pool=ThreadPool(int(os.environ.get("WSGI_THREADS", "16"))),
    body_policy=BodyPolicy(**json.loads(os.environ.get("WSGI_BODY_POLICY", "{}"))),
)
