"""Reads lists of middleware, a line of JSON each, and writes what they are and what requests cost."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.apps.middleware_lab.settings"

from hybrid.adapters.django.migrate.project import hops, middleware, receivers
from hybrid.adapters.django.migrate.project.origins import Origins

django: Any = import_module("django")
settings: Any = import_module("django.conf").settings


class Quiet:
    """Stands for what tells of failures: there are none."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Go on."""
        yield

    def fail(self, step: str, error: BaseException) -> None:
        """Raise."""
        raise error


def answer(paths: list[str], urls: list[str], origins: Origins) -> dict[str, Any]:
    """Return the facts and the runs for one list."""
    settings.MIDDLEWARE = paths
    teller: Any = Quiet()
    return {
        "middleware": [asdict(each) for each in middleware.middleware_facts(paths, teller, origins)],
        "receivers": [asdict(each) for each in receivers.receiver_facts(origins)],
        "versions": {"django": django.__version__},
        "runs": {url: hops.run_handlers(url) for url in urls},
    }


def main() -> None:
    """Answer each line."""
    django.setup()
    origins = Origins()
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(answer(asked["middleware"], asked["urls"], origins)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
