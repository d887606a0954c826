"""`wsgi_upload` in a process that can write no file beyond 1 MB, as on a disk that is full (POSIX)."""

import resource

from tests.apps.wsgi_upload import app

resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

__all__ = ["app"]
