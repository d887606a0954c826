"""What the processes of a suite run when they start, from a folder where it is called ``sitecustomize``.

It waits for ``django.test.client`` to be imported, and then has :mod:`.inside` change it. A process that does
not import it pays for this module alone, which knows nothing but the standard library; and whatever fails
here, the process goes on.
"""

import importlib.util
import json
import os
import sys
from importlib.machinery import ModuleSpec
from typing import Any

_VARIABLE = "HYBRID_MIGRATE_TEST"
_CLIENT = "django.test.client"
_INSIDE = "hybrid.adapters.django.migrate.suite.inside"


class _Finder:
    """Stands in front of the finders of Python until the module has been found."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the one module, and see to it that it is changed when it has been run."""
        if name != _CLIENT:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        loader: Any = None if spec is None else spec.loader
        if loader is not None:
            run = loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                _change(module)

            loader.exec_module = exec_module
        return spec


def _change(client: Any) -> None:
    try:
        importlib.import_module(_INSIDE).install(client)
    except Exception as error:  # noqa: BLE001 - it must not end a suite that works without
        _complain(f"{sys.executable}: {type(error).__name__}: {error}")


def _complain(problem: str) -> None:
    folder = json.loads(os.environ[_VARIABLE])["folder"]
    with open(os.path.join(folder, f"{os.getpid()}.jsonl"), "a", encoding="utf-8") as file:  # noqa: PTH118, PTH123
        file.write(json.dumps({"problem": problem[:1000]}) + "\n")


def _run_the_hidden() -> None:
    """Run the ``sitecustomize`` that would have been found without this one."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is not loaded at the start
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != here]  # noqa: PTH100
    this = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)
    except ModuleNotFoundError as error:
        if error.name != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, this)


if __name__ == "sitecustomize":
    if _VARIABLE in os.environ:
        sys.meta_path.insert(0, _Finder())
    _run_the_hidden()
