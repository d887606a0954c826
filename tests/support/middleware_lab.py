"""A process in which Django serves requests through lists of middleware: ``tests/apps/middleware_lab``."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Self

from tests.support.process import ROOT, process_environment

LAB = "tests.apps.middleware_lab"


class MiddlewareLab:
    """Asks the process, which is started once and ends with the block."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{LAB}.lab"],
            cwd=ROOT,
            env=process_environment({"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()

    def serve(self, middleware: Sequence[str], *urls: str) -> dict[str, Any]:
        """Return the facts, and what requests have cost."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"middleware": list(middleware), "urls": urls})
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the lab has ended: {middleware}"
        said: dict[str, Any] = json.loads(answer)
        return said
