"""Runs the Python of a page, block by block, in one process: `python -m tests.support.documents.program`.

Reads ``[[file, line, code], …]`` as JSON from stdin. All pieces share their names, in the order of the
page; one that awaits is run on an event loop; and functions that are called `test_…` are called at the end.
The current folder is that of the page.
"""

import ast
import asyncio
import inspect
import json
import sys
from typing import Any


def run(pieces: list[tuple[str, int, str]]) -> None:
    """Run the pieces, and then the tests that they have defined."""
    sys.path.insert(0, "")
    names: dict[str, Any] = {"__name__": "page"}
    with asyncio.Runner() as runner:
        for file, line, code in pieces:
            _run_piece(runner, names, file, line, code)
        for name, value in list(names.items()):
            if name.startswith("test_") and not inspect.signature(value).parameters:
                result = value()
                if inspect.iscoroutine(result):
                    runner.run(result)


def _run_piece(runner: asyncio.Runner, names: dict[str, Any], file: str, line: int, code: str) -> None:
    compiled = compile("\n" * (line - 1) + code, file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if compiled.co_flags & inspect.CO_COROUTINE:
        runner.run(_awaited(compiled, names))
    else:
        exec(compiled, names)  # noqa: S102 - our own page


async def _awaited(compiled: Any, names: dict[str, Any]) -> None:
    await eval(compiled, names)  # noqa: S307 - our own page


if __name__ == "__main__":
    run(json.load(sys.stdin))
